//! Who looks: the session of a cookie, and the token its forms carry.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::COOKIE;
use axum::http::request::Parts;
use postrider_core::time::Timestamp;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::Admin;
use super::client::Api;
use super::page::Failure;
use crate::front::Peer;
use crate::front::RequestId;

/// The prefix makes browsers refuse it from anything but this very host, over TLS or from this
/// machine (RFC 6265bis, 4.1.3.2).
const COOKIE_NAME: &str = "__Host-postrider";

/// Somebody who is signed in.
pub(super) struct Visitor {
    pub(super) api: Api,
    /// When the page was asked for.
    pub(super) now: Timestamp,
    pub(super) signature_header: Arc<str>,
    /// What every form of this session carries.
    pub(super) form_token: String,
    pub(super) who: Who,
}

/// The session, as the API answers it.
#[derive(Deserialize)]
pub(super) struct Who {
    pub(super) role: String,
    pub(super) email: Option<String>,
    pub(super) merchant: Named,
}

/// Something with a name.
#[derive(Deserialize)]
pub(super) struct Named {
    pub(super) name: String,
}

impl Visitor {
    /// Whether to offer what changes webhooks and deliveries; the API decides for itself.
    pub(super) fn may_write(&self) -> bool {
        self.who.role != "viewer"
    }

    /// Whether to offer what owners look after.
    pub(super) fn administers(&self) -> bool {
        self.who.role == "owner"
    }

    /// What to call whoever looks.
    pub(super) fn name(&self) -> &str {
        self.who.email.as_deref().unwrap_or("Visitor of a portal link")
    }
}

impl FromRequestParts<Arc<Admin>> for Visitor {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, admin: &Arc<Admin>) -> Result<Self, Failure> {
        let token = cookie(&parts.headers).ok_or(Failure::SignIn)?;
        let form_token = form_token(token);
        let api = Api { token: Some(Arc::from(token)), ..Stranger::of(parts, admin)?.0 };
        let who = api.get("/api/v1/sessions/current").await?;
        let signature_header = Arc::clone(&admin.signature_header);
        Ok(Self { api, now: admin.clock.now(), signature_header, form_token, who })
    }
}

/// Somebody of whom nothing is known yet.
pub(super) struct Stranger(pub(super) Api);

impl Stranger {
    fn of(parts: &Parts, admin: &Arc<Admin>) -> Result<Self, Failure> {
        let request = parts.extensions.get::<RequestId>().copied();
        let request = request.ok_or_else(|| Failure::broken("a request has no id"))?;
        let peer = parts.extensions.get::<Peer>().copied().unwrap_or(Peer(None));
        Ok(Self(Api { router: admin.api.clone(), token: None, request, peer }))
    }
}

impl FromRequestParts<Arc<Admin>> for Stranger {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, admin: &Arc<Admin>) -> Result<Self, Failure> {
        Self::of(parts, admin)
    }
}

/// The cookie that begins a session. Scripts cannot read it, and no other site's request carries it.
pub(super) fn keep(token: &str) -> String {
    format!("{COOKIE_NAME}={token}; Path=/; Secure; HttpOnly; SameSite=Strict")
}

/// The cookie that ends it.
pub(super) fn forget() -> String {
    format!("{COOKIE_NAME}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0")
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let mut pairs = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE_NAME).map(|(_, value)| value)
}

/// Bound to the session and telling nothing of it.
fn form_token(token: &str) -> String {
    let digest = Sha256::new().chain_update("postrider form token ").chain_update(token).finalize();
    faster_hex::hex_string(&digest)
}

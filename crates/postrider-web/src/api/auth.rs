//! Who is calling, and for which merchant.
//!
//! A caller shows an API key, or the token of a session, as `x-api-key: KEY` or `Authorization:
//! Bearer KEY`. A merchant's key acts for its merchant, within its scopes; somebody who is signed in
//! does so within their role. An operator's key may do everything, and names the
//! merchant it acts for in the header `Postrider-Merchant: <merchant id>`; routes of a merchant's
//! rows refuse it without. Every route passes through [`admit`] with the access the route list
//! gives it.
//!
//! Invariants:
//! - a missing, malformed, unknown or revoked key gets one same answer, and one with a wrong
//!   checksum costs no database read;
//! - a remembered key is forgotten as soon as this node sees the catalog move, which revoking a key
//!   makes it do; a session is looked up each time.

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequestParts, State};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderName, Method, Request, Response, StatusCode};
use axum::middleware::Next;
use parking_lot::Mutex;
use postrider_core::audit::Stamp;
use postrider_core::ids::MerchantId;
use postrider_core::limits;
use postrider_core::time::Timestamp;
use postrider_engine::Engine;
use postrider_store::StoreError;
use postrider_store::accounts::Session;
use postrider_store::catalog::ApiKey;

use super::caller::Caller;
use super::query;
use crate::api_key::{KeyKind, Scope, Secret};
use crate::error::ApiError;
use crate::front::RequestId;
use crate::shared::Shared;

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
/// Names the merchant an operator's key acts for.
const ACTING_FOR: HeaderName = HeaderName::from_static("postrider-merchant");
/// Query parameters people put keys into.
const KEY_PARAMETERS: [&str; 7] =
    ["api_key", "api-key", "apikey", "x-api-key", "key", "token", "access_token"];

/// What a route asks of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Nothing.
    Public,
    /// Any valid key or session.
    AnyKey,
    /// A merchant's key or a role with this scope, or an operator's key that names a merchant.
    Merchant(Scope),
    /// A merchant's key with this scope, or an operator's; the body names the merchant.
    MerchantInBody(Scope),
    /// An operator's key; a merchant may be named.
    Operator,
    /// An owner who is signed in, or an operator's key; no merchant's key.
    Administration,
    /// Anybody who is signed in.
    Session,
}

/// The merchant whose rows a request may touch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tenant(pub(crate) MerchantId);

/// The merchant a caller acts for, unless it is an operator who named none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ActingFor(pub(crate) Option<MerchantId>);

/// Who asked, when, in which request; what a handler that changes something hands to the store.
#[derive(Debug)]
pub(crate) struct Stamped(pub(crate) Stamp);

/// What [`admit`] needs to know of a route.
#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) shared: Arc<Shared>,
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) access: Access,
}

/// Lets a request through to its handler, or refuses it.
pub(crate) async fn admit(
    State(door): State<Door>,
    mut request: Request<Body>,
    next: Next,
) -> Result<Response<Body>, ApiError> {
    if door.access != Access::Public {
        refuse_key_in_url(&request)?;
        let secret = presented(request.headers())?;
        let engine = &door.shared.engine;
        let caller = identify(&door.shared, &secret).await?;
        if let Some(merchant) = caller.merchant() {
            door.shared.rate.take(merchant, engine.clock().reading())?;
        }
        if let Err(refusal) = caller.demand(door.access) {
            let stamp = stamp(&caller, request.extensions(), door.shared.now());
            door.shared.refusals.note(&door, &caller, stamp).await?;
            return Err(refusal);
        }
        let acting_for = acting_for(request.headers(), &caller, engine)?;
        let extensions = request.extensions_mut();
        match door.access {
            Access::Public | Access::AnyKey | Access::Session => {}
            Access::Administration => {
                extensions.insert(ActingFor(acting_for));
                if let Some(merchant) = acting_for {
                    extensions.insert(Tenant(merchant));
                }
            }
            Access::Operator | Access::MerchantInBody(_) => {
                extensions.insert(ActingFor(acting_for));
            }
            Access::Merchant(_) => {
                let merchant = acting_for.ok_or_else(merchant_required)?;
                extensions.insert(Tenant(merchant));
            }
        }
        extensions.insert(caller);
    }
    Ok(next.run(request).await)
}

/// Who asks, when, and in which request, for the audit log.
fn stamp(caller: &Caller, extensions: &Extensions, at: Timestamp) -> Stamp {
    let request = extensions.get::<RequestId>().map(|RequestId(id)| *id);
    Stamp { by: caller.actor(), at, request }
}

/// Whose credential this is.
async fn identify(shared: &Shared, secret: &Secret) -> Result<Caller, ApiError> {
    match secret.kind() {
        KeyKind::Operator | KeyKind::Merchant => {
            shared.keys.live(&shared.engine, secret).await.map(Caller::Key)
        }
        KeyKind::Session => live_session(shared, secret).await.map(Caller::Session),
        KeyKind::Invitation | KeyKind::PortalLink | KeyKind::Setup => Err(ApiError::unauthorized()),
    }
}

/// The session of this token. It is read from the store each time, so that it ends everywhere when
/// it ends; that it was used is written down only now and then.
async fn live_session(shared: &Shared, secret: &Secret) -> Result<Arc<Session>, ApiError> {
    let (store, now) = (shared.engine.store(), shared.now());
    let mut session = match store.session_by_digest(secret.digest(), now).await {
        Ok(session) => session,
        Err(StoreError::NotFound) => return Err(ApiError::unauthorized()),
        Err(error) => return Err(error.into()),
    };
    if now.since(session.used_at) >= limits::SESSION_USE_INTERVAL {
        match store.touch_session(session.id, now).await {
            Ok(()) => session.used_at = now,
            // A full disk ends no session that was read.
            Err(error) => tracing::debug!(%error, "the use of a session was not written down"),
        }
    }
    Ok(Arc::new(session))
}

/// A key in a URL ends up in logs, histories and Referer headers, so it is refused even beside a
/// good one.
fn refuse_key_in_url(request: &Request<Body>) -> Result<(), ApiError> {
    let holds_key = |(name, value): &(String, String)| {
        KEY_PARAMETERS.contains(&name.to_ascii_lowercase().as_str()) || Secret::resembles(value)
    };
    if query::pairs(request.uri()).iter().any(holds_key) {
        let detail = "An API key must not be part of a URL, where logs and browsers keep it: send \
                      it as a header, and replace this key.";
        return Err(ApiError::new(StatusCode::UNAUTHORIZED, "key_in_url", detail));
    }
    Ok(())
}

/// The one key the headers show.
fn presented(headers: &HeaderMap) -> Result<Secret, ApiError> {
    let bearer = headers.get_all(AUTHORIZATION).iter().map(|value| (value, true));
    let plain = headers.get_all(&API_KEY).iter().map(|value| (value, false));
    let mut shown = bearer.chain(plain);
    let (Some((value, is_bearer)), None) = (shown.next(), shown.next()) else {
        if headers.contains_key(AUTHORIZATION) || headers.contains_key(&API_KEY) {
            let detail = "Send exactly one credential: `x-api-key` or `Authorization`, once.";
            return Err(ApiError::bad_request("conflicting_credentials", detail));
        }
        return Err(ApiError::unauthorized());
    };
    let text = value.to_str().map_err(|_| ApiError::unauthorized())?;
    let text = if is_bearer { bearer_token(text) } else { Some(text) };
    text.and_then(|text| Secret::parse(text.trim())).ok_or_else(ApiError::unauthorized)
}

fn bearer_token(text: &str) -> Option<&str> {
    let (scheme, token) = text.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

/// The merchant a request is for. Who belongs to a merchant may name it, and no other.
fn acting_for(
    headers: &HeaderMap,
    caller: &Caller,
    engine: &Engine,
) -> Result<Option<MerchantId>, ApiError> {
    let mut named = headers.get_all(&ACTING_FOR).iter();
    let (first, second) = (named.next(), named.next());
    let Some(value) = first else { return Ok(caller.merchant()) };
    let unknown = || {
        let detail = "The header Postrider-Merchant names no merchant this caller may act for.";
        ApiError::refused("unknown_merchant", "Postrider-Merchant", detail)
    };
    let id = value.to_str().ok().and_then(|text| MerchantId::parse(text).ok());
    let id = id.filter(|_| second.is_none()).ok_or_else(unknown)?;
    let may = match caller.merchant() {
        Some(own) => own == id,
        None => engine.routing().knows_merchant(id),
    };
    if may { Ok(Some(id)) } else { Err(unknown()) }
}

fn merchant_required() -> ApiError {
    let detail = "An operator's key belongs to no merchant: name the one to act for in the header \
                  Postrider-Merchant.";
    ApiError::refused("merchant_required", "Postrider-Merchant", detail)
}

// Made where it is asked for: the routes that carry the load, posting and reading, need none.
impl FromRequestParts<Arc<Shared>> for Stamped {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, ApiError> {
        let caller = parts.extensions.get::<Caller>();
        let caller =
            caller.ok_or_else(|| ApiError::internal("a route that changes something is public"))?;
        Ok(Self(stamp(caller, &parts.extensions, shared.now())))
    }
}

impl<S: Sync> FromRequestParts<S> for Tenant {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let tenant = parts.extensions.get::<Self>().copied();
        tenant.ok_or_else(|| match parts.extensions.get::<ActingFor>() {
            Some(_) => merchant_required(),
            None => ApiError::internal("a route of merchants has the wrong access"),
        })
    }
}

impl<S: Sync> FromRequestParts<S> for ActingFor {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let named = parts.extensions.get::<Self>().copied();
        named.ok_or_else(|| ApiError::internal("a route of operators has the wrong access"))
    }
}

/// Keys looked up since the catalog last moved.
#[derive(Default)]
pub(crate) struct KeyCache(Mutex<Remembered>);

#[derive(Default)]
struct Remembered {
    /// The catalog version all of `keys` were found live at.
    version: u64,
    keys: HashMap<[u8; 32], Arc<ApiKey>>,
}

impl KeyCache {
    /// The live key of this secret.
    async fn live(&self, engine: &Engine, secret: &Secret) -> Result<Arc<ApiKey>, ApiError> {
        let digest = secret.digest();
        let version = engine.routing().version();
        if let Some(key) = self.remembered(version, &digest) {
            return Ok(key);
        }
        let key = match engine.store().api_key_by_digest(digest).await {
            Ok(key) => Arc::new(key),
            Err(StoreError::NotFound) => return Err(ApiError::unauthorized()),
            Err(error) => return Err(error.into()),
        };
        // The kind in the text is a convenience for people; what the store says decides.
        self.remember(version, digest, &key);
        Ok(key)
    }

    fn remembered(&self, version: u64, digest: &[u8; 32]) -> Option<Arc<ApiKey>> {
        let mut remembered = self.0.lock();
        if remembered.version != version {
            remembered.version = version;
            remembered.keys.clear();
        }
        remembered.keys.get(digest).cloned()
    }

    /// Keeps a key that was looked up at `version`, unless the catalog has moved since: it could
    /// have been revoked in between.
    fn remember(&self, version: u64, digest: [u8; 32], key: &Arc<ApiKey>) {
        let mut remembered = self.0.lock();
        if remembered.version == version {
            if remembered.keys.len() >= limits::KEY_CACHE_MAX {
                remembered.keys.clear();
            }
            remembered.keys.insert(digest, Arc::clone(key));
        }
    }
}

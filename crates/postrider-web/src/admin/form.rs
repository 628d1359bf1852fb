//! Forms: where they come from, and what they and addresses say.
//!
//! A form is taken only from our own pages, by what the browser says of its origin, and, once somebody
//! is signed in, with the token of their session (`reliability`: cross-site request forgery).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts};
use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Limited};

use super::Admin;
use super::page::Failure;
use super::visitor::{Stranger, Visitor};
use crate::error::ApiError;

/// More than any form has: every field of a webhook at its limit, percent-encoded.
const FORM_BYTES_MAX: usize = 64 * 1024;
/// The field of the session's token.
const TOKEN_FIELD: &str = "form_token";

/// The fields of a form, in the order of the page.
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// What was typed into a field; nothing and no such field are the same.
    pub(super) fn text<'a>(&'a self, name: &'a str) -> &'a str {
        self.all(name).next().unwrap_or_default()
    }

    /// What was typed, unless it was left empty.
    pub(super) fn given<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        Some(self.text(name)).filter(|text| !text.is_empty())
    }

    /// Every value of a field that may repeat.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(given, _)| given == name).map(|(_, value)| value.trim())
    }

    /// The same as it was typed, for what must not be trimmed.
    pub(super) fn secret(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(given, _)| given == name);
        found.map(|(_, value)| value.as_str()).unwrap_or_default()
    }
}

/// A form of somebody who is signed in.
pub(super) struct Sent {
    pub(super) visitor: Visitor,
    pub(super) fields: Fields,
}

/// A form of somebody who is not.
pub(super) struct SentByStranger {
    pub(super) stranger: Stranger,
    pub(super) fields: Fields,
}

impl FromRequest<Arc<Admin>> for Sent {
    type Rejection = Failure;

    async fn from_request(request: Request<Body>, admin: &Arc<Admin>) -> Result<Self, Failure> {
        let (mut parts, body) = request.into_parts();
        demand_own_page(&parts.headers)?;
        let visitor = Visitor::from_request_parts(&mut parts, admin).await?;
        let fields = read(body).await?;
        // The token is a digest: how much of it was right tells nothing about the session.
        if fields.text(TOKEN_FIELD) != visitor.form_token {
            return Err(foreign());
        }
        Ok(Self { visitor, fields })
    }
}

impl FromRequest<Arc<Admin>> for SentByStranger {
    type Rejection = Failure;

    async fn from_request(request: Request<Body>, admin: &Arc<Admin>) -> Result<Self, Failure> {
        let (mut parts, body) = request.into_parts();
        demand_own_page(&parts.headers)?;
        let stranger = Stranger::from_request_parts(&mut parts, admin).await?;
        Ok(Self { stranger, fields: read(body).await? })
    }
}

/// What an address asks for, in its order.
pub(super) fn asked(uri: &Uri) -> Vec<(String, String)> {
    form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect()
}

/// Refuses what another site has sent, or what does not say where it comes from.
fn demand_own_page(headers: &HeaderMap) -> Result<(), Failure> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let is_own = match text("sec-fetch-site") {
        Some(site) => site == "same-origin",
        // Older browsers, and those that talk to another machine without TLS.
        None => text(ORIGIN.as_str())
            .and_then(|origin| origin.split_once("://"))
            .is_some_and(|(_, place)| text(HOST.as_str()) == Some(place)),
    };
    if is_own { Ok(()) } else { Err(foreign()) }
}

fn foreign() -> Failure {
    let detail = "This form was not sent from a current page of this admin, so nothing was done. \
                  Go back, load the page again and repeat it.";
    let error = ApiError::new(StatusCode::FORBIDDEN, "foreign_form", detail);
    Failure::Refused(error.into_problem())
}

async fn read(body: Body) -> Result<Fields, Failure> {
    let whole = Limited::new(body, FORM_BYTES_MAX).collect().await.map_err(|_| {
        let detail = format!("A form has at most {FORM_BYTES_MAX} bytes.");
        let error = ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "form_too_large", detail);
        Failure::Refused(error.into_problem())
    })?;
    Ok(Fields(form_urlencoded::parse(&whole.to_bytes()).into_owned().collect()))
}

//! Reading request bodies: bounded in size, in time, and in how many there are at once.
//!
//! Invariants:
//! - a body is refused before it is read when its announced form or length will not do;
//! - whatever a body holds in memory is counted against one budget until its request is done;
//! - a [`Posted`] is not empty; its text is checked where it is read.

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::FromRequest;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use postrider_core::limits;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

use super::wire::object::{self, Object};
use crate::error::ApiError;
use crate::openapi::field::Field;
use crate::shared::Shared;

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// `application/json`.
    Json,
    /// `application/x-ndjson`: one JSON text per line.
    Lines,
}

/// A request's body, read whole.
pub(crate) struct Posted {
    bytes: Bytes,
    pub(crate) format: Format,
    /// Gives the bytes back to the budget when the request is done.
    _held: OwnedSemaphorePermit,
}

impl Posted {
    /// The body as text.
    pub(crate) fn text(&self) -> Result<&str, ApiError> {
        std::str::from_utf8(&self.bytes).map_err(|error| {
            let detail = format!("The body is not UTF-8: see the byte at {}.", error.valid_up_to());
            ApiError::bad_request("invalid_utf8", detail)
        })
    }

    /// The body as one JSON text.
    pub(crate) fn json(&self) -> Result<&str, ApiError> {
        if self.format != Format::Json {
            return Err(unsupported_type("application/json"));
        }
        object::check(self.text()?, 1)
    }

    /// The body as one JSON object with these members at most.
    pub(crate) fn object(&self, known: &[Field]) -> Result<Object<'_>, ApiError> {
        Object::read(self.json()?, "", known)
    }
}

/// A body where there must be one.
impl FromRequest<Arc<Shared>> for Posted {
    type Rejection = ApiError;

    async fn from_request(request: Request<Body>, shared: &Arc<Shared>) -> Result<Self, ApiError> {
        read(request, shared).await?.ok_or_else(|| {
            let detail = "The request has no body; send JSON.";
            ApiError::bad_request("empty_body", detail)
        })
    }
}

/// A body where there may be one.
pub(crate) struct MaybePosted(pub(crate) Option<Posted>);

impl MaybePosted {
    /// Refuses every member: for actions that take no arguments.
    pub(crate) fn refuse_members(&self) -> Result<(), ApiError> {
        self.0.as_ref().map_or(Ok(()), |posted| posted.object(&[]).map(drop))
    }
}

impl FromRequest<Arc<Shared>> for MaybePosted {
    type Rejection = ApiError;

    async fn from_request(request: Request<Body>, shared: &Arc<Shared>) -> Result<Self, ApiError> {
        read(request, shared).await.map(Self)
    }
}

async fn read(request: Request<Body>, shared: &Shared) -> Result<Option<Posted>, ApiError> {
    if request.body().is_end_stream() {
        return Ok(None);
    }
    let format = format_of(request.headers())?;
    let announced = announced_length(request.headers());
    if announced.is_some_and(|length| length > limits::REQUEST_BODY_BYTES_MAX) {
        return Err(too_large());
    }
    let wanted = announced.unwrap_or(limits::REQUEST_BODY_BYTES_MAX);
    let wanted = u32::try_from(wanted).unwrap_or(u32::MAX);
    let held = Arc::clone(&shared.body_bytes).try_acquire_many_owned(wanted);
    let held = held.map_err(|_| ApiError::overloaded("request bodies being read"))?;
    let collect = Limited::new(request.into_body(), limits::REQUEST_BODY_BYTES_MAX).collect();
    let collected = shared.engine.clock().within(shared.limits.body_timeout, collect).await;
    let bytes = match collected {
        None => return Err(timed_out()),
        Some(Err(error)) if error.is::<LengthLimitError>() => return Err(too_large()),
        Some(Err(_)) => return Err(broken_off()),
        Some(Ok(collected)) => collected.to_bytes(),
    };
    Ok((!bytes.is_empty()).then_some(Posted { bytes, format, _held: held }))
}

fn announced_length(headers: &HeaderMap) -> Option<usize> {
    // hyper has refused lengths that are no number; one too long for us is as good as infinite.
    let text = headers.get(CONTENT_LENGTH)?.to_str().ok()?;
    Some(text.parse().unwrap_or(usize::MAX))
}

fn format_of(headers: &HeaderMap) -> Result<Format, ApiError> {
    if headers.get_all(CONTENT_ENCODING).iter().any(|coding| coding != "identity") {
        let detail = "Bodies are taken as they are: send it without Content-Encoding.";
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Err(ApiError::new(status, "encoding_unsupported", detail).closing());
    }
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (types.next(), types.next()) else {
        return Err(unsupported_type("application/json or application/x-ndjson").closing());
    };
    let format = value.to_str().ok().and_then(format_named);
    format.ok_or_else(|| unsupported_type("application/json or application/x-ndjson").closing())
}

fn format_named(text: &str) -> Option<Format> {
    let mut parts = text.split(';').map(str::trim);
    let essence = parts.next()?.to_ascii_lowercase();
    let is_utf8 = |parameter: &str| {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        !name.trim().eq_ignore_ascii_case("charset")
            || value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
    };
    let format = match essence.as_str() {
        "application/json" => Format::Json,
        "application/x-ndjson" => Format::Lines,
        _ => return None,
    };
    parts.all(is_utf8).then_some(format)
}

fn unsupported_type(accepted: &str) -> ApiError {
    let detail = format!("Send {accepted} in UTF-8, and say so in Content-Type.");
    ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media_type_unsupported", detail)
}

/// The rest of the body is not read, so the connection cannot be used again.
fn too_large() -> ApiError {
    let detail = format!("A body has at most {} bytes.", limits::REQUEST_BODY_BYTES_MAX);
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", detail).closing()
}

fn timed_out() -> ApiError {
    let detail = "The body did not arrive in time; nothing was stored.";
    ApiError::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", detail).closing()
}

fn broken_off() -> ApiError {
    let detail = "The body ended early or is badly framed; nothing was stored.";
    ApiError::bad_request("incomplete_body", detail).closing()
}

//! Refusals: from whatever went wrong to a problem document (RFC 9457) with a stable code.
//!
//! Two texts never mix: `detail` is for the caller; the cause is for our log, is written once,
//! where the answer is finished (`front`), and is never shown.
//!
//! Invariant: the code says what went wrong and the status follows from it: 400 for what cannot be
//! read, 422 for what was read and is not allowed. No input of a client makes a 5xx.

use std::borrow::Cow;
use std::sync::Arc;

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};
use axum::response::IntoResponse;
use postrider_core::refusal::Refusal;
use postrider_store::StoreError;
use schemars::JsonSchema;
use serde::Serialize;

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Seconds after which a client may try again: a batch is written long before.
const RETRY_SOON: HeaderValue = HeaderValue::from_static("1");
/// Seconds to wait when the disk or the database has to be seen to.
const RETRY_LATER: HeaderValue = HeaderValue::from_static("10");

/// Why a request was not done (RFC 9457).
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub(crate) struct Document<'a> {
    /// Always `about:blank`: `code` tells problems apart.
    r#type: &'a str,
    /// The status in words.
    title: &'a str,
    /// The status code.
    status: u16,
    /// What went wrong; stable, and meant for programs.
    code: &'a str,
    /// What went wrong, in plain words.
    detail: &'a str,
    /// The field, parameter or header at fault, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    /// Finds this request in the log.
    request_id: &'a str,
}

/// Why a request was not done. Boxed, so that the usual, good results stay small.
#[derive(Debug)]
pub(crate) struct ApiError(Box<Problem>);

/// A problem document before it has a request id.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: Cow<'static, str>,
    field: Option<Cow<'static, str>>,
    headers: Vec<(HeaderName, HeaderValue)>,
    cause: Option<Cause>,
    closes: bool,
}

impl ApiError {
    pub(crate) fn new(
        status: StatusCode,
        code: &'static str,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        let detail = detail.into();
        let (field, headers, cause, closes) = (None, Vec::new(), None, false);
        Self(Box::new(Problem { status, code, detail, field, headers, cause, closes }))
    }

    /// What cannot be read.
    pub(crate) fn bad_request(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// What was read and is not allowed.
    pub(crate) fn refused(
        code: &'static str,
        field: impl Into<Cow<'static, str>>,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail).about(field)
    }

    pub(crate) fn conflict(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// The same for another merchant's row as for none at all.
    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "There is nothing here under this id.")
    }

    pub(crate) fn unknown_path() -> Self {
        let detail = "There is nothing at this path; paths of the API begin with /api/v1/ and do \
                      not end with a slash.";
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    pub(crate) fn method_not_allowed() -> Self {
        let detail = "This path does not take this method; the Allow header names those it takes.";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
    }

    /// One same answer, whatever is wrong with a credential.
    pub(crate) fn unauthorized() -> Self {
        let detail = "Send a valid API key, or the token of a session, as `x-api-key: KEY` or \
                      `Authorization: Bearer KEY`.";
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
            .with_header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"postrider\""))
    }

    pub(crate) fn overloaded(limit: &'static str) -> Self {
        let detail = format!("Too much is waiting just now ({limit}); try again shortly.");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", detail)
            .with_header(RETRY_AFTER, RETRY_SOON)
    }

    /// Too much of one merchant's is waiting; others are served.
    pub(crate) fn queue_full(what: &'static str) -> Self {
        let detail = format!("Too many of this merchant's {what}; try again shortly.");
        Self::new(StatusCode::TOO_MANY_REQUESTS, "queue_full", detail)
            .with_header(RETRY_AFTER, RETRY_SOON)
    }

    /// A fault of ours.
    pub(crate) fn internal(cause: impl Into<Cause>) -> Self {
        let detail = "Something went wrong on our side; the request id finds it in the log.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail).because(cause)
    }

    /// What we made could not be written as JSON.
    pub(crate) fn unprintable(cause: serde_json::Error) -> Self {
        Self::internal(cause)
    }

    pub(crate) fn unavailable(cause: impl Into<Cause>) -> Self {
        let detail = "The database cannot be used now; try again later.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "storage_unavailable", detail)
            .with_header(RETRY_AFTER, RETRY_LATER)
            .because(cause)
    }

    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// The connection is not used again: what else is on it cannot be told apart, or is unwanted.
    pub(crate) fn closing(mut self) -> Self {
        self.0.closes = true;
        self
    }

    fn because(mut self, cause: impl Into<Cause>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    /// The same error, naming the field at fault; an empty name is the whole body.
    pub(crate) fn about(mut self, field: impl Into<Cow<'static, str>>) -> Self {
        self.0.field = Some(field.into()).filter(|field| !field.is_empty());
        self
    }

    /// The same refusal of a field that lies inside `path`, such as `events[3].`.
    pub(crate) fn within(mut self, path: &str) -> Self {
        if let Some(field) = self.0.field.as_mut().filter(|_| !path.is_empty()) {
            *field = format!("{path}{field}").into();
        }
        self
    }

    #[cfg(test)]
    pub(crate) fn code(&self) -> &'static str {
        self.0.code
    }

    pub(crate) fn into_problem(self) -> Arc<Problem> {
        Arc::from(self.0)
    }
}

impl Problem {
    pub(crate) const fn status(&self) -> StatusCode {
        self.status
    }

    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    pub(crate) fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    pub(crate) const fn closes_connection(&self) -> bool {
        self.closes
    }

    /// Writes faults of ours to the log; what a client did wrong is no event of the log.
    pub(crate) fn log(&self, request_id: &str) {
        if let Some(cause) = &self.cause {
            let source = cause.source().map(ToString::to_string).unwrap_or_default();
            tracing::error!(request_id, code = self.code, %cause, source, "request failed");
        }
    }

    /// The document.
    pub(crate) fn render(&self, request_id: &str) -> Vec<u8> {
        let document = Document {
            // The code tells problems apart; there is no page per kind, so the type is none
            // (RFC 9457, 4.2.1).
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or_default(),
            status: self.status.as_u16(),
            code: self.code,
            detail: &self.detail,
            field: self.field.as_deref(),
            request_id,
        };
        // Strings and a number: there is nothing that could fail.
        serde_json::to_vec(&document).unwrap_or_default()
    }
}

/// The answer has no body yet: `front` renders it, because only there the request id is known.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.0.status;
        for (name, value) in &self.0.headers {
            response.headers_mut().insert(name, value.clone());
        }
        response.headers_mut().remove(CONTENT_TYPE);
        response.extensions_mut().insert(self.into_problem());
        response
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let Refusal { code, field, detail } = refusal;
        Self::refused(code, field, detail)
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::not_found(),
            StoreError::Conflict => {
                let detail = "This was changed by someone else meanwhile; read it again.";
                Self::conflict("conflict", detail)
            }
            StoreError::LastOwner => {
                let detail = "A merchant keeps one owner who can sign in: make another one first.";
                Self::conflict("last_owner", detail)
            }
            StoreError::LimitReached { what, limit } => {
                let detail =
                    format!("There are {limit} {what} already, which is the most allowed.");
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "limit_reached", detail)
            }
            StoreError::StorageFull => {
                let detail = "The disk is full; nothing was stored. Try again later.";
                Self::new(StatusCode::INSUFFICIENT_STORAGE, "storage_full", detail)
                    .with_header(RETRY_AFTER, RETRY_LATER)
                    .because(error)
            }
            StoreError::Unavailable(_)
            | StoreError::Corrupt(_)
            | StoreError::InUse { .. }
            | StoreError::Refused(_) => Self::unavailable(error),
        }
    }
}

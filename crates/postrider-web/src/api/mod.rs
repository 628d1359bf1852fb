//! The API, version 1: one file per resource with handlers only, and what they share.
//!
//! `auth` admits callers, `caller` knows what they may do, `body` and `query` read requests, `reveal` says who sees private fields,
//! `page` answers lists, `error` makes problem documents, `wire` owns the JSON shapes, `docs`
//! describes the routes.

pub(crate) mod auth;
pub(crate) mod body;
pub(crate) mod caller;
pub(crate) mod docs;
pub(crate) mod page;
pub(crate) mod query;
pub(crate) mod rate;
pub(crate) mod refusals;
pub(crate) mod reveal;
pub(crate) mod wire;

pub(crate) mod api_keys;
pub(crate) mod audit_log;
pub(crate) mod deliveries;
pub(crate) mod description;
pub(crate) mod event_types;
pub(crate) mod events;
pub(crate) mod explain;
pub(crate) mod feed;
pub(crate) mod health;
pub(crate) mod merchants;
pub(crate) mod metrics;
pub(crate) mod portal_links;
pub(crate) mod preview;
pub(crate) mod recoveries;
pub(crate) mod rehearsals;
pub(crate) mod sessions;
pub(crate) mod setup;
pub(crate) mod signature_checks;
pub(crate) mod users;
pub(crate) mod verification;
pub(crate) mod webhook_actions;
pub(crate) mod webhooks;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, Path};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Response, StatusCode};
use postrider_core::ids::Id;
use serde::Serialize;

use crate::error::ApiError;

/// An id of the path. Whatever is not an id names nothing, so it answers 404.
pub(crate) struct PathId<K>(pub(crate) Id<K>);

impl<K, S: Send + Sync> FromRequestParts<S> for PathId<K> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Path(text) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|_| ApiError::not_found())?;
        Id::parse(&text).map(Self).map_err(|_| ApiError::not_found())
    }
}

/// A JSON answer.
pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Result<Response<Body>, ApiError> {
    let bytes = serde_json::to_vec(value).map_err(ApiError::unprintable)?;
    Ok(json_bytes(status, bytes.into()))
}

/// A JSON answer that is written already.
pub(crate) fn json_bytes(status: StatusCode, bytes: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

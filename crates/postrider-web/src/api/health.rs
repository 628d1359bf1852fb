//! Whether the process lives, whether it can do its work, and what monitoring counts. The first two
//! are open to anyone and tell nothing else; the last takes an operator's key, but for the address
//! of its own that an operator may give it.

use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Response, StatusCode, Uri};
use schemars::JsonSchema;
use serde::Serialize;

use super::json;
use super::query::Query;
use crate::error::ApiError;
use crate::shared::Held;

/// OpenMetrics 1.0, which Prometheus and its relatives read.
const METRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// How the process is.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Health {
    /// `ok` or `ready`.
    status: &'static str,
}

/// The process answers.
pub(crate) async fn alive() -> Result<Response<Body>, ApiError> {
    json(StatusCode::OK, &Health { status: "ok" })
}

/// What is counted, for monitoring.
pub(crate) async fn metrics(State(shared): Held, uri: Uri) -> Result<Response<Body>, ApiError> {
    Query::none(&uri)?;
    let text = shared.engine.metrics().await?;
    let mut response = Response::new(Body::from(text));
    let kind = HeaderValue::from_static(METRICS_TYPE);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    Ok(response)
}

/// The store can be read and written.
pub(crate) async fn ready(State(shared): Held) -> Result<Response<Body>, ApiError> {
    // Whatever is wrong with the store, the process is not ready: 503, never 507.
    shared.engine.store().check().await.map_err(ApiError::unavailable)?;
    json(StatusCode::OK, &Health { status: "ready" })
}

//! Whether the process lives, and whether it can do its work. Both are open to anyone and tell
//! nothing else.

use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;

use super::error::ApiError;
use super::json;
use crate::shared::Held;

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

/// The store can be read and written.
pub(crate) async fn ready(State(shared): Held) -> Result<Response<Body>, ApiError> {
    // Whatever is wrong with the store, the process is not ready: 503, never 507.
    shared.engine.store().check().await.map_err(ApiError::unavailable)?;
    json(StatusCode::OK, &Health { status: "ready" })
}

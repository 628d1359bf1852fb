//! The description of the API, for programs and for people: the same for everyone, so made once.

use std::sync::OnceLock;

use axum::body::{Body, Bytes};
use axum::http::{Response, StatusCode, Uri};

use super::json_bytes;
use super::query::Query;
use crate::error::ApiError;
use crate::{openapi, reference};

/// The same as a page.
pub(crate) async fn page(uri: Uri) -> Result<Response<Body>, ApiError> {
    Query::none(&uri)?;
    reference::answer()
}

pub(crate) async fn document(uri: Uri) -> Result<Response<Body>, ApiError> {
    static DOCUMENT: OnceLock<Bytes> = OnceLock::new();
    Query::none(&uri)?;
    let made = DOCUMENT.get_or_init(|| openapi::document().to_string().into());
    Ok(json_bytes(StatusCode::OK, made.clone()))
}

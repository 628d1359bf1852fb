//! The catalogue of event types: the same for every caller, so it is written once.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Response, StatusCode, Uri};
use postrider_core::catalogue::{self, EXAMPLE_MERCHANT, natural};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::error::ApiError;
use super::json_bytes;
use super::page::Document;
use super::query::Query;
use crate::openapi::schema;
use crate::shared::Held;

/// When examples happen: the moment in the documentation's own sample (facts.md 1).
const EXAMPLE_UNIX_SECONDS: i64 = 1_622_589_211;

/// One event type as shown.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "EventType")]
pub(crate) struct EventTypeOut {
    #[schemars(schema_with = "schema::event_type")]
    name: &'static str,
    family: &'static str,
    description: &'static str,
    repeats: &'static str,
    #[schemars(schema_with = "schema::any_object")]
    schema: Box<RawValue>,
    #[schemars(schema_with = "schema::any_object")]
    example: Box<RawValue>,
}

pub(crate) async fn list(State(shared): Held, uri: Uri) -> Result<Response<Body>, ApiError> {
    Query::none(&uri)?;
    if let Some(bytes) = shared.event_types.get() {
        return Ok(json_bytes(StatusCode::OK, bytes.clone()));
    }
    let written = write_catalogue().map_err(ApiError::unprintable)?;
    Ok(json_bytes(StatusCode::OK, shared.event_types.get_or_init(|| written).clone()))
}

/// All of the catalogue fits in one page.
fn write_catalogue() -> Result<Bytes, serde_json::Error> {
    let written = |value: &Value| RawValue::from_string(natural::compact(value));
    let mut results = Vec::new();
    for entry in catalogue::entries() {
        results.push(EventTypeOut {
            name: entry.name,
            family: entry.family.as_str(),
            description: entry.description,
            repeats: entry.repeats.as_str(),
            schema: written(&catalogue::schema(entry))?,
            example: written(&catalogue::example(entry, EXAMPLE_MERCHANT, EXAMPLE_UNIX_SECONDS))?,
        });
    }
    let document = Document { results, next: None, previous: None };
    serde_json::to_vec(&document).map(Bytes::from)
}

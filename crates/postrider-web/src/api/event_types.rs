//! The catalogue of event types: the same for every caller, so it is written once.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Response, StatusCode, Uri};
use postrider_core::catalogue::{Catalogue, EXAMPLE_MERCHANT, Entity, natural};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::json_bytes;
use super::page::Document;
use super::query::Query;
use super::wire::webhook_fields;
use crate::error::ApiError;
use crate::openapi::schema;
use crate::shared::Held;

/// When examples happen: the moment in the documentation's own sample (facts.md 1).
const EXAMPLE_UNIX_SECONDS: i64 = 1_622_589_211;

/// One event type as shown.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "EventType")]
pub(crate) struct EventTypeOut<'a> {
    #[schemars(schema_with = "schema::event_type")]
    name: &'a str,
    family: &'a str,
    description: &'a str,
    repeats: &'static str,
    /// What bodies of its family may carry.
    #[schemars(schema_with = "webhook_fields::entities")]
    additional_data: Vec<&'static str>,
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
    let written = write_catalogue(shared.engine.catalogue()).map_err(ApiError::unprintable)?;
    Ok(json_bytes(StatusCode::OK, shared.event_types.get_or_init(|| written).clone()))
}

/// All of the catalogue fits in one page: own entries come from a file of bounded size.
fn write_catalogue(catalogue: &Catalogue) -> Result<Bytes, serde_json::Error> {
    let written = |value: &Value| RawValue::from_string(natural::compact(value));
    let mut results = Vec::new();
    for entry in catalogue.entries() {
        results.push(EventTypeOut {
            name: entry.name(),
            family: entry.family(),
            description: entry.description(),
            repeats: entry.repeats().as_str(),
            additional_data: catalogue
                .allowed_entities(entry.family())
                .map(Entity::as_str)
                .collect(),
            schema: written(&entry.schema())?,
            example: written(&entry.example(EXAMPLE_MERCHANT, EXAMPLE_UNIX_SECONDS))?,
        });
    }
    let document = Document { results, next: None, previous: None };
    serde_json::to_vec(&document).map(Bytes::from)
}

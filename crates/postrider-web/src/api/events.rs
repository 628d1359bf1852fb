//! Posting events, and looking at them.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::request::Parts;
use axum::http::{Response, StatusCode, Uri};
use postrider_core::ids::EventId;
use postrider_store::catalog::EventFilter;
use schemars::JsonSchema;
use serde::Serialize;

use super::auth::Tenant;
use super::body::Posted;
use super::caller::Caller;
use super::page::Listing;
use super::query::{CUSTOMER, EMAIL, OBJECT, Query};
use super::wire::event::{AcceptedOut, Batch, EventOut};
use super::{json, reveal};
use crate::error::ApiError;
use crate::openapi::field::Field;
use crate::openapi::schema;
use crate::shared::Held;

/// What the list can be narrowed to.
pub(crate) const FILTERS: [Field; 7] = [
    Field::new("event_type", schema::event_type, "Only events of this type."),
    OBJECT,
    CUSTOMER,
    EMAIL,
    Field::new("test", schema::truth, "Only test events, or only others."),
    Field::new("created_after", schema::time, "Only events accepted at this time or later."),
    Field::new("created_before", schema::time, "Only events accepted before this time."),
];

/// The answer to several posted events, in the order posted.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AcceptedEvents")]
pub(crate) struct Results<'a> {
    results: Vec<AcceptedOut<'a>>,
}

/// Answers after the commit is on disk.
pub(crate) async fn post(
    State(shared): Held,
    Tenant(merchant): Tenant,
    uri: Uri,
    posted: Posted,
) -> Result<Response<Body>, ApiError> {
    Query::none(&uri)?;
    let batch = Batch::read(&posted)?;
    let is_single = batch.is_single();
    let accepted = shared.engine.accept(merchant, batch.events).await;
    let accepted = accepted.map_err(|error| Batch::refusal(is_single, error))?;
    match accepted.as_slice() {
        [one] if is_single => json(StatusCode::ACCEPTED, &AcceptedOut::new(one)),
        many => {
            let results = many.iter().map(AcceptedOut::new).collect();
            json(StatusCode::ACCEPTED, &Results { results })
        }
    }
}

pub(crate) async fn list(
    State(shared): Held,
    Tenant(merchant): Tenant,
    parts: Parts,
) -> Result<Response<Body>, ApiError> {
    let listing = Listing::read(&parts, Some(merchant), &FILTERS)?;
    let filter = read_filter(&listing.query)?;
    let page = shared.engine.store().events(merchant, filter, listing.ask).await?;
    let routing = shared.engine.routing();
    let results = page.rows.iter().map(|stored| EventOut::row(stored, &routing)).collect();
    listing.answer(results, page.next, page.previous)
}

fn read_filter(query: &Query) -> Result<EventFilter, ApiError> {
    Ok(EventFilter {
        event_type: query.event_type()?,
        terms: query.terms()?,
        is_test: query.truth("test")?,
        created_after: query.time("created_after")?,
        created_before: query.time("created_before")?,
    })
}

/// Private fields are masked unless they are asked for; where `data` does not fit its schema is told
/// beside it.
pub(crate) async fn show(
    State(shared): Held,
    Tenant(merchant): Tenant,
    caller: Caller,
    uri: Uri,
    id: Result<Path<String>, axum::extract::rejection::PathRejection>,
) -> Result<Response<Body>, ApiError> {
    let is_revealed = reveal::is_asked(&uri, &caller)?;
    let id = id.ok().and_then(|Path(text)| EventId::parse(&text).ok());
    let id = id.ok_or_else(ApiError::not_found)?;
    let stored = shared.engine.store().event(merchant, id).await?;
    let event_type = stored.event.event_type.as_str();
    let marks = reveal::marks(&shared, event_type, is_revealed);
    let violations = shared.engine.schema_violations(event_type, &stored.event.data);
    let shown = EventOut::full(&stored, &shared.engine.routing(), marks, violations)?;
    json(StatusCode::OK, &shown)
}

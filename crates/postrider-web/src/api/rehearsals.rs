//! Rehearsals of rotations: asking a receiver which keys it accepts, and what it answered before.

use axum::body::Body;
use axum::extract::State;
use axum::http::header::RETRY_AFTER;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Response, StatusCode, Uri};
use postrider_core::event::EventType;
use postrider_core::ids::kind;
use postrider_core::webhook::{Status, Webhook};
use postrider_engine::rehearsal::{RehearsalAsk, RehearseError};

use super::auth::{Stamped, Tenant};
use super::body::MaybePosted;
use super::page::Listing;
use super::preview::unknown_type;
use super::query::Query;
use super::webhook_actions::{not_enabled, selected};
use super::wire::object::Object;
use super::wire::rehearsal::{NEW, RehearsalOut};
use super::{PathId, json};
use crate::error::ApiError;
use crate::shared::{Held, Shared};

/// Sends the probes and answers when they are through.
pub(crate) async fn create(
    State(shared): Held,
    Tenant(merchant): Tenant,
    Stamped(stamp): Stamped,
    PathId(id): PathId<kind::Webhook>,
    uri: Uri,
    posted: MaybePosted,
) -> Result<Response<Body>, ApiError> {
    Query::none(&uri)?;
    let (webhook, _) = shared.engine.store().webhook(merchant, id).await?;
    let given = posted.0.as_ref().map(|posted| posted.object(&NEW)).transpose()?;
    let (event_type, with_random_key) = match &given {
        Some(given) => (named(&shared, given)?, given.truth("random_key")?.unwrap_or(false)),
        None => (None, false),
    };
    let event_type = event_type.map_or_else(|| first_selected(&shared, &webhook), Ok)?;
    if matches!(webhook.status, Status::Disabled(_)) {
        return Err(not_enabled("The webhook is disabled: enable it to rehearse a rotation."));
    }
    let ask = RehearsalAsk { merchant, webhook: id, event_type, with_random_key };
    let rehearsal = shared.engine.rehearse(ask, stamp).await?;
    json(StatusCode::CREATED, &RehearsalOut::new(&rehearsal))
}

/// The event type the caller names, if any.
fn named(shared: &Shared, given: &Object<'_>) -> Result<Option<EventType>, ApiError> {
    let Some(name) = given.any_text("event_type")? else { return Ok(None) };
    let catalogue = shared.engine.catalogue();
    let known = catalogue.find(&name).and_then(|entry| EventType::parse(entry.name()));
    known.map(Some).ok_or_else(|| unknown_type(catalogue, &name, "event_type"))
}

/// A type the receiver gets anyway.
fn first_selected(shared: &Shared, webhook: &Webhook) -> Result<EventType, ApiError> {
    let entries = selected(shared.engine.catalogue(), webhook);
    let first = entries.first().and_then(|entry| EventType::parse(entry.name()));
    first.ok_or_else(|| {
        let detail = "The webhook has selected no event type that is known: name one.";
        ApiError::refused("missing_field", "event_type", detail)
    })
}

impl From<RehearseError> for ApiError {
    fn from(error: RehearseError) -> Self {
        match error {
            RehearseError::Running => {
                let detail =
                    "A rehearsal with this webhook is under way; it takes a minute at most.";
                Self::conflict("rehearsal_under_way", detail)
            }
            RehearseError::TooSoon { wait } => {
                let seconds = wait.as_millis().div_ceil(1_000);
                let detail = format!(
                    "The last rehearsal with this webhook ended a moment ago: wait {seconds} s."
                );
                let wait = HeaderValue::from_str(&seconds.to_string());
                let refused = Self::new(StatusCode::TOO_MANY_REQUESTS, "rehearsed_lately", detail);
                match wait {
                    Ok(wait) => refused.with_header(RETRY_AFTER, wait),
                    Err(_) => refused,
                }
            }
            RehearseError::Overloaded => Self::overloaded("rehearsals"),
            RehearseError::Store(error) => error.into(),
        }
    }
}

pub(crate) async fn list(
    State(shared): Held,
    Tenant(merchant): Tenant,
    PathId(id): PathId<kind::Webhook>,
    parts: Parts,
) -> Result<Response<Body>, ApiError> {
    let listing = Listing::read(&parts, Some(merchant), &[])?;
    let page = shared.engine.store().rehearsals(merchant, id, listing.ask).await?;
    let results = page.rows.iter().map(RehearsalOut::new).collect();
    listing.answer(results, page.next, page.previous)
}

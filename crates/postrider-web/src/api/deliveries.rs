//! Deliveries: the log, one with its attempts, resending one, and those that were given up.

use axum::body::Body;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{Response, StatusCode, Uri};
use postrider_core::delivery::State as Standing;
use postrider_core::ids::{EventId, kind};
use postrider_store::catalog::DeliveryFilter;
use postrider_store::queue::Resent;

use super::auth::{Stamped, Tenant};
use super::body::MaybePosted;
use super::caller::Caller;
use super::page::Listing;
use super::query::{CUSTOMER, EMAIL, OBJECT, Query};
use super::webhook_actions::not_enabled;
use super::wire::delivery::{DeliveryOut, DetailOut};
use super::wire::undelivered::UndeliveredOut;
use super::{PathId, json, reveal};
use crate::error::ApiError;
use crate::openapi::field::Field;
use crate::openapi::schema;
use crate::shared::Held;

/// What the log can be narrowed to.
pub(crate) const FILTERS: [Field; 10] = [
    Field::new("webhook", schema::webhook_id, "Only deliveries of this webhook."),
    Field::new("status", schema::state, "Only deliveries that have become this."),
    Field::new("event_type", schema::event_type, "Only deliveries of events of this type."),
    Field::new("event", schema::event_id, "Only deliveries of this event."),
    OBJECT,
    CUSTOMER,
    EMAIL,
    Field::new("test", schema::truth, "Only deliveries of test events, or only of others."),
    Field::new("created_after", schema::time, "Only deliveries made at this time or later."),
    Field::new("created_before", schema::time, "Only deliveries made before this time."),
];

pub(crate) async fn list(
    State(shared): Held,
    Tenant(merchant): Tenant,
    parts: Parts,
) -> Result<Response<Body>, ApiError> {
    let listing = Listing::read(&parts, Some(merchant), &FILTERS)?;
    let filter = read_filter(&listing.query)?;
    let page = shared.engine.store().deliveries(merchant, filter, listing.ask).await?;
    let results = page.rows.iter().map(DeliveryOut::new).collect();
    listing.answer(results, page.next, page.previous)
}

fn read_filter(query: &Query) -> Result<DeliveryFilter, ApiError> {
    let states = Standing::ALL.map(Standing::as_str).join(", ");
    Ok(DeliveryFilter {
        webhook: query.webhook()?,
        state: query.parsed("status", &format!("one of {states}"), Standing::parse)?,
        event_type: query.event_type()?,
        terms: query.terms()?,
        event: query.parsed("event", "an event's id", |text| EventId::parse(text).ok())?,
        is_test: query.truth("test")?,
        created_after: query.time("created_after")?,
        created_before: query.time("created_before")?,
    })
}

/// Which failed deliveries are grouped.
pub(crate) const OF_WEBHOOK: [Field; 1] =
    [Field::new("webhook", schema::webhook_id, "Only deliveries of this webhook.")];

/// Failed deliveries by webhook and cause.
pub(crate) async fn undelivered(
    State(shared): Held,
    Tenant(merchant): Tenant,
    uri: Uri,
) -> Result<Response<Body>, ApiError> {
    let webhook = Query::read(&uri, &OF_WEBHOOK)?.webhook()?;
    let found = shared.engine.store().undelivered(merchant, webhook).await?;
    json(StatusCode::OK, &UndeliveredOut::new(&found))
}

/// The request's body is shown with private fields masked, unless they are asked for.
pub(crate) async fn show(
    State(shared): Held,
    Tenant(merchant): Tenant,
    caller: Caller,
    uri: Uri,
    PathId(id): PathId<kind::Delivery>,
) -> Result<Response<Body>, ApiError> {
    let is_revealed = reveal::is_asked(&uri, &caller)?;
    let detail = shared.engine.store().delivery(merchant, id).await?;
    let marks = reveal::marks(&shared, detail.event.event_type.as_str(), is_revealed);
    json(StatusCode::OK, &DetailOut::new(&detail, marks))
}

/// Makes a settled delivery due again; it answers with the delivery as it is now.
pub(crate) async fn resend(
    State(shared): Held,
    Tenant(merchant): Tenant,
    Stamped(stamp): Stamped,
    PathId(id): PathId<kind::Delivery>,
    uri: Uri,
    posted: MaybePosted,
) -> Result<Response<Body>, ApiError> {
    Query::none(&uri)?;
    posted.refuse_members()?;
    match shared.engine.resend(merchant, id, stamp).await? {
        Resent::Due { .. } => {
            let detail = shared.engine.store().delivery(merchant, id).await?;
            json(StatusCode::OK, &DeliveryOut::new(&detail.delivery))
        }
        Resent::AlreadyPending => {
            let detail = "The delivery is pending already; `next_attempt_at` says when it is due.";
            Err(ApiError::conflict("already_pending", detail))
        }
        Resent::WebhookNotReceiving => {
            Err(not_enabled("The webhook is disabled or deleted, so nothing can be sent to it."))
        }
    }
}

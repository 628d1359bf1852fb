//! The exact body a webhook would get: of a stored event, or of the documented example of a type;
//! with a webhook's stored choice of additional data, or with one that is not saved yet.
//!
//! Nothing is stored or sent. The body comes from the same function as those on the wire.

use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode, Uri};
use postrider_core::catalogue::{self, Catalogue, Entity};
use postrider_core::event::Event;
use postrider_core::ids::{EventId, MerchantId, WebhookId};
use postrider_core::snapshot::{self, AdditionalData};
use schemars::JsonSchema;
use serde::Serialize;

use super::auth::Tenant;
use super::body::Posted;
use super::caller::Caller;
use super::query::Query;
use super::wire::object::Object;
use super::wire::webhook::read_additional_data;
use super::wire::webhook_fields;
use super::{json, reveal};
use crate::api_key::Scope;
use crate::error::ApiError;
use crate::openapi::field::Field;
use crate::openapi::schema;
use crate::shared::{Held, Shared};

/// The id in the body of an example, which was never accepted under any.
const EXAMPLE_ID: &str = "00000000000000000000000000000000";

/// What is to be shown.
pub(crate) const PREVIEW: [Field; 4] = [
    Field::new("event", schema::event_id, "A stored event."),
    Field::new("event_type", schema::event_type, "Instead: the documented example of this type."),
    Field::new("webhook", schema::webhook_id, "A webhook, whose stored choice is taken."),
    Field::new(
        "additional_data",
        webhook_fields::additional_data,
        "Instead: a choice that is not saved yet.",
    ),
];

/// The body a webhook would get.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Preview")]
pub(crate) struct PreviewOut<'a> {
    #[schemars(schema_with = "schema::event_type")]
    event_type: &'a str,
    /// Byte for byte.
    body: &'a str,
    /// The length of the body in UTF-8.
    bytes: usize,
    /// What was chosen and the event does not carry.
    left_out: Vec<&'static str>,
}

pub(crate) async fn show(
    State(shared): Held,
    Tenant(merchant): Tenant,
    caller: Caller,
    uri: Uri,
    posted: Posted,
) -> Result<Response<Body>, ApiError> {
    Query::none(&uri)?;
    let given = posted.object(&PREVIEW)?;
    exactly_one(&given, "event", "event_type")?;
    exactly_one(&given, "webhook", "additional_data")?;
    let choices = read_choices(&shared, merchant, &given).await?;
    let event = read_event(&shared, merchant, &given).await?;
    if given.raw("event").is_some()
        && reveal::marks(&shared, event.event_type.as_str(), false).is_some()
    {
        // The exact body shows private fields.
        caller.demand_scope(Scope::DeliveriesWrite)?;
    }
    let choice = choices.for_family(event.event_type.family());
    let body = snapshot::body(&event, choice);
    let preview = PreviewOut {
        event_type: event.event_type.as_str(),
        body: &String::from_utf8_lossy(&body),
        bytes: body.len(),
        left_out: snapshot::left_out(&event, choice).into_iter().map(Entity::as_str).collect(),
    };
    json(StatusCode::OK, &preview)
}

fn exactly_one(
    given: &Object<'_>,
    first: &'static str,
    second: &'static str,
) -> Result<(), ApiError> {
    match (given.raw(first), given.raw(second)) {
        (None, None) => {
            let detail = format!("Give `{first}` or `{second}`.");
            Err(ApiError::refused("missing_field", first, detail))
        }
        (Some(_), Some(_)) => {
            let detail = format!("Give either `{first}` or `{second}`, not both.");
            Err(ApiError::refused("contradicting_fields", second, detail))
        }
        _ => Ok(()),
    }
}

async fn read_choices(
    shared: &Shared,
    merchant: MerchantId,
    given: &Object<'_>,
) -> Result<AdditionalData, ApiError> {
    if let Some(choices) = read_additional_data(given, shared.engine.catalogue())? {
        return Ok(choices);
    }
    let text = given.need("webhook", given.any_text("webhook")?)?;
    let id = WebhookId::parse(&text).map_err(|_| ApiError::not_found().about("webhook"))?;
    let found = shared.engine.store().webhook(merchant, id).await;
    let (webhook, _) = found.map_err(|error| ApiError::from(error).about("webhook"))?;
    Ok(webhook.additional_data)
}

async fn read_event(
    shared: &Shared,
    merchant: MerchantId,
    given: &Object<'_>,
) -> Result<Event, ApiError> {
    if let Some(text) = given.any_text("event")? {
        let id = EventId::parse(&text).map_err(|_| ApiError::not_found().about("event"))?;
        let found = shared.engine.store().event(merchant, id).await;
        return Ok(found.map_err(|error| ApiError::from(error).about("event"))?.event);
    }
    let name = given.need("event_type", given.any_text("event_type")?)?;
    let catalogue = shared.engine.catalogue();
    let entry = catalogue.find(&name);
    let entry = entry.ok_or_else(|| unknown_type(catalogue, &name, "event_type"))?;
    let now = shared.now();
    let made = entry.example(&merchant.to_string(), now.unix_seconds());
    let incomplete =
        || ApiError::internal(format!("the example of {} is incomplete", entry.name()));
    let posted = catalogue::posted(&made).ok_or_else(incomplete)?;
    Ok(Event {
        id: EventId::parse(EXAMPLE_ID).map_err(|_| incomplete())?,
        merchant,
        event_type: posted.event_type,
        created: now.unix_seconds(),
        accepted_at: now,
        data: posted.data,
        context: posted.context,
        snapshot: posted.snapshot,
    })
}

/// Refuses a type that is not in the catalogue, naming the one that was probably meant.
pub(crate) fn unknown_type(catalogue: &Catalogue, name: &str, field: &'static str) -> ApiError {
    let near = catalogue.nearest(name);
    let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    let shown: String = name.chars().take(64).collect();
    ApiError::refused(
        "unknown_event_type",
        field,
        format!("There is no event type {shown:?}{hint}"),
    )
}

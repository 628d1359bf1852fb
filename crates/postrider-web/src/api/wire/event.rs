//! Events in the API: as posted (one, a batch, or lines) and as shown.
//!
//! Invariant: `data`, `context` and `snapshot` are copied byte for byte, in both directions; only
//! private values are masked on the way out.

use std::borrow::Cow;

use bytes::Bytes;
use postrider_core::event::{EventType, PostedEvent};
use postrider_core::ids::EventId;
use postrider_core::limits;
use postrider_core::privacy::{Marks, Masker};
use postrider_core::routing::{Decision, RoutingTable, Verdict};
use postrider_engine::schemas::Violation;
use postrider_engine::{AcceptError, Accepted};
use postrider_store::catalog::{ListedEvent, StoredEvent};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::value::RawValue;

use super::super::body::{Format, Posted};
use super::object::{self, Object};
use crate::error::ApiError;
use crate::openapi::field::{self, Field};
use crate::openapi::schema;

/// One event as posted.
pub(crate) const EVENT: [Field; 6] = [
    Field::new("type", schema::event_type, "The event type, one of the catalogue.").required(),
    Field::new(
        "id",
        schema::own_event_id,
        "Your own id of the event: posting it again is then harmless. Made up when left out.",
    ),
    Field::new(
        "created",
        |_| json_schema!({ "type": "integer", "minimum": 0, "maximum": limits::CREATED_SECONDS_MAX }),
        "When it happened, in Unix seconds; now when left out.",
    ),
    Field::new(
        "data",
        |_| {
            json_schema!({
                "type": "object",
                "properties": { "object": { "type": "object" } },
                "required": ["object"],
            })
        },
        "What happened: the record in `object`. Kept byte for byte.",
    )
    .required(),
    Field::new("context", schema::anything, "What else is to be known of it, such as the actor."),
    Field::new(
        "snapshot",
        schema::any_object,
        "Every related record there is; each webhook's choice decides what leaves.",
    ),
];
/// Several events in one request.
pub(crate) const BATCH: [Field; 1] = [Field::new(
    "events",
    |generator| {
        json_schema!({
            "type": "array",
            "items": field::object(generator, &EVENT),
            "minItems": 1,
            "maxItems": limits::EVENTS_PER_REQUEST_MAX,
        })
    },
    "The events; all are accepted or none.",
)
.required()];

/// What one request posts.
pub(crate) struct Batch {
    /// Whether one event was posted by itself; then its answer is not in a list.
    is_single: bool,
    pub(crate) events: Vec<PostedEvent>,
}

impl Batch {
    /// Reads a request's body.
    pub(crate) fn read(posted: &Posted) -> Result<Self, ApiError> {
        match posted.format {
            Format::Json => Self::read_json(posted.json()?),
            Format::Lines => Self::read_lines(posted.text()?),
        }
    }

    fn read_json(text: &str) -> Result<Self, ApiError> {
        let top = Object::read_any(text, "")?;
        if top.raw("events").is_none() {
            return Ok(Self { is_single: true, events: vec![read_event(text, "")?] });
        }
        let top = Object::read(text, "", &BATCH)?;
        let items = top.need("events", top.items("events")?)?;
        check_number(items.len())?;
        let read = |(index, item): (usize, &&str)| read_event(item, &path(index));
        let events = items.iter().enumerate().map(read).collect::<Result<_, _>>()?;
        Ok(Self { is_single: false, events })
    }

    /// One event per line; lines of white space are passed over.
    fn read_lines(text: &str) -> Result<Self, ApiError> {
        let lines = text.split('\n').enumerate().filter(|(_, line)| !line.trim().is_empty());
        let mut events = Vec::new();
        for (number, line) in lines {
            // Before the line is read: the answer does not depend on how long the rest is.
            check_number(events.len() + 1)?;
            let checked = object::check(line, number + 1)?;
            events.push(read_event(checked, &path(events.len()))?);
        }
        check_number(events.len())?;
        Ok(Self { is_single: false, events })
    }

    /// Why the events were not accepted, in terms of this request.
    pub(crate) fn refusal(is_single: bool, error: AcceptError) -> ApiError {
        let path = |index| if is_single { String::new() } else { path(index) };
        match error {
            AcceptError::Refused { index, refusal } => ApiError::from(refusal).within(&path(index)),
            AcceptError::IdempotencyMismatch { index } => {
                let detail = "An event with this id and other content was accepted before.";
                let error = ApiError::conflict("idempotency_mismatch", detail);
                error.about("id").within(&path(index))
            }
            AcceptError::Overloaded { limit } => ApiError::overloaded(limit),
            AcceptError::MerchantOverloaded => {
                ApiError::queue_full("events are waiting to be stored")
            }
            AcceptError::Store(error) => error.into(),
        }
    }

    pub(crate) fn is_single(&self) -> bool {
        self.is_single
    }
}

fn path(index: usize) -> String {
    format!("events[{index}].")
}

fn check_number(events: usize) -> Result<(), ApiError> {
    if (1..=limits::EVENTS_PER_REQUEST_MAX).contains(&events) {
        return Ok(());
    }
    let most = limits::EVENTS_PER_REQUEST_MAX;
    let detail = format!("One request posts 1 to {most} events.");
    Err(ApiError::refused("invalid_event_count", "events", detail))
}

fn read_event(text: &str, path: &str) -> Result<PostedEvent, ApiError> {
    let event = Object::read(text, path, &EVENT)?;
    let event_type = event.need("type", event.text("type")?)?;
    let event_type = EventType::parse(&event_type).ok_or_else(|| {
        let detail = format!(
            "An event type is `family.action` in lower-case letters, digits and underscores, at \
             most {} characters.",
            limits::EVENT_TYPE_BYTES_MAX
        );
        ApiError::refused("invalid_event_type", event.field("type"), detail)
    })?;
    let id = event
        .text("id")?
        .map(|id| EventId::parse(&id))
        .transpose()
        .map_err(|why| ApiError::refused("invalid_id", event.field("id"), format!("{why}.")))?;
    let copy = |raw: &str| Bytes::copy_from_slice(raw.as_bytes());
    Ok(PostedEvent {
        id,
        event_type,
        created: event.integer("created")?,
        data: copy(event.need("data", event.raw("data"))?),
        context: event.raw("context").map(copy),
        snapshot: event.raw("snapshot").map(copy),
    })
}

/// The answer to one posted event.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Accepted")]
pub(crate) struct AcceptedOut<'a> {
    #[schemars(schema_with = "schema::event_id")]
    id: &'a str,
    duplicate: bool,
    #[schemars(schema_with = "schema::delivery_ids")]
    deliveries: Vec<String>,
}

impl<'a> AcceptedOut<'a> {
    pub(crate) fn new(accepted: &'a Accepted) -> Self {
        Self {
            id: accepted.id.as_str(),
            duplicate: accepted.is_duplicate,
            deliveries: accepted.deliveries.iter().map(ToString::to_string).collect(),
        }
    }
}

/// An event as shown.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Event")]
pub(crate) struct EventOut<'a> {
    #[schemars(schema_with = "schema::event_id")]
    id: &'a str,
    #[schemars(schema_with = "schema::event_type")]
    r#type: &'a str,
    created: i64,
    #[schemars(schema_with = "schema::time")]
    accepted_at: String,
    test: bool,
    /// What the sender posted, byte for byte. Left out of lists: a page of large events has no
    /// bound worth the name. (Not a flattened struct: serde cannot pass raw text through one.)
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::any_object")]
    data: Option<Cow<'a, RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::anything")]
    context: Option<Cow<'a, RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::anything")]
    snapshot: Option<Cow<'a, RawValue>>,
    /// Paths whose values are hidden; left out of lists, which show no values.
    #[serde(skip_serializing_if = "Option::is_none")]
    masked: Option<Vec<String>>,
    /// Where `data` does not fit its schema; left out of lists, and when nobody checks.
    #[serde(skip_serializing_if = "Option::is_none")]
    schema_violations: Option<Vec<ViolationOut>>,
    decisions: Vec<DecisionOut>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SchemaViolation")]
struct ViolationOut {
    /// The place, such as `data.object.items[0].quantity`.
    field: String,
    /// What was expected there; never what was found.
    reason: String,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Decision")]
struct DecisionOut {
    #[schemars(schema_with = "schema::webhook_id")]
    webhook: String,
    /// The name it has now; `null` once it is deleted.
    webhook_name: Option<String>,
    #[schemars(schema_with = "decision_shape")]
    decision: &'static str,
    reason: &'static str,
    #[schemars(schema_with = "schema::delivery_id_or_null")]
    delivery: Option<String>,
}

fn decision_shape(_: &mut SchemaGenerator) -> Schema {
    schema::one_of(&["deliver", "not_selected", "disabled"])
}

impl<'a> EventOut<'a> {
    /// The row of a list.
    pub(crate) fn row(listed: &'a ListedEvent, routing: &RoutingTable) -> Self {
        Self {
            id: listed.id.as_str(),
            r#type: listed.event_type.as_str(),
            created: listed.created,
            accepted_at: super::time(listed.accepted_at),
            test: listed.is_test,
            data: None,
            context: None,
            snapshot: None,
            masked: None,
            schema_violations: None,
            decisions: DecisionOut::all(&listed.decisions, routing),
        }
    }

    /// The event in full, what is marked in it masked.
    pub(crate) fn full(
        stored: &'a StoredEvent,
        routing: &RoutingTable,
        marks: Option<Marks>,
        violations: Option<Vec<Violation>>,
    ) -> Result<Self, ApiError> {
        let event = &stored.event;
        let mut masker = marks.map(Marks::masker);
        let mut part = |name: &str, bytes: &'a [u8]| -> Result<Cow<'a, RawValue>, ApiError> {
            let raw = super::raw(bytes)?;
            let Some(masker) = &mut masker else { return Ok(Cow::Borrowed(raw)) };
            let masked = RawValue::from_string(masker.part(name, raw.get()));
            masked.map(Cow::Owned).map_err(ApiError::unprintable)
        };
        let or_null = |part: &'a Option<Bytes>| part.as_deref().unwrap_or(b"null");
        Ok(Self {
            id: event.id.as_str(),
            r#type: event.event_type.as_str(),
            created: event.created,
            accepted_at: super::time(event.accepted_at),
            test: stored.is_test,
            data: Some(part("data", &event.data)?),
            context: Some(part("context", or_null(&event.context))?),
            snapshot: Some(part("snapshot", or_null(&event.snapshot))?),
            masked: Some(masker.map(Masker::masked).unwrap_or_default()),
            schema_violations: violations.map(|all| all.into_iter().map(Into::into).collect()),
            decisions: DecisionOut::all(&stored.decisions, routing),
        })
    }
}

impl From<Violation> for ViolationOut {
    fn from(Violation { field, reason }: Violation) -> Self {
        Self { field, reason }
    }
}

impl DecisionOut {
    fn all(decisions: &[Decision], routing: &RoutingTable) -> Vec<Self> {
        decisions.iter().map(|made| Self::new(made, routing)).collect()
    }

    fn new(made: &Decision, routing: &RoutingTable) -> Self {
        let (decision, reason) = match made.verdict {
            Verdict::Deliver { .. } => ("deliver", "The webhook selects this event type."),
            Verdict::NotSelected => {
                ("not_selected", "The webhook did not select this event type at that time.")
            }
            Verdict::Disabled => ("disabled", "The webhook was disabled at that time."),
        };
        Self {
            webhook: made.webhook.to_string(),
            webhook_name: routing.route(made.webhook).map(|route| route.webhook.name.clone()),
            decision,
            reason,
            delivery: made.delivery().map(|id| id.to_string()),
        }
    }
}

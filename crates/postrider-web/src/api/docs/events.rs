//! Descriptions of the routes of events: the catalogue, posting, looking, explaining.

use schemars::SchemaGenerator;
use serde_json::{Value, json};

use crate::api::event_types::EventTypeOut;
use crate::api::events::{FILTERS, Results};
use crate::api::explain::PARAMETERS;
use crate::api::preview::{PREVIEW, PreviewOut};
use crate::api::reveal::REVEAL;
use crate::api::wire::event::{AcceptedOut, BATCH, EVENT, EventOut};
use crate::api::wire::explain::ExplainOut;
use crate::openapi::field::{self, Field};
use crate::openapi::operation::{Operation, Tag};
use crate::openapi::schema;

pub(crate) fn types() -> Operation {
    Operation::new(
        "listEventTypes",
        Tag::Events,
        "List the event types",
        "The catalogue: every event type with a JSON Schema of its `data` and an example. All of \
         it is one page.",
    )
    .answers::<crate::api::page::Document<EventTypeOut<'static>>>(200, "The catalogue.")
}

pub(crate) fn post() -> Operation {
    fn bodies(generator: &mut SchemaGenerator) -> Value {
        let one = field::object(generator, &EVENT);
        json!({ "oneOf": [one, field::object(generator, &BATCH)] })
    }
    fn answers(generator: &mut SchemaGenerator) -> schemars::Schema {
        let one = generator.subschema_for::<AcceptedOut<'static>>();
        let many = generator.subschema_for::<Results<'static>>();
        schemars::json_schema!({ "oneOf": [one, many] })
    }
    Operation::new(
        "postEvents",
        Tag::Events,
        "Post events",
        "Accepts one event, a batch `{\"events\": […]}`, or NDJSON with one event a line. All \
         events of a request are accepted or none. The answer comes when they are safely on disk; \
         from then on they are not lost. An event with an id of yours may be posted again: the \
         same content answers what it answered before, with `duplicate` true.",
    )
    .body_of(bodies)
    .or_as("application/x-ndjson", |_| schemars::json_schema!({ "type": "string" }))
    .example(json!({
        "type": "subscription.create",
        "id": "checkout-4711",
        "data": { "object": { "type": "subscription", "public_id": "zzzz9999yyyy8888xxxx" } },
    }))
    .answers_as(
        202,
        "Accepted, and on disk. A single event is answered by itself, several in `results`.",
        "application/json",
        answers,
    )
    .problem(
        409,
        "An event with this id and other content was accepted before: `idempotency_mismatch`.",
    )
}

pub(crate) fn list() -> Operation {
    Operation::new(
        "listEvents",
        Tag::Events,
        "List events",
        "The events accepted, newest first, each with the decision taken for every webhook. What \
         was posted in them is shown one by one. Filters narrow the list together. A page that \
         had to pass over many others may hold fewer rows than asked for, even none, and still \
         have a `next`.",
    )
    .lists::<EventOut<'static>>(&FILTERS, "A page of events.")
}

pub(crate) fn show() -> Operation {
    Operation::new(
        "getEvent",
        Tag::Events,
        "Show an event",
        "The event as it was posted, byte for byte, with the decision taken for every webhook and \
         why. Private fields are masked; where `data` does not fit the schema of its type is told \
         in `schema_violations`.",
    )
    .path(Field::new("id", schema::event_id, "The event's id."))
    .query(&REVEAL)
    .answers::<EventOut<'static>>(200, "The event.")
}

pub(crate) fn explain() -> Operation {
    Operation::new(
        "explainEvent",
        Tag::Events,
        "Explain an event",
        "Why an event was or was not sent to a webhook, how its delivery stands and when it is \
         tried next; in words and as data.",
    )
    .query(&PARAMETERS)
    .answers::<ExplainOut<'static>>(200, "The explanation.")
    .problem(404, "There is no such event or webhook, or it is not yours.")
}

pub(crate) fn preview() -> Operation {
    Operation::new(
        "previewBody",
        Tag::Events,
        "Preview a body",
        "The exact body a webhook would get, of a stored event or of the documented example of a \
         type, with a webhook's choice of additional data or one that is not saved yet. Nothing is \
         stored or sent. Of an event with private fields it takes the scope `deliveries:write` too.",
    )
    .body(&PREVIEW)
    .example(json!({ "event_type": "order.create", "additional_data": { "order": ["customer"] } }))
    .answers::<PreviewOut<'static>>(200, "The body.")
    .problem(404, "There is no such event or webhook: `not_found`.")
}

//! Descriptions of the older API's routes, and what its callers may write.

use schemars::json_schema;
use serde_json::{Value, json};

use super::page::{Document, PAGES};
use super::shapes::{
    FilterOut, MetricsOut, RotationOut, SigningKeyOut, TargetOut, filter_id, target_id,
};
use crate::openapi::field::{self, Field};
use crate::openapi::operation::{Operation, Tag};
use crate::openapi::schema;

const TARGET: Field = Field::new("target", target_id, "The target's id.");
const FILTER: Field = Field::new("filter", filter_id, "The filter's id.");
const TARGET_URL: Field = Field::new(
    "target_url",
    |_| json_schema!({ "type": "string", "format": "uri" }),
    "Where deliveries go: an https address.",
);
const ENABLED: Field =
    Field::new("enabled", schema::truth, "Whether it receives; disabling cancels what waits.");
const MERCHANT: Field = Field::new(
    "merchant",
    schema::merchant_id,
    "The key's own merchant; an operator's may name any.",
);
const PATTERN: Field = Field::new(
    "pattern",
    |_| json_schema!({ "type": "string", "examples": ["subscription.*|order.create"] }),
    "Event types, `family.*` and `*`, joined by `|`.",
);

const NEW_TARGET: [Field; 3] = [MERCHANT.required(), TARGET_URL.required(), ENABLED];
const CHANGED_TARGET: [Field; 2] = [TARGET_URL, ENABLED];
const WRITTEN_FILTER: [Field; 1] = [PATTERN.required()];

fn operation(id: &'static str, summary: &'static str, description: &'static str) -> Operation {
    Operation::new(id, Tag::Older, summary, description)
}

fn of_target(id: &'static str, summary: &'static str, description: &'static str) -> Operation {
    operation(id, summary, description).path(TARGET)
}

/// Adds a body of these members; others are passed over.
fn with_body(operation: Operation, fields: &'static [Field], example: Value) -> Operation {
    let open = move |generator: &mut schemars::SchemaGenerator| {
        let mut shape = field::object(generator, fields);
        shape.insert("additionalProperties".to_owned(), true.into());
        Value::from(shape)
    };
    operation.body_of(open).example(example)
}

/// What may be refused because others change the same target all the time.
fn contended(operation: Operation) -> Operation {
    operation.problem(423, "Others change the target all the time. Try again.")
}

pub(crate) fn list_targets() -> Operation {
    operation(
        "listTargets",
        "List targets",
        "The webhooks of the merchant as targets, newest first.",
    )
    .query(&PAGES)
    .answers::<Document<TargetOut<'static>>>(200, "A page of targets.")
    .problem(404, "There is no such page.")
}

pub(crate) fn create_target() -> Operation {
    let description = "Makes a webhook without filters, which receives nothing until it has one.";
    let operation = operation("createTarget", "Create a target", description);
    let nobody = "0190000000007000800000000000abcd";
    let example = json!({ "merchant": nobody, "target_url": "https://example.com/hooks" });
    with_body(operation, &NEW_TARGET, example)
        .answers::<TargetOut<'static>>(200, "The target.")
        .problem(404, "The key may not act for that merchant, or there is none.")
}

pub(crate) fn show_target() -> Operation {
    of_target("getTarget", "Show a target", "The webhook as a target.")
        .answers::<TargetOut<'static>>(200, "The target.")
}

pub(crate) fn update_target() -> Operation {
    let description = "Writes what is given. A paused webhook counts as enabled and stays paused.";
    let operation = of_target("updateTarget", "Change a target", description);
    let operation = with_body(operation, &CHANGED_TARGET, json!({ "enabled": true }));
    contended(operation).answers::<TargetOut<'static>>(200, "The target as it is now.")
}

pub(crate) fn metrics() -> Operation {
    let description = "What became of its deliveries of the last 30 days.";
    of_target("getTargetMetrics", "Show the figures of a target", description)
        .answers::<MetricsOut>(200, "The figures.")
}

pub(crate) fn list_filters() -> Operation {
    let description = "The webhook's event types as filters: those made here, and one for each \
                       event type that none of them says.";
    of_target("listFilters", "List the filters of a target", description)
        .query(&PAGES)
        .answers::<Document<FilterOut>>(200, "A page of filters.")
}

pub(crate) fn create_filter() -> Operation {
    let description = "Adds its event types to those of the webhook.";
    let operation = of_target("createFilter", "Create a filter", description);
    let operation = with_body(operation, &WRITTEN_FILTER, json!({ "pattern": "order.*" }));
    contended(operation).answers::<FilterOut>(200, "The filter.")
}

pub(crate) fn show_filter() -> Operation {
    of_target("getFilter", "Show a filter", "One filter of a target.")
        .path(FILTER)
        .answers::<FilterOut>(200, "The filter.")
}

pub(crate) fn update_filter() -> Operation {
    let description = "Writes its pattern, and the event types that follow.";
    let operation = of_target("updateFilter", "Change a filter", description).path(FILTER);
    let operation = with_body(operation, &WRITTEN_FILTER, json!({ "pattern": "order.*|item.*" }));
    contended(operation).answers::<FilterOut>(200, "The filter as it is now.")
}

pub(crate) fn delete_filter() -> Operation {
    let description = "Takes away the event types that no other filter says.";
    let operation = of_target("deleteFilter", "Remove a filter", description).path(FILTER);
    contended(operation).answers::<FilterOut>(200, "The filter that was removed.")
}

pub(crate) fn show_key() -> Operation {
    let description = "The key receivers verify signatures with; during a rotation the new one.";
    of_target("getSigningKey", "Show the signing key", description)
        .answers::<SigningKeyOut<'static>>(200, "The key.")
}

pub(crate) fn rotate_key() -> Operation {
    let description = "Makes a new key. For 24 hours deliveries carry both signatures, the new one \
                       first. Rotating again within that time replaces the new key only.";
    of_target("rotateSigningKey", "Rotate the signing key", description)
        .answers::<RotationOut<'static>>(200, "The keys as they are now.")
}

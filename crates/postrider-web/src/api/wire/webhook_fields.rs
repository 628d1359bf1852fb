//! The members of a webhook that callers may write, and the shapes they have in both directions.

use postrider_core::catalogue::{Entity, Family};
use postrider_core::limits;
use postrider_core::retry::RetryPolicy;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::json;

use crate::openapi::field::{self, Field};
use crate::openapi::schema;

/// What callers may write.
pub(crate) const WRITABLE: [Field; 10] = described(false);
/// The same for a new webhook, which cannot do without some of them.
pub(crate) const NEW: [Field; 11] = with_key(&described(true));

/// A key that is brought along. Which form it must have depends on the signature.
pub(crate) const OWN_KEY: Field = Field::new(
    "verification_key",
    |_| json_schema!({ "type": "string", "minLength": 16, "maxLength": 256 }),
    "A key from another sender, so that receivers need not change; a fresh one is made when left \
     out. For `ordergroove` signatures 16 to 256 printable characters, for `standard` and `both` \
     `whsec_` and the base64 of 24 to 64 bytes.",
);

const fn with_key(described: &[Field; 10]) -> [Field; 11] {
    let mut fields = [OWN_KEY; 11];
    let (first, _) = fields.split_at_mut(10);
    first.copy_from_slice(described);
    fields
}

/// The wait list of an own retry policy.
pub(crate) const LADDER: [Field; 1] = [Field::new(
    "waits_seconds",
    |_| {
        json_schema!({
            "type": "array",
            "items": { "type": "integer", "minimum": 1, "maximum": limits::RETRY_WAIT_MAX.as_secs() },
            "minItems": 1,
            "maxItems": limits::LADDER_WAITS_MAX,
        })
    },
    "Seconds to wait before each retry.",
)
.required()];

const fn described(is_new: bool) -> [Field; 10] {
    [
        when(is_new, Field::new("name", schema::name, "What people call the webhook.")),
        when(
            is_new,
            Field::new("target_url", target_url, "Where deliveries go: an https address."),
        ),
        when(is_new, Field::new("event_types", event_types, "Which events it wants.")),
        Field::new(
            "additional_data",
            additional_data,
            "Which related records bodies carry in `snapshot`, by family.",
        ),
        Field::new("signature", schema::scheme, "How deliveries are signed."),
        Field::new(
            "retry_policy",
            retry_policy,
            "When failed attempts are repeated: a named policy, or an own list of waits.",
        ),
        Field::new("timeout_seconds", timeout, "Seconds one attempt may take."),
        Field::new("headers", headers, "Headers each request carries beside Postrider's own."),
        Field::new("max_in_flight", max_in_flight, "Requests under way at once."),
        Field::new(
            "rate_limit_per_second",
            rate,
            "Requests begun in a second; `null` for no limit.",
        ),
    ]
}

const fn when(is_new: bool, field: Field) -> Field {
    if is_new { field.required() } else { field }
}

/// A list of kinds of records.
pub(crate) fn entities(_: &mut SchemaGenerator) -> Schema {
    let entity = schema::one_of(&Entity::ALL.map(Entity::as_str));
    json_schema!({ "type": "array", "items": entity })
}

fn target_url(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "uri", "examples": ["https://example.com/hooks"] })
}

/// What may be written: a webhook wants something.
fn event_types(generator: &mut SchemaGenerator) -> Schema {
    let mut shape = wanted(generator);
    shape.insert("minItems".to_owned(), 1.into());
    shape
}

/// What may be read: a new target of the older API wants nothing yet.
pub(crate) fn wanted(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "items": {
            "type": "string",
            "pattern": r"^(\*|[a-z][a-z0-9_]*\.(\*|[a-z][a-z0-9_]*))$",
            "examples": ["subscription.*"],
        },
        "maxItems": limits::PATTERNS_PER_WEBHOOK_MAX,
    })
}

/// By family: the built-in ones, and whichever an operator's own catalogue defines.
pub(crate) fn additional_data(generator: &mut SchemaGenerator) -> Schema {
    let meaning = "Related records of events of this family.";
    let built_in = Family::ALL.map(|family| Field::new(family.as_str(), entities, meaning));
    let mut shape = field::object(generator, &built_in);
    shape.insert("additionalProperties".to_owned(), entities(generator).into());
    shape.insert("propertyNames".to_owned(), json!({ "pattern": "^[a-z][a-z0-9_]*$" }));
    shape
}

pub(crate) fn retry_policy(generator: &mut SchemaGenerator) -> Schema {
    let named: Vec<_> = RetryPolicy::NAMED.iter().filter_map(RetryPolicy::name).collect();
    json_schema!({ "oneOf": [schema::one_of(&named), field::object(generator, &LADDER)] })
}

fn timeout(_: &mut SchemaGenerator) -> Schema {
    let (least, most) = (limits::TIMEOUT_MIN.as_secs(), limits::TIMEOUT_MAX.as_secs());
    let default = limits::TIMEOUT_DEFAULT.as_secs();
    json_schema!({ "type": "integer", "minimum": least, "maximum": most, "default": default })
}

pub(crate) fn headers(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": limits::HEADERS_PER_WEBHOOK_MAX,
        "propertyNames": { "pattern": "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$" },
        "additionalProperties": { "type": "string", "maxLength": limits::HEADER_VALUE_BYTES_MAX },
    })
}

fn max_in_flight(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "integer",
        "minimum": 1,
        "maximum": limits::MAX_IN_FLIGHT_MAX,
        "default": limits::MAX_IN_FLIGHT_DEFAULT,
    })
}

fn rate(_: &mut SchemaGenerator) -> Schema {
    let most = limits::RATE_LIMIT_PER_SECOND_MAX;
    json_schema!({ "type": ["integer", "null"], "minimum": 1, "maximum": most })
}

/// Whether a webhook receives.
pub(crate) fn status(_: &mut SchemaGenerator) -> Schema {
    schema::one_of(&["enabled", "disabled", "paused"])
}

/// How its target is.
pub(crate) fn health(_: &mut SchemaGenerator) -> Schema {
    schema::one_of(&["ok", "probing"])
}

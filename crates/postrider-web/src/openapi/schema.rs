//! Shapes that occur in many places: ids, times, closed sets of names.
//!
//! An id says whose it is in `x-names`, which is how a test finds every parameter that could be
//! another merchant's.

use postrider_core::account::Role;
use postrider_core::delivery::State;
use postrider_core::limits;
use postrider_core::outcome::OutcomeKind;
use postrider_core::sign::Scheme;
use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

/// A generator of answers' shapes: what is written, and nothing beside it.
pub(crate) fn generator() -> SchemaGenerator {
    let mut settings = SchemaSettings::draft2020_12().for_serialize();
    settings.definitions_path = "/components/schemas".into();
    settings.meta_schema = None;
    settings.with_transform(Closed).into_generator()
}

/// Closes every object whose members are known.
#[derive(Debug, Clone)]
struct Closed;

impl Transform for Closed {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        let has_members = schema.get("properties").is_some();
        if has_members && schema.get("additionalProperties").is_none() {
            schema.insert("additionalProperties".to_owned(), false.into());
        }
    }
}

fn id(of: &str) -> Schema {
    json_schema!({ "type": "string", "pattern": "^[0-9a-f]{32}$", "x-names": of })
}

/// The id of a webhook.
pub(crate) fn webhook_id(_: &mut SchemaGenerator) -> Schema {
    id("webhook")
}

/// The id of a delivery.
pub(crate) fn delivery_id(_: &mut SchemaGenerator) -> Schema {
    id("delivery")
}

/// The id of an API key.
pub(crate) fn api_key_id(_: &mut SchemaGenerator) -> Schema {
    id("api_key")
}

/// The id of a user.
pub(crate) fn user_id(_: &mut SchemaGenerator) -> Schema {
    id("user")
}

/// The id of a portal link; there is no route that takes one.
pub(crate) fn portal_link_id(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^[0-9a-f]{32}$" })
}

/// What a person is to a merchant.
pub(crate) fn role(_: &mut SchemaGenerator) -> Schema {
    one_of(&Role::ALL.map(Role::as_str))
}

/// An e-mail address.
pub(crate) fn email(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "email", "maxLength": limits::EMAIL_BYTES_MAX })
}

/// Text whose form is its own business: a token, or a password to be compared.
pub(crate) fn secret(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "maxLength": limits::PASSWORD_CHARS_MAX })
}

/// A password somebody wants to have.
pub(crate) fn password(_: &mut SchemaGenerator) -> Schema {
    let (min, max) = (limits::PASSWORD_CHARS_MIN, limits::PASSWORD_CHARS_MAX);
    json_schema!({ "type": "string", "minLength": min, "maxLength": max })
}

/// How long a portal link works.
pub(crate) fn link_life(_: &mut SchemaGenerator) -> Schema {
    let (min, max) = (limits::PORTAL_LINK_LIFE_MIN, limits::PORTAL_LINK_LIFE_MAX);
    json_schema!({ "type": "integer", "minimum": min.as_secs(), "maximum": max.as_secs() })
}

/// The id of a merchant.
pub(crate) fn merchant_id(_: &mut SchemaGenerator) -> Schema {
    id("merchant")
}

/// The id of an event, which may be the sender's own.
pub(crate) fn event_id(_: &mut SchemaGenerator) -> Schema {
    let most = limits::EVENT_ID_BYTES_MAX;
    json_schema!({
        "type": "string",
        "pattern": format!("^[A-Za-z0-9_-]{{1,{most}}}$"),
        "x-names": "event",
    })
}

/// The id a sender gives an event of its own, which so names no row there is.
pub(crate) fn own_event_id(generator: &mut SchemaGenerator) -> Schema {
    let mut shape = event_id(generator);
    shape.remove("x-names");
    shape
}

/// A list of ids of deliveries.
pub(crate) fn delivery_ids(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": delivery_id(generator) })
}

/// A delivery's id, or none.
pub(crate) fn delivery_id_or_null(generator: &mut SchemaGenerator) -> Schema {
    or_null(delivery_id(generator))
}

/// A merchant's id, or none.
pub(crate) fn merchant_id_or_null(generator: &mut SchemaGenerator) -> Schema {
    or_null(merchant_id(generator))
}

/// A time of the API.
pub(crate) fn time(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "date-time" })
}

/// A time, or none.
pub(crate) fn time_or_null(generator: &mut SchemaGenerator) -> Schema {
    or_null(time(generator))
}

/// The name of an event type.
pub(crate) fn event_type(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "pattern": r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$",
        "maxLength": limits::EVENT_TYPE_BYTES_MAX,
        "examples": ["subscription.create"],
    })
}

/// A name people give: one line.
pub(crate) fn name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "minLength": 1,
        "maxLength": limits::NAME_CHARS_MAX,
        "pattern": r"^[^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*$",
    })
}

/// The id of anything, also of what is not a row of its own.
pub(crate) fn any_id(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "minLength": 1, "maxLength": 64, "x-names": "any" })
}

/// True or false.
pub(crate) fn truth(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "boolean" })
}

/// What a delivery has become.
pub(crate) fn state(_: &mut SchemaGenerator) -> Schema {
    one_of(&State::ALL.map(State::as_str))
}

/// What a delivery has become, if there is one.
pub(crate) fn state_or_null(generator: &mut SchemaGenerator) -> Schema {
    or_null(state(generator))
}

/// What became of an attempt.
pub(crate) fn outcome(_: &mut SchemaGenerator) -> Schema {
    one_of(&OutcomeKind::ALL.map(OutcomeKind::as_str))
}

/// What became of an attempt, if there was one.
pub(crate) fn outcome_or_null(generator: &mut SchemaGenerator) -> Schema {
    or_null(outcome(generator))
}

/// A word to search for.
pub(crate) fn word(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "minLength": 1,
        "maxLength": limits::TERM_BYTES_MAX,
        "pattern": r"^[^\u0000-\u001f\u007f-\u009f]*$",
    })
}

/// A place in a list or feed; opaque.
pub(crate) fn cursor(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "x-names": "cursor" })
}

/// A signature scheme.
pub(crate) fn scheme(_: &mut SchemaGenerator) -> Schema {
    one_of(&Scheme::ALL.map(Scheme::as_str))
}

/// Any JSON object.
pub(crate) fn any_object(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object" })
}

/// Text that is not JSON.
pub(crate) fn plain(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string" })
}

/// Any JSON at all.
pub(crate) fn anything(_: &mut SchemaGenerator) -> Schema {
    json_schema!({})
}

/// A link to a page of a list, or none.
pub(crate) fn link(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "null"], "format": "uri-reference" })
}

/// One of these names.
pub(crate) fn one_of(names: &[&str]) -> Schema {
    json_schema!({ "type": "string", "enum": names })
}

/// One of two shapes, which differ in what they need.
pub(crate) fn either<A: JsonSchema, B: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({ "oneOf": [generator.subschema_for::<A>(), generator.subschema_for::<B>()] })
}

/// The same shape, or `null`.
pub(crate) fn or_null(mut schema: Schema) -> Schema {
    if let Some(names) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        names.push(Value::Null);
    }
    if let Some(kind) = schema.get("type").cloned() {
        schema.insert("type".to_owned(), json!([kind, "null"]));
    }
    schema
}

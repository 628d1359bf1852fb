//! A value made up from a schema, for own event types that come without an example.
//!
//! It follows what schemas of records usually say: constants, examples, types, formats, bounds,
//! references inside the schema. It does not solve a schema, so whoever uses the value checks it,
//! and asks for a written example where it does not fit.

use serde_json::{Map, Number, Value, json};

/// Levels of values made: deeper ones come from schemas that name themselves.
const DEPTH_MAX: u32 = 8;
/// Entries and characters made to reach a minimum; more is no example.
const LENGTH_MAX: u64 = 100;

/// A value that probably fits `schema`.
pub(super) fn from_schema(schema: &Value) -> Value {
    value(schema, schema, 0)
}

fn value(root: &Value, schema: &Value, depth: u32) -> Value {
    if depth > DEPTH_MAX {
        return Value::Null;
    }
    let listed = |keyword: &str| schema[keyword].as_array().and_then(|values| values.first());
    let given = [schema.get("const"), listed("examples"), schema.get("default"), listed("enum")];
    if let Some(given) = given.into_iter().flatten().next() {
        return given.clone();
    }
    let referred = schema["$ref"].as_str().and_then(|to| root.pointer(to.strip_prefix('#')?));
    let parts = schema["allOf"].as_array().into_iter().flatten();
    let chosen = listed("anyOf").or_else(|| listed("oneOf"));
    let mut made = plain(root, schema, depth);
    for part in referred.into_iter().chain(parts).chain(chosen) {
        let part = value(root, part, depth + 1);
        match (&mut made, part) {
            (Value::Object(made), Value::Object(part)) => made.extend(part),
            (Value::Null, part) => made = part,
            _ => {}
        }
    }
    made
}

/// By the keywords of the schema itself.
fn plain(root: &Value, schema: &Value, depth: u32) -> Value {
    let kind = match &schema["type"] {
        Value::String(kind) => kind.as_str(),
        Value::Array(kinds) => kinds.first().and_then(Value::as_str).unwrap_or_default(),
        _ if schema["properties"].is_object() => "object",
        _ if schema["items"].is_object() => "array",
        _ => "",
    };
    match kind {
        "object" => object(root, schema, depth),
        "array" => {
            let entries = schema["minItems"].as_u64().unwrap_or(1).clamp(1, LENGTH_MAX);
            (0..entries).map(|_| value(root, &schema["items"], depth + 1)).collect()
        }
        "string" => text(schema).into(),
        "integer" | "number" => number(schema, kind == "integer"),
        "boolean" => true.into(),
        _ => Value::Null,
    }
}

/// Every property near the top; further down only what is required.
fn object(root: &Value, schema: &Value, depth: u32) -> Value {
    let required = |name: &str| {
        schema["required"].as_array().is_some_and(|names| names.iter().any(|known| known == name))
    };
    let properties = schema["properties"].as_object().into_iter().flatten();
    let wanted = properties.filter(|(name, _)| depth < DEPTH_MAX / 2 || required(name));
    let made: Map<_, _> =
        wanted.map(|(name, of)| (name.clone(), value(root, of, depth + 1))).collect();
    Value::Object(made)
}

fn text(schema: &Value) -> String {
    let made = match schema["format"].as_str().unwrap_or_default() {
        "date-time" => "2026-01-31T08:00:00Z",
        "date" => "2026-01-31",
        "time" => "08:00:00Z",
        "duration" => "P1D",
        "email" => "ada@example.com",
        "hostname" => "example.com",
        "ipv4" => "192.0.2.1",
        "ipv6" => "2001:db8::1",
        "uri" | "uri-reference" | "iri" => "https://example.com/",
        "uuid" => "01900000-0000-7000-8000-000000000001",
        _ => "text",
    };
    let least = schema["minLength"].as_u64().unwrap_or(0).min(LENGTH_MAX);
    let most = schema["maxLength"].as_u64().unwrap_or(LENGTH_MAX);
    let length = (made.len() as u64).max(least).min(most);
    made.chars().cycle().take(usize::try_from(length).unwrap_or_default()).collect()
}

/// The least number from 1 on that the bounds allow.
fn number(schema: &Value, is_whole: bool) -> Value {
    let bound = |keyword: &str| schema[keyword].as_f64();
    let step = bound("multipleOf").filter(|step| *step > 0.0).unwrap_or(1.0);
    let above = bound("exclusiveMinimum").map(|least| least + step);
    let below = bound("exclusiveMaximum").map(|most| most - step);
    let mut made = 1.0_f64;
    for least in [bound("minimum"), above].into_iter().flatten() {
        made = made.max(least);
    }
    for most in [bound("maximum"), below].into_iter().flatten() {
        made = made.min(most);
    }
    if schema["multipleOf"].is_number() {
        made = (made / step).ceil() * step;
    }
    if is_whole {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "saturates; the value is checked later"
        )]
        return json!(made.ceil() as i64);
    }
    Number::from_f64(made).map_or(Value::Null, Value::Number)
}

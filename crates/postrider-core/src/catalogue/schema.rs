//! JSON Schemas (draft 2020-12) of the `data` of each event type, put together from `schemas.json`:
//! a schema per family, what differs per type laid over it, shared pieces filled in.
//!
//! The schemas describe and help; they are not a gate. They require what is always there, allow
//! unknown fields everywhere, and allow null where the documentation shows it (facts, section 3).
//! A finished schema stands alone: no `$ref`, so that a receiver can copy it out of a page.

use super::EventTypeEntry;
use serde_json::{Map, Value};

const SCHEMAS: &str = include_str!("schemas.json");

/// The dialect, as validators recognise it.
pub(super) const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// In `schemas.json`, `{"$part": "name"}` stands for that entry of its `parts`.
const PART: &str = "$part";

/// The JSON Schema of `data` in events of this type.
pub fn schema(entry: &EventTypeEntry) -> Value {
    let source = embedded(SCHEMAS);
    let mut schema = source["families"][entry.family.as_str()].clone();
    lay_over(&mut schema, &source["types"][entry.name]);
    fill_parts(&mut schema, &source["parts"]);
    schema["$schema"] = DIALECT.into();
    schema["title"] = entry.name.into();
    schema["description"] = entry.description.into();
    schema
}

/// Parses a file that was compiled in.
pub(super) fn embedded(text: &str) -> Value {
    #[expect(clippy::expect_used, reason = "the text is part of the program and parsed by tests")]
    serde_json::from_str(text).expect("invariant: embedded catalogue files are JSON")
}

/// Lays the differences over the base: objects are joined key by key, everything else, null
/// included, replaces. An object laid over a list changes the entries that its keys number. A null
/// in place of the differences themselves means that there are none.
pub(super) fn lay_over(base: &mut Value, differences: &Value) {
    let Value::Object(differences) = differences else { return };
    for (key, difference) in differences {
        let slot = if base.is_array() {
            key.parse::<usize>().ok().and_then(|at| base.get_mut(at))
        } else {
            Some(&mut base[key.as_str()])
        };
        match slot {
            Some(slot) if difference.is_object() && (slot.is_object() || slot.is_array()) => {
                lay_over(slot, difference);
            }
            Some(slot) => *slot = difference.clone(),
            None => debug_assert!(false, "no entry {key} to lay differences over"),
        }
    }
}

/// A part may be given further keywords beside `$part`, which win over those of the part.
fn fill_parts(schema: &mut Value, parts: &Value) {
    match schema {
        Value::Object(map) => {
            if let Some(Value::String(name)) = map.remove(PART) {
                let own = std::mem::replace(map, part(parts, &name));
                map.extend(own);
            }
            map.values_mut().for_each(|value| fill_parts(value, parts));
        }
        Value::Array(values) => values.iter_mut().for_each(|value| fill_parts(value, parts)),
        _ => {}
    }
}

fn part(parts: &Value, name: &str) -> Map<String, Value> {
    let part = parts[name].as_object();
    debug_assert!(part.is_some(), "schemas.json has no part {name}");
    part.cloned().unwrap_or_default()
}

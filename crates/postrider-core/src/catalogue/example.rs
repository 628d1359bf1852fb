//! A made-up event of each type, as a sender would post it: for the catalogue's pages, previews of
//! additional data, test events and the demo.
//!
//! All examples are scenes from one small world (`world.json`): a coffee roaster's customer, her
//! subscriptions and their orders. `examples.json` says per family what the event shows of it, and
//! per type only what differs. Its pieces:
//! - `data`, `context`: parts of the event;
//! - `snapshot`: entity to names of records in the world;
//! - `records`: changes to records of the world, entity to name to fields.
//!
//! A list is changed by the numbers of its entries: `"entitlements": { "0": … }`.
//!
//! Strings hold `{marks}`, so that ids cannot be mistyped and dates make sense whenever the example
//! is made: `{merchant}`, `{id:NAME}`, and `{unix}`, `{date}`, `{time}`, each with an optional
//! distance from now such as `{date+5d}`. A string that is nothing but `{unix…}` becomes a number.

use super::dates::{self, SECONDS_PER_DAY};
use super::schema::{embedded, lay_over};
use super::{Entity, EventTypeEntry};
use serde_json::{Map, Value, json};

/// The merchant of examples that belong to no merchant, such as those in documents.
pub const EXAMPLE_MERCHANT: &str = "7c1f0e5ad3b94e6f8a2c4d60915be38f";

const WORLD: &str = include_str!("world.json");
const EXAMPLES: &str = include_str!("examples.json");

/// A posted event of this type that happens now to that merchant's customer, with every record in
/// its snapshot that the family may carry.
///
/// It has no `id`, as whoever posts or sends it decides on that. Print it with
/// [`natural`](super::natural) to have its keys in a readable order.
pub fn example(entry: &EventTypeEntry, merchant_id: &str, now_unix_seconds: i64) -> Value {
    let mut world = embedded(WORLD);
    let examples = embedded(EXAMPLES);
    let family = &examples[entry.family.as_str()];

    let mut scene = family.clone();
    if let Some(scene) = scene.as_object_mut() {
        scene.remove("types");
    }
    lay_over(&mut scene, &family["types"][entry.name]);
    lay_over(&mut world["records"], &scene["records"]);

    let event = json!({
        "type": entry.name,
        "created": now_unix_seconds,
        "data": scene["data"],
        "context": context(&world, &scene["context"]),
        "snapshot": snapshot(&world["records"], &scene["snapshot"]),
    });
    Marks { merchant_id, now_unix_seconds, ids: &world["ids"] }.fill(&event)
}

/// A scene names its actor; the world knows what an actor of that type looks like.
fn context(world: &Value, scene_context: &Value) -> Value {
    let mut context = scene_context.clone();
    if let Some(actor) = scene_context["actor"].as_str() {
        let known = &world["actors"][actor];
        debug_assert!(known.is_object(), "world.json has no actor {actor}");
        context["actor"] = known.clone();
    }
    context
}

fn snapshot(records: &Value, choice: &Value) -> Value {
    let mut snapshot = Map::new();
    for entity in Entity::ALL {
        let Some(names) = choice[entity.as_str()].as_array() else { continue };
        let mut chosen = names.iter().filter_map(Value::as_str).map(|name| {
            let record = &records[entity.as_str()][name];
            debug_assert!(record.is_object(), "world.json has no {} {name}", entity.as_str());
            record.clone()
        });
        let value = if entity.is_single() { chosen.next() } else { Some(chosen.collect()) };
        snapshot.insert(entity.as_str().to_owned(), value.unwrap_or_default());
    }
    Value::Object(snapshot)
}

/// What the `{marks}` in the files stand for.
struct Marks<'a> {
    merchant_id: &'a str,
    now_unix_seconds: i64,
    ids: &'a Value,
}

impl Marks<'_> {
    fn fill(&self, value: &Value) -> Value {
        match value {
            Value::Object(map) => {
                Value::Object(map.iter().map(|(key, v)| (key.clone(), self.fill(v))).collect())
            }
            Value::Array(values) => values.iter().map(|value| self.fill(value)).collect(),
            Value::String(text) => self.fill_text(text),
            other => other.clone(),
        }
    }

    fn fill_text(&self, text: &str) -> Value {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, mark, after)) = next_mark(rest) {
            if mark.starts_with("unix") && before.is_empty() && mark.len() + 2 == text.len() {
                return self.moment(mark, "unix").into();
            }
            filled.push_str(before);
            filled.push_str(&self.meaning(mark));
            rest = after;
        }
        filled.push_str(rest);
        Value::String(filled)
    }

    fn meaning(&self, mark: &str) -> String {
        if mark == "merchant" {
            return self.merchant_id.to_owned();
        }
        if let Some(name) = mark.strip_prefix("id:") {
            let id = self.ids[name].as_str();
            debug_assert!(id.is_some(), "world.json has no id {name}");
            return id.unwrap_or_default().to_owned();
        }
        if mark.starts_with("unix") {
            return self.moment(mark, "unix").to_string();
        }
        if mark.starts_with("date") {
            return dates::day(self.moment(mark, "date"));
        }
        debug_assert!(mark.starts_with("time"), "unknown mark {mark} in an embedded file");
        dates::moment(self.moment(mark, "time"))
    }

    /// Unix seconds of a mark such as `date+5d`: now, moved by whole days.
    fn moment(&self, mark: &str, word: &str) -> i64 {
        let distance = mark.strip_prefix(word).and_then(|rest| rest.strip_suffix('d'));
        let days = distance.map_or(Ok(0), str::parse::<i64>);
        debug_assert!(days.is_ok(), "unreadable mark {mark} in an embedded file");
        self.now_unix_seconds.saturating_add(days.unwrap_or(0) * SECONDS_PER_DAY)
    }
}

/// Splits at the first `{mark}`: the text before it, the mark, the text after it.
fn next_mark(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('{')?;
    let (mark, after) = rest.split_once('}')?;
    Some((before, mark, after))
}

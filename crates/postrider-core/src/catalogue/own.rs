//! An operator's own catalogue: from the document of its file to entries of the [`Catalogue`].
//!
//! Owns the shape of that document (docs/catalogue.md) and every rule that needs no validator.
//! Whether a schema is one, and an example fits it, is judged where schemas are compiled.
//!
//! Invariant: the document is judged whole. All problems are answered, each naming its place, and
//! what has none is in the catalogue, so that later judges find their problems in the same run.

use serde_json::{Map, Value, json};

use super::whole::{Catalogue, OwnEventType, OwnFamily};
use super::{Entity, Family, Repeats, find, made, schema::DIALECT};
use crate::event::{self, EventType, PostedEvent, is_word};
use crate::limits;
use crate::privacy::{self, Path};
use crate::snapshot::Choice;

/// References a masker cannot follow; a schema is one document with pointers into itself.
const REFUSED_KEYWORDS: [&str; 5] =
    ["$id", "$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef"];

/// Reads the document. The problems come with the catalogue of what has none.
pub fn read(document: &Value) -> (Catalogue, Vec<String>) {
    let mut reader = Reader::default();
    let top = Place("the catalogue".to_owned());
    if let Some(document) = reader.object(document, &top, &["event_types", "families", "private"]) {
        reader.families(document);
        reader.event_types(document);
        reader.private(document);
    }
    (reader.catalogue, reader.problems)
}

/// Where something stands, in the words of a problem.
struct Place(String);

#[derive(Default)]
struct Reader {
    catalogue: Catalogue,
    problems: Vec<String>,
}

impl Reader {
    fn problem(&mut self, place: &Place, what: impl std::fmt::Display) {
        self.problems.push(format!("{}: {what}", place.0));
    }

    /// The members of an object, all of them known.
    fn object<'v>(
        &mut self,
        value: &'v Value,
        place: &Place,
        known: &[&str],
    ) -> Option<&'v Map<String, Value>> {
        let Some(members) = value.as_object() else {
            self.problem(place, "is not a table");
            return None;
        };
        for name in members.keys().filter(|name| !known.contains(&name.as_str())) {
            self.problem(place, format!("{name:?} is not known; there are {}", known.join(", ")));
        }
        Some(members)
    }

    /// The rows of a list of tables, at most so many.
    fn rows<'v>(
        &mut self,
        document: &'v Map<String, Value>,
        name: &str,
        most: usize,
    ) -> &'v [Value] {
        let place = Place(name.to_owned());
        match document.get(name) {
            None => &[],
            Some(Value::Array(rows)) if rows.len() <= most => rows,
            Some(Value::Array(rows)) => {
                self.problem(&place, format!("has {} entries; at most {most} fit", rows.len()));
                &[]
            }
            Some(_) => {
                self.problem(&place, format!("is not a list; write [[{name}]] above each entry"));
                &[]
            }
        }
    }

    fn text<'v>(
        &mut self,
        members: &'v Map<String, Value>,
        name: &str,
        place: &Place,
    ) -> Option<&'v str> {
        match members.get(name) {
            Some(Value::String(text)) => Some(text),
            Some(_) => {
                self.problem(place, format!("`{name}` is not text"));
                None
            }
            None => None,
        }
    }

    fn texts<'v>(
        &mut self,
        members: &'v Map<String, Value>,
        name: &str,
        place: &Place,
    ) -> Vec<&'v str> {
        let Some(value) = members.get(name) else { return Vec::new() };
        let texts = value.as_array().and_then(|values| values.iter().map(Value::as_str).collect());
        if texts.is_none() {
            self.problem(place, format!("`{name}` is not a list of texts"));
        }
        texts.unwrap_or_default()
    }

    fn families(&mut self, document: &Map<String, Value>) {
        let rows = self.rows(document, "families", limits::OWN_FAMILIES_MAX);
        for (index, row) in rows.iter().enumerate() {
            let mut place = Place(format!("families[{index}]"));
            let Some(members) = self.object(row, &place, &["name", "allows", "private"]) else {
                continue;
            };
            let Some(name) = self.text(members, "name", &place) else {
                self.problem(&place, "has no `name`");
                continue;
            };
            place = Place(format!("families[{index}] {name:?}"));
            let allowed = self.allowed(members, &place);
            // A name with a dot and one more letter must still be an event type.
            if !is_word(name) || name.len() + 2 > limits::EVENT_TYPE_BYTES_MAX {
                self.problem(&place, "a family is one word in lower-case letters, digits and _");
            } else if Family::parse(name).is_some() {
                let remedy = "give its private paths under [private]";
                self.problem(&place, format!("is built in and cannot be defined again; {remedy}"));
            } else if self.catalogue.families.contains_key(name) {
                self.problem(&place, "is defined twice");
            } else {
                self.catalogue.families.insert(name.into(), OwnFamily { allowed });
                let texts = self.texts(members, "private", &place);
                self.paths(name, &texts, &place);
            }
        }
    }

    fn allowed(&mut self, members: &Map<String, Value>, place: &Place) -> Choice {
        let mut allowed = Choice::NONE;
        for name in self.texts(members, "allows", place) {
            let Some(entity) = Entity::parse(name) else {
                let known = Entity::ALL.map(Entity::as_str).join(", ");
                self.problem(place, format!("`allows` names {name:?}; there are {known}"));
                continue;
            };
            allowed = allowed.with(entity);
        }
        allowed
    }

    fn private(&mut self, document: &Map<String, Value>) {
        let Some(value) = document.get("private") else { return };
        let place = Place("private".to_owned());
        let Some(members) = value.as_object() else {
            return self.problem(&place, "is not a table of families");
        };
        for family in members.keys() {
            if self.catalogue.has_family(family) {
                let texts = self.texts(members, family, &place);
                self.paths(family, &texts, &Place(format!("private {family:?}")));
            } else {
                self.problem(&place, format!("there is no family {family:?}"));
            }
        }
    }

    fn paths(&mut self, family: &str, texts: &[&str], place: &Place) {
        for text in texts {
            match Path::parse(text) {
                Ok(path) => {
                    let paths = self.catalogue.private.entry(family.into()).or_default();
                    if !paths.contains(&path) {
                        paths.push(path);
                    }
                }
                Err(problem) => self.problem(place, problem),
            }
        }
        let most = limits::PRIVATE_PATHS_PER_FAMILY_MAX;
        if self.catalogue.private.get(family).is_some_and(|paths| paths.len() > most) {
            self.problem(place, format!("has more than {most} private paths"));
        }
    }

    fn event_types(&mut self, document: &Map<String, Value>) {
        let rows = self.rows(document, "event_types", limits::OWN_EVENT_TYPES_MAX);
        for (index, row) in rows.iter().enumerate() {
            let mut place = Place(format!("event_types[{index}]"));
            let known = ["name", "description", "repeats", "schema", "example"];
            let Some(members) = self.object(row, &place, &known) else { continue };
            let Some(name) = self.text(members, "name", &place) else {
                self.problem(&place, "has no `name`");
                continue;
            };
            place = Place(format!("event_types[{index}] {name:?}"));
            let before = self.problems.len();
            self.check_name(name, &place);
            let description = self.description(members, &place);
            let repeats = self.repeats(members, &place);
            let schema = self.schema(members, name, description, &place);
            let example = self.example(members, name, &schema, &place);
            if self.problems.len() == before {
                let has_marks = holds_marks(&schema);
                let (name, description) = (Box::from(name), description.into());
                let own = OwnEventType { name, description, repeats, schema, example, has_marks };
                self.catalogue.event_types.insert(own.name.clone(), own);
            }
        }
    }

    fn check_name(&mut self, name: &str, place: &Place) {
        let Some(event_type) = EventType::parse(name) else {
            let form = "`family.action` in lower-case letters, digits and _";
            let most = limits::EVENT_TYPE_BYTES_MAX;
            return self.problem(place, format!("a name is {form}, at most {most} characters"));
        };
        if find(name).is_some() {
            self.problem(place, "is built in and cannot be defined again");
        } else if self.catalogue.event_types.contains_key(name) {
            self.problem(place, "is defined twice");
        }
        let family = event_type.family();
        if !self.catalogue.has_family(family) {
            self.problem(place, format!("its family {family:?} is not defined under [[families]]"));
        }
    }

    fn description<'v>(&mut self, members: &'v Map<String, Value>, place: &Place) -> &'v str {
        let description = self.text(members, "description", place).unwrap_or_default().trim();
        let most = limits::DESCRIPTION_CHARS_MAX;
        if !(1..=most).contains(&description.chars().count()) {
            self.problem(place, format!("needs a `description` of 1 to {most} characters"));
        }
        description
    }

    fn repeats(&mut self, members: &Map<String, Value>, place: &Place) -> Repeats {
        let Some(text) = self.text(members, "repeats", place) else { return Repeats::Unknown };
        let known = [Repeats::Once, Repeats::Repeatedly, Repeats::Unknown];
        let found = known.into_iter().find(|repeats| repeats.as_str() == text);
        if found.is_none() {
            let known = known.map(Repeats::as_str).join(", ");
            self.problem(place, format!("`repeats` is {text:?}; there are {known}"));
        }
        found.unwrap_or(Repeats::Unknown)
    }

    /// The schema, complete with dialect, title and description.
    fn schema(
        &mut self,
        members: &Map<String, Value>,
        name: &str,
        description: &str,
        place: &Place,
    ) -> Value {
        let mut schema = match self.json(members, "schema", place) {
            Some(Value::Object(schema)) => Value::Object(schema),
            Some(_) => {
                self.problem(place, "`schema` is not a table");
                json!({})
            }
            None => json!({
                "type": "object",
                "properties": { "object": { "type": "object" } },
                "required": ["object"],
            }),
        };
        match schema.get("$schema").map(Value::as_str) {
            None => schema["$schema"] = DIALECT.into(),
            Some(Some(DIALECT)) => {}
            Some(_) => self.problem(place, format!("`schema` is not of the dialect {DIALECT}")),
        }
        if let Some(keyword) = refused_keyword(&schema) {
            let detail = "a schema stands alone: refer to its own parts by \"#/$defs/NAME\"";
            self.problem(place, format!("`schema` has {keyword}; {detail}"));
        }
        let title = [("title", name), ("description", description)];
        for (keyword, text) in title {
            if schema.get(keyword).is_none() {
                schema[keyword] = text.into();
            }
        }
        schema
    }

    /// The example as given, or one made from the schema.
    fn example(
        &mut self,
        members: &Map<String, Value>,
        name: &str,
        schema: &Value,
        place: &Place,
    ) -> Value {
        let given = self.json(members, "example", place);
        if let Some(given) = &given {
            self.object(
                given,
                &Place(format!("{} example", place.0)),
                &["data", "context", "snapshot"],
            );
        }
        let is_given = given.is_some();
        let mut example = given.unwrap_or_else(|| json!({ "data": made::from_schema(schema) }));
        if !is_given && example["data"].get("object").is_none() && example["data"].is_object() {
            example["data"]["object"] = json!({});
        }
        let part = |name: &str| {
            let value = example.get(name).filter(|value| !value.is_null())?;
            Some(value.to_string().into())
        };
        let Some(event_type) = EventType::parse(name) else { return example };
        let posted = PostedEvent {
            id: None,
            event_type,
            created: None,
            data: part("data").unwrap_or_default(),
            context: part("context"),
            snapshot: part("snapshot"),
        };
        if let Err(refusal) = event::check(&posted) {
            let whose = if is_given { "its example" } else { "no example can be made: give one" };
            self.problem(place, format!("{whose}: {}: {refusal}", refusal.field));
        }
        for entity in example["snapshot"].as_object().into_iter().flat_map(Map::keys) {
            let family = name.split_once('.').map_or(name, |(family, _)| family);
            if !self.catalogue.allowed_entities(family).any(|known| known.as_str() == entity) {
                self.problem(
                    place,
                    format!("its example has {entity}, which {family} may not carry"),
                );
            }
        }
        example
    }

    /// A member that is a table, or text that holds JSON.
    fn json(&mut self, members: &Map<String, Value>, name: &str, place: &Place) -> Option<Value> {
        match members.get(name)? {
            Value::String(text) => match serde_json::from_str(text) {
                Ok(value) => Some(value),
                Err(error) => {
                    self.problem(place, format!("`{name}` is text that is not JSON: {error}"));
                    None
                }
            },
            value => Some(value.clone()),
        }
    }
}

/// A keyword in `schema` that leads out of it, or that cannot be followed.
fn refused_keyword(schema: &Value) -> Option<String> {
    match schema {
        Value::Object(members) => members.iter().find_map(|(name, value)| {
            let leads_out = name == "$ref" && value.as_str().is_some_and(leads_out);
            if leads_out || REFUSED_KEYWORDS.contains(&name.as_str()) && value.is_string() {
                return Some(format!("{name} {value}"));
            }
            refused_keyword(value)
        }),
        Value::Array(values) => values.iter().find_map(refused_keyword),
        _ => None,
    }
}

fn leads_out(reference: &str) -> bool {
    let is_inside = reference == "#" || reference.starts_with("#/");
    // A pointer in percent-encoding is a pointer nobody follows here.
    !is_inside || reference.contains('%')
}

fn holds_marks(schema: &Value) -> bool {
    match schema {
        Value::Object(members) => {
            members.get(privacy::MARK).is_some_and(|mark| mark == true)
                || members.values().any(holds_marks)
        }
        Value::Array(values) => values.iter().any(holds_marks),
        _ => false,
    }
}

#[cfg(test)]
mod tests;

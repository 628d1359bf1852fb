//! Judging `data` by the JSON Schema of its event type.
//!
//! Owns the compiled schemas, and with them the catalogue they belong to. Schemas of the operator's
//! own types are compiled when they are read, because that is how they are judged; built-in ones,
//! which tests judge, when they are first asked for. Each is compiled once.
//!
//! Invariants:
//! - nothing is fetched: a schema that refers to another document is refused;
//! - a pattern costs time in proportion to the text: senders choose the text, so no engine that
//!   tries again and again is used;
//! - a violation says what was expected and never what was found, which may be private.

use std::collections::HashMap;
use std::sync::OnceLock;

use jsonschema::{Draft, PatternOptions, ValidationError, Validator};
use postrider_core::catalogue::{Catalogue, EXAMPLE_MERCHANT, entries};
use postrider_core::limits;
use serde_json::Value;

/// What becomes of posted events whose `data` does not fit its schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SchemaCheck {
    /// Nothing: schemas only describe.
    Off,
    /// They are accepted, and shown with what does not fit.
    #[default]
    Warn,
    /// They are refused.
    Refuse,
}

impl SchemaCheck {
    /// Every check there is.
    pub const ALL: [Self; 3] = [Self::Off, Self::Warn, Self::Refuse];

    /// The word of the settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Warn => "warn",
            Self::Refuse => "refuse",
        }
    }
}

/// One place where `data` does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The place, such as `data.object.items[0].quantity`.
    pub field: String,
    /// What was expected there. Holds no posted value.
    pub reason: String,
}

/// The schemas of a catalogue, ready to judge by. The default has the built-in types alone.
#[derive(Debug)]
pub struct Schemas {
    catalogue: Catalogue,
    own: HashMap<Box<str>, Validator>,
    built_in: HashMap<&'static str, OnceLock<Option<Validator>>>,
}

impl Default for Schemas {
    fn default() -> Self {
        Self::compile(Catalogue::default()).0
    }
}

impl Schemas {
    /// Compiles what the operator added, and judges the examples by it. The problems come with the
    /// schemas of what has none.
    pub fn compile(catalogue: Catalogue) -> (Self, Vec<String>) {
        let mut problems = Vec::new();
        let mut own = HashMap::new();
        for entry in catalogue.own_entries() {
            let name = entry.name();
            match compile(&entry.schema()) {
                Ok(validator) => {
                    let example = entry.example(EXAMPLE_MERCHANT, 0);
                    let misfit = list(&validator, &example["data"]).into_iter().next();
                    if let Some(Violation { field, reason }) = misfit {
                        let what = "its example, given or made from the schema, does not fit it";
                        problems.push(format!("event_types {name:?}: {what}: {field}: {reason}"));
                    }
                    own.insert(name.into(), validator);
                }
                Err(error) => {
                    let place = error.instance_path().as_str();
                    let at = if place.is_empty() { String::new() } else { format!(" at {place}") };
                    problems.push(format!(
                        "event_types {name:?}: `schema` is not a schema{at}: {error}"
                    ));
                }
            }
        }
        let built_in = entries().iter().map(|entry| (entry.name, OnceLock::new())).collect();
        (Self { catalogue, own, built_in }, problems)
    }

    /// Which event types there are.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// Where `data`, which is JSON, does not fit the schema of `event_type`; at most
    /// [`limits::SCHEMA_VIOLATIONS_SHOWN_MAX`] places. Nothing fits or misfits an unknown type.
    pub fn violations(&self, event_type: &str, data: &[u8]) -> Vec<Violation> {
        let Some(validator) = self.validator(event_type) else { return Vec::new() };
        match serde_json::from_slice(data) {
            Ok(data) => list(validator, &data),
            Err(_) => vec![Violation {
                field: "data".to_owned(),
                reason: "holds a number too large to be judged by a schema".to_owned(),
            }],
        }
    }

    fn validator(&self, event_type: &str) -> Option<&Validator> {
        if let Some(own) = self.own.get(event_type) {
            return Some(own);
        }
        let place = self.built_in.get(event_type)?;
        let compiled = || compile(&self.catalogue.find(event_type)?.schema()).ok();
        place.get_or_init(compiled).as_ref()
    }
}

fn compile(schema: &Value) -> Result<Validator, ValidationError<'static>> {
    jsonschema::options()
        .with_draft(Draft::Draft202012)
        .with_pattern_options(PatternOptions::regex())
        .offline()
        .build(schema)
}

fn list(validator: &Validator, data: &Value) -> Vec<Violation> {
    let errors = validator.iter_errors(data).take(limits::SCHEMA_VIOLATIONS_SHOWN_MAX);
    errors
        .map(|error| Violation {
            field: bounded(field(error.instance_path().as_str())),
            reason: bounded(error.masked_with("the value").to_string()),
        })
        .collect()
}

/// `data.object.items[0].quantity` for the pointer `/object/items/0/quantity`.
fn field(pointer: &str) -> String {
    let mut field = "data".to_owned();
    for name in pointer.split('/').skip(1) {
        if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit()) {
            field.push('[');
            field.push_str(name);
            field.push(']');
        } else {
            field.push('.');
            field.push_str(&name.replace("~1", "/").replace("~0", "~"));
        }
    }
    field
}

fn bounded(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(limits::SCHEMA_VIOLATION_CHARS_MAX) {
        text.truncate(end);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests;

//! Private fields: what people who look at the log see a mask of, while receivers get the value.
//!
//! Owns [`Marks`] (what is private in events of one type) and masking. A mark is `"x-private": true`
//! in the schema of `data`, or a path such as `snapshot.customer.email` given for a family. Masking
//! slices bytes: what is not private stays exactly as the sender wrote it.
//!
//! Invariants:
//! - a marked value is replaced whole, whatever it is, except null: nothing inside it can be seen;
//! - where a schema says "one of these", a mark in any of them counts, so a mark is never missed
//!   because the value fits another; equal keys are all masked;
//! - bodies that travel never pass through here.

use std::collections::BTreeSet;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::json::Members;
use crate::limits;

/// The keyword that marks a schema's value as private.
pub const MARK: &str = "x-private";

/// What stands in place of a private value, as JSON.
const MASK: &str = "\"•••\"";

/// Keywords with one schema that applies to the same value.
const SAME_VALUE: [&str; 4] = ["if", "then", "else", "not"];
/// Keywords with a list of schemas that apply to the same value.
const SAME_VALUE_LISTS: [&str; 3] = ["allOf", "anyOf", "oneOf"];
/// Keywords with a schema for the entries of a list.
const ENTRIES: [&str; 3] = ["items", "contains", "unevaluatedItems"];
/// Keywords with a schema for the members that no other keyword names.
const OTHER_MEMBERS: [&str; 2] = ["additionalProperties", "unevaluatedProperties"];

/// The names on the way from a body's top level to a private value. Lists are passed through: a
/// path goes to the value in every entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path(Box<[Box<str>]>);

impl Path {
    /// Reads `data.object.email`. Answers what is wrong with it otherwise.
    pub fn parse(text: &str) -> Result<Self, String> {
        let names: Vec<&str> = text.split('.').collect();
        let is_rooted = matches!(names.first(), Some(&("data" | "context" | "snapshot")));
        if !is_rooted || names.len() < 2 || names.iter().any(|name| name.is_empty()) {
            let form = "names joined by dots after `data`, `context` or `snapshot`";
            return Err(format!("{text:?} is not a path; it is {form}, as in data.object.email"));
        }
        if names.len() > limits::PRIVATE_PATH_NAMES_MAX {
            let most = limits::PRIVATE_PATH_NAMES_MAX;
            return Err(format!("{text:?} is too long a path; it has at most {most} names"));
        }
        Ok(Self(names.into_iter().map(Into::into).collect()))
    }
}

/// What is private in events of one type.
#[derive(Debug, Clone, Copy)]
pub struct Marks<'a> {
    /// The schema of `data`.
    schema: Option<&'a Value>,
    paths: &'a [Path],
}

/// Masked texts of one event, and what was masked in them.
#[derive(Debug)]
pub struct Masker<'a> {
    marks: Marks<'a>,
    masked: BTreeSet<String>,
}

impl<'a> Marks<'a> {
    /// Marks of `data` by its schema, and by paths from the top level of the body.
    pub fn new(schema: Option<&'a Value>, paths: &'a [Path]) -> Self {
        Self { schema, paths }
    }

    /// Starts masking the texts of one event.
    pub fn masker(self) -> Masker<'a> {
        Masker { marks: self, masked: BTreeSet::new() }
    }
}

impl Masker<'_> {
    /// A whole body, masked.
    pub fn body(&mut self, body: &str) -> String {
        let mut out = String::with_capacity(body.len());
        let mut kept = 0;
        for (name, value) in Members::of(body).map(|members| members.0).unwrap_or_default() {
            let start = offset(body, value);
            out.push_str(body.get(kept..start).unwrap_or_default());
            out.push_str(&self.part(&name, value));
            kept = start + value.len();
        }
        out.push_str(body.get(kept..).unwrap_or_default());
        out
    }

    /// One part of an event (`data`, `context` or `snapshot`), masked.
    pub fn part(&mut self, name: &str, text: &str) -> String {
        let mut schemas = Vec::new();
        if let Some(schema) = self.marks.schema.filter(|_| name == "data") {
            expand(schema, schema, &mut schemas);
        }
        let paths = self.marks.paths.iter().map(|path| &*path.0);
        let spot = Spot { root: self.marks.schema, schemas, paths: below(paths, name) };
        let mut writer =
            Writer { out: String::with_capacity(text.len()), masked: &mut self.masked };
        writer.write(text, &spot, name);
        writer.out
    }

    /// Where values were masked: paths from the top level of the body, each once, at most
    /// [`limits::MASKED_PATHS_SHOWN_MAX`].
    pub fn masked(self) -> Vec<String> {
        self.masked.into_iter().collect()
    }
}

/// What is known of one value of a text.
struct Spot<'a> {
    /// The whole schema of `data`, for references.
    root: Option<&'a Value>,
    /// Every schema that may apply to the value.
    schemas: Vec<&'a Value>,
    /// What is left of the paths that lead through it.
    paths: Vec<&'a [Box<str>]>,
}

impl Spot<'_> {
    fn is_private(&self) -> bool {
        self.paths.iter().any(|path| path.is_empty())
            || self.schemas.iter().any(|schema| schema[MARK] == true)
    }

    fn is_unmarked(&self) -> bool {
        self.paths.is_empty() && self.schemas.is_empty()
    }

    fn member(&self, name: &str) -> Self {
        let mut schemas = Vec::new();
        for schema in &self.schemas {
            let named = schema["properties"].get(name);
            let matched = schema["patternProperties"].as_object();
            let matched = matched.into_iter().flat_map(serde_json::Map::values);
            let others = OTHER_MEMBERS.iter().filter(|_| named.is_none());
            let others = others.filter_map(|keyword| schema.get(*keyword));
            for found in named.into_iter().chain(matched).chain(others) {
                expand(self.root.unwrap_or(found), found, &mut schemas);
            }
        }
        Self { root: self.root, schemas, paths: below(self.paths.iter().copied(), name) }
    }

    fn entries(&self) -> Self {
        let mut schemas = Vec::new();
        for schema in &self.schemas {
            let alike = ENTRIES.iter().filter_map(|keyword| schema.get(*keyword));
            let numbered = schema["prefixItems"].as_array().into_iter().flatten();
            for found in alike.chain(numbered) {
                expand(self.root.unwrap_or(found), found, &mut schemas);
            }
        }
        Self { root: self.root, schemas, paths: self.paths.clone() }
    }
}

/// What is left of the paths that begin with `name`.
fn below<'a>(paths: impl Iterator<Item = &'a [Box<str>]>, name: &str) -> Vec<&'a [Box<str>]> {
    let rest = |path: &'a [Box<str>]| {
        let (first, rest) = path.split_first()?;
        (**first == *name).then_some(rest)
    };
    paths.filter_map(rest).collect()
}

/// Adds `schema` and every schema it applies to the same value, each once.
fn expand<'a>(root: &'a Value, schema: &'a Value, found: &mut Vec<&'a Value>) {
    if !schema.is_object() || found.iter().any(|known| std::ptr::eq(*known, schema)) {
        return;
    }
    found.push(schema);
    if let Some(target) = schema["$ref"].as_str().and_then(|to| root.pointer(to.strip_prefix('#')?))
    {
        expand(root, target, found);
    }
    for keyword in SAME_VALUE {
        expand(root, &schema[keyword], found);
    }
    let lists = SAME_VALUE_LISTS.iter().filter_map(|keyword| schema[*keyword].as_array());
    let dependent = schema["dependentSchemas"].as_object();
    let dependent = dependent.into_iter().flat_map(serde_json::Map::values);
    for part in lists.flatten().chain(dependent) {
        expand(root, part, found);
    }
}

struct Writer<'a> {
    out: String,
    masked: &'a mut BTreeSet<String>,
}

impl Writer<'_> {
    /// Writes `text`, a JSON value at `path`. Only values on the way to a mark are looked into; the
    /// depth of payloads is bounded where they are accepted.
    fn write(&mut self, text: &str, spot: &Spot, path: &str) {
        if spot.is_private() {
            self.mask(text, path);
        } else if spot.is_unmarked() {
            self.out.push_str(text);
        } else if let Some(members) = Members::of(text) {
            let values = members
                .0
                .iter()
                .map(|(name, value)| (*value, spot.member(name), format!("{path}.{name}")));
            self.write_parts(text, values);
        } else if let Ok(entries) = serde_json::from_str::<Vec<&RawValue>>(text) {
            let values = entries.iter().map(|entry| (entry.get(), spot.entries(), path.to_owned()));
            self.write_parts(text, values);
        } else {
            self.out.push_str(text);
        }
    }

    /// Writes `text` with the values in it rewritten and everything between them as it is.
    fn write_parts<'t, 's>(
        &mut self,
        text: &'t str,
        values: impl Iterator<Item = (&'t str, Spot<'s>, String)>,
    ) {
        let mut kept = 0;
        for (value, spot, path) in values {
            let start = offset(text, value);
            self.out.push_str(text.get(kept..start).unwrap_or_default());
            self.write(value, &spot, &path);
            kept = start + value.len();
        }
        self.out.push_str(text.get(kept..).unwrap_or_default());
    }

    fn mask(&mut self, text: &str, path: &str) {
        if text == "null" {
            return self.out.push_str(text);
        }
        self.out.push_str(MASK);
        if self.masked.len() < limits::MASKED_PATHS_SHOWN_MAX {
            self.masked.insert(path.to_owned());
        }
    }
}

/// Where `part`, a slice of `whole`, begins in it.
fn offset(whole: &str, part: &str) -> usize {
    part.as_ptr().addr().saturating_sub(whole.as_ptr().addr())
}

#[cfg(test)]
mod tests;

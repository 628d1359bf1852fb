//! Reading JSON objects member by member, so that every refusal names its field.
//!
//! A text is checked for syntax first, by [`check`]; after that an error of the parser can only be
//! a matter of type, or of a surrogate escape without its other half. So errors are told apart by
//! where they occur and by their category, never by their text. Nothing here recurses, so that
//! nesting costs no stack; how deep payloads may be is checked with the event.

use std::borrow::Cow;
use std::collections::HashSet;

use postrider_core::json::Members;
use serde::Deserialize;
use serde_json::error::Category;
use serde_json::value::RawValue;

use super::super::query::nearest;
use crate::error::ApiError;
use crate::openapi::field::{self, Field};

/// Checks that `text` is one JSON text and answers it without the white space around it.
/// `first_line` is the number of its first line in the body.
pub(crate) fn check(text: &str, first_line: usize) -> Result<&str, ApiError> {
    serde_json::from_str::<&RawValue>(text).map(RawValue::get).map_err(|error| {
        let (line, column) = (error.line() + first_line - 1, error.column());
        let what = if error.is_eof() { "ends before it is complete" } else { "is not valid JSON" };
        let detail = format!("The body {what}: see line {line}, column {column}.");
        ApiError::bad_request("invalid_json", detail)
    })
}

/// A JSON object of known, distinct members.
pub(crate) struct Object<'a> {
    path: Cow<'a, str>,
    members: Vec<(Cow<'a, str>, &'a str)>,
}

impl<'a> Object<'a> {
    /// Reads `text`, which [`check`] has passed, as an object at `path` (empty, or ending in a
    /// dot) with members out of `known`.
    pub(crate) fn read(
        text: &'a str,
        path: impl Into<Cow<'a, str>>,
        known: &[Field],
    ) -> Result<Self, ApiError> {
        let object = Self::read_any(text, path)?;
        object.demand_known(&field::names(known))?;
        Ok(object)
    }

    /// Refuses members that are not among `known`.
    pub(crate) fn demand_known(&self, known: &[&str]) -> Result<(), ApiError> {
        let mut names = self.members.iter().map(|(name, _)| name);
        match names.find(|name| !known.contains(&&***name)) {
            Some(name) => Err(self.unknown(name, known)),
            None => Ok(()),
        }
    }

    /// The same with whatever members there are.
    pub(crate) fn read_any(text: &'a str, path: impl Into<Cow<'a, str>>) -> Result<Self, ApiError> {
        let path = path.into();
        let field = path.trim_end_matches('.');
        let Members(members) = typed(text, field, "a JSON object")?;
        let object = Self { path, members };
        // A set, because a body has room for a hundred thousand names.
        let mut seen = HashSet::with_capacity(object.members.len());
        for (name, _) in &object.members {
            if !seen.insert(&**name) {
                let detail = format!("`{}` is given more than once.", shortened(name));
                return Err(ApiError::refused("duplicate_key", object.field(name), detail));
            }
        }
        Ok(object)
    }

    fn unknown(&self, name: &str, known: &[&str]) -> ApiError {
        let shown = shortened(name);
        let detail = match nearest(name, known) {
            Some(near) => format!("There is no field `{shown}`; did you mean `{near}`?"),
            None if known.is_empty() => format!("There is no field `{shown}`, nor any other."),
            None => format!("There is no field `{shown}`; there are {}.", known.join(", ")),
        };
        ApiError::refused("unknown_field", self.field(name), detail)
    }

    /// The full path of a member.
    pub(crate) fn field(&self, name: &str) -> String {
        format!("{}{}", self.path, shortened(name))
    }

    /// The members, in their order.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&str, &'a str)> {
        self.members.iter().map(|(name, value)| (&**name, *value))
    }

    /// A member's raw text.
    pub(crate) fn raw(&self, name: &str) -> Option<&'a str> {
        self.members.iter().find(|(given, _)| given == name).map(|(_, value)| *value)
    }

    /// Whether a member is given as `null`.
    pub(crate) fn is_null(&self, name: &str) -> bool {
        self.raw(name) == Some("null")
    }

    /// A string of any characters.
    pub(crate) fn any_text(&self, name: &str) -> Result<Option<String>, ApiError> {
        self.typed(name, "a string")
    }

    /// A string without control characters.
    pub(crate) fn text(&self, name: &str) -> Result<Option<String>, ApiError> {
        let text = self.any_text(name)?;
        if text.as_ref().is_some_and(|text| text.chars().any(char::is_control)) {
            let detail = format!("`{name}` must have no control characters.");
            return Err(ApiError::refused("control_character", self.field(name), detail));
        }
        Ok(text)
    }

    /// `true` or `false`.
    pub(crate) fn truth(&self, name: &str) -> Result<Option<bool>, ApiError> {
        self.typed(name, "true or false")
    }

    /// A whole number.
    pub(crate) fn integer(&self, name: &str) -> Result<Option<i64>, ApiError> {
        self.typed(name, "a whole number")
    }

    /// A whole number that is not negative.
    pub(crate) fn count(&self, name: &str) -> Result<Option<u64>, ApiError> {
        self.typed(name, "a whole number, not negative")
    }

    /// An array, each item as raw text.
    pub(crate) fn items(&self, name: &str) -> Result<Option<Vec<&'a str>>, ApiError> {
        let items = self.typed::<Vec<&RawValue>>(name, "an array")?;
        Ok(items.map(|items| items.into_iter().map(RawValue::get).collect()))
    }

    /// An array of strings.
    pub(crate) fn texts(&self, name: &str) -> Result<Option<Vec<String>>, ApiError> {
        self.typed(name, "an array of strings")
    }

    /// An array of whole numbers that are not negative.
    pub(crate) fn counts(&self, name: &str) -> Result<Option<Vec<u64>>, ApiError> {
        self.typed(name, "an array of whole numbers")
    }

    /// A member that must be there.
    pub(crate) fn need<T>(&self, name: &str, value: Option<T>) -> Result<T, ApiError> {
        value.ok_or_else(|| {
            let detail = format!("`{name}` is required.");
            ApiError::refused("missing_field", self.field(name), detail)
        })
    }

    fn typed<T: Deserialize<'a>>(&self, name: &str, what: &str) -> Result<Option<T>, ApiError> {
        self.raw(name).map(|raw| typed(raw, &self.field(name), what)).transpose()
    }
}

/// Reads checked JSON as a `T`, which people call `what`.
fn typed<'a, T: Deserialize<'a>>(text: &'a str, field: &str, what: &str) -> Result<T, ApiError> {
    serde_json::from_str(text).map_err(|error| {
        if error.classify() == Category::Syntax && !is_number(text) {
            let detail = "A surrogate escape (\\ud800 to \\udfff) stands without its other half.";
            return ApiError::refused("invalid_unicode", field.to_owned(), detail);
        }
        let subject = if field.is_empty() { "The body" } else { "This field" };
        let detail = format!("{subject} must be {what}.");
        ApiError::refused("invalid_type", field.to_owned(), detail)
    })
}

/// Numbers too large for any number type are a syntax error to the parser.
fn is_number(text: &str) -> bool {
    text.starts_with(|first: char| first == '-' || first.is_ascii_digit())
}

/// A name as it can be shown: senders may give ones of any length.
fn shortened(name: &str) -> String {
    const SHOWN_CHARS_MAX: usize = 64;
    let mut shown: String = name.chars().take(SHOWN_CHARS_MAX).collect();
    if shown.len() < name.len() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openapi::schema;

    #[test]
    fn odd_members_are_told_apart() {
        let known = ["type", "id"].map(|name| Field::new(name, schema::anything, ""));
        let read = |text: &'static str| Object::read(check(text, 1).unwrap(), "", &known);
        let code = |text| read(text).err().map(|error| error.code());
        assert_eq!(code(r#"{"type":1,"id":2}"#), None);
        assert_eq!(code(r#"{"type":1,"type":2}"#), Some("duplicate_key"));
        assert_eq!(code(r#"{"type":1,"t\u0079pe":2}"#), Some("duplicate_key"));
        assert_eq!(code(r#"{"tpye":1}"#), Some("unknown_field"));
        assert_eq!(code(r#"{"\ud800":1}"#), Some("invalid_unicode"));
        assert_eq!(code(r#"["type"]"#), Some("invalid_type"));
    }

    #[test]
    fn types_are_strict_and_huge_numbers_are_of_the_wrong_type() {
        let check_one = |text: &'static str| {
            let object = Object::read_any(text, "").unwrap();
            object.integer("n").map_err(|error| error.code())
        };
        assert_eq!(check_one(r#"{"n":-5}"#), Ok(Some(-5)));
        assert_eq!(check_one("{}"), Ok(None));
        for text in [r#"{"n":1e308}"#, r#"{"n":1e400}"#, r#"{"n":"5"}"#, r#"{"n":null}"#] {
            assert_eq!(check_one(text), Err("invalid_type"), "{text}");
        }
        assert_eq!(check_one(r#"{"n":99999999999999999999999999}"#), Err("invalid_type"));
    }

    #[test]
    fn nesting_costs_no_stack() {
        let deep = "[".repeat(500_000);
        assert_eq!(check(&deep, 1).unwrap_err().code(), "invalid_json");
        let closed = format!("{{\"a\":{deep}{}}}", "]".repeat(500_000));
        assert!(Object::read_any(check(&closed, 1).unwrap(), "").is_ok());
    }
}

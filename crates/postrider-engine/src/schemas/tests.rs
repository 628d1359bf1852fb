//! Judging by schemas: what does not fit, in which words, and what a schema may not do.

use std::fmt::Write as _;

use postrider_core::catalogue::{self, example};
use serde_json::json;

use super::*;

/// The schemas of a catalogue with one own type, `parcel.shipped`, and the problems found.
fn with(schema: &Value, example: Option<Value>) -> (Schemas, Vec<String>) {
    let mut row = json!({ "name": "parcel.shipped", "description": "x", "schema": schema });
    if let Some(data) = example {
        row["example"] = json!({ "data": data });
    }
    let document = json!({ "families": [{ "name": "parcel" }], "event_types": [row] });
    let (catalogue, problems) = catalogue::read(&document);
    assert_eq!(problems, Vec::<String>::new());
    Schemas::compile(catalogue)
}

fn object(properties: &Value) -> Value {
    json!({ "properties": { "object": { "type": "object", "properties": properties } } })
}

#[test]
fn every_built_in_example_fits_and_a_wrong_one_is_told_where() {
    let schemas = Schemas::default();
    for entry in entries() {
        let mut event = example(entry, EXAMPLE_MERCHANT, 1_772_443_800);
        let judge = |data: &Value| schemas.violations(entry.name, data.to_string().as_bytes());
        assert_eq!(judge(&event["data"]), [], "{}", entry.name);
        event["data"]["object"] = json!(7);
        let found = judge(&event["data"]);
        assert_eq!(found[0].field, "data.object", "{found:?}");
    }
    assert_eq!(schemas.violations("parcel.shipped", b"{}"), []);
}

#[test]
fn places_are_written_as_elsewhere_and_values_never() {
    let properties = json!({
        "lines": { "type": "array", "items": { "properties": { "n": { "type": "integer" } } } },
        "a/b": { "const": "right" },
        "mail": { "format": "email", "maxLength": 3, "pattern": "^[0-9]+$", "enum": ["x"] },
    });
    let (schemas, problems) = with(&object(&properties), Some(json!({"object": {}})));
    assert_eq!(problems, Vec::<String>::new());
    let data = r#"{"object":{"lines":[{"n":1},{"n":"canary"}],"a/b":"canary","mail":"canary"}}"#;
    let found = schemas.violations("parcel.shipped", data.as_bytes());
    let fields: Vec<_> = found.iter().map(|violation| violation.field.as_str()).collect();
    assert!(fields.contains(&"data.object.lines[1].n"), "{found:?}");
    assert!(fields.contains(&"data.object.a/b"), "{found:?}");
    assert_eq!(fields.iter().filter(|field| **field == "data.object.mail").count(), 3);
    assert!(!format!("{found:?}").contains("canary"), "{found:?}");
}

#[test]
fn what_is_told_of_one_event_is_bounded() {
    let (schemas, _) = with(&object(&json!({})), None);
    assert_eq!(schemas.violations("parcel.shipped", br#"{"object":{"a":1}}"#), []);
    let strict = json!({"additionalProperties": {"additionalProperties": {"type": "string"}}});
    let (schemas, _) = with(&strict, Some(json!({"object": {}})));
    let mut data = String::from(r#"{"object":{"#);
    for n in 0..100 {
        write!(data, r#""{}{n}":1,"#, "k".repeat(1_000)).unwrap();
    }
    data.push_str(r#""z":1}}"#);
    let found = schemas.violations("parcel.shipped", data.as_bytes());
    assert_eq!(found.len(), limits::SCHEMA_VIOLATIONS_SHOWN_MAX);
    let longest = found.iter().map(|violation| violation.field.chars().count()).max();
    assert_eq!(longest, Some(limits::SCHEMA_VIOLATION_CHARS_MAX + 1));
}

#[test]
fn numbers_no_schema_can_judge_are_a_violation_and_no_panic() {
    let (schemas, _) = with(&object(&json!({})), None);
    let found = schemas.violations("parcel.shipped", br#"{"object":{"n":1e999}}"#);
    assert_eq!((found.len(), found[0].field.as_str()), (1, "data"));
}

#[test]
fn schemas_that_are_none_and_examples_that_do_not_fit_are_problems() {
    let text = json!({ "id": { "type": "string", "minLength": 3 } });
    for (schema, example, expected) in [
        (json!({"type": "text"}), Some(json!({"object": {}})), "`schema` is not a schema at /type"),
        (json!({"pattern": "("}), Some(json!({"object": {}})), "`schema` is not a schema"),
        (json!({"pattern": "(a)\\1"}), Some(json!({"object": {}})), "`schema` is not a schema"),
        (json!({"$ref": "#/$defs/none"}), Some(json!({"object": {}})), "`schema` is not a schema"),
        (object(&text), Some(json!({"object": {"id": "x"}})), "does not fit it: data.object.id:"),
        (
            object(&json!({"id": {"type": "string", "pattern": "^p-[0-9]+$"}})),
            None,
            "does not fit it: data.object.id:",
        ),
    ] {
        let (_, problems) = with(&schema, example);
        assert_eq!(problems.len(), 1, "{schema} {problems:?}");
        assert!(problems[0].contains(expected), "{expected}: {problems:?}");
    }
}

#[test]
fn a_schema_that_reaches_outside_is_refused_by_the_compiler_too() {
    for reference in ["https://example.com/s.json", "file:///etc/passwd", "other.json"] {
        assert!(compile(&json!({ "$ref": reference })).is_err(), "{reference}");
    }
}

#[test]
fn a_pattern_cannot_be_made_to_try_for_ever() {
    let evil = object(&json!({ "a": { "type": "string", "pattern": "^(a+)+$" } }));
    let (schemas, _) = with(&evil, Some(json!({"object": {}})));
    let data = json!({ "object": { "a": format!("{}!", "a".repeat(50_000)) } }).to_string();
    assert_eq!(schemas.violations("parcel.shipped", data.as_bytes()).len(), 1);
}

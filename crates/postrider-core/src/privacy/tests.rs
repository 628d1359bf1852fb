//! What is masked, and that nothing else changes.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn paths(texts: &[&str]) -> Vec<Path> {
    texts.iter().map(|text| Path::parse(text).unwrap()).collect()
}

/// The masked text of `data` and the paths named.
fn by_schema(schema: &Value, data: &str) -> (String, Vec<String>) {
    let mut masker = Marks::new(Some(schema), &[]).masker();
    (masker.part("data", data), masker.masked())
}

#[test]
fn marked_values_are_replaced_and_every_other_byte_stays() {
    let schema = json!({"properties": {"object": {"properties": {
        "email": {"x-private": true}, "age": {"x-private": true}, "name": {"x-private": false},
    }}}});
    let data =
        "{ \"object\" :\n {\"email\":\"a@b.c\", \"age\" : 4.10, \"name\":\"N\", \"n\":1e400}}";
    let (masked, named) = by_schema(&schema, data);
    assert_eq!(
        masked,
        "{ \"object\" :\n {\"email\":\"•••\", \"age\" : \"•••\", \"name\":\"N\", \"n\":1e400}}"
    );
    assert_eq!(named, ["data.object.age", "data.object.email"]);
}

#[test]
fn keys_written_with_escapes_or_twice_are_found() {
    let schema = json!({"properties": {"email": {"x-private": true}}});
    let (masked, _) =
        by_schema(&schema, r#"{"e\u006dail":"canary","email":["canary"],"email":null}"#);
    assert_eq!(masked, r#"{"e\u006dail":"•••","email":"•••","email":null}"#);
}

#[test]
fn marks_are_found_wherever_a_schema_may_apply() {
    let private = json!({"x-private": true});
    let schemas = [
        json!({"$defs": {"e": private}, "properties": {"a": {"$ref": "#/$defs/e"}}}),
        json!({"allOf": [{"properties": {"a": private}}]}),
        json!({"anyOf": [{"properties": {"a": {"type": "null"}}}, {"properties": {"a": private}}]}),
        json!({"oneOf": [{"properties": {"a": private}}, true]}),
        json!({"if": true, "else": {"properties": {"a": private}}}),
        json!({"dependentSchemas": {"b": {"properties": {"a": private}}}}),
        json!({"patternProperties": {"^a": private}}),
        json!({"additionalProperties": private}),
        json!({"properties": {"a": {"properties": {}, "x-private": true}}}),
    ];
    for schema in schemas {
        let (masked, named) = by_schema(&schema, r#"{"a":{"deep":["canary"]}}"#);
        assert_eq!((&*masked, &*named), (r#"{"a":"•••"}"#, &["data.a".to_owned()][..]), "{schema}");
    }
    let schema = json!({"properties": {"b": {}}, "additionalProperties": private});
    assert_eq!(by_schema(&schema, r#"{"b":1,"c":2}"#).0, r#"{"b":1,"c":"•••"}"#);
}

#[test]
fn lists_and_schemas_that_name_themselves_are_followed() {
    let schema = json!({
        "properties": {"secret": {"x-private": true}, "children": {"items": {"$ref": "#"}}},
    });
    let data = r#"{"children":[{"secret":"a"},{"children":[{"secret":"b","name":"c"}]}]}"#;
    let (masked, named) = by_schema(&schema, data);
    let expected = r#"{"children":[{"secret":"•••"},{"children":[{"secret":"•••","name":"c"}]}]}"#;
    assert_eq!(masked, expected);
    assert_eq!(named, ["data.children.children.secret", "data.children.secret"]);
    let circle = json!({"$ref": "#", "allOf": [{"$ref": "#/allOf/0"}]});
    assert_eq!(by_schema(&circle, r#"{"a":1}"#).0, r#"{"a":1}"#);
}

#[test]
fn paths_reach_into_every_part_of_a_body_and_through_lists() {
    let private = paths(&["snapshot.orders.email", "context.ip", "data.object"]);
    let mut masker = Marks::new(None, &private).masker();
    let body = r#"{"id":"email","data":{"object":{"a":1},"b":2},"context":{"ip":"::1"},"snapshot":{"orders":[{"email":"x"},{"email":"y","id":3}],"email":4}}"#;
    let expected = r#"{"id":"email","data":{"object":"•••","b":2},"context":{"ip":"•••"},"snapshot":{"orders":[{"email":"•••"},{"email":"•••","id":3}],"email":4}}"#;
    assert_eq!(masker.body(body), expected);
    assert_eq!(masker.masked(), ["context.ip", "data.object", "snapshot.orders.email"]);
}

#[test]
fn a_path_begins_in_a_part_of_the_body_and_is_bounded() {
    assert!(Path::parse("data.object.email").is_ok());
    let long = format!("data{}", ".a".repeat(limits::PRIVATE_PATH_NAMES_MAX));
    for bad in ["", "data", "email", "object.email", "data.", "data..a", "request.data", &*long] {
        assert!(Path::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn only_so_many_masked_paths_are_named() {
    let schema = json!({"additionalProperties": {"x-private": true}});
    let members: Vec<_> = (0..500).map(|n| format!("\"k{n}\":\"canary\"")).collect();
    let (masked, named) = by_schema(&schema, &format!("{{{}}}", members.join(",")));
    assert!(!masked.contains("canary"));
    assert_eq!(named.len(), limits::MASKED_PATHS_SHOWN_MAX);
}

proptest! {
    /// Parsing the masked text gives the given value with the private members exchanged, and
    /// masking with marks that lead nowhere changes no byte.
    #[test]
    fn masking_is_exact(names in prop::collection::vec("[a-d]{1,2}", 1..6), value in "\\PC{0,12}") {
        let inner: serde_json::Map<_, _> =
            names.iter().map(|name| (name.clone(), json!([value, {"e": value}]))).collect();
        let data = json!({"object": inner}).to_string();
        let nowhere = paths(&["data.nothing.here"]);
        prop_assert_eq!(Marks::new(None, &nowhere).masker().part("data", &data), data.clone());
        let private = paths(&["data.object.a", "data.object.b.e"]);
        let masked = Marks::new(None, &private).masker().part("data", &data);
        let mut expected: Value = serde_json::from_str(&data).unwrap();
        if let Some(slot) = expected["object"].get_mut("a") { *slot = "•••".into(); }
        if let Some(slot) = expected["object"].get_mut("b") { slot[1]["e"] = "•••".into(); }
        prop_assert_eq!(serde_json::from_str::<Value>(&masked).unwrap(), expected);
    }
}

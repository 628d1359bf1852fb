//! The OpenAPI document: it describes every route, refers to nothing that is not in it, and is
//! served and printed as one and the same.

use std::collections::BTreeSet;

use serde_json::Value;

use super::TestApp;
use crate::openapi::document;
use crate::router::routes;

#[tokio::test]
async fn it_is_served_to_anyone() {
    let app = TestApp::new().await;
    let answer = app.bare("GET", "/api/v1/openapi.json").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json, document());
    assert_eq!(crate::openapi().parse::<Value>().unwrap(), document());
}

#[test]
fn it_has_every_route_and_nothing_else() {
    let document = document();
    let mut documented = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            documented.insert((method.to_uppercase(), path.clone()));
        }
    }
    let listed = routes();
    assert_eq!(documented.len(), listed.len());
    for route in listed {
        assert!(documented.contains(&(route.method.to_string(), route.path.to_owned())));
    }
}

#[test]
fn operations_have_names_of_their_own_and_say_what_they_do() {
    let mut seen = BTreeSet::new();
    for route in routes() {
        let operation = &route.operation;
        assert!(seen.insert(operation.id), "{} is there twice", operation.id);
        assert!(operation.id.chars().all(|c| c.is_ascii_alphanumeric()), "{}", operation.id);
        assert!(!operation.summary.ends_with('.'), "{}", operation.summary);
        assert!(operation.description.ends_with('.'), "{}", operation.description);
        assert!(!operation.answers.is_empty(), "{}", operation.id);
    }
}

#[test]
fn the_parameters_of_a_path_are_those_it_holds() {
    for route in routes() {
        let held = route.path.split(['{', '}']).skip(1).step_by(2);
        let described = route.operation.path.iter().map(|field| field.name);
        assert!(held.eq(described), "{}", route.path);
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn walk(value: &Value, document: &Value, found: &mut usize) {
        if let Some(reference) = value.get("$ref") {
            let pointer = reference.as_str().unwrap().strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference}");
            *found += 1;
        }
        let members = value.as_object().into_iter().flat_map(|members| members.values());
        for inner in members.chain(value.as_array().into_iter().flatten()) {
            walk(inner, document, found);
        }
    }
    let document = document();
    let mut found = 0;
    walk(&document, &document, &mut found);
    assert!(found > 100);
}

/// The schema of OpenAPI 3.1 documents of 2022-10-07, <https://spec.openapis.org/oas/3.1/schema/2022-10-07>
/// (Apache-2.0, OpenAPI Initiative), as the Python package openapi-spec-validator 0.9.0 holds it.
const OPENAPI: &str = include_str!("openapi_3_1.json");

/// Every JSON Schema of a document: what stands in `schema` and under `components/schemas`.
fn schemas<'a>(value: &'a Value, found: &mut Vec<&'a Value>) {
    for (name, inner) in value.as_object().into_iter().flatten() {
        match name.as_str() {
            "schema" => found.push(inner),
            "schemas" => found.extend(inner.as_object().unwrap().values()),
            _ => schemas(inner, found),
        }
    }
    value.as_array().into_iter().flatten().for_each(|inner| schemas(inner, found));
}

/// What is wrong with a document by the rules of OpenAPI 3.1 and of JSON Schema.
fn faults(document: &Value) -> Vec<String> {
    let whole = jsonschema::validator_for(&OPENAPI.parse().unwrap()).unwrap();
    let mut faults: Vec<_> = whole.iter_errors(document).map(|error| error.to_string()).collect();
    let mut all = Vec::new();
    schemas(document, &mut all);
    assert!(all.len() > 100, "only {} schemas", all.len());
    let wrong =
        all.iter().filter_map(|schema| jsonschema::draft202012::meta::validate(schema).err());
    faults.extend(wrong.map(|error| error.to_string()));
    faults
}

#[test]
fn it_is_valid_by_the_rules_of_openapi() {
    let document = document();
    assert_eq!(faults(&document), Vec::<String>::new());
    // The control: what is wrong is found, in the frame and in a shape.
    let mut unframed = document.clone();
    unframed["paths"]["/healthz"]["get"]["responses"]["200"] = Value::from(1);
    let mut misshapen = document.clone();
    misshapen["components"]["schemas"]["Problem"]["type"] = Value::from("text");
    assert!(!faults(&unframed).is_empty() && !faults(&misshapen).is_empty());
}

/// A shape that has the name of another.
#[derive(serde::Serialize, schemars::JsonSchema)]
struct Health {
    other: bool,
}

/// The generator numbers the second of two different shapes with one name, so that clients made
/// from the document would have to be changed when routes change their order.
#[test]
fn different_shapes_have_different_names() {
    let names = |document: &Value| {
        let schemas = document["components"]["schemas"].as_object().unwrap();
        schemas.keys().filter(|name| name.ends_with(|c: char| c.is_ascii_digit())).count()
    };
    assert_eq!(names(&document()), 0);
    // The control: the generator does number them.
    let mut generator = crate::openapi::schema::generator();
    generator.subschema_for::<crate::api::health::Health>();
    generator.subschema_for::<Health>();
    let schemas = Value::from(generator.take_definitions(true));
    assert_eq!(names(&serde_json::json!({ "components": { "schemas": schemas } })), 1);
}

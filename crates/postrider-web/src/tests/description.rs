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

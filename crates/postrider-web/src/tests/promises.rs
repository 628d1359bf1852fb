//! What callers may write is what the document says, for every operation of it.

use serde_json::{Value, json};

use super::world::{Operation, World, operations};
use super::{Answer, TestApp};

/// What no parameter and no member is called.
const UNKNOWN: &str = "zzzz";

/// The operations that refuse what they do not know.
fn strict() -> Vec<Operation> {
    // Whoever watches the service may ask as they like.
    let indifferent = ["getHealth", "getReadiness"];
    let is_strict = |one: &Operation| !one.is_older() && !indifferent.contains(&one.id());
    operations().into_iter().filter(is_strict).collect()
}

/// The names a refusal of an unknown one lists.
fn listed(answer: &Answer) -> Vec<String> {
    let detail = answer.detail();
    let (_, names) = detail.split_once("; there are ").unwrap_or_default();
    let mut names: Vec<_> = names.trim_end_matches('.').split(", ").map(str::to_owned).collect();
    names.retain(|name| !name.is_empty());
    assert!(!names.is_empty() || detail.contains("nor any other"), "{detail}");
    names.sort();
    names
}

fn sorted<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut names: Vec<_> = names.map(str::to_owned).collect();
    names.sort();
    names
}

#[tokio::test]
async fn the_parameters_described_are_those_accepted() {
    let app = TestApp::new().await;
    let world = World::new(&app, app.merchant, &app.key).await;
    for operation in strict() {
        let query = operation.parameters().filter(|parameter| parameter["in"] == "query");
        let described = sorted(query.map(|parameter| parameter["name"].as_str().unwrap()));
        let address = world.address(&operation, None);
        let address = format!("{}?{UNKNOWN}=1", address.split('?').next().unwrap());
        let body = world.body(&operation);
        let caller = world.caller_for(&operation);
        let answer = caller.send(&app, (operation.method, &address), body.as_ref()).await;
        assert_eq!(answer.problem(), (422, "unknown_parameter"), "{}", operation.id());
        assert_eq!(listed(&answer), described, "{}", operation.id());
    }
}

#[tokio::test]
async fn the_members_described_are_those_accepted() {
    let app = TestApp::new().await;
    let world = World::new(&app, app.merchant, &app.key).await;
    let mut tried = 0;
    for operation in strict() {
        let address = world.address(&operation, None);
        let caller = world.caller_for(&operation);
        let send =
            async |body: &Value| caller.send(&app, (operation.method, &address), Some(body)).await;
        for (index, shape) in operation.bodies().into_iter().enumerate() {
            let required = shape["required"].as_array().into_iter().flatten();
            let required: Vec<_> = required.map(|name| name.as_str().unwrap()).collect();
            let mut body = json!({ UNKNOWN: 1 });
            if index > 0 {
                // What tells this shape from the first.
                body[required[0]] = json!([]);
            }
            let answer = send(&body).await;
            assert_eq!(answer.problem(), (422, "unknown_field"), "{}", operation.id());
            let described = sorted(shape["properties"].as_object().unwrap().keys().map(|k| &**k));
            assert_eq!(listed(&answer), described, "{}", operation.id());
            if index == 0 && !required.is_empty() {
                let answer = send(&json!({})).await;
                assert_eq!(answer.problem(), (422, "missing_field"), "{}", operation.id());
                assert!(required.contains(&answer.field()), "{}", answer.text);
            }
            tried += 1;
        }
    }
    assert!(tried > 20, "only {tried}");
}

/// What the document shows as an example is valid by it, and accepted.
#[tokio::test]
async fn every_example_does_what_it_says() {
    let app = TestApp::new().await;
    let mut tried = 0;
    for operation in operations() {
        let content = &operation.described["requestBody"]["content"]["application/json"];
        let Some(example) = content.get("example") else { continue };
        assert!(super::contract::shape(&content["schema"]).is_valid(example), "{}", operation.id());
        let (merchant, key) = app.other_merchant().await;
        let world = World::new(&app, merchant, &key).await;
        if operation.id() == "resumeWebhook" {
            let path = world.address(&operation, None).replace("resume", "pause");
            let paused = world.caller("key").send(&app, ("post", &path), None).await;
            assert_eq!(paused.status, 200);
        }
        let answer = world.send(&app, &operation).await;
        assert!(answer.status.is_success(), "{}: {}", operation.id(), answer.text);
        tried += 1;
    }
    assert!(tried > 10, "only {tried}");
}

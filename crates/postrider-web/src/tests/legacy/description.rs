//! What the older API answers is what its description says, shape and status.

use serde_json::{Value, json};

use super::{CALLS, call, filter, target};
use crate::openapi::document;
use crate::router::routes;
use crate::tests::{Answer, RANDOM_ID, TestApp};

/// Holds an answer of the route `path` against the document.
fn check(document: &Value, method: &str, path: &str, answer: &Answer) {
    let place = format!("{method} {path}: {} {}", answer.status, answer.text);
    let operation = &document["paths"][path][method.to_lowercase()];
    let response = &operation["responses"][answer.status.as_str()];
    assert!(response.is_object(), "{place}");
    let mut schema = response["content"]["application/json"]["schema"].clone();
    assert!(schema.is_object(), "{place}");
    schema["components"] = document["components"].clone();
    let validator = jsonschema::validator_for(&schema).unwrap();
    validator.validate(&answer.json).unwrap_or_else(|error| panic!("{place}: {error}"));
}

#[tokio::test]
async fn every_answer_is_as_described() {
    let app = TestApp::strict().await;
    let document = document();
    let made = target(&app, "https://example.com/").await;
    let kept = filter(&app, &made, "order.*").await;
    let (made, kept) = (made["id"].as_str().unwrap(), kept["id"].as_str().unwrap());
    let body = json!({"merchant": app.merchant.to_string(), "target_url": "https://example.com/"});
    let random = &RANDOM_ID[..24];
    for (body, key) in
        [(body.to_string(), &app.key), ("{}".into(), &app.key), (String::new(), &"x".into())]
    {
        for method in ["GET", "POST"] {
            let answer = call(&app, key, (method, "/webhook_targets", &body)).await;
            check(&document, method, "/webhook_targets", &answer);
        }
    }
    for (method, path, body) in CALLS {
        let route = format!("/webhook_targets/{{target}}{path}");
        for (target, filter, body) in
            [(random, random, body), (made, kept, "{}"), (made, kept, body)]
        {
            let path = route.replace("{target}", target).replace("{filter}", filter);
            let body = if method == "GET" { "" } else { body };
            check(&document, method, &route, &call(&app, &app.key, (method, &path, body)).await);
        }
    }
    let listed = routes().iter().filter(|route| crate::legacy::owns(route.path)).count();
    assert_eq!(listed, 2 + CALLS.len(), "every route was tried");
}

#[tokio::test]
async fn who_sees_a_signing_key_is_on_record() {
    let app = TestApp::strict().await;
    let made = target(&app, "https://example.com/").await;
    let path = format!("/webhook_targets/{}/signing_key", made["id"].as_str().unwrap());
    app.get(&path).await;
    app.send("PATCH", &format!("{path}/rotate"), "").await;
    let log =
        app.bare("GET", "/api/v1/audit-log").key(&app.operator).acting_for(app.merchant).await;
    let actions: Vec<_> =
        log.json["results"].as_array().unwrap().iter().map(|row| &row["action"]).collect();
    assert!(actions.contains(&&"verification_key.shown".into()), "{}", log.text);
    assert!(actions.contains(&&"verification_key.rotated".into()), "{}", log.text);
}

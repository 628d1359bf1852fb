//! What the older API answers is what its description says, shape and status.

use serde_json::json;

use super::{CALLS, call, filter, target};
use crate::router::routes;
use crate::tests::{RANDOM_ID, TestApp};

/// Each answer is held against the document (`contract`).
#[tokio::test]
async fn every_answer_is_as_described() {
    let app = TestApp::strict().await;
    let made = target(&app, "https://example.com/").await;
    let kept = filter(&app, &made, "order.*").await;
    let (made, kept) = (made["id"].as_str().unwrap(), kept["id"].as_str().unwrap());
    let body = json!({"merchant": app.merchant.to_string(), "target_url": "https://example.com/"});
    let random = &RANDOM_ID[..24];
    for (body, key) in
        [(body.to_string(), &app.key), ("{}".into(), &app.key), (String::new(), &"x".into())]
    {
        for method in ["GET", "POST"] {
            call(&app, key, (method, "/webhook_targets", &body)).await;
        }
    }
    for (method, path, body) in CALLS {
        let route = format!("/webhook_targets/{{target}}{path}");
        for (target, filter, body) in
            [(random, random, body), (made, kept, "{}"), (made, kept, body)]
        {
            let path = route.replace("{target}", target).replace("{filter}", filter);
            let body = if method == "GET" { "" } else { body };
            call(&app, &app.key, (method, &path, body)).await;
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

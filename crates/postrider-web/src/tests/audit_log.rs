//! The audit log over the API.

use crate::api_key::{Scope, Scopes};

use super::TestApp;

async fn entries(app: &TestApp, query: &str) -> Vec<(String, String)> {
    let log = app.bare("GET", &format!("/api/v1/audit-log{query}")).key(&app.operator);
    let log = log.acting_for(app.merchant).await;
    assert_eq!(log.status, 200, "{}", log.text);
    let entries = log.json["results"].as_array().unwrap().iter();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    entries.map(|entry| (text(&entry["action"]), text(&entry["actor"]["type"]))).collect()
}

#[tokio::test]
async fn every_change_tells_who_asked_for_it_and_in_which_request() {
    let app = TestApp::new().await;
    let webhook = app.webhook("http://127.0.0.1:9/", &["*"]).await;
    let path = format!("/api/v1/webhooks/{webhook}");
    app.send("PATCH", &path, r#"{"name":"new"}"#).await;
    app.get(&format!("{path}/verification-key")).await;
    app.post(&format!("{path}/verification-key/rotate"), "").await;
    app.post(&format!("{path}/test-events"), r#"{"event_types":["order.create"]}"#).await;
    let paused = app.bare("POST", &format!("{path}/pause")).key(&app.operator);
    let paused = paused.acting_for(app.merchant).await;
    app.send("DELETE", &path, "").await;

    let told = entries(&app, &format!("?object={webhook}")).await;
    let expected = [
        ("webhook.deleted", "api_key"),
        ("webhook.paused", "operator"),
        ("webhook.test_events_sent", "api_key"),
        ("verification_key.rotated", "api_key"),
        ("verification_key.shown", "api_key"),
        ("webhook.updated", "api_key"),
        ("webhook.created", "api_key"),
    ];
    assert_eq!(told, expected.map(|(action, by)| (action.to_owned(), by.to_owned())));
    let log = app.bare("GET", &format!("/api/v1/audit-log?object={webhook}&page_size=2"));
    let log = log.key(&app.operator).await;
    assert_eq!(log.json["results"][1]["request_id"], paused.header("x-request-id"));

    let verified = app.bare("GET", "/api/v1/audit-log/verification").key(&app.operator).await;
    assert_eq!(verified.json["is_intact"], true, "{}", verified.text);
}

#[tokio::test]
async fn a_refusal_is_noted_once_a_minute() {
    let app = TestApp::new().await;
    let key = app.key_with(Scopes::NONE.with(Scope::WebhooksRead)).await;
    for _ in 0..3 {
        let refused = app.bare("POST", "/api/v1/webhooks").key(&key).await;
        assert_eq!(refused.problem(), (403, "scope_missing"));
    }
    let log = entries(&app, "").await;
    let refusals = log.iter().filter(|(action, _)| action == "request.refused").count();
    assert_eq!(refusals, 1, "{log:?}");
}

#[tokio::test]
async fn another_merchants_entries_are_not_told() {
    let app = TestApp::new().await;
    app.webhook("http://127.0.0.1:9/", &["*"]).await;
    let (other, _) = app.other_merchant().await;
    let log = app.bare("GET", "/api/v1/audit-log").key(&app.operator).acting_for(other).await;
    let told = log.json["results"].as_array().unwrap();
    assert!(!told.is_empty());
    assert!(told.iter().all(|entry| entry["merchant"] == other.to_string()), "{}", log.text);
    let refused = app.get("/api/v1/audit-log").await;
    assert_eq!(refused.problem(), (403, "administration_required"));
}

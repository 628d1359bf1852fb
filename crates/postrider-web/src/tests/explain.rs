//! Why an event was or was not sent.

use postrider_core::ids::WebhookId;
use postrider_core::time::Timestamp;
use postrider_core::webhook::{DisabledBy, Health, Status};
use postrider_store::catalog::{Backlog, StatusChange};

use super::{NOW, RANDOM_ID, TestApp, stamp};

async fn explain(app: &TestApp, event: &str) -> (String, String, String) {
    let answer = app.get(&format!("/api/v1/explain?event={event}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let text = |name: &str| answer.json["results"][0][name].as_str().unwrap_or("").to_owned();
    (text("decision"), text("status"), text("explanation"))
}

async fn post(app: &TestApp) -> String {
    app.post_event(r#"{"object":{}}"#).await.json["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn each_decision_is_explained() {
    let app = TestApp::new().await;
    let unheard = post(&app).await;
    let answer = app.get(&format!("/api/v1/explain?event={unheard}")).await.json;
    assert_eq!(
        (&answer["event"], answer["results"].as_array().unwrap().len()),
        (&unheard.clone().into(), 0)
    );
    assert!(answer["explanation"].as_str().unwrap().starts_with("Nobody listened"));

    let webhook = app.webhook(&format!("http://{}/", app.receiver().await), &["item.*"]).await;
    let late = app.get(&format!("/api/v1/explain?event={unheard}&webhook={webhook}")).await.json;
    assert_eq!(late["results"][0]["decision"], "created_later");

    let event = post(&app).await;
    let (decision, _, words) = explain(&app, &event).await;
    assert_eq!(decision, "not_selected");
    assert!(words.contains("Now it selects item.*."), "{words}");

    let path = format!("/api/v1/webhooks/{webhook}");
    app.send("PATCH", &path, r#"{"event_types":["order.*"]}"#).await;
    let event = post(&app).await;
    app.engine.run_until_idle().await;
    let (decision, status, words) = explain(&app, &event).await;
    assert_eq!((&*decision, &*status), ("deliver", "success"));
    assert!(words.contains("by `order.*`. The delivery is success after 1"), "{words}");

    app.post(&format!("{path}/disable"), "").await;
    let (decision, _, words) = explain(&app, &post(&app).await).await;
    assert_eq!(decision, "disabled");
    let since = NOW.rfc3339();
    let end =
        format!("disabled, as was asked, since {since} by the API key \"key\"; its health is ok.");
    assert!(words.ends_with(&end), "{words}");
}

#[tokio::test]
async fn what_a_delivery_waits_for_is_explained() {
    let app = TestApp::new().await;
    let webhook = app.webhook("http://127.0.0.1:9/", &["*"]).await;
    let path = format!("/api/v1/webhooks/{webhook}");
    app.post(&format!("{path}/pause"), "").await;
    let event = post(&app).await;
    let (_, status, words) = explain(&app, &event).await;
    assert_eq!(status, "pending");
    assert!(words.contains("waits for the webhook to be resumed"), "{words}");
    let id = WebhookId::parse(&webhook).unwrap();
    let store = app.engine.store();
    let change = |status| StatusChange { status, backlog: Backlog::Keep };
    store.change_status(app.merchant, id, change(Status::Enabled), stamp()).await.unwrap();
    assert!(explain(&app, &event).await.2.contains("first attempt"));
    let mut ill = Health::OK;
    for _ in 0..5 {
        ill = ill.after_failure(NOW, Timestamp::from_unix_seconds(1_750_000_300));
    }
    store.note_health(vec![(id, ill)]).await.unwrap();
    let words = explain(&app, &event).await.2;
    assert!(words.contains("behind the probe of 2025-06-15T15:11:40"), "{words}");
    for (by, expected) in [(DisabledBy::Gone, "410 Gone"), (DisabledBy::Failing, "for too long")] {
        store.change_status(app.merchant, id, change(Status::Disabled(by)), stamp()).await.unwrap();
        let (_, status, words) = explain(&app, &event).await;
        assert!(status == "canceled" && words.contains(expected), "{words}");
    }
    app.bare("DELETE", &path).key(&app.key).await;
    assert!(explain(&app, &event).await.2.contains("deleted since"));
}

#[tokio::test]
async fn what_is_unknown_or_anothers_is_not_explained() {
    let app = TestApp::new().await;
    let (_, others_key) = app.other_merchant().await;
    let event = post(&app).await;
    let webhook = app.webhook("http://127.0.0.1:9/", &["*"]).await;
    let theirs = app.bare("GET", &format!("/api/v1/explain?event={event}")).key(&others_key).await;
    assert_eq!(theirs.problem(), (404, "not_found"));
    let call = app.bare("POST", "/api/v1/events").key(&others_key);
    let body = r#"{"id":"own","type":"order.create","data":{"object":{}}}"#;
    call.header("content-type", "application/json").body(body).await;
    let path = format!("/api/v1/explain?event=own&webhook={webhook}");
    assert_eq!(app.bare("GET", &path).key(&others_key).await.problem(), (404, "not_found"));
    for (query, problem) in [
        (format!("event={RANDOM_ID}"), (404, "not_found")),
        (format!("event={event}&webhook={RANDOM_ID}"), (404, "not_found")),
        (String::new(), (422, "missing_parameter")),
        (format!("event={event}&webhook=7"), (422, "invalid_parameter")),
    ] {
        let answer = app.get(&format!("/api/v1/explain?{query}")).await;
        assert_eq!(answer.problem(), problem, "{query}");
    }
}

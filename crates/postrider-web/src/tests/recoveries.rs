//! Recoveries over the API: what is refused, and that a dry run tells what then happens.

use serde_json::json;

use super::{NOW, RANDOM_ID, TestApp};

const PATH: &str = "/api/v1/recoveries";
const COUNT: u64 = 3;

/// A webhook all of whose deliveries were canceled.
async fn canceled(app: &TestApp) -> String {
    let target = format!("http://{}/", app.receiver().await);
    let webhook = app.webhook(&target, &["order.create"]).await;
    app.post(&format!("/api/v1/webhooks/{webhook}/pause"), "").await;
    for _ in 0..COUNT {
        app.post_event(r#"{"object":{}}"#).await;
    }
    let path = format!("/api/v1/webhooks/{webhook}/resume");
    let resumed = app.post(&path, r#"{"backlog":"none"}"#).await;
    assert_eq!(resumed.json["canceled"], COUNT, "{}", resumed.text);
    let Some(manual) = app.manual() else { unreachable!() };
    manual.advance_to(NOW + std::time::Duration::from_mins(1));
    webhook
}

#[tokio::test]
async fn a_dry_run_tells_what_then_happens() {
    let app = TestApp::new().await;
    let webhook = canceled(&app).await;
    let body = |dry_run: bool| {
        json!({
            "webhook": webhook, "since": NOW.rfc3339(), "statuses": ["failed", "canceled"],
            "rate_per_second": 2, "dry_run": dry_run,
        })
        .to_string()
    };
    let dry = app.post(PATH, body(true)).await;
    let expected = json!({
        "dry_run": true, "count": COUNT, "count_is_exact": true, "oldest_at": NOW.rfc3339(),
        "newest_at": NOW.rfc3339(), "duration_seconds": 2,
    });
    assert_eq!((dry.status.as_u16(), &dry.json), (200, &expected));
    assert!(app.get(PATH).await.ids().is_empty(), "nothing has changed");
    let begun = app.post(PATH, body(false)).await;
    assert_eq!(begun.status, 201, "{}", begun.text);
    assert_eq!((&begun.json["total"], &begun.json["status"]), (&json!(COUNT), &json!("running")));
    let id = begun.json["id"].as_str().unwrap();
    let second = app.post(PATH, body(false)).await;
    assert_eq!(second.problem(), (409, "recovery_under_way"));
    assert!(second.detail().contains(id));
    app.engine.run_until_idle().await;
    while let Some(due) = app.engine.next_due() {
        app.manual().unwrap().advance_to(due);
        app.engine.run_until_idle().await;
    }
    let path = format!("{PATH}/{id}");
    let done = app.get(&path).await;
    assert_eq!((&done.json["status"], &done.json["resent"]), (&json!("done"), &json!(COUNT)));
    let sent = app.get(&format!("/api/v1/deliveries?webhook={webhook}&status=success")).await;
    assert_eq!(sent.ids().len() as u64, COUNT);
    assert_eq!(app.post(&format!("{path}/cancel"), "").await.problem(), (409, "recovery_done"));
    assert_eq!(app.get(&format!("{PATH}?status=done&webhook={webhook}")).await.ids(), [id]);
    assert!(app.get(&format!("{PATH}?status=running")).await.ids().is_empty());
}

#[tokio::test]
async fn a_recovery_of_a_disabled_webhook_waits_and_can_be_canceled() {
    let app = TestApp::new().await;
    let webhook = canceled(&app).await;
    app.post(&format!("/api/v1/webhooks/{webhook}/disable"), "").await;
    let body = json!({ "webhook": webhook, "since": NOW.rfc3339(), "statuses": ["canceled"] });
    let begun = app.post(PATH, body.to_string()).await;
    assert_eq!(begun.json["status"], "waiting", "{}", begun.text);
    assert!(begun.json["reason"].as_str().unwrap().contains("disabled"));
    assert_eq!(begun.json["rate_per_second"], 50);
    let path = format!("{PATH}/{}", begun.json["id"].as_str().unwrap());
    let (_, others_key) = app.other_merchant().await;
    for (method, path) in [("GET", path.clone()), ("POST", format!("{path}/cancel"))] {
        let answer = app.bare(method, &path).key(&others_key).await;
        assert_eq!(answer.problem(), (404, "not_found"), "{method} {path}");
    }
    let canceled = app.post(&format!("{path}/cancel"), "").await;
    assert_eq!(
        (&canceled.json["status"], &canceled.json["reason"]),
        (&json!("canceled"), &json!(null))
    );
    assert_eq!(app.post(&format!("{path}/cancel"), "").await.status, 200, "again is no error");
}

#[tokio::test]
async fn what_cannot_be_recovered_is_refused_with_the_reason() {
    let app = TestApp::new().await;
    let webhook = app.webhook("http://127.0.0.1:9/", &["*"]).await;
    let since = "2020-01-01T00:00:00Z";
    for (change, status, code, field) in [
        (json!({ "webhook": RANDOM_ID }), 404, "not_found", "webhook"),
        (json!({ "webhook": "7" }), 404, "not_found", "webhook"),
        (json!({ "since": "yesterday" }), 422, "invalid_time", "since"),
        (json!({ "since": "2020-01-02T00:00:00Z", "until": since }), 422, "invalid_span", "since"),
        (json!({ "until": "2100-01-01T00:00:00Z" }), 422, "invalid_span", "until"),
        (json!({ "statuses": ["success"] }), 422, "invalid_statuses", "statuses"),
        (json!({ "statuses": ["failed", "pending"] }), 422, "invalid_statuses", "statuses"),
        (json!({ "statuses": ["lost"] }), 422, "invalid_statuses", "statuses"),
        (json!({ "statuses": [] }), 422, "invalid_statuses", "statuses"),
        (json!({ "rate_per_second": 0 }), 422, "invalid_rate", "rate_per_second"),
        (json!({ "rate_per_second": 1_001 }), 422, "invalid_rate", "rate_per_second"),
        (json!({ "dry_run": "yes" }), 422, "invalid_type", "dry_run"),
        (json!({ "dryrun": true }), 422, "unknown_field", "dryrun"),
    ] {
        let mut body = json!({ "webhook": webhook, "since": since });
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let answer = app.post(PATH, body.to_string()).await;
        assert_eq!((answer.problem(), answer.field()), ((status, code), field), "{change}");
    }
    let missing = app.post(PATH, json!({ "webhook": webhook }).to_string()).await;
    assert_eq!((missing.problem(), missing.field()), ((422, "missing_field"), "since"));
}

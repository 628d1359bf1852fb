//! The figures of a webhook.

use std::time::Duration;

use postrider_core::address::AddressPolicy;
use postrider_core::limits;
use postrider_engine::Clock;
use serde_json::json;

use super::{NOW, TestApp};
use crate::ListenerLimits;

#[tokio::test]
async fn metrics_count_the_last_thirty_days_of_one_webhook() {
    let policy = AddressPolicy::default().allow(["127.0.0.0/8".parse().unwrap()]);
    let clock = Clock::manual(NOW);
    let app = TestApp::with(policy, clock.clone(), ListenerLimits::default()).await;
    let webhook = app.webhook(&format!("http://{}/", app.receiver().await), &["*"]).await;
    let path = format!("/api/v1/webhooks/{webhook}/metrics");
    let empty = json!({
        "failed": 0, "successful": 0, "successful_retries": 0, "pending_delivery": 0,
        "latency_ms": null, "days": [],
    });
    assert_eq!(app.get(&path).await.json, empty);
    let posted = app.post_event(r#"{"object":{}}"#).await;
    app.post_event(r#"{"object":{}}"#).await;
    app.engine.run_until_idle().await;
    let delivery = posted.json["deliveries"][0].as_str().unwrap();
    app.post(&format!("/api/v1/deliveries/{delivery}/resend"), "").await;
    app.engine.run_until_idle().await;
    app.post(&format!("/api/v1/webhooks/{webhook}/pause"), "").await;
    app.post_event(r#"{"object":{}}"#).await;
    let shown = app.get(&path).await.json;
    for (name, expected) in
        [("failed", 0), ("successful", 2), ("successful_retries", 1), ("pending_delivery", 1)]
    {
        assert_eq!(shown[name], expected, "{name}: {shown}");
    }
    let today = format!("{}T00:00:00.000Z", &NOW.rfc3339()[..10]);
    let day = json!({ "day": today, "failed": 0, "successful": 2, "pending_delivery": 1 });
    assert_eq!(shown["days"], json!([day]));
    let hour = format!("{}:00:00.000Z", &NOW.rfc3339()[..13]);
    let hour = json!({ "hour": hour, "failed": 0, "successful": 2, "pending_delivery": 1 });
    assert_eq!(app.get(&format!("{path}/hours")).await.json, json!({ "results": [hour] }));
    for name in ["p50", "p95", "p99"] {
        assert!(shown["latency_ms"][name].is_number(), "{shown}");
    }
    let Clock::Manual(manual) = clock else { unreachable!("it is moved by hand") };
    manual.advance_to(NOW + limits::METRICS_SPAN);
    assert_eq!(app.get(&path).await.json["successful"], 2);
    // Whole days are counted: the one that began thirty days ago is shown until it is over.
    manual.advance_to(NOW + limits::METRICS_SPAN + Duration::from_hours(24));
    assert_eq!(app.get(&path).await.json, empty);
    let answer = app.get(&format!("{path}?days=7")).await;
    assert_eq!(answer.problem(), (422, "unknown_parameter"));
}

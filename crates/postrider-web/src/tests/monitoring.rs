//! What monitoring reads: who may, and that the figures are those of what happened.

use super::TestApp;

/// The value of a line that begins like this.
fn value(text: &str, name: &str) -> f64 {
    let line =
        text.lines().find(|line| line.starts_with(name) && line[name.len()..].starts_with(' '));
    let line = line.unwrap_or_else(|| panic!("there is no {name} in {text}"));
    line.rsplit_once(' ').unwrap().1.parse().unwrap()
}

#[tokio::test]
async fn metrics_tell_what_happened_and_account_for_everything() {
    let app = TestApp::new().await;
    let read = async || {
        let answer = app.bare("GET", "/metrics").key(&app.operator).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert!(
            answer.headers["content-type"].to_str().unwrap().starts_with("application/openmetrics")
        );
        answer.text
    };
    app.webhook(&format!("http://{}/", app.receiver().await), &["order.*"]).await;
    let gone = app.webhook("http://127.0.0.1:1/", &["order.*"]).await;
    app.post(&format!("/api/v1/webhooks/{gone}/pause"), "").await;
    for _ in 0..3 {
        app.post_event(r#"{"object":{}}"#).await;
    }
    app.engine.run_until_idle().await;
    let text = read().await;
    for (name, expected) in [
        ("postrider_events_accepted_total", 3.0),
        ("postrider_events_duplicate_total", 0.0),
        ("postrider_deliveries_created_total", 6.0),
        ("postrider_attempts_total{outcome=\"success\"}", 3.0),
        ("postrider_attempts_total{outcome=\"timeout\"}", 0.0),
        ("postrider_attempt_duration_seconds_count", 3.0),
        ("postrider_attempt_queue_seconds_count", 3.0),
        ("postrider_deliveries{state=\"success\"}", 3.0),
        ("postrider_deliveries{state=\"pending\"}", 3.0),
        ("postrider_decisions", 6.0),
        ("postrider_unaccounted", 0.0),
        ("postrider_attempts_in_flight", 0.0),
        // What waits for a paused webhook waits as somebody wished.
        ("postrider_oldest_due_age_seconds", 0.0),
    ] {
        assert!((value(&text, name) - expected).abs() < f64::EPSILON, "{name}: {text}");
    }
    assert!(text.ends_with("# EOF\n"));
    assert!(!text.contains(&gone), "no label names a webhook");
}

#[tokio::test]
async fn only_operators_read_metrics() {
    let app = TestApp::new().await;
    assert_eq!(app.bare("GET", "/metrics").await.status, 401);
    assert_eq!(app.get("/metrics").await.status, 403);
}

#[tokio::test]
async fn an_address_of_their_own_has_metrics_for_anyone_and_nothing_else() {
    let app = TestApp::new().await;
    let alone = app.app.only_metrics();
    let ask = async |path: &str| {
        let request = axum::http::Request::get(path).header("host", "monitoring");
        alone.handle(request.body(axum::body::Body::empty()).unwrap()).await
    };
    let metrics = ask("/metrics").await;
    assert_eq!(metrics.status(), 200);
    assert!(
        metrics.headers()["content-type"].to_str().unwrap().starts_with("application/openmetrics")
    );
    for path in ["/", "/healthz", "/api/v1/events", "/api/v1/event-types", "/api/v1/setup"] {
        assert_eq!(ask(path).await.status(), 404, "{path}");
    }
    assert_eq!(app.bare("GET", "/metrics").await.status, 401, "the API still asks for a key");
}

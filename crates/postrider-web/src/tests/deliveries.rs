//! Deliveries with a real receiver: attempts as shown, resends, filters, test events.

use serde_json::Value;

use super::{NOW, TestApp};

#[tokio::test]
async fn a_delivery_shows_the_request_as_sent_and_every_attempt() {
    let app = TestApp::new().await;
    let webhook = app.webhook(&format!("http://{}/hook", app.receiver().await), &["*"]).await;
    let posted = app.post_event(r#"{"object":{"n" : 1}}"#).await;
    let (event, id) = (&posted.json["id"], posted.json["deliveries"][0].as_str().unwrap());
    app.engine.run_until_idle().await;
    let shown = app.get(&format!("/api/v1/deliveries/{id}")).await.json;
    assert_eq!((&shown["event"], &shown["event_type"]), (event, &"order.create".into()));
    assert_eq!((&shown["webhook"], &shown["status"]), (&webhook.into(), &"success".into()));
    assert_eq!((&shown["attempts_count"], &shown["test"]), (&1.into(), &false.into()));
    assert_eq!(
        (&shown["created_at"], &shown["settled_at"]),
        (&NOW.rfc3339().into(), &NOW.rfc3339().into())
    );
    assert!(shown["next_attempt_at"].is_null());
    assert!(shown["request"]["body"].as_str().unwrap().contains(r#"{"object":{"n" : 1}}"#));
    let header = |name: &str| {
        let headers = shown["request"]["headers"].as_array().unwrap();
        let is_named = |line: &&Value| line["name"].as_str().unwrap().eq_ignore_ascii_case(name);
        headers.iter().find(is_named).map(|line| line["value"].as_str().unwrap().to_owned())
    };
    assert_eq!(header("postrider-delivery").as_deref(), Some(id));
    assert!(header("Ordergroove-Signature").unwrap().starts_with("ts="));
    let attempt = &shown["attempts"][0];
    assert_eq!((&attempt["number"], &attempt["outcome"]), (&1.into(), &"success".into()));
    assert_eq!((&attempt["status_code"], &attempt["cause"]), (&200.into(), &Value::Null));
    assert!(attempt["response_body"].as_str().unwrap().starts_with("ok"));
    assert_eq!(attempt["response_truncated"], false);
    assert!(attempt["response_headers"][0]["name"].is_string());
    assert_eq!(attempt["configuration_version"], 1);
    for phase in ["queue_ms", "dns_ms", "connect_ms", "tls_ms", "first_byte_ms", "total_ms"] {
        assert!(attempt["phases"].get(phase).is_some(), "{phase}");
    }
    assert!(attempt["phases"]["total_ms"].is_number() && attempt["duration_ms"].is_number());
}

#[tokio::test]
async fn a_settled_delivery_can_be_resent_and_a_pending_one_cannot() {
    let app = TestApp::new().await;
    let webhook = app.webhook(&format!("http://{}/", app.receiver().await), &["*"]).await;
    let posted = app.post_event(r#"{"object":{}}"#).await;
    let id = posted.json["deliveries"][0].as_str().unwrap();
    let resend = format!("/api/v1/deliveries/{id}/resend");
    app.engine.run_until_idle().await;
    app.post(&format!("/api/v1/webhooks/{webhook}/pause"), "").await;
    let resent = app.post(&resend, "").await;
    assert_eq!((resent.status.as_u16(), &resent.json["status"]), (200, &"pending".into()));
    assert!(resent.json["next_attempt_at"].is_string());
    assert_eq!(app.post(&resend, "").await.problem(), (409, "already_pending"));
    app.post(&format!("/api/v1/webhooks/{webhook}/disable"), "").await;
    assert_eq!(app.post(&resend, "").await.problem(), (409, "webhook_not_enabled"));
    assert_eq!(app.post(&resend, r#"{"all":1}"#).await.problem(), (422, "unknown_field"));
}

#[tokio::test]
async fn filters_choose_deliveries_and_bad_ones_are_named() {
    let app = TestApp::new().await;
    let webhook = app.webhook("http://127.0.0.1:9/", &["order.create"]).await;
    app.post(&format!("/api/v1/webhooks/{webhook}/pause"), "").await;
    let posted = app.post_event(r#"{"object":{}}"#).await;
    let event = posted.json["id"].as_str().unwrap();
    let count = async |query: &str| {
        let answer = app.get(&format!("/api/v1/deliveries?{query}")).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.text);
        answer.ids().len()
    };
    for (query, expected) in [
        (format!("webhook={webhook}&status=pending&event_type=order.create"), 1),
        (format!("event={event}&test=false"), 1),
        ("status=success".to_owned(), 0),
        ("test=true".to_owned(), 0),
        ("event_type=item.create".to_owned(), 0),
        (format!("created_after={}", NOW.rfc3339()), 1),
        (format!("created_before={}", NOW.rfc3339()), 0),
    ] {
        assert_eq!(count(&query).await, expected, "{query}");
    }
    for (query, field) in [
        ("webhook=7", "webhook"),
        ("status=done", "status"),
        ("event_type=order", "event_type"),
        ("event=a%00b", "event"),
        ("test=1", "test"),
        ("created_after=yesterday", "created_after"),
        ("created_before=%2B25%3A00", "created_before"),
        ("created_before=0001-01-01T00:00:00%2B25:00", "created_before"),
    ] {
        let answer = app.get(&format!("/api/v1/deliveries?{query}")).await;
        let expected = ((422, "invalid_parameter"), field);
        assert_eq!((answer.problem(), answer.field()), expected, "{query}");
    }
    for query in ["phone=1", "emails=a", "objects=b"] {
        let answer = app.get(&format!("/api/v1/deliveries?{query}")).await;
        assert_eq!(answer.problem(), (422, "unknown_parameter"), "{query}");
    }
}

#[tokio::test]
async fn test_events_go_to_one_webhook_and_are_marked() {
    let app = TestApp::new().await;
    let target = format!("http://{}/", app.receiver().await);
    let webhook = app.webhook(&target, &["order.*", "item.create"]).await;
    let other = app.webhook(&target, &["*"]).await;
    let path = format!("/api/v1/webhooks/{webhook}/test-events");
    let all = app.post(&path, "").await;
    assert_eq!(all.status, 200, "{}", all.text);
    let selected =
        1 + postrider_core::catalogue::entries_of(postrider_core::catalogue::Family::Order).len();
    assert_eq!(all.json["deliveries"].as_array().unwrap().len(), selected);
    app.engine.run_until_idle().await;
    let listed = app.get("/api/v1/deliveries?test=true&page_size=100").await;
    let rows = listed.json["results"].as_array().unwrap();
    assert_eq!(rows.len(), selected);
    assert!(rows.iter().all(|row| row["webhook"] == *webhook && row["test"] == true));
    assert!(!listed.text.contains(&other));
    let unselected = r#"{"event_types":["subscription.create","subscription.create"]}"#;
    let one = app.post(&path, unselected).await;
    assert_eq!(one.json["deliveries"].as_array().unwrap().len(), 1, "{}", one.text);
    for (body, code) in [
        (r#"{"event_types":["order.crate"]}"#, "unknown_event_type"),
        (r#"{"event_types":[]}"#, "invalid_event_types"),
        (r#"{"event_types":"order.create"}"#, "invalid_type"),
        (r#"{"types":[]}"#, "unknown_field"),
        (r#"{"seed":"7"}"#, "invalid_seed"),
        (r#"{"seed":"00000000000000FF"}"#, "invalid_seed"),
        (r#"{"seed":"+000000000000001"}"#, "invalid_seed"),
        (r#"{"seed":7}"#, "invalid_type"),
    ] {
        assert_eq!(app.post(&path, body).await.problem(), (422, code), "{body}");
    }
}

#[tokio::test]
async fn a_changed_choice_leaves_what_is_in_transit_as_it_is() {
    let app = TestApp::new().await;
    let body = r#"{"name":"a","target_url":"http://127.0.0.1:9/","event_types":["*"],
        "additional_data":{"order":["customer"]}}"#;
    let made = app.post("/api/v1/webhooks", body).await;
    let path = format!("/api/v1/webhooks/{}", made.json["id"].as_str().unwrap());
    let event = r#"{"type":"order.create","data":{"object":{}},
        "snapshot":{"customer":{"first_name":"Maya"},"items":[{"quantity":3}]}}"#;
    let post = async || {
        let posted = app.post("/api/v1/events", event).await;
        posted.json["deliveries"][0].as_str().unwrap().to_owned()
    };
    let snapshot = async |delivery: &str| {
        let shown = app.get(&format!("/api/v1/deliveries/{delivery}")).await;
        let body = shown.json["request"]["body"].as_str().unwrap();
        let body: Value = serde_json::from_str(body).unwrap();
        body["snapshot"].to_string()
    };
    let early = post().await;
    let change = r#"{"additional_data":{"order":["items"]}}"#;
    assert_eq!(app.send("PATCH", &path, change).await.status, 200);
    let late = post().await;
    assert_eq!(snapshot(&early).await, r#"{"customer":{"first_name":"Maya"}}"#);
    assert_eq!(snapshot(&late).await, r#"{"items":[{"quantity":3}]}"#);
}

#[tokio::test]
async fn a_shown_seed_repeats_test_events() {
    let app = TestApp::new().await;
    let target = format!("http://{}/", app.receiver().await);
    let webhook = app.webhook(&target, &["order.*"]).await;
    let path = format!("/api/v1/webhooks/{webhook}/test-events");
    let sent = async |body: &str| {
        let sent = app.post(&path, body).await;
        assert_eq!(sent.status, 200, "{}", sent.text);
        app.engine.run_until_idle().await;
        let mut events = Vec::new();
        for id in sent.json["deliveries"].as_array().unwrap() {
            let shown = app.get(&format!("/api/v1/deliveries/{}", id.as_str().unwrap())).await;
            let body = shown.json["request"]["body"].as_str().unwrap();
            let event: serde_json::Value = serde_json::from_str(body).unwrap();
            events.push((event["type"].clone(), event["data"].clone()));
        }
        (sent.json["seed"].as_str().unwrap().to_owned(), events)
    };
    let (seed, first) = sent("").await;
    assert_eq!(seed.len(), 16);
    let (again, repeated) = sent(&format!(r#"{{"seed":"{seed}"}}"#)).await;
    assert_eq!((again, &repeated), (seed.clone(), &first));
    let (other, invented) = sent("").await;
    assert_ne!(other, seed);
    assert_ne!(invented, first);
    let customer = &first[0].1["object"]["customer"];
    assert!(first.iter().all(|(_, data)| data["object"]["customer"] == *customer));
}

//! The webhook object: its fields, their rules, its life, and its verification key.

use serde_json::{Value, json};

use super::{NOW, TestApp, stamp};

#[tokio::test]
async fn a_webhook_is_shown_with_every_field_and_its_defaults() {
    let app = TestApp::strict().await;
    let body = r#"{"name":"a","target_url":"https://example.com","event_types":["order.*"]}"#;
    let made = app.post("/api/v1/webhooks", body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let id = made.json["id"].as_str().unwrap();
    assert_eq!(made.header("location"), format!("/api/v1/webhooks/{id}"));
    let expected = json!({
        "id": id, "name": "a", "target_url": "https://example.com/", "event_types": ["order.*"],
        "additional_data": {}, "status": "enabled", "health": {"status": "ok", "since": null},
        "signature": "ordergroove", "retry_policy": "five_minutes", "timeout_seconds": 5,
        "headers": {}, "max_in_flight": 32, "rate_limit_per_second": null,
        "created_at": NOW.rfc3339(), "updated_at": NOW.rfc3339(),
    });
    assert_eq!(made.json, expected);
    assert_eq!(app.get(&format!("/api/v1/webhooks/{id}")).await.json, expected);
    assert_eq!(app.get("/api/v1/webhooks").await.json["results"], json!([expected]));
}

#[tokio::test]
async fn any_subset_of_fields_can_be_changed_and_the_rest_stays() {
    let app = TestApp::strict().await;
    let id = app.webhook("https://example.com/", &["*"]).await;
    let path = format!("/api/v1/webhooks/{id}");
    let mut expected = app.get(&path).await.json;
    for change in [
        json!({"name": "'; -- {{7*7}} %n ${jndi:x}"}),
        json!({"event_types": ["order.create", "item.*"]}),
        json!({"additional_data": {"order": ["customer", "items"], "item": ["orders"]}}),
        json!({"signature": "both", "timeout_seconds": 30}),
        json!({"retry_policy": {"waits_seconds": [1, 5, 60]}}),
        json!({"retry_policy": "legacy", "headers": {"X-B": "1"}}),
        json!({"max_in_flight": 1, "rate_limit_per_second": 10}),
        json!({"rate_limit_per_second": null, "additional_data": {}}),
        json!({}),
    ] {
        let answer = app.send("PATCH", &path, change.to_string()).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let members = change.as_object().unwrap().clone();
        members.into_iter().for_each(|(name, value)| expected[name] = value);
        assert_eq!(answer.json, expected, "{change}");
        assert_eq!(app.get(&path).await.json, expected);
    }
}

#[tokio::test]
async fn bad_fields_are_refused_by_name_and_change_nothing() {
    let app = TestApp::strict().await;
    let id = app.webhook("https://example.com/", &["*"]).await;
    let path = format!("/api/v1/webhooks/{id}");
    let before = app.get(&path).await.text;
    let many: Vec<_> = (0..129).map(|_| "order.create").collect();
    for (change, code, field) in [
        (json!({"name": ""}), "invalid_name", "name"),
        (json!({"name": "a\u{0}"}), "control_character", "name"),
        (json!({"name": "n".repeat(257)}), "invalid_name", "name"),
        (json!({"name": 7}), "invalid_type", "name"),
        (json!({"event_types": []}), "invalid_event_types", "event_types"),
        (json!({"event_types": many}), "invalid_event_types", "event_types"),
        (json!({"event_types": "*"}), "invalid_type", "event_types"),
        (json!({"event_types": ["order"]}), "invalid_event_type", "event_types"),
        (json!({"event_types": ["order.created"]}), "unknown_event_type", "event_types"),
        (json!({"event_types": ["orders.*"]}), "unknown_event_type", "event_types"),
        (json!({"additional_data": []}), "invalid_type", "additional_data"),
        (json!({"additional_data": {"orders": []}}), "unknown_field", "additional_data.orders"),
        (
            json!({"additional_data": {"order": ["orders"]}}),
            "entity_not_allowed",
            "additional_data.order",
        ),
        (json!({"additional_data": {"order": ["x"]}}), "unknown_entity", "additional_data.order"),
        (json!({"signature": "none"}), "invalid_signature", "signature"),
        (json!({"retry_policy": "often"}), "invalid_retry_policy", "retry_policy"),
        (json!({"retry_policy": {"waits_seconds": []}}), "invalid_retry_policy", "retry_policy"),
        (json!({"retry_policy": {"waits_seconds": [0]}}), "invalid_retry_policy", "retry_policy"),
        (json!({"retry_policy": {"waits": [1]}}), "unknown_field", "retry_policy.waits"),
        (json!({"retry_policy": 5}), "invalid_type", "retry_policy"),
        (json!({"timeout_seconds": 0}), "out_of_range", "timeout_seconds"),
        (json!({"timeout_seconds": 31}), "out_of_range", "timeout_seconds"),
        (json!({"timeout_seconds": 1.5}), "invalid_type", "timeout_seconds"),
        (json!({"timeout_seconds": -1}), "invalid_type", "timeout_seconds"),
        (json!({"max_in_flight": 129}), "out_of_range", "max_in_flight"),
        (json!({"rate_limit_per_second": 0}), "out_of_range", "rate_limit_per_second"),
        (json!({"status": "disabled"}), "read_only_field", "status"),
        (json!({"id": "a"}), "read_only_field", "id"),
        (json!({"tenant_id": "a"}), "unknown_field", "tenant_id"),
        (json!({"target": "https://example.com"}), "unknown_field", "target"),
    ] {
        let answer = app.send("PATCH", &path, change.to_string()).await;
        assert_eq!((answer.problem(), answer.field()), ((422, code), field), "{change}");
    }
    assert_eq!(app.get(&path).await.text, before);
    let incomplete = app.post("/api/v1/webhooks", r#"{"name":"a","event_types":["*"]}"#).await;
    assert_eq!((incomplete.problem().1, incomplete.field()), ("missing_field", "target_url"));
}

/// Row 57.
#[tokio::test]
async fn a_change_with_an_old_tag_is_held_back() {
    let app = TestApp::strict().await;
    let id = app.webhook("https://example.com/", &["*"]).await;
    let path = format!("/api/v1/webhooks/{id}");
    let tag = app.get(&path).await.header("etag").to_owned();
    let change = || app.send("PATCH", &path, r#"{"name":"b"}"#).header("if-match", &tag);
    let changed = change().await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    assert_ne!(changed.header("etag"), tag);
    assert_eq!(change().await.problem(), (412, "precondition_failed"));
    let any = app.send("PATCH", &path, r#"{"name":"c"}"#).header("if-match", "*").await;
    assert_eq!(any.status, 200);
}

#[tokio::test]
async fn the_status_moves_by_actions_and_waiting_deliveries_follow() {
    let app = TestApp::new().await;
    let id = app.webhook("http://127.0.0.1:9/", &["*"]).await;
    let act = async |action: &str, body: &str| {
        app.post(&format!("/api/v1/webhooks/{id}/{action}"), body).await
    };
    let state = async |delivery: &str| {
        let shown = app.get(&format!("/api/v1/deliveries/{delivery}")).await;
        shown.json["status"].as_str().unwrap().to_owned()
    };
    let paused = act("pause", "").await;
    assert_eq!((&paused.json["status"], &paused.json["canceled"]), (&"paused".into(), &0.into()));
    assert_eq!(act("pause", "{}").await.status, 200, "again changes nothing");
    assert_eq!(act("enable", "").await.problem(), (409, "webhook_paused"));
    let posted = app.post_event(r#"{"object":{}}"#).await;
    let waiting = posted.json["deliveries"][0].as_str().unwrap();
    for (body, status, code) in [
        ("", 400, "empty_body"),
        ("{}", 422, "missing_field"),
        (r#"{"backlog":"some"}"#, 422, "invalid_backlog"),
        (r#"{"backlog":"latest","dryrun":true}"#, 422, "unknown_field"),
        (r#"{"backlog":"latest","dry_run":1}"#, 422, "invalid_type"),
    ] {
        assert_eq!(act("resume", body).await.problem(), (status, code), "{body}");
    }
    let resumed = act("resume", r#"{"backlog":"none"}"#).await;
    assert_eq!(
        (&resumed.json["status"], &resumed.json["canceled"]),
        (&"enabled".into(), &1.into())
    );
    assert_eq!(state(waiting).await, "canceled");
    let again = act("resume", r#"{"backlog":"all"}"#).await;
    assert_eq!(again.problem(), (409, "webhook_not_paused"));
    act("pause", "").await;
    app.post_event(r#"{"object":{}}"#).await;
    let disabled = act("disable", "").await;
    assert_eq!(
        (&disabled.json["status"], &disabled.json["canceled"]),
        (&"disabled".into(), &1.into())
    );
    assert_eq!(act("pause", "").await.problem(), (409, "webhook_not_enabled"));
    assert_eq!(act("test-events", "").await.problem(), (409, "webhook_not_enabled"));
    assert_eq!(act("enable", r#"{"now":true}"#).await.problem(), (422, "unknown_field"));
    assert_eq!(act("enable", "").await.json["status"], "enabled");
    let path = format!("/api/v1/webhooks/{id}");
    let deleted = app.bare("DELETE", &path).key(&app.key).await;
    assert_eq!((deleted.status.as_u16(), deleted.text.as_str()), (204, ""));
    assert_eq!(app.get(&path).await.status, 404);
    assert_eq!(state(waiting).await, "canceled", "the log stays");
}

#[tokio::test]
async fn resuming_with_the_latest_sends_one_delivery_of_each_object() {
    let app = TestApp::new().await;
    let id = app.webhook(&format!("http://{}/", app.receiver().await), &["*"]).await;
    app.post(&format!("/api/v1/webhooks/{id}/pause"), "").await;
    let mut deliveries = Vec::new();
    for object in [r#"{"public_id":"a"}"#, r#"{"public_id":"b"}"#, r#"{"public_id":"a"}"#, "{}"] {
        let posted = app.post_event(&format!(r#"{{"object":{object}}}"#)).await;
        deliveries.push(posted.json["deliveries"][0].as_str().unwrap().to_owned());
    }
    let path = format!("/api/v1/webhooks/{id}/resume");
    for (backlog, send, cancel) in [("all", 4, 0), ("latest", 3, 1), ("none", 0, 4)] {
        let body = json!({ "backlog": backlog, "dry_run": true }).to_string();
        let counted = app.post(&path, body).await;
        let expected = json!({
            "dry_run": true, "send": send, "cancel": cancel, "oldest_at": NOW.rfc3339(),
            "counts_are_exact": true,
        });
        assert_eq!((counted.status.as_u16(), &counted.json), (200, &expected), "{backlog}");
    }
    let resumed = app.post(&path, r#"{"backlog":"latest"}"#).await;
    assert_eq!(
        (&resumed.json["status"], &resumed.json["canceled"]),
        (&"enabled".into(), &1.into())
    );
    app.engine.run_until_idle().await;
    let mut states = Vec::new();
    for delivery in deliveries {
        let shown = app.get(&format!("/api/v1/deliveries/{delivery}")).await;
        states.push(shown.json["status"].as_str().unwrap().to_owned());
    }
    assert_eq!(states, ["canceled", "success", "success", "success"]);
}

#[tokio::test]
async fn rotation_shows_both_keys_and_the_object_shows_none() {
    let app = TestApp::strict().await;
    let id = app.webhook("https://example.com/", &["*"]).await;
    let path = format!("/api/v1/webhooks/{id}/verification-key");
    let first = app.get(&path).await.json;
    let key = first["verification_key"].as_str().unwrap();
    assert!(key.starts_with("whsec_"));
    assert_eq!(
        (&first["expiring_verification_key"], &first["expires_at"]),
        (&Value::Null, &Value::Null)
    );
    let rotated = app.post(&format!("{path}/rotate"), "").await;
    assert_eq!(rotated.status, 200);
    assert_eq!(rotated.json["expiring_verification_key"], key);
    assert_ne!(rotated.json["verification_key"], key);
    let end = NOW + postrider_core::limits::ROTATION_WINDOW;
    assert_eq!(rotated.json["expires_at"], end.rfc3339());
    let again = app.post(&format!("{path}/rotate"), "{}").await;
    assert_eq!(again.json["expiring_verification_key"], key, "the original stays");
    assert_eq!(app.get(&path).await.json, again.json);
    for path in ["/api/v1/webhooks".to_owned(), format!("/api/v1/webhooks/{id}")] {
        assert!(!app.get(&path).await.text.contains("whsec_"));
    }
}

/// Row 82.
#[tokio::test]
async fn there_is_a_most_of_webhooks() {
    let app = TestApp::strict().await;
    let store = app.engine.store();
    let id = app.webhook("https://example.com/", &["*"]).await;
    let id = postrider_core::ids::WebhookId::parse(&id).unwrap();
    let (webhook, _) = store.webhook(app.merchant, id).await.unwrap();
    for _ in 1..postrider_core::limits::WEBHOOKS_PER_MERCHANT_MAX {
        let mut next = webhook.clone();
        next.id = app.engine.mint().id(NOW);
        let key = postrider_engine::chance::verification_key();
        store.create_webhook(next, key, stamp()).await.unwrap();
    }
    let body = r#"{"name":"a","target_url":"https://example.com","event_types":["*"]}"#;
    let over = app.post("/api/v1/webhooks", body).await;
    assert_eq!(over.problem(), (422, "limit_reached"));
    assert!(over.detail().contains("1000"), "{}", over.detail());
}

/// Row 81.
#[tokio::test]
async fn a_key_from_another_sender_is_taken_in_the_form_its_signature_needs() {
    let app = TestApp::strict().await;
    let create = async |signature: &str, key: &str| {
        let body = json!({
            "name": "a", "target_url": "https://example.com/", "event_types": ["*"],
            "signature": signature, "verification_key": key,
        });
        app.post("/api/v1/webhooks", body.to_string()).await
    };
    let plain = "5f15ef298dc15df9bc6eda35";
    let made = create("ordergroove", plain).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert!(!made.text.contains(plain));
    let path = format!("/api/v1/webhooks/{}", made.json["id"].as_str().unwrap());
    let shown = app.get(&format!("{path}/verification-key")).await;
    assert_eq!(shown.json["verification_key"], plain);
    let change = app.send("PATCH", &path, r#"{"signature":"both"}"#).await;
    assert_eq!((change.problem(), change.field()), ((422, "invalid_secret"), "signature"));
    let written = app.send("PATCH", &path, r#"{"verification_key":"x"}"#).await;
    assert_eq!(written.problem(), (422, "unknown_field"));
    for (signature, key) in [
        ("ordergroove", "12345678"),
        ("ordergroove", "0000000000000000"),
        ("standard", plain),
        ("standard", "whsec_MTIzNDU2Nzg="),
        ("both", "whsec_not base64 at all, not base64"),
    ] {
        let refused = create(signature, key).await;
        let problem = (refused.problem(), refused.field());
        assert_eq!(problem, ((422, "invalid_secret"), "verification_key"), "{key}");
        assert!(!refused.text.contains(key), "{}", refused.text);
    }
}

#[tokio::test]
async fn a_key_that_is_known_to_others_is_dead_at_once() {
    let app = TestApp::strict().await;
    let id = app.webhook("https://example.com/", &["*"]).await;
    let path = format!("/api/v1/webhooks/{id}/verification-key/rotate");
    assert!(app.post(&path, "").await.json["expires_at"].is_string());
    let body = r#"{"overlap":"none","verification_key":"5f15ef298dc15df9bc6eda35"}"#;
    let replaced = app.post(&path, body).await;
    assert_eq!(replaced.json["verification_key"], "5f15ef298dc15df9bc6eda35");
    assert_eq!(replaced.json["expiring_verification_key"], Value::Null);
    assert_eq!(replaced.json["expires_at"], Value::Null);
    let wrong = app.post(&path, r#"{"overlap":"1h"}"#).await;
    assert_eq!((wrong.problem(), wrong.field()), ((422, "invalid_overlap"), "overlap"));
}

#[tokio::test]
async fn a_rotation_to_a_key_in_use_is_refused() {
    let app = TestApp::strict().await;
    let id = app.webhook("https://example.com/", &["*"]).await;
    let path = format!("/api/v1/webhooks/{id}/verification-key/rotate");
    let rotate = async |key: &str, overlap: &str| {
        let body = json!({ "verification_key": key, "overlap": overlap }).to_string();
        app.post(&path, body).await
    };
    let (first, second) = ("5f15ef298dc15df9bc6eda35", "5f15ef298dc15df9bc6eda36");
    assert_eq!(rotate(first, "none").await.status, 200);
    assert_eq!(rotate(second, "24h").await.status, 200);
    for (key, overlap) in [(second, "24h"), (first, "24h")] {
        let same = rotate(key, overlap).await;
        assert_eq!((same.problem(), same.field()), ((422, "key_in_use"), "verification_key"));
        assert!(!same.text.contains(key), "{}", same.text);
    }
    let alone = rotate(second, "none").await;
    assert_eq!(alone.json["verification_key"], second, "the old one went early: {}", alone.text);
    assert_eq!(alone.json["expiring_verification_key"], Value::Null);
    assert_eq!(rotate(second, "none").await.problem(), (422, "key_in_use"), "nothing to end");
}

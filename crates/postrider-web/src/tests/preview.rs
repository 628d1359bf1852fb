//! Previews of bodies.

use serde_json::{Value, json};

use super::{RANDOM_ID, TestApp};

const PATH: &str = "/api/v1/preview";

async fn preview(app: &TestApp, asked: Value) -> super::Answer {
    app.post(PATH, asked.to_string()).await
}

#[tokio::test]
async fn a_preview_is_what_the_webhook_got() {
    let app = TestApp::new().await;
    let body = json!({
        "name": "hook", "target_url": format!("http://{}/", app.receiver().await),
        "event_types": ["*"], "additional_data": {"order": ["items", "customer", "payments"]},
    });
    let webhook = app.post("/api/v1/webhooks", body.to_string()).await;
    let webhook = webhook.json["id"].as_str().unwrap();
    let event = r#"{"type":"order.create","data":{ "object":{"a": 1e400}},
        "snapshot":{"items":[ 1 ],"customer":{},"orders":[]}}"#;
    let posted = app.post("/api/v1/events", event).await;
    app.engine.run_until_idle().await;
    let delivery = posted.json["deliveries"][0].as_str().unwrap();
    let delivery = app.get(&format!("/api/v1/deliveries/{delivery}")).await;
    let sent = delivery.json["request"]["body"].as_str().unwrap();

    let shown = preview(&app, json!({"event": posted.json["id"], "webhook": webhook})).await;
    assert_eq!(shown.status, 200, "{}", shown.text);
    assert_eq!(shown.json["body"], sent);
    assert_eq!(shown.json["bytes"], sent.len());
    assert_eq!(shown.json["event_type"], "order.create");
    assert_eq!(shown.json["left_out"], json!(["payments"]));

    let unsaved = json!({"event": posted.json["id"], "additional_data": {"order": ["items"]}});
    let shown = preview(&app, unsaved).await;
    assert!(shown.json["body"].as_str().unwrap().ends_with(r#""snapshot":{"items":[ 1 ]}}"#));
    assert_eq!(shown.json["left_out"], json!([]));
}

#[tokio::test]
async fn the_example_of_a_type_can_be_previewed_before_anything_is_saved() {
    let app = TestApp::new().await;
    let choices = json!({"item": ["orders", "products"], "order": ["items"]});
    let asked = json!({"event_type": "item.create", "additional_data": choices});
    let shown = preview(&app, asked.clone()).await;
    assert_eq!(shown.status, 200, "{}", shown.text);
    let body: Value = serde_json::from_str(shown.json["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["type"], "item.create");
    assert_eq!(body["data"]["object"]["merchant"], app.merchant.to_string());
    let entities: Vec<_> = body["snapshot"].as_object().unwrap().keys().collect();
    assert_eq!(entities, ["orders", "products"]);
    assert_eq!(preview(&app, asked).await.json, shown.json);
    let none = json!({"event_type": "workflow.send_communication", "additional_data": {}});
    let none = preview(&app, none).await;
    assert!(none.json["body"].as_str().unwrap().ends_with(r#""snapshot":{}}"#));
}

#[tokio::test]
async fn what_cannot_be_previewed_is_refused_with_the_reason() {
    let app = TestApp::new().await;
    let choices = json!({});
    for (asked, status, code, field) in [
        (json!({"additional_data": choices}), 422, "missing_field", "event"),
        (json!({"event_type": "order.create"}), 422, "missing_field", "webhook"),
        (
            json!({"event": "e", "event_type": "order.create", "additional_data": choices}),
            422,
            "contradicting_fields",
            "event_type",
        ),
        (
            json!({"event_type": "order.create", "webhook": "w", "additional_data": choices}),
            422,
            "contradicting_fields",
            "additional_data",
        ),
        (
            json!({"event_type": "order.crate", "additional_data": choices}),
            422,
            "unknown_event_type",
            "event_type",
        ),
        (
            json!({"event_type": "order.create", "additional_data": {"order": ["orders"]}}),
            422,
            "entity_not_allowed",
            "additional_data.order",
        ),
        (
            json!({"event_type": "order.create", "additional_data": {"order": ["clients"]}}),
            422,
            "unknown_entity",
            "additional_data.order",
        ),
        (json!({"event": RANDOM_ID, "additional_data": choices}), 404, "not_found", "event"),
        (json!({"event": "a b", "additional_data": choices}), 404, "not_found", "event"),
        (json!({"event_type": "order.create", "webhook": RANDOM_ID}), 404, "not_found", "webhook"),
        (json!({"event_type": "order.create", "webhook": "x"}), 404, "not_found", "webhook"),
    ] {
        let answer = preview(&app, asked.clone()).await;
        assert_eq!((answer.problem(), answer.field()), ((status, code), field), "{asked}");
    }
}

#[tokio::test]
async fn another_merchants_event_and_webhook_are_not_there() {
    let app = TestApp::new().await;
    let webhook = app.webhook("http://127.0.0.1:9/", &["*"]).await;
    let event = app.post_event(r#"{"object":{}}"#).await.json["id"].clone();
    let (_, key) = app.other_merchant().await;
    for asked in [
        json!({"event": event, "additional_data": {}}),
        json!({"event_type": "order.create", "webhook": webhook}),
    ] {
        let call = app.bare("POST", PATH).key(&key).header("content-type", "application/json");
        assert_eq!(call.body(asked.to_string()).await.problem(), (404, "not_found"), "{asked}");
    }
}

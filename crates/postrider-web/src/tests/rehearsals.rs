//! Rehearsals over the API: what is refused, and what is shown of one.

use postrider_core::limits;
use postrider_engine::Clock;
use serde_json::json;

use super::{NOW, TestApp};

#[tokio::test]
async fn a_rehearsal_is_answered_and_kept() {
    let app = TestApp::new().await;
    let id = app.webhook(&format!("http://{}/", app.receiver().await), &["item.*"]).await;
    let path = format!("/api/v1/webhooks/{id}/rehearsals");
    let alone = app.post(&path, "").await;
    assert_eq!(alone.status, 201, "{}", alone.text);
    assert_eq!(
        (&alone.json["verdict"], &alone.json["in_rotation"]),
        (&json!("no_conclusion"), &json!(false))
    );
    let family = alone.json["event_type"].as_str().unwrap().split_once('.').unwrap().0;
    assert_eq!(family, "item", "what it gets anyway");
    let webhook = format!("/api/v1/webhooks/{id}");
    let soon = app.post(&path, "").await;
    assert_eq!((soon.problem(), soon.header("retry-after")), ((429, "rehearsed_lately"), "10"));
    let last = &app.get(&webhook).await.json["last_rehearsal"];
    assert_eq!(
        (&last["id"], &last["ended_at"], &last["verdict"], &last["is_current"]),
        (&alone.json["id"], &alone.json["ended_at"], &json!("no_conclusion"), &json!(true))
    );
    app.post(&format!("{webhook}/verification-key/rotate"), "").await;
    assert_eq!(app.get(&webhook).await.json["last_rehearsal"]["is_current"], json!(false));
    let Clock::Manual(manual) = app.engine.clock() else { unreachable!("time stands still") };
    manual.advance_to(NOW + limits::REHEARSAL_GAP);
    let body = json!({ "event_type": "order.create", "random_key": true }).to_string();
    let asked = app.post(&path, body).await;
    let shown = &asked.json;
    assert_eq!(
        (&shown["verdict"], &shown["event_type"]),
        (&json!("does_not_verify"), &json!("order.create"))
    );
    let probes = shown["probes"].as_array().unwrap();
    let signed: Vec<_> =
        probes.iter().map(|probe| probe["signed_with"].as_str().unwrap()).collect();
    assert_eq!(signed, ["new_first", "new", "old", "old_first", "random"]);
    assert!(probes.iter().all(|probe| probe["reply"] == "accepted" && probe["status_code"] == 200));
    let kept = app.get(&path).await;
    assert_eq!(kept.ids(), [shown["id"].as_str().unwrap(), alone.json["id"].as_str().unwrap()]);
    assert_eq!(&kept.json["results"][0], shown);
    let deliveries = app.get("/api/v1/deliveries").await;
    assert!(deliveries.ids().is_empty(), "a probe is no delivery");
}

#[tokio::test]
async fn what_cannot_be_rehearsed_is_refused_with_the_reason() {
    let app = TestApp::new().await;
    let id = app.webhook(&format!("http://{}/", app.receiver().await), &["order.*"]).await;
    let path = format!("/api/v1/webhooks/{id}/rehearsals");
    for (body, code) in [
        (r#"{"event_type":"order.creat"}"#, "unknown_event_type"),
        (r#"{"event_type":7}"#, "invalid_type"),
        (r#"{"random_key":"yes"}"#, "invalid_type"),
        (r#"{"random":true}"#, "unknown_field"),
    ] {
        assert_eq!(app.post(&path, body).await.problem(), (422, code), "{body}");
    }
    app.post(&format!("/api/v1/webhooks/{id}/disable"), "").await;
    assert_eq!(app.post(&path, "").await.problem(), (409, "webhook_not_enabled"));
    assert!(app.get(&path).await.ids().is_empty());
    let shown = app.get(&format!("/api/v1/webhooks/{id}")).await;
    assert!(shown.json.get("last_rehearsal").is_none(), "{}", shown.text);
}

//! Rows of reliability.md 3.3 that no other place holds: repeats, races, and removal.

use crate::tests::TestApp;

/// Row 53: it waits for the one commit both are in, or for the one before.
#[tokio::test]
async fn an_id_posted_twice_at_once_is_stored_once_and_answered_alike() {
    let app = TestApp::new().await;
    app.webhook("http://127.0.0.1:9/", &["*"]).await;
    for n in 0..20 {
        let body =
            format!(r#"{{"id":"twice-{n}","type":"order.create","data":{{"object":{{}}}}}}"#);
        let (left, right) = tokio::join!(
            app.post("/api/v1/events", body.as_str()).into_future(),
            app.post("/api/v1/events", body.as_str()).into_future(),
        );
        assert_eq!((left.status.as_u16(), right.status.as_u16()), (202, 202), "{}", right.text);
        assert_eq!(left.json["deliveries"], right.json["deliveries"]);
        assert_ne!(left.json["duplicate"], right.json["duplicate"], "one of them was first");
    }
    assert_eq!(app.get("/api/v1/events").await.ids().len(), 20);
}

/// Row 56: the answer is 204 (product.md).
#[tokio::test]
async fn deleting_a_webhook_cancels_all_that_waits_for_it() {
    let app = TestApp::new().await;
    let id = app.webhook("http://127.0.0.1:9/", &["*"]).await;
    app.post(&format!("/api/v1/webhooks/{id}/pause"), "").await;
    let batch = format!(r#"{{"events":[{}]}}"#, vec![super::GOOD; 1_000].join(","));
    assert_eq!(app.post("/api/v1/events", batch).await.status, 202);
    let path = format!("/api/v1/webhooks/{id}");
    assert_eq!(app.bare("DELETE", &path).key(&app.key).await.status, 204);
    let listed = async |status: &str| {
        let path = format!("/api/v1/deliveries?status={status}&page_size=100");
        app.get(&path).await.ids().len()
    };
    assert_eq!((listed("pending").await, listed("canceled").await), (0, 100));
}

/// Row 57, without a tag.
#[tokio::test]
async fn of_two_changes_at_once_none_is_refused_and_the_last_stays() {
    let app = TestApp::strict().await;
    let id = app.webhook("https://example.com/", &["*"]).await;
    let path = format!("/api/v1/webhooks/{id}");
    let (left, right) = tokio::join!(
        app.send("PATCH", &path, r#"{"name":"left"}"#).into_future(),
        app.send("PATCH", &path, r#"{"timeout_seconds":7}"#).into_future(),
    );
    assert_eq!((left.status.as_u16(), right.status.as_u16()), (200, 200));
    let shown = app.get(&path).await.json;
    assert_eq!((&shown["name"], &shown["timeout_seconds"]), (&"left".into(), &7.into()));
}

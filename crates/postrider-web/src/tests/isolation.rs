//! What one merchant sees of another: nothing. That another's id answers like a random one wherever
//! an id is taken is tried in `wall`.

use super::TestApp;
use crate::api::auth::Access;
use crate::router::routes;

/// A body each route with an id would do something with.
fn body_for(path: &str) -> &'static str {
    if path.ends_with("/resume") {
        r#"{"backlog":"none"}"#
    } else if path.ends_with("/webhooks/{id}") {
        r#"{"name":"taken over"}"#
    } else {
        "{}"
    }
}

#[tokio::test]
async fn lists_and_filters_show_nothing_of_another_merchant() {
    let app = TestApp::new().await;
    let (_, others_key) = app.other_merchant().await;
    let webhook = app.webhook("http://127.0.0.1:9/", &["*"]).await;
    let posted = app.post_event(r#"{"object":{"public_id":"o-1"}}"#).await;
    let event = posted.json["id"].as_str().unwrap();
    for path in [
        "/api/v1/webhooks".to_owned(),
        "/api/v1/events".to_owned(),
        "/api/v1/deliveries".to_owned(),
        format!("/api/v1/deliveries?webhook={webhook}"),
        format!("/api/v1/deliveries?event={event}"),
        "/api/v1/deliveries?object=o-1".to_owned(),
        "/api/v1/deliveries?object=o-1&event_type=order.create".to_owned(),
        "/api/v1/events?object=o-1".to_owned(),
    ] {
        assert_ne!(app.get(&path).await.json["results"], serde_json::json!([]), "{path}");
        let answer = app.bare("GET", &path).key(&others_key).await;
        let empty = r#"{"results":[],"next":null,"previous":null}"#;
        assert_eq!(answer.text, empty, "{path}");
    }
}

/// Goal T3: a sender's own ids are its own.
#[tokio::test]
async fn two_merchants_may_use_the_same_event_id() {
    let app = TestApp::new().await;
    let (_, others_key) = app.other_merchant().await;
    let body =
        |n: u8| format!(r#"{{"id":"a","type":"order.create","data":{{"object":{{"n":{n}}}}}}}"#);
    let mine = app.post("/api/v1/events", body(1)).await;
    let call = app.bare("POST", "/api/v1/events").key(&others_key);
    let theirs = call.header("content-type", "application/json").body(body(2)).await;
    assert_eq!((mine.status.as_u16(), theirs.status.as_u16()), (202, 202));
    assert_eq!(theirs.json["duplicate"], false);
    assert_eq!(app.get("/api/v1/events/a").await.json["data"]["object"]["n"], 1);
}

/// Row 49.
#[tokio::test]
async fn whatever_is_no_id_names_nothing() {
    let app = TestApp::new().await;
    let long = "a".repeat(1_024);
    let ids = ["null", "0", "%2e%2e%2fx", "%00", "%ff", "'--", &long, &"A".repeat(32)];
    for route in routes().into_iter().filter(|route| route.path.contains("{id}")) {
        for id in ids {
            let call = app.bare(route.method.as_str(), &route.path.replace("{id}", id));
            let call = match route.access {
                Access::Operator | Access::Administration => {
                    call.key(&app.operator).acting_for(app.merchant)
                }
                _ => call.key(&app.key),
            };
            let call = call.header("content-type", "application/json");
            let answer = call.body(body_for(route.path)).await;
            assert_eq!(answer.problem(), (404, "not_found"), "{} {}", route.path, id);
        }
    }
}

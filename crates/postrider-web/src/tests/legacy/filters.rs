//! Filters: list, create, show, change, remove, and the event types they are a view of.

use serde_json::{Value, json};

use super::{filter, is_short_id, members, target, webhook_of};
use crate::tests::{NOW, RANDOM_ID, TestApp};

const MEMBERS: [&str; 4] = ["created", "id", "pattern", "target"];

/// A target, with the path of its filters.
async fn with_target(app: &TestApp) -> (Value, String) {
    let made = target(app, "https://example.com/").await;
    let path = format!("/webhook_targets/{}/filters", made["id"].as_str().unwrap());
    (made, path)
}

fn one(path: &str, filter: &Value) -> String {
    format!("{path}/{}", filter["id"].as_str().unwrap())
}

async fn patterns(app: &TestApp, path: &str) -> Vec<String> {
    let rows = app.get(path).await.json["results"].as_array().unwrap().clone();
    rows.iter().map(|row| row["pattern"].as_str().unwrap().to_owned()).collect()
}

async fn event_types(app: &TestApp, target: &Value) -> Value {
    webhook_of(app, target).await["event_types"].clone()
}

/// Writes the list through the newer API.
async fn select(app: &TestApp, target: &Value, event_types: &[&str]) {
    let path =
        format!("/api/v1/webhooks/{}", webhook_of(app, target).await["id"].as_str().unwrap());
    let body = json!({ "event_types": event_types }).to_string();
    assert_eq!(app.send("PATCH", &path, body).await.status, 200);
}

#[tokio::test]
async fn filters_are_created_shown_changed_and_removed() {
    let app = TestApp::strict().await;
    let (target, path) = with_target(&app).await;
    let empty = r#"{"next":null,"previous":null,"results":[]}"#;
    assert_eq!(app.get(&path).await.text, empty);
    let made = filter(&app, &target, "subscription.*|order.create").await;
    assert_eq!(members(&made), MEMBERS);
    assert!(is_short_id(&made["id"]));
    assert_eq!(made["target"], target["id"]);
    assert_eq!(made["pattern"], "subscription.*|order.create");
    assert_eq!(made["created"], NOW.unix_seconds());
    for slash in ["", "/"] {
        assert_eq!(app.get(&format!("{}{slash}", one(&path, &made))).await.json, made);
    }
    assert_eq!(event_types(&app, &target).await, json!(["subscription.*", "order.create"]));
    let second = filter(&app, &target, "*").await;
    assert_ne!(second["id"], made["id"]);
    let list = app.get(&path).await.json;
    assert_eq!(list["results"], json!([made, second]));
    let changed = app.send("PATCH", &one(&path, &made), r#"{"pattern":"item.remove"}"#).await;
    let mut expected = made.clone();
    expected["pattern"] = "item.remove".into();
    assert_eq!((changed.status.as_u16(), &changed.json), (200, &expected));
    assert_eq!(event_types(&app, &target).await, json!(["*", "item.remove"]));
    // Some callers send the pattern with it.
    let removed = app.send("DELETE", &one(&path, &second), r#"{"pattern":"*"}"#).await;
    assert_eq!((removed.status.as_u16(), &removed.json), (200, &second));
    assert_eq!(app.get(&one(&path, &second)).await.status, 404);
    assert_eq!(event_types(&app, &target).await, json!(["item.remove"]));
    let last = app.bare("DELETE", &one(&path, &made)).key(&app.key).await;
    assert_eq!((last.status.as_u16(), &last.json), (200, &expected));
    assert_eq!(event_types(&app, &target).await, json!([]));
}

#[tokio::test]
async fn filters_decide_what_is_sent() {
    let app = TestApp::new().await;
    let made = target(&app, "http://127.0.0.1:9/").await;
    let kept = filter(&app, &made, "item.*|order.create").await;
    let sent = async || app.post_event(r#"{"object":{}}"#).await.json["deliveries"].clone();
    assert_eq!(sent().await.as_array().unwrap().len(), 1);
    let path = format!("/webhook_targets/{}/filters", made["id"].as_str().unwrap());
    app.send("PATCH", &one(&path, &kept), r#"{"pattern":"item.*"}"#).await;
    assert_eq!(sent().await, json!([]));
}

#[tokio::test]
async fn a_pattern_that_can_match_nothing_is_refused() {
    let app = TestApp::strict().await;
    let (target, path) = with_target(&app).await;
    let kept = filter(&app, &target, "order.*").await;
    let long = vec!["*"; 200].join("|");
    for pattern in [
        "",
        "|",
        "order",
        "ordr.*",
        "order.craete",
        "order\\..*",
        "^order.*$",
        "order.*|x.y",
        &long,
    ] {
        let body = json!({ "pattern": pattern }).to_string();
        let created = app.post(&path, body.clone()).await;
        let changed = app.send("PATCH", &one(&path, &kept), body).await;
        for answer in [created, changed] {
            assert_eq!(answer.status, 400, "{pattern}");
            assert_eq!(members(&answer.json), ["pattern"], "{pattern}");
            assert!(answer.json["pattern"][0].is_string());
        }
    }
    for body in ["{}", r#"{"pattern":null}"#, r#"{"pattern":["order.*"]}"#] {
        let answer = app.post(&path, body).await;
        assert_eq!((answer.status.as_u16(), members(&answer.json)), (400, vec!["pattern"]));
    }
    let unknown = format!("{path}/{}", &RANDOM_ID[..24]);
    assert_eq!(app.send("PATCH", &unknown, "{").await.status, 404, "before the body is judged");
    assert_eq!(patterns(&app, &path).await, ["order.*"]);
}

#[tokio::test]
async fn what_the_newer_api_selects_shows_in_the_filters() {
    let app = TestApp::strict().await;
    let (target, path) = with_target(&app).await;
    let pair = filter(&app, &target, "order.create|item.*").await;
    filter(&app, &target, "subscriber.*").await;
    // A part of the pair is gone, so what is left of it stands alone.
    select(&app, &target, &["item.*", "subscriber.*", "order.success"]).await;
    assert_eq!(patterns(&app, &path).await, ["subscriber.*", "item.*", "order.success"]);
    let first = app.get(&path).await;
    assert_eq!(app.get(&path).await.text, first.text, "ids are the same at every reading");
    assert_eq!(app.get(&one(&path, &pair)).await.status, 404);
    let rows = first.json["results"].as_array().unwrap();
    let alone = &rows[1];
    assert_eq!(members(alone), MEMBERS);
    assert_eq!(&app.get(&one(&path, alone)).await.json, alone);
    // The next write of the older API keeps what is shown, ids and all.
    let added = filter(&app, &target, "order.success|order.reject").await;
    let expected = json!([rows[0], rows[1], rows[2], added]);
    assert_eq!(app.get(&path).await.json["results"], expected);
    let listed = ["item.*", "subscriber.*", "order.success", "order.reject"];
    assert_eq!(event_types(&app, &target).await, json!(listed));
    // Removing one of two that say the same takes nothing away.
    app.bare("DELETE", &one(&path, &rows[2])).key(&app.key).await;
    assert_eq!(event_types(&app, &target).await, json!(listed));
    app.bare("DELETE", &one(&path, alone)).key(&app.key).await;
    assert_eq!(event_types(&app, &target).await, json!(listed[1..]));
}

#[tokio::test]
async fn filters_have_pages_and_a_bound() {
    let app = TestApp::strict().await;
    let (target, path) = with_target(&app).await;
    for _ in 0..postrider_core::limits::FILTERS_PER_WEBHOOK_MAX {
        filter(&app, &target, "order.*").await;
    }
    let over = app.post(&path, r#"{"pattern":"order.*"}"#).await;
    assert_eq!((over.status.as_u16(), members(&over.json)), (400, vec!["detail"]));
    let first = app.get(&path).await.json;
    assert_eq!(first["results"].as_array().unwrap().len(), 10);
    assert_eq!(first["next"], format!("http://api.test{path}?page=2"));
    let last = app.get(&format!("{path}?page=13")).await.json;
    assert_eq!((last["results"].as_array().unwrap().len(), &last["next"]), (8, &Value::Null));
}

/// Many at once: each is kept, or told to come again; none is lost in another's writing.
#[tokio::test]
async fn filters_added_at_once_are_all_kept() {
    let app = TestApp::strict().await;
    let (_, path) = with_target(&app).await;
    let add = async |pattern: &str| {
        app.post(&path, json!({ "pattern": pattern }).to_string()).await.status.as_u16()
    };
    let names = ["order.create", "order.reject", "order.success", "item.create"];
    let [a, b, c, d] = names;
    let answers = tokio::join!(add(a), add(b), add(c), add(d));
    assert_eq!(answers, (200, 200, 200, 200));
    let mut kept = patterns(&app, &path).await;
    kept.sort();
    let mut expected = names.to_vec();
    expected.sort_unstable();
    assert_eq!(kept, expected);
}

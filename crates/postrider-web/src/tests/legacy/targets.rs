//! Targets: list, create, show, change.

use serde_json::{Value, json};

use super::{is_short_id, members, target, webhook_of};
use crate::tests::{NOW, RANDOM_ID, TestApp};

const MEMBERS: [&str; 6] = ["created", "enabled", "id", "merchant", "target_url", "updated"];

fn path(target: &Value) -> String {
    format!("/webhook_targets/{}", target["id"].as_str().unwrap())
}

#[tokio::test]
async fn a_target_is_created_with_its_six_members_and_no_event_type() {
    let app = TestApp::strict().await;
    let body = json!({
        "merchant": app.merchant.to_string(), "target_url": "https://example.com/hook?a=b",
        "enabled": true, "unknown": "passed over",
    });
    for path in ["/webhook_targets/", "/webhook_targets"] {
        let made = app.post(path, body.to_string()).await;
        assert_eq!(made.status, 200, "{}", made.text);
        assert_eq!(members(&made.json), MEMBERS);
        assert!(is_short_id(&made.json["id"]));
        assert_eq!(made.json["merchant"], app.merchant.to_string());
        assert_eq!(made.json["target_url"], "https://example.com/hook?a=b");
        assert_eq!(made.json["enabled"], true);
        assert_eq!(made.json["created"], NOW.unix_seconds());
        assert_eq!(made.json["updated"], NOW.unix_seconds());
        let shown = webhook_of(&app, &made.json).await;
        assert_eq!(shown["event_types"], json!([]));
        assert_eq!((&shown["name"], &shown["status"]), (&"example.com".into(), &"enabled".into()));
        for slash in ["", "/"] {
            let path = format!("{}{slash}", self::path(&made.json));
            assert_eq!(app.get(&path).await.text, made.text);
        }
    }
    let off = body.to_string().replace("true", "false");
    let off = app.post("/webhook_targets", off).await;
    assert_eq!(off.json["enabled"], false);
    assert_eq!(webhook_of(&app, &off.json).await["status"], "disabled");
}

#[tokio::test]
async fn what_wants_nothing_is_sent_nothing() {
    let app = TestApp::new().await;
    let made = target(&app, "http://127.0.0.1:9/").await;
    let posted = app.post_event(r#"{"object":{}}"#).await;
    assert_eq!(posted.json["deliveries"], json!([]));
    let event = posted.json["id"].as_str().unwrap();
    let id = webhook_of(&app, &made).await["id"].as_str().unwrap().to_owned();
    let shown = app.get(&format!("/api/v1/events/{event}")).await;
    assert!(shown.text.contains("not_selected"), "{}", shown.text);
    let path = format!("/api/v1/webhooks/{id}");
    let none = app.send("PATCH", &path, r#"{"event_types":[]}"#).await;
    assert_eq!(none.problem(), (422, "invalid_event_types"), "only a new target wants nothing");
    let renamed = app.send("PATCH", &path, r#"{"name":"shop"}"#).await;
    assert_eq!((renamed.status.as_u16(), &renamed.json["event_types"]), (200, &json!([])));
    let test = app.post(&format!("{path}/test-events"), "").await;
    assert_eq!((test.status.as_u16(), &test.json["deliveries"]), (200, &json!([])));
}

#[tokio::test]
async fn a_target_is_of_the_callers_merchant() {
    let app = TestApp::strict().await;
    let (other, _) = app.other_merchant().await;
    let post = async |key: &str, merchant: &str| {
        let body = json!({"merchant": merchant, "target_url": "https://example.com/"});
        let call = app.bare("POST", "/webhook_targets/").key(key);
        call.header("content-type", "application/json").body(body.to_string()).await
    };
    for merchant in [other.to_string(), RANDOM_ID.to_owned(), "x".to_owned()] {
        let answer = post(&app.key, &merchant).await;
        assert_eq!(answer.status, 404);
        assert_eq!(answer.json, json!({"detail": "Not found."}));
    }
    assert_eq!(post(&app.operator, RANDOM_ID).await.status, 404);
    let made = post(&app.operator, &other.to_string()).await;
    assert_eq!(made.json["merchant"], other.to_string());
    assert_eq!(app.get(&path(&made.json)).await.status, 404);
    let shown = app.bare("GET", &path(&made.json)).key(&app.operator);
    assert_eq!(shown.acting_for(other).await.text, made.text);
}

#[tokio::test]
async fn target_urls_are_judged_as_everywhere() {
    let app = TestApp::strict().await;
    let made = target(&app, "https://example.com/").await;
    for url in ["", "ftp://example.com/", "https://127.0.0.1/", "http://example.com/"] {
        let body = json!({"merchant": app.merchant.to_string(), "target_url": url}).to_string();
        let created = app.post("/webhook_targets", body.clone()).await;
        let changed = app.send("PATCH", &path(&made), body).await;
        for answer in [created, changed] {
            assert_eq!(answer.status, 400, "{url}");
            assert_eq!(members(&answer.json), ["target_url"]);
            assert!(answer.json["target_url"][0].is_string());
        }
    }
    let odd = app.send("PATCH", &path(&made), r#"{"enabled":"yes"}"#).await;
    assert_eq!((odd.status.as_u16(), members(&odd.json)), (400, vec!["enabled"]));
    assert_eq!(app.get(&path(&made)).await.json, made);
}

#[tokio::test]
async fn a_change_moves_the_url_and_the_status_and_both_apis_see_it() {
    let app = TestApp::new().await;
    let id = app.webhook("http://127.0.0.1:9/", &["*"]).await;
    let base = format!("/webhook_targets/{}", &id[..24]);
    let newer = format!("/api/v1/webhooks/{id}");
    let change = async |body: &str| app.send("PATCH", &base, body).await.json;
    let status = async || app.get(&newer).await.json["status"].as_str().unwrap().to_owned();
    let posted = app.post_event(r#"{"object":{}}"#).await;
    let waiting = posted.json["deliveries"][0].as_str().unwrap();
    let same = change("{}").await;
    assert_eq!((&same["enabled"], members(&same)), (&true.into(), MEMBERS.to_vec()));
    let moved = change(r#"{"target_url":"http://127.0.0.1:10/","enabled":true}"#).await;
    assert_eq!(moved["target_url"], "http://127.0.0.1:10/");
    assert_eq!(app.get(&newer).await.json["target_url"], "http://127.0.0.1:10/");
    // A paused one takes events, so it counts as enabled, and enabling leaves it as it is.
    app.post(&format!("{newer}/pause"), "").await;
    assert_eq!(app.get(&base).await.json["enabled"], true);
    assert_eq!((&change(r#"{"enabled":true}"#).await["enabled"]), &json!(true));
    assert_eq!(status().await, "paused");
    assert_eq!(change(r#"{"enabled":false}"#).await["enabled"], false);
    assert_eq!(status().await, "disabled");
    let shown = app.get(&format!("/api/v1/deliveries/{waiting}")).await;
    assert_eq!(shown.json["status"], "canceled");
    assert_eq!(change(r#"{"enabled":true}"#).await["enabled"], true);
    assert_eq!(status().await, "enabled");
    app.bare("DELETE", &newer).key(&app.key).await;
    assert_eq!(app.get(&base).await.status, 404);
}

#[tokio::test]
async fn pages_are_numbered_and_link_to_each_other() {
    let app = TestApp::strict().await;
    for n in 0..12 {
        target(&app, &format!("https://example.com/{n}")).await;
    }
    let first = app.get("/webhook_targets/").await;
    assert_eq!(members(&first.json), ["next", "previous", "results"]);
    assert_eq!(first.json["previous"], Value::Null);
    assert_eq!(first.json["next"], "http://api.test/webhook_targets?page=2");
    let second = app.get("/webhook_targets?page=2").await;
    assert_eq!(second.json["next"], Value::Null);
    assert_eq!(second.json["previous"], "http://api.test/webhook_targets?page=1");
    let urls = |answer: &crate::tests::Answer| -> Vec<String> {
        let rows = answer.json["results"].as_array().unwrap().clone();
        rows.iter().map(|row| row["target_url"].as_str().unwrap().to_owned()).collect()
    };
    let seen = [urls(&first), urls(&second)].concat();
    let expected: Vec<_> = (0..12).rev().map(|n| format!("https://example.com/{n}")).collect();
    assert_eq!((seen, urls(&first).len()), (expected, 10));
    let wide = app.get("/webhook_targets?page_size=5&page=2").await;
    assert_eq!(wide.json["next"], "http://api.test/webhook_targets?page_size=5&page=3");
    for page in ["0", "3", "-1", "x", "", "99999999999999999999", "18446744073709551615"] {
        let answer = app.get(&format!("/webhook_targets?page={page}")).await;
        assert_eq!((answer.status.as_u16(), members(&answer.json)), (404, vec!["detail"]));
    }
    for size in ["0", "101", "x"] {
        let answer = app.get(&format!("/webhook_targets?page_size={size}")).await;
        assert_eq!((answer.status.as_u16(), members(&answer.json)), (400, vec!["page_size"]));
    }
}

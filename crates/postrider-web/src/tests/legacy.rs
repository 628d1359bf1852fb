//! The older API, row by row of its table (facts.md 9): what each call takes and answers, down to
//! the names and types of the members, and that it and the newer API see the same webhooks.

mod description;
mod filters;
mod targets;

use serde_json::{Value, json};

use super::{Answer, NOW, RANDOM_ID, TestApp};
use crate::api_key::{Scope, Scopes};

/// Every call with an id in its path, and a body it would do something with.
pub(super) const CALLS: [(&str, &str, &str); 10] = [
    ("GET", "", ""),
    ("PATCH", "", r#"{"enabled":false,"target_url":"https://other.example/"}"#),
    ("GET", "/metrics", ""),
    ("GET", "/filters", ""),
    ("POST", "/filters", r#"{"pattern":"item.*"}"#),
    ("GET", "/filters/{filter}", ""),
    ("PATCH", "/filters/{filter}", r#"{"pattern":"item.*"}"#),
    ("DELETE", "/filters/{filter}", ""),
    ("GET", "/signing_key", ""),
    ("PATCH", "/signing_key/rotate", ""),
];

/// A target of the older API.
pub(super) async fn target(app: &TestApp, url: &str) -> Value {
    let body = json!({"merchant": app.merchant.to_string(), "target_url": url});
    let answer = app.post("/webhook_targets/", body.to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json
}

/// A filter of a target.
pub(super) async fn filter(app: &TestApp, target: &Value, pattern: &str) -> Value {
    let path = format!("/webhook_targets/{}/filters", target["id"].as_str().unwrap());
    let answer = app.post(&path, json!({ "pattern": pattern }).to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json
}

/// The webhook of the newer API that a target is.
pub(super) async fn webhook_of(app: &TestApp, target: &Value) -> Value {
    let short = target["id"].as_str().unwrap();
    let list = app.get("/api/v1/webhooks").await.json;
    let rows = list["results"].as_array().unwrap();
    let own = |row: &&Value| row["id"].as_str().unwrap().starts_with(short);
    rows.iter().find(own).unwrap().clone()
}

/// The names of the members, sorted.
pub(super) fn members(object: &Value) -> Vec<&str> {
    let mut names: Vec<_> = object.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

pub(super) fn is_short_id(value: &Value) -> bool {
    let text = value.as_str().unwrap();
    text.len() == 24 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

pub(super) async fn call(
    app: &TestApp,
    key: &str,
    (method, path, body): (&str, &str, &str),
) -> Answer {
    let call = app.bare(method, path).key(key);
    if body.is_empty() {
        return call.await;
    }
    call.header("content-type", "application/json").body(body).await
}

#[tokio::test]
async fn refusals_have_the_older_form() {
    let app = TestApp::strict().await;
    let failed = json!({"detail": "Authentication Failed"});
    let none = app.bare("GET", "/webhook_targets").await;
    assert_eq!((none.status.as_u16(), &none.json), (401, &failed));
    let reader = app.key_with(Scopes::NONE.with(Scope::WebhooksRead)).await;
    let refused = call(&app, &reader, ("POST", "/webhook_targets/", "{}")).await;
    assert_eq!((refused.status.as_u16(), &refused.json), (403, &failed));
    let unknown = json!({"detail": "Not found."});
    for path in ["/webhook_targets/x", "/webhook_targets/a/b/c/d", "/webhook_targets//"] {
        let answer = app.get(path).await;
        assert_eq!((answer.status.as_u16(), &answer.json), (404, &unknown), "{path}");
    }
    let post = |body: &'static str| app.post("/webhook_targets", body);
    for body in ["", "{", "[]"] {
        let answer = post(body).await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.text);
        assert_eq!(members(&answer.json), ["detail"]);
    }
    for (body, field) in [
        ("{}", "merchant"),
        (r#"{"merchant":1}"#, "merchant"),
        (r#"{"merchant":"a","merchant":"b"}"#, "merchant"),
    ] {
        let answer = post(body).await;
        assert_eq!(answer.status, 400, "{body}");
        assert_eq!(members(&answer.json), [field], "{body}");
        assert!(answer.json[field][0].is_string());
    }
    let plain = app.bare("POST", "/webhook_targets").key(&app.key).body("a=b").await;
    assert_eq!((plain.status.as_u16(), members(&plain.json)), (415, vec!["detail"]));
    let method = app.send("PUT", "/webhook_targets", "{}").await;
    assert_eq!((method.status.as_u16(), members(&method.json)), (405, vec!["detail"]));
    let made = target(&app, "https://example.com/").await;
    let path = format!("/webhook_targets/{}", made["id"].as_str().unwrap());
    assert_eq!(app.send("DELETE", &path, "").await.status, 405, "no call deletes a target");
    assert_eq!(app.get("/api/webhook_targets").await.problem(), (404, "not_found"));
}

#[tokio::test]
async fn a_change_that_others_are_always_quicker_than_is_locked() {
    let error = crate::error::ApiError::conflict("conflict", "changed");
    let (status, document) = crate::legacy::render(&error.into_problem());
    let document: Value = serde_json::from_slice(&document).unwrap();
    let text = "Resource is currently in use. Please try again shortly.";
    assert_eq!((status.as_u16(), document), (423, json!({ "details": text })));
}

/// Whatever the call, another merchant's target or filter answers what a random one answers.
#[tokio::test]
async fn another_merchants_ids_are_as_good_as_random_ones() {
    let app = TestApp::strict().await;
    let (other, others_key) = app.other_merchant().await;
    let list = call(&app, &others_key, ("GET", "/webhook_targets", "")).await;
    assert_eq!(list.text, r#"{"next":null,"previous":null,"results":[]}"#);
    // Older and newer ones of its own, which must not be taken for those asked for.
    let theirs = json!({"merchant": other.to_string(), "target_url": "https://other.example/"});
    let theirs = theirs.to_string();
    let add = async || call(&app, &others_key, ("POST", "/webhook_targets", &theirs)).await;
    assert_eq!(add().await.status, 200);
    let mine = target(&app, "https://example.com/").await;
    let kept = filter(&app, &mine, "order.*").await;
    let id = |value: &Value| value["id"].as_str().unwrap().to_owned();
    let picture = async || {
        let base = format!("/webhook_targets/{}", id(&mine));
        let mut seen = String::new();
        for path in ["", "/filters", "/signing_key"] {
            seen += &app.get(&format!("{base}{path}")).await.text;
        }
        seen + &app.get("/api/v1/webhooks").await.text
    };
    assert_eq!(add().await.status, 200);
    let before = picture().await;
    let random = &RANDOM_ID[..24];
    for (method, path, body) in CALLS {
        let of = |target: &str, filter: &str| {
            format!("/webhook_targets/{target}{}", path.replace("{filter}", filter))
        };
        let expected = call(&app, &others_key, (method, &of(random, random), body)).await;
        assert_eq!(expected.json, json!({"detail": "Not found."}), "{method} {path}");
        for (target, filter) in [
            (id(&mine), id(&kept)),
            (RANDOM_ID.to_owned(), RANDOM_ID.to_owned()),
            (id(&mine).to_uppercase(), id(&kept)),
            ("f".repeat(24), "0".repeat(24)),
        ] {
            let answer = call(&app, &others_key, (method, &of(&target, &filter), body)).await;
            assert_eq!(answer.status, 404, "{method} {path}");
            assert_eq!(answer.text, expected.text, "{method} {path}");
        }
    }
    assert_eq!(picture().await, before);
}

/// Signing: `signing_key` and its rotation.
#[tokio::test]
async fn the_signing_key_is_shown_alone_and_rotates_in_one_window() {
    let app = TestApp::strict().await;
    let id = target(&app, "https://example.com/").await;
    let path = format!("/webhook_targets/{}/signing_key", id["id"].as_str().unwrap());
    let first = app.get(&path).await.json;
    assert_eq!(members(&first), ["signing_key"]);
    let rotate = async || app.send("PATCH", &format!("{path}/rotate/"), "").await.json;
    let rotated = rotate().await;
    let expected = ["expiring_signing_key", "signing_key", "signing_key_expiry"];
    assert_eq!(members(&rotated), expected);
    assert_eq!(rotated["expiring_signing_key"], first["signing_key"]);
    assert_ne!(rotated["signing_key"], first["signing_key"]);
    let end = NOW + postrider_core::limits::ROTATION_WINDOW;
    assert_eq!(rotated["signing_key_expiry"], end.unix_seconds());
    let again = rotate().await;
    assert_ne!(again["signing_key"], rotated["signing_key"]);
    assert_eq!(again["expiring_signing_key"], first["signing_key"], "the original stays");
    assert_eq!(again["signing_key_expiry"], rotated["signing_key_expiry"], "the end too");
    assert_eq!(app.get(&path).await.json, json!({"signing_key": again["signing_key"]}));
    let newer = webhook_of(&app, &id).await["id"].as_str().unwrap().to_owned();
    let shown = app.get(&format!("/api/v1/webhooks/{newer}/verification-key")).await.json;
    assert_eq!(shown["verification_key"], again["signing_key"]);
    assert_eq!(shown["expiring_verification_key"], first["signing_key"]);
}

#[tokio::test]
async fn metrics_are_four_counts() {
    let app = TestApp::new().await;
    let made = target(&app, &format!("http://{}/", app.receiver().await)).await;
    filter(&app, &made, "order.*").await;
    let path = format!("/webhook_targets/{}/metrics", made["id"].as_str().unwrap());
    let empty = r#"{"failed":0,"successful":0,"successful_retries":0,"pending_delivery":0}"#;
    assert_eq!(app.get(&path).await.text, empty);
    app.post_event(r#"{"object":{}}"#).await;
    app.engine.run_until_idle().await;
    assert_eq!(app.get(&path).await.text, empty.replace("ful\":0", "ful\":1"));
}

//! Checks of signatures: each usual cause is told apart, and nothing of other merchants shows.

use serde_json::{Value, json};

use super::{RANDOM_ID, TestApp};

/// A delivery that was sent: its webhook, the lines of its headers, and its body.
async fn sent(app: &TestApp, signature: &str) -> (String, String, String) {
    let target = format!("http://{}/", app.receiver().await);
    let webhook = app.webhook(&target, &["order.*"]).await;
    let change = json!({ "signature": signature }).to_string();
    assert_eq!(app.send("PATCH", &format!("/api/v1/webhooks/{webhook}"), change).await.status, 200);
    app.post_event(r#"{"object":{"n":1.50,"who":"Zoë"}}"#).await;
    app.engine.run_until_idle().await;
    let listed = app.get(&format!("/api/v1/deliveries?webhook={webhook}")).await.json;
    let delivery = listed["results"][0]["id"].as_str().unwrap();
    let shown = app.get(&format!("/api/v1/deliveries/{delivery}?reveal=true")).await.json;
    let lines = shown["request"]["headers"].as_array().unwrap().iter();
    let line = |line: &Value| {
        format!("{}: {}\n", line["name"].as_str().unwrap(), line["value"].as_str().unwrap())
    };
    let body = shown["request"]["body"].as_str().unwrap().to_owned();
    (webhook, lines.map(line).collect(), body)
}

async fn reason(
    app: &TestApp,
    webhook: &str,
    headers: &str,
    body: &str,
    key: Option<&str>,
) -> String {
    let mut asked = json!({ "headers": headers, "body": body });
    if let Some(key) = key {
        asked["key"] = key.into();
    }
    let path = format!("/api/v1/webhooks/{webhook}/signature-checks");
    let answer = app.post(&path, asked.to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json["valid"], answer.json["reason"].as_str().unwrap().starts_with("valid"));
    assert!(!answer.text.contains("whsec_"), "no key is shown: {}", answer.text);
    answer.json["reason"].as_str().unwrap().to_owned()
}

async fn key_of(app: &TestApp, webhook: &str) -> String {
    let keys = app.get(&format!("/api/v1/webhooks/{webhook}/verification-key")).await.json;
    keys["verification_key"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn each_thing_that_happens_to_a_body_is_told_apart() {
    let app = TestApp::new().await;
    for scheme in ["ordergroove", "standard"] {
        let (webhook, headers, body) = sent(&app, scheme).await;
        let garbled: String = body.bytes().map(char::from).collect();
        let changed = body.replace("1.50", "1.51");
        for (arrived, expected) in [
            (body.clone(), "valid"),
            (format!("{body}\r\n"), "line_break"),
            (garbled, "encoding"),
            (body.replace(':', ": "), "reserialized"),
            (body.replace('ë', "\\u00eb"), "reserialized"),
            (changed.clone(), "body_changed"),
        ] {
            let found = reason(&app, &webhook, &headers, &arrived, None).await;
            assert_eq!(found, expected, "{scheme}: {arrived}");
        }
        let unnamed: String = headers
            .lines()
            .filter(|line| !line.starts_with("Postrider-Delivery"))
            .collect::<Vec<_>>()
            .join("\n");
        assert_eq!(reason(&app, &webhook, &unnamed, &changed, None).await, "mismatch");
        assert_eq!(reason(&app, &webhook, "Host: a", &body, None).await, "no_signature");
        assert_eq!(reason(&app, &webhook, "ts=1", &body, None).await, "malformed");
    }
}

#[tokio::test]
async fn a_key_that_is_old_or_of_another_webhook_is_recognised() {
    let app = TestApp::new().await;
    let (webhook, headers, body) = sent(&app, "ordergroove").await;
    let (other, others_headers, others_body) = sent(&app, "ordergroove").await;
    let (old, others) = (key_of(&app, &webhook).await, key_of(&app, &other).await);
    let with = async |key: &str| reason(&app, &webhook, &headers, &body, Some(key)).await;
    assert_eq!(with(&old).await, "valid");
    assert_eq!(with(&format!(" {old}\n")).await, "key_has_space");
    assert_eq!(with(&others).await, "other_webhook");
    assert_eq!(with("something").await, "unknown_key");
    let found = reason(&app, &webhook, &others_headers, &others_body, None).await;
    assert_eq!(found, "other_webhook");
    app.post(&format!("/api/v1/webhooks/{webhook}/verification-key/rotate"), "").await;
    assert_eq!(with(&old).await, "old_key");
    assert_eq!(reason(&app, &webhook, &headers, &body, None).await, "valid_with_old_key");
}

#[tokio::test]
async fn other_merchants_learn_nothing_from_a_check() {
    let app = TestApp::new().await;
    let (webhook, headers, body) = sent(&app, "ordergroove").await;
    let (_, others_key) = app.other_merchant().await;
    let asked = json!({ "headers": headers, "body": body }).to_string();
    for id in [webhook.as_str(), RANDOM_ID] {
        let path = format!("/api/v1/webhooks/{id}/signature-checks");
        let call = app.bare("POST", &path).key(&others_key);
        let answer = call.header("content-type", "application/json").body(asked.clone()).await;
        assert_eq!(answer.problem(), (404, "not_found"));
    }
}

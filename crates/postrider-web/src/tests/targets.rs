//! Rows of reliability.md 3.4: targets and own headers, at creation and at change.

use super::TestApp;

/// Rows 58 to 72, 76, 78 and 79: input and code.
const TARGETS: &[(&str, &str)] = &[
    ("", "invalid_url"),
    ("not a url", "invalid_url"),
    ("example.com", "invalid_url"),
    ("//example.com", "invalid_url"),
    ("ftp://example.com/", "scheme_not_allowed"),
    ("file:///etc/passwd", "scheme_not_allowed"),
    ("gopher://example.com/", "scheme_not_allowed"),
    ("javascript:alert(1)", "scheme_not_allowed"),
    ("data:text/plain,x", "scheme_not_allowed"),
    ("ws://example.com/", "scheme_not_allowed"),
    ("http://example.com/", "https_required"),
    ("https://user:password@example.com/", "credentials_in_url"),
    ("https://example.com/#part", "fragment_in_url"),
    ("https://exam\tple.com/", "invalid_url"),
    ("https://example.com/\r\nX: y", "invalid_url"),
    ("https://example.com/\u{0}", "invalid_url"),
    (" https://example.com/", "invalid_url"),
    ("https://example.com/ ", "invalid_url"),
    ("https:\\\\example.com\\", "invalid_url"),
    ("https:127.0.0.1/", "invalid_url"),
    ("https:///x", "invalid_url"),
    ("https:/x", "invalid_url"),
    ("https://example.com:0/", "invalid_port"),
    ("https://example.com:65536/", "invalid_port"),
    ("https://example.com:99999999999/", "invalid_port"),
    ("https://example.com:22/", "port_not_allowed"),
    ("https://example.com:25/", "port_not_allowed"),
    ("https://example.com:6379/", "port_not_allowed"),
    ("https://127.0.0.1/", "target_not_allowed"),
    ("https://10.0.0.1/", "target_not_allowed"),
    ("https://[::1]/", "target_not_allowed"),
    ("https://[::]/", "target_not_allowed"),
    ("https://[::ffff:10.0.0.1]/", "target_not_allowed"),
    ("https://[64:ff9b::a9fe:a9fe]/", "target_not_allowed"),
    ("https://[2002:7f00:1::]/", "target_not_allowed"),
    ("https://[fec0::1]/", "target_not_allowed"),
    ("https://[4000::1]/", "target_not_allowed"),
    ("https://[fe80::1%25eth0]/", "invalid_url"),
    ("https://[fe80::1%eth0]/", "invalid_url"),
    ("https://169.254.169.254/latest/meta-data/", "target_not_allowed"),
    ("https://100.100.100.200/", "target_not_allowed"),
    ("https://192.0.0.192/", "target_not_allowed"),
    ("https://168.63.129.16/", "target_not_allowed"),
    ("https://[fd00:ec2::254]/", "target_not_allowed"),
    ("https://localhost/", "target_not_allowed"),
    ("https://LOCALHOST./", "target_not_allowed"),
    ("https://foo.localhost/", "target_not_allowed"),
    ("https://metadata.google.internal/", "target_not_allowed"),
    ("https://db/", "target_not_allowed"),
    ("https://256.1.1.1/", "invalid_host"),
    ("https://a..b/", "invalid_host"),
];

fn json(target: &str) -> String {
    serde_json::json!({"target_url": target}).to_string()
}

#[tokio::test]
async fn a_bad_target_is_refused_at_creation_and_at_change() {
    let app = TestApp::strict().await;
    let id = app.webhook("https://example.com/{{id}}/é?q=é", &["*"]).await;
    let path = format!("/api/v1/webhooks/{id}");
    let before = app.get(&path).await;
    assert_eq!(before.json["target_url"], "https://example.com/%7B%7Bid%7D%7D/%C3%A9?q=%C3%A9");
    let long = format!("https://example.com/{}", "a".repeat(2048));
    let dotted = "https://127.0.0.1./";
    let more = [(long.as_str(), "too_long"), (dotted, "target_not_allowed")];
    for (target, code) in TARGETS.iter().copied().chain(more) {
        let body = serde_json::json!({"name": "a", "target_url": target, "event_types": ["*"]});
        let created = app.post("/api/v1/webhooks", body.to_string()).await;
        let changed = app.send("PATCH", &path, json(target)).await;
        for answer in [created, changed] {
            assert_eq!(answer.problem(), (422, code), "{target}");
            assert_eq!(answer.field(), "target_url");
        }
    }
    assert_eq!(app.get(&path).await.text, before.text, "nothing has changed");
    assert_eq!(app.get("/api/v1/webhooks").await.ids(), [id.as_str()]);
}

/// Rows 66 and 67: every spelling of a loopback address.
#[tokio::test]
async fn odd_spellings_of_private_addresses_do_not_get_in() {
    let app = TestApp::strict().await;
    let id = app.webhook("https://example.com/", &["*"]).await;
    for host in [
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "0",
        "127.0.0.1.",
        "①②⑦.0.0.1",
        "127。0。0。1",
        "%31%32%37.0.0.1",
        "[::127.0.0.1]",
        "[0:0:0:0:0:ffff:7f00:1]",
    ] {
        let path = format!("/api/v1/webhooks/{id}");
        let answer = app.send("PATCH", &path, json(&format!("https://{host}/"))).await;
        let (status, code) = answer.problem();
        // Some are refused as a spelling before they are refused as an address.
        assert!(
            ["target_not_allowed", "invalid_url", "invalid_host"].contains(&code),
            "{host}: {code}"
        );
        assert_eq!((status, answer.field()), (422, "target_url"), "{host}");
    }
}

/// Goal E10: refusals tell nothing of the network behind.
#[tokio::test]
async fn refusals_of_private_addresses_are_alike() {
    let app = TestApp::strict().await;
    let id = app.webhook("https://example.com/", &["*"]).await;
    let mut told = std::collections::BTreeSet::new();
    for host in ["10.0.0.1:22", "10.0.0.1:23", "10.0.0.1", "10.0.0.1:8443"] {
        let path = format!("/api/v1/webhooks/{id}");
        let answer = app.send("PATCH", &path, json(&format!("https://{host}/"))).await;
        told.insert(answer.without_request_id().to_string());
    }
    assert_eq!(told.len(), 1, "{told:?}");
}

/// Row 80.
#[tokio::test]
async fn own_headers_cannot_be_those_of_the_protocol_or_ours() {
    let app = TestApp::strict().await;
    let id = app.webhook("https://example.com/", &["*"]).await;
    let path = format!("/api/v1/webhooks/{id}");
    for (name, value) in [
        ("Host", "a"),
        ("Content-Length", "1"),
        ("Transfer-Encoding", "chunked"),
        ("Connection", "close"),
        ("webhook-id", "1"),
        ("Ordergroove-Signature", "ts=1,sig=a"),
        ("Postrider-Attempt", "1"),
        ("X-A", "b\r\nX-C: d"),
        ("X-A", "\u{0}"),
        ("X A", "b"),
        ("", "b"),
    ] {
        let body = serde_json::json!({"headers": {name: value}}).to_string();
        let answer = app.send("PATCH", &path, body).await;
        assert_eq!(answer.problem(), (422, "header_not_allowed"), "{name:?}: {value:?}");
    }
    let many: serde_json::Map<_, _> = (0..17).map(|n| (format!("X-{n}"), "a".into())).collect();
    let answer = app.send("PATCH", &path, serde_json::json!({"headers": many}).to_string()).await;
    assert_eq!(answer.problem(), (422, "header_not_allowed"));
    let twice = app.send("PATCH", &path, r#"{"headers":{"X-A":"1","x-a":"2"}}"#).await;
    assert_eq!((twice.problem(), twice.field()), ((422, "duplicate_key"), "headers.x-a"));
    let good = app.send("PATCH", &path, r#"{"headers":{"X-Z":"1","Authorization":"Bearer b"}}"#);
    let good = good.await;
    assert!(good.text.contains(r#""headers":{"X-Z":"1","Authorization":"Bearer b"}"#));
}

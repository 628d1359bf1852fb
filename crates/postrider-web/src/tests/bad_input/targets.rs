//! Rows of reliability.md 3.4: targets and own headers, at creation and at change.

use std::net::SocketAddr;

use postrider_core::address::AddressPolicy;
use tokio::net::UdpSocket;

use crate::tests::{Setup, TestApp};

/// Row, input and code.
const TARGETS: &[(u8, &str, &str)] = &[
    (58, "", "invalid_url"),
    (58, "not a url", "invalid_url"),
    (58, "example.com", "invalid_url"),
    (58, "//example.com", "invalid_url"),
    (59, "ftp://example.com/", "scheme_not_allowed"),
    (59, "file:///etc/passwd", "scheme_not_allowed"),
    (59, "gopher://example.com/", "scheme_not_allowed"),
    (59, "javascript:alert(1)", "scheme_not_allowed"),
    (59, "data:text/plain,x", "scheme_not_allowed"),
    (59, "ws://example.com/", "scheme_not_allowed"),
    (60, "http://example.com/", "https_required"),
    (61, "https://user:password@example.com/", "credentials_in_url"),
    (62, "https://example.com/#part", "fragment_in_url"),
    (63, "https://exam\tple.com/", "invalid_url"),
    (63, "https://example.com/\r\nX: y", "invalid_url"),
    (63, "https://example.com/\u{0}", "invalid_url"),
    (63, " https://example.com/", "invalid_url"),
    (63, "https://example.com/ ", "invalid_url"),
    (63, "https:\\\\example.com\\", "invalid_url"),
    (64, "https:127.0.0.1/", "invalid_url"),
    (64, "https:///x", "invalid_url"),
    (64, "https:/x", "invalid_url"),
    (65, "https://example.com:0/", "invalid_port"),
    (65, "https://example.com:65536/", "invalid_port"),
    (65, "https://example.com:99999999999/", "invalid_port"),
    (65, "https://example.com:22/", "port_not_allowed"),
    (65, "https://example.com:25/", "port_not_allowed"),
    (65, "https://example.com:6379/", "port_not_allowed"),
    (66, "https://127.0.0.1/", "target_not_allowed"),
    (66, "https://10.0.0.1/", "target_not_allowed"),
    (68, "https://[::1]/", "target_not_allowed"),
    (68, "https://[::]/", "target_not_allowed"),
    (68, "https://[::ffff:10.0.0.1]/", "target_not_allowed"),
    (69, "https://[64:ff9b::a9fe:a9fe]/", "target_not_allowed"),
    (69, "https://[2002:7f00:1::]/", "target_not_allowed"),
    (69, "https://[fec0::1]/", "target_not_allowed"),
    (69, "https://[4000::1]/", "target_not_allowed"),
    (70, "https://[fe80::1%25eth0]/", "invalid_url"),
    (70, "https://[fe80::1%eth0]/", "invalid_url"),
    (71, "https://169.254.169.254/latest/meta-data/", "target_not_allowed"),
    (71, "https://100.100.100.200/", "target_not_allowed"),
    (71, "https://192.0.0.192/", "target_not_allowed"),
    (71, "https://168.63.129.16/", "target_not_allowed"),
    (71, "https://[fd00:ec2::254]/", "target_not_allowed"),
    (72, "https://localhost/", "target_not_allowed"),
    (72, "https://LOCALHOST./", "target_not_allowed"),
    (72, "https://foo.localhost/", "target_not_allowed"),
    (72, "https://metadata.google.internal/", "target_not_allowed"),
    (72, "https://db/", "target_not_allowed"),
    (76, "https://256.1.1.1/", "invalid_host"),
    (76, "https://a..b/", "invalid_host"),
    (66, "https://127.1/", "target_not_allowed"),
    (66, "https://2130706433/", "target_not_allowed"),
    (66, "https://0x7f000001/", "target_not_allowed"),
    (66, "https://0x7f.1/", "target_not_allowed"),
    (66, "https://0177.0.0.1/", "target_not_allowed"),
    (66, "https://0/", "target_not_allowed"),
    (66, "https://127.0.0.1./", "target_not_allowed"),
    (67, "https://①②⑦.0.0.1/", "target_not_allowed"),
    (67, "https://127。0。0。1/", "target_not_allowed"),
    (67, "https://%31%32%37.0.0.1/", "target_not_allowed"),
    (68, "https://[::127.0.0.1]/", "target_not_allowed"),
    (68, "https://[0:0:0:0:0:ffff:7f00:1]/", "target_not_allowed"),
    (69, "https://[2001:0:1::1]/", "target_not_allowed"),
    (76, "https://1.2.3.4.5/", "invalid_host"),
    (76, "https://08.1.1.1/", "invalid_host"),
    (76, "https://xn--a/", "invalid_host"),
];

fn json(target: &str) -> String {
    serde_json::json!({"target_url": target}).to_string()
}

/// Rows 58 to 72, 76, 78 and 79.
#[tokio::test]
async fn a_bad_target_is_refused_at_creation_and_at_change() {
    let app = TestApp::strict().await;
    let id = app.webhook("https://example.com/{{id}}/é?q=é", &["*"]).await;
    let path = format!("/api/v1/webhooks/{id}");
    let before = app.get(&path).await;
    assert_eq!(before.json["target_url"], "https://example.com/%7B%7Bid%7D%7D/%C3%A9?q=%C3%A9");
    let long = format!("https://example.com/{}", "a".repeat(2048));
    let (label, name) = ("a".repeat(64), "a.".repeat(127));
    let (label, name) = (format!("https://{label}.example/"), format!("https://{name}example/"));
    let more =
        [(78, &*long, "too_long"), (76, &*label, "invalid_host"), (76, &*name, "invalid_host")];
    for (row, target, code) in TARGETS.iter().copied().chain(more) {
        let body = serde_json::json!({"name": "a", "target_url": target, "event_types": ["*"]});
        let created = app.post("/api/v1/webhooks", body.to_string()).await;
        let changed = app.send("PATCH", &path, json(target)).await;
        for answer in [created, changed] {
            assert_eq!(answer.problem(), (422, code), "row {row}: {target}");
            assert_eq!(answer.field(), "target_url");
        }
    }
    assert_eq!(app.get(&path).await.text, before.text, "nothing has changed");
    assert_eq!(app.get("/api/v1/webhooks").await.ids(), [id.as_str()]);
}

/// A name server that knows every name by this IPv4 address and no other.
async fn name_server(app: &TestApp, address: [u8; 4]) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let at = socket.local_addr().unwrap();
    app.engine.tracker().spawn(async move {
        let mut query = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut query).await {
            // The question ends with the name's empty label, the type and the class.
            let end = 12 + query[12..length].iter().position(|byte| *byte == 0).unwrap() + 5;
            let is_v4 = query[end - 3] == 1;
            let head = [&query[..2], &[0x81, 0x80, 0, 1, 0, u8::from(is_v4), 0, 0, 0, 0]].concat();
            let record = [&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4][..], &address].concat();
            let record = if is_v4 { record } else { Vec::new() };
            let reply = [&head, &query[12..end], &record].concat();
            socket.send_to(&reply, from).await.unwrap();
        }
    });
    at
}

/// Row 73: refused where it is written when it leads only to where nothing is sent, in the words of
/// every other private address.
#[tokio::test]
async fn a_name_of_a_private_address_is_refused_at_creation_and_at_change() {
    let servers = TestApp::strict().await;
    let mut told = std::collections::BTreeSet::new();
    for (address, is_allowed) in
        [([10, 0, 0, 1], false), ([127, 0, 0, 1], false), ([8, 8, 8, 8], true)]
    {
        let name_servers = vec![name_server(&servers, address).await];
        let app = TestApp::set_up(Setup { name_servers, ..Setup::default() }).await;
        let id = app.webhook("https://1.1.1.1/", &["*"]).await;
        let target = "https://shop.example/";
        let body = serde_json::json!({"name": "a", "target_url": target, "event_types": ["*"]});
        let created = app.post("/api/v1/webhooks", body.to_string()).await;
        let changed = app.send("PATCH", &format!("/api/v1/webhooks/{id}"), json(target)).await;
        if is_allowed {
            assert_eq!((created.status.as_u16(), changed.status.as_u16()), (201, 200));
            continue;
        }
        for answer in [created, changed] {
            assert_eq!(answer.problem(), (422, "target_not_allowed"));
            assert_eq!(answer.field(), "target_url");
            told.insert(answer.without_request_id().to_string());
        }
    }
    assert_eq!(told.len(), 1, "{told:?}");
}

/// Row 75: by address, and by a name that leads there.
#[tokio::test]
async fn a_target_that_is_this_server_is_told_so() {
    let own = [9, 9, 9, 9];
    let servers = TestApp::strict().await;
    let name_servers = vec![name_server(&servers, own).await];
    let policy = AddressPolicy::default().own([own.into()]);
    let app = TestApp::set_up(Setup { policy, name_servers, ..Setup::default() }).await;
    for target in ["https://9.9.9.9/", "https://9.9.9.9:8443/", "https://me.example/"] {
        let body = serde_json::json!({"name": "a", "target_url": target, "event_types": ["*"]});
        let answer = app.post("/api/v1/webhooks", body.to_string()).await;
        assert_eq!(answer.problem(), (422, "target_is_self"), "{target}");
        assert_eq!(answer.field(), "target_url");
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

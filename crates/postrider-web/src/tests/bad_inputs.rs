//! Rows of reliability.md 3.1 and 3.2 that need no socket: input, status, code.

use super::TestApp;

const GOOD: &str = r#"{"type":"order.create","data":{"object":{}}}"#;

/// Rows 1, 11 and 12.
#[tokio::test]
async fn bodies_that_are_not_json_in_utf8_are_refused_before_they_are_read() {
    let app = TestApp::new().await;
    let post = |body: &str| app.bare("POST", "/api/v1/events").key(&app.key).body(body);
    let json = "application/json";
    assert_eq!(post("").header("content-type", json).await.problem(), (400, "empty_body"));
    assert_eq!(post("").await.problem(), (400, "empty_body"));
    for kind in ["text/plain", "application/json; charset=utf-16", "", "application/xml", "json"] {
        let answer = post(GOOD).header("content-type", kind).await;
        assert_eq!(answer.problem(), (415, "media_type_unsupported"), "{kind}");
        assert!(answer.detail().contains("application/json"));
    }
    assert_eq!(post(GOOD).await.problem(), (415, "media_type_unsupported"));
    let zipped = post(GOOD).header("content-type", json).header("content-encoding", "gzip").await;
    assert_eq!(zipped.problem(), (415, "encoding_unsupported"));
    for kind in ["application/json;charset=UTF-8", "Application/JSON; charset=\"utf-8\""] {
        assert_eq!(post(GOOD).header("content-type", kind).await.status, 202, "{kind}");
    }
    let call = app.bare("POST", "/api/v1/webhooks").key(&app.key);
    let lines = call.header("content-type", "application/x-ndjson").body("{}").await;
    assert_eq!(lines.problem(), (415, "media_type_unsupported"));
}

/// Rows 2 and 3, as far as they need no socket.
#[tokio::test]
async fn a_body_over_the_limit_is_refused_and_one_at_the_limit_is_not() {
    let app = TestApp::new().await;
    let most = postrider_core::limits::REQUEST_BODY_BYTES_MAX;
    let of_length = |bytes: usize| {
        let filler = "a".repeat(bytes - GOOD.len() - r#""a":"""#.len());
        GOOD.replace("{}", &format!(r#"{{"a":"{filler}"}}"#))
    };
    let body = of_length(most);
    assert_eq!(body.len(), most);
    assert_eq!(app.post("/api/v1/events", body).await.status, 202);
    let over = app.post("/api/v1/events", of_length(most + 1)).await;
    assert_eq!(over.problem(), (413, "payload_too_large"));
    assert_eq!(over.header("connection"), "close");
    assert!(over.detail().contains(&most.to_string()));
    let announced = app.post("/api/v1/events", GOOD).header("content-length", "99999999999").await;
    assert_eq!(announced.problem(), (413, "payload_too_large"));
}

/// Rows 13, 14 and 18.
#[tokio::test]
async fn paths_and_methods_that_do_not_exist_are_told_apart() {
    let app = TestApp::new().await;
    for path in [
        "/",
        "/api",
        "/api/v1",
        "/api/v1/webhooks/",
        "//api/v1/webhooks",
        "/api/v1//webhooks",
        "/api/v1/%2e%2e/webhooks",
        "/API/v1/webhooks",
        "/api/v1/webhooks/a/b",
        "/api/v2/webhooks",
    ] {
        assert_eq!(app.get(path).await.problem(), (404, "not_found"), "{path}");
    }
    for (method, path, allow) in [
        ("PUT", "/api/v1/webhooks", "GET,HEAD,POST"),
        ("TRACE", "/api/v1/webhooks", "GET,HEAD,POST"),
        ("DELETE", "/healthz", "GET,HEAD"),
        ("GET", "/api/v1/webhooks/a/enable", "POST"),
    ] {
        let answer = app.bare(method, path).await;
        assert_eq!(answer.problem(), (405, "method_not_allowed"), "{method} {path}");
        assert_eq!(answer.header("allow"), allow, "{method} {path}");
    }
    let absolute = app.get("http://evil.example/api/v1/webhooks").await;
    assert_eq!(absolute.problem(), (400, "absolute_target"));
    let connect = app.bare("CONNECT", "evil.example:443").await;
    assert_eq!(connect.problem(), (400, "absolute_target"));
    let long = app.get(&format!("/api/v1/webhooks?page_size={}", "1".repeat(8 * 1024))).await;
    assert_eq!(long.problem(), (414, "uri_too_long"));
}

/// Row 10.
#[tokio::test]
async fn exactly_one_valid_host_is_asked_for() {
    let app = TestApp::new().await;
    let two = app.get("/api/v1/webhooks").header("host", "b.test").await;
    assert_eq!(two.problem(), (400, "invalid_host_header"));
    for host in ["a b", "a@b", "", "a/b"] {
        let request = axum::http::Request::builder().uri("/healthz").header("host", host);
        let answer = app.app.handle(request.body(axum::body::Body::empty()).unwrap()).await;
        assert_eq!(answer.status(), 400, "{host:?}");
    }
}

/// Input, status, code, field.
type Case = (String, u16, &'static str, &'static str);

/// An event of these members and good data.
fn event(members: &str) -> String {
    format!(r#"{{{members},"data":{{"object":{{}}}}}}"#)
}

async fn refuses(cases: Vec<Case>) {
    let app = TestApp::new().await;
    for (body, status, code, field) in cases {
        let answer = app.post("/api/v1/events", body.as_str()).await;
        let shown: String = body.chars().take(120).collect();
        assert_eq!((answer.problem(), answer.field()), ((status, code), field), "{shown}");
    }
    assert_eq!(app.get("/api/v1/events").await.ids().len(), 0, "nothing was stored");
}

/// Rows 25, 27 and 33.
#[tokio::test]
async fn an_event_that_is_not_the_json_asked_for_is_refused() {
    let cases = vec![
        ("{\"type\":".to_owned(), 400, "invalid_json", ""),
        ("{\"type\":\"order.create\",}".to_owned(), 400, "invalid_json", ""),
        ("{} // no".to_owned(), 400, "invalid_json", ""),
        ("{\"data\":NaN}".to_owned(), 400, "invalid_json", ""),
        ("{'a':1}".to_owned(), 400, "invalid_json", ""),
        ("{}{}".to_owned(), 400, "invalid_json", ""),
        ("\u{feff}{}".to_owned(), 400, "invalid_json", ""),
        ("{\"id\":\"a\nb\"}".to_owned(), 400, "invalid_json", ""),
        ("[".repeat(100_000), 400, "invalid_json", ""),
        ("[]".to_owned(), 422, "invalid_type", ""),
        ("3".to_owned(), 422, "invalid_type", ""),
        ("{}".to_owned(), 422, "missing_field", "type"),
        (r#"{"type":"order.create"}"#.to_owned(), 422, "missing_field", "data"),
        (r#"{"type":"order.create","data":{}}"#.to_owned(), 422, "missing_field", "data.object"),
        (r#"{"type":"order.create","data":null}"#.to_owned(), 422, "invalid_type", "data"),
        (event(r#""type":"order.create","type":"order.create""#), 422, "duplicate_key", "type"),
        (event(r#""tpye":"order.create""#), 422, "unknown_field", "tpye"),
        (event(r#""type":"order.create","tenant_id":"b""#), 422, "unknown_field", "tenant_id"),
        (event(r#""type":7"#), 422, "invalid_type", "type"),
        (event(r#""type":null"#), 422, "invalid_type", "type"),
        (event(r#""type":"order.create\u0000""#), 422, "control_character", "type"),
        (event(r#""type":"order\ud800""#), 422, "invalid_unicode", "type"),
        (event(r#""type":"order.create","\ud800":1"#), 422, "invalid_unicode", ""),
    ];
    refuses(cases).await;
}

/// Rows 31, 32, 36 to 39 and 54.
#[tokio::test]
async fn a_bad_event_is_refused_by_field() {
    let cases = vec![
        (event(r#""type":"""#), 422, "invalid_event_type", "type"),
        (event(&format!(r#""type":"{}""#, "o".repeat(257))), 422, "invalid_event_type", "type"),
        (event(r#""type":"order create""#), 422, "invalid_event_type", "type"),
        (event(r#""type":"../x""#), 422, "invalid_event_type", "type"),
        (event(r#""type":"order.🎉""#), 422, "invalid_event_type", "type"),
        (event("\"type\":\"order.\u{200f}create\""), 422, "invalid_event_type", "type"),
        (event(r#""type":"order.created""#), 422, "unknown_event_type", "type"),
        (event(r#""type":"order.create","id":"""#), 422, "invalid_id", "id"),
        (event(r#""type":"order.create","id":"a b""#), 422, "invalid_id", "id"),
        (event(r#""type":"order.create","id":"a\u0000""#), 422, "control_character", "id"),
        (
            event(&format!(r#""type":"order.create","id":"{}""#, "i".repeat(65))),
            422,
            "invalid_id",
            "id",
        ),
        (event(r#""type":"order.create","created":-1"#), 422, "invalid_time", "created"),
        (event(r#""type":"order.create","created":1e308"#), 422, "invalid_type", "created"),
        (event(r#""type":"order.create","created":253402300800"#), 422, "invalid_time", "created"),
        (event(r#""type":"order.create","created":"2024-01-01""#), 422, "invalid_type", "created"),
        (
            event(r#""type":"order.create","snapshot":{"clients":[]}"#),
            422,
            "unknown_field",
            "snapshot.clients",
        ),
        (event(r#""type":"order.create","context":[]"#), 422, "invalid_type", "context"),
        (r#"{"events":[]}"#.to_owned(), 422, "invalid_event_count", "events"),
        (r#"{"events":{}}"#.to_owned(), 422, "invalid_type", "events"),
        (r#"{"events":[7]}"#.to_owned(), 422, "invalid_type", "events[0]"),
        (format!(r#"{{"events":[{GOOD}],"type":"order.create"}}"#), 422, "unknown_field", "type"),
        (
            format!(r#"{{"events":[{GOOD},{{"type":"order.create"}}]}}"#),
            422,
            "missing_field",
            "events[1].data",
        ),
        (
            format!(r#"{{"events":[{}]}}"#, vec![GOOD; 1_001].join(",")),
            422,
            "invalid_event_count",
            "events",
        ),
    ];
    refuses(cases).await;
}

/// Row 35: comparing each name with each other would take minutes.
#[tokio::test]
async fn a_hundred_thousand_names_are_read_in_no_time() {
    let app = TestApp::new().await;
    let names: Vec<_> = (0..100_000).map(|n| format!("\"{n}\":1")).collect();
    let object = format!("{{{}}}", names.join(","));
    let envelope = app.post("/api/v1/events", object.as_str()).await;
    assert_eq!(envelope.problem(), (422, "unknown_field"));
    let posted = app.post_event(&format!(r#"{{"object":{object}}}"#)).await;
    assert_eq!(posted.status, 202, "{}", posted.text);
}

/// Rows 23 to 25.
#[tokio::test]
async fn what_cannot_be_read_is_located() {
    let app = TestApp::new().await;
    let utf8 = app.post("/api/v1/events", b"{\"type\":\"\xff\"}".as_slice()).await;
    assert_eq!(utf8.problem(), (400, "invalid_utf8"));
    assert!(utf8.detail().contains("at 9"), "{}", utf8.detail());
    let utf16: Vec<u8> = "{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(app.post("/api/v1/events", utf16).await.problem(), (400, "invalid_json"));
    let json = app.post("/api/v1/events", "{\"type\":\n  nope}").await;
    assert!(json.detail().contains("line 2, column 4"), "{}", json.detail());
    let near = app.post("/api/v1/events", r#"{"type":"a.b","data":{},"snapshots":{}}"#).await;
    assert!(near.detail().contains("did you mean `snapshot`"), "{}", near.detail());
    let near = app.post("/api/v1/events", r#"{"type":"order.created","data":{"object":{}}}"#).await;
    assert!(near.detail().contains("order.create"), "{}", near.detail());
}

/// Row 26.
#[tokio::test]
async fn payloads_nest_up_to_the_limit() {
    let app = TestApp::new().await;
    let nested = |levels: usize| {
        // `data` and `object` are two levels themselves.
        let (open, close) = ("[".repeat(levels - 2), "]".repeat(levels - 2));
        format!(r#"{{"object":{{"a":{open}{close}}}}}"#)
    };
    assert_eq!(app.post_event(&nested(128)).await.status, 202);
    let deep = app.post_event(&nested(129)).await;
    assert_eq!((deep.problem(), deep.field()), ((422, "json_too_deep"), "data"));
    assert!(deep.detail().contains("128"));
    assert_eq!(app.post_event(&nested(200_000)).await.problem(), (422, "json_too_deep"));
}

/// Row 32, inside a payload.
#[tokio::test]
async fn a_lone_surrogate_in_a_payload_is_refused() {
    let app = TestApp::new().await;
    let answer = app.post_event(r#"{"object":{"a":"\ud800"}}"#).await;
    assert_eq!((answer.problem(), answer.field()), ((422, "invalid_unicode"), "data"));
}

#[tokio::test]
async fn an_object_of_another_merchant_is_refused() {
    let app = TestApp::new().await;
    let (other, _) = app.other_merchant().await;
    let answer = app.post_event(&format!(r#"{{"object":{{"merchant":"{other}"}}}}"#)).await;
    assert_eq!((answer.problem().0, answer.field()), (422, "data.object.merchant"));
    let own = format!(r#"{{"object":{{"merchant":"{}"}}}}"#, app.merchant);
    assert_eq!(app.post_event(&own).await.status, 202);
}

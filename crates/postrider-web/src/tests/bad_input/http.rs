//! Rows of reliability.md 3.1 that need no socket; those that do are in `listener`.

use super::GOOD;
use crate::tests::{REQUESTS_PER_SECOND, TestApp};

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
        "/nowhere",
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

/// Row 20.
#[tokio::test]
async fn more_requests_than_the_operator_allows_are_told_to_slow_down() {
    let app = TestApp::new().await;
    for _ in 0..REQUESTS_PER_SECOND {
        assert_eq!(app.get("/api/v1/webhooks").await.status, 200);
    }
    let answer = app.get("/api/v1/webhooks").await;
    assert_eq!(answer.problem(), (429, "rate_limited"));
    let headers = ["retry-after", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"];
    let limit = REQUESTS_PER_SECOND.to_string();
    assert_eq!(headers.map(|name| answer.header(name)), ["1", &limit, "0", "1"]);
    let (_, other) = app.other_merchant().await;
    assert_eq!(app.bare("GET", "/api/v1/webhooks").key(&other).await.status, 200);
    let operator = app.bare("GET", "/api/v1/merchants").key(&app.operator);
    assert_eq!(operator.await.status, 200, "operators are not counted");
}

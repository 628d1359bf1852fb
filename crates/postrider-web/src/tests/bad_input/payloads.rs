//! Rows of reliability.md 3.2: bodies and their fields.

use super::GOOD;
use crate::tests::TestApp;

/// Row, input, status, code, field.
type Case = (u8, String, u16, &'static str, &'static str);

/// An event of these members and good data.
fn event(members: &str) -> String {
    format!(r#"{{{members},"data":{{"object":{{}}}}}}"#)
}

async fn refuses(cases: Vec<Case>) {
    let app = TestApp::new().await;
    for (row, body, status, code, field) in cases {
        let answer = app.post("/api/v1/events", body.as_str()).await;
        let shown: String = body.chars().take(120).collect();
        assert_eq!(
            (answer.problem(), answer.field()),
            ((status, code), field),
            "row {row}: {shown}"
        );
    }
    assert_eq!(app.get("/api/v1/events").await.ids().len(), 0, "nothing was stored");
}

/// Rows 24 to 27, 31 to 34, 38 and 50: `data` must be an object (product.md), which wins over
/// row 34.
#[tokio::test]
async fn an_event_that_is_not_the_json_asked_for_is_refused() {
    let cases = vec![
        (25, "{\"type\":".to_owned(), 400, "invalid_json", ""),
        (25, "{\"type\":\"order.create\",}".to_owned(), 400, "invalid_json", ""),
        (25, "{} // no".to_owned(), 400, "invalid_json", ""),
        (25, "{\"data\":NaN}".to_owned(), 400, "invalid_json", ""),
        (25, "{'a':1}".to_owned(), 400, "invalid_json", ""),
        (25, "{}{}".to_owned(), 400, "invalid_json", ""),
        (24, "\u{feff}{}".to_owned(), 400, "invalid_json", ""),
        (33, "{\"id\":\"a\nb\"}".to_owned(), 400, "invalid_json", ""),
        (26, "[".repeat(100_000), 400, "invalid_json", ""),
        (34, "[]".to_owned(), 422, "invalid_type", ""),
        (34, "3".to_owned(), 422, "invalid_type", ""),
        (34, "{}".to_owned(), 422, "missing_field", "type"),
        (34, r#"{"type":"order.create"}"#.to_owned(), 422, "missing_field", "data"),
        (
            34,
            r#"{"type":"order.create","data":{}}"#.to_owned(),
            422,
            "missing_field",
            "data.object",
        ),
        (34, r#"{"type":"order.create","data":null}"#.to_owned(), 422, "invalid_type", "data"),
        (27, event(r#""type":"order.create","type":"order.create""#), 422, "duplicate_key", "type"),
        (38, event(r#""tpye":"order.create""#), 422, "unknown_field", "tpye"),
        (50, event(r#""type":"order.create","tenant_id":"b""#), 422, "unknown_field", "tenant_id"),
        (34, event(r#""type":7"#), 422, "invalid_type", "type"),
        (34, event(r#""type":null"#), 422, "invalid_type", "type"),
        (31, event(r#""type":"order.create\u0000""#), 422, "control_character", "type"),
        (32, event(r#""type":"order\ud800""#), 422, "invalid_unicode", "type"),
        (32, event(r#""type":"order.create","\ud800":1"#), 422, "invalid_unicode", ""),
    ];
    refuses(cases).await;
}

/// Rows 31, 34, 36 to 39, 42 and 54: an event's own id is its idempotency key.
#[tokio::test]
async fn a_bad_event_is_refused_by_field() {
    let cases = vec![
        (36, event(r#""type":"""#), 422, "invalid_event_type", "type"),
        (36, event(&format!(r#""type":"{}""#, "o".repeat(257))), 422, "invalid_event_type", "type"),
        (36, event(r#""type":"order create""#), 422, "invalid_event_type", "type"),
        (36, event(r#""type":"../x""#), 422, "invalid_event_type", "type"),
        (36, event(r#""type":"order.🎉""#), 422, "invalid_event_type", "type"),
        (36, event("\"type\":\"order.\u{200f}create\""), 422, "invalid_event_type", "type"),
        (37, event(r#""type":"order.created""#), 422, "unknown_event_type", "type"),
        (54, event(r#""type":"order.create","id":"""#), 422, "invalid_id", "id"),
        (54, event(r#""type":"order.create","id":"a b""#), 422, "invalid_id", "id"),
        (31, event(r#""type":"order.create","id":"a\u0000""#), 422, "control_character", "id"),
        (
            54,
            event(&format!(r#""type":"order.create","id":"{}""#, "i".repeat(65))),
            422,
            "invalid_id",
            "id",
        ),
        (39, event(r#""type":"order.create","created":-1"#), 422, "invalid_time", "created"),
        (39, event(r#""type":"order.create","created":1e308"#), 422, "invalid_type", "created"),
        (
            39,
            event(r#""type":"order.create","created":253402300800"#),
            422,
            "invalid_time",
            "created",
        ),
        (
            39,
            event(r#""type":"order.create","created":"2024-01-01""#),
            422,
            "invalid_type",
            "created",
        ),
        (
            38,
            event(r#""type":"order.create","snapshot":{"clients":[]}"#),
            422,
            "unknown_field",
            "snapshot.clients",
        ),
        (34, event(r#""type":"order.create","context":[]"#), 422, "invalid_type", "context"),
        (42, r#"{"events":[]}"#.to_owned(), 422, "invalid_event_count", "events"),
        (34, r#"{"events":{}}"#.to_owned(), 422, "invalid_type", "events"),
        (34, r#"{"events":[7]}"#.to_owned(), 422, "invalid_type", "events[0]"),
        (
            38,
            format!(r#"{{"events":[{GOOD}],"type":"order.create"}}"#),
            422,
            "unknown_field",
            "type",
        ),
        (
            34,
            format!(r#"{{"events":[{GOOD},{{"type":"order.create"}}]}}"#),
            422,
            "missing_field",
            "events[1].data",
        ),
        (
            42,
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

/// Rows 34 and 35: what stands in a payload is the sender's business.
#[tokio::test]
async fn any_value_may_stand_in_a_payload_up_to_the_size_of_a_body() {
    let app = TestApp::new().await;
    for value in ["7", "\"a\"", "null", "[]", "true", "{}"] {
        let posted = app.post_event(&format!(r#"{{"object":{{"v":{value}}},"w":{value}}}"#)).await;
        assert_eq!(posted.status, 202, "34 {value}: {}", posted.text);
    }
    let spaces = GOOD.to_owned() + &" ".repeat(10 * 1024 * 1024);
    let answer = app.post("/api/v1/events", spaces).await;
    assert_eq!(answer.problem(), (413, "payload_too_large"), "35 spaces");
}

/// Row 39, in a query.
#[tokio::test]
async fn times_in_queries_must_exist() {
    let app = TestApp::new().await;
    for time in ["2024-01-01T00:00:00%2B25:00", "1e308", "2024-02-30T00:00:00Z", "0", ""] {
        let answer = app.get(&format!("/api/v1/deliveries?created_after={time}")).await;
        assert_eq!(answer.problem(), (422, "invalid_parameter"), "39 {time}");
        assert_eq!(answer.field(), "created_after");
    }
}

/// Row 41.
#[tokio::test]
async fn what_would_be_code_elsewhere_is_text() {
    let app = TestApp::new().await;
    for text in ["'; DROP TABLE events; --", "{{7*7}}", "%n%s", "${jndi:ldap://a}", "<script>"] {
        let named = serde_json::json!({
            "name": text, "target_url": "http://127.0.0.1:9/", "event_types": ["*"],
        });
        let made = app.post("/api/v1/webhooks", named.to_string()).await;
        assert_eq!((made.status.as_u16(), &made.json["name"]), (201, &text.into()), "41 {text}");
        let posted = app.post_event(&format!(r#"{{"object":{{"v":"{text}"}}}}"#)).await;
        let path = format!("/api/v1/events/{}", posted.json["id"].as_str().unwrap());
        assert_eq!(app.get(&path).await.json["data"]["object"]["v"], text, "41 {text}");
    }
}

/// Row 40: there is no member to ask for a time, and none is passed over in silence.
#[tokio::test]
async fn a_delivery_cannot_be_asked_for_at_a_time() {
    let app = TestApp::new().await;
    for name in ["deliver_at", "send_at", "delay_seconds"] {
        let body = format!(r#"{{"type":"order.create","data":{{"object":{{}}}},"{name}":9}}"#);
        let answer = app.post("/api/v1/events", body).await;
        assert_eq!((answer.problem(), answer.field()), ((422, "unknown_field"), name));
    }
}

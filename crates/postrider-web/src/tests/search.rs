//! Searching events and deliveries, what was not delivered, and following a webhook.

use std::time::Duration;

use postrider_core::{limits, sign};
use postrider_engine::Clock;
use serde_json::Value;

use super::{NOW, TestApp};
use crate::api_key::{Scope, Scopes};

async fn post(app: &TestApp, id: &str, customer: &str) -> String {
    let body = serde_json::json!({
        "id": id,
        "type": "order.create",
        "data": {"object": {"public_id": format!("o-{id}"), "customer": customer}},
        "snapshot": {"customer": {"email": format!("{customer}@Example.com")}},
    });
    let answer = app.post("/api/v1/events", body.to_string()).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    answer.json["deliveries"][0].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn events_and_deliveries_are_found_by_object_customer_and_email() {
    let app = TestApp::new().await;
    app.webhook("http://127.0.0.1:9/", &["order.*"]).await;
    let mut deliveries = Vec::new();
    for (id, customer) in [("a", "ann"), ("b", "bob"), ("c", "ann")] {
        deliveries.push(post(&app, id, customer).await);
    }
    for (filter, expected) in [
        ("object=o-b", vec![1]),
        ("customer=ann", vec![2, 0]),
        ("email=ANN@example.com", vec![2, 0]),
        ("email=ann%40example.com&object=o-a", vec![0]),
        ("customer=ann&object=o-b", vec![]),
        ("customer=Ann", vec![]),
        ("customer=ann&event_type=order.create&test=false", vec![2, 0]),
        ("customer=ann&created_before=2020-01-01T00:00:00Z", vec![]),
        ("event_type=order.cancel", vec![]),
        // What cannot hold together finds nothing.
        ("created_after=2030-01-01T00:00:00Z&created_before=2020-01-01T00:00:00Z", vec![]),
        ("customer=ann&email=bob@example.com", vec![]),
    ] {
        let wanted: Vec<&str> = expected.iter().map(|at| deliveries[*at].as_str()).collect();
        let found = app.get(&format!("/api/v1/deliveries?{filter}")).await;
        assert_eq!(found.ids(), wanted, "{filter}: {}", found.text);
        let wanted: Vec<&str> = expected.iter().map(|at| ["a", "b", "c"][*at]).collect();
        let found = app.get(&format!("/api/v1/events?{filter}")).await;
        assert_eq!(found.ids(), wanted, "{filter}: {}", found.text);
    }
}

#[tokio::test]
async fn what_cannot_be_a_word_is_refused_by_name() {
    let app = TestApp::new().await;
    let long = "x".repeat(limits::TERM_BYTES_MAX + 1);
    for list in ["deliveries", "events"] {
        for name in ["object", "customer", "email"] {
            for value in ["", "a%00b", "a%0Ab", &long] {
                let answer = app.get(&format!("/api/v1/{list}?{name}={value}")).await;
                assert_eq!(answer.problem(), (422, "invalid_parameter"), "{name}={value}");
                assert_eq!(answer.json["field"], name);
            }
            let odd = app.get(&format!("/api/v1/{list}?{name}=%C3%A9%20%22%27--")).await;
            assert_eq!(odd.ids(), Vec::<String>::new());
        }
        let answer = app.get(&format!("/api/v1/{list}?event_type=order")).await;
        assert_eq!(answer.problem(), (422, "invalid_parameter"));
    }
    for query in ["customers=ann", "customer_id=ann", "customer%5B%5D=ann"] {
        let answer = app.get(&format!("/api/v1/deliveries?{query}")).await;
        assert_eq!(answer.problem(), (422, "unknown_parameter"), "{query}");
    }
    let answer = app.get("/api/v1/deliveries?customer=ann&customer=bob").await;
    assert_eq!((answer.problem(), answer.field()), ((422, "repeated_parameter"), "customer"));
    let answer = app.get("/api/v1/events?status=failed").await;
    assert_eq!(answer.problem(), (422, "unknown_parameter"));
}

/// A webhook with a delivery that failed.
pub(super) async fn with_failed(app: &TestApp) -> (String, String) {
    // Nothing listens there; a policy with one short wait gives up soon.
    let body = serde_json::json!({
        "name": "dead", "target_url": "http://127.0.0.1:9/", "event_types": ["order.*"],
        "retry_policy": {"waits_seconds": [1]},
    });
    let webhook = app.post("/api/v1/webhooks", body.to_string()).await;
    let delivery = post(app, "a", "ann").await;
    app.engine.run_until_idle().await;
    let Clock::Manual(manual) = app.engine.clock() else { unreachable!("time stands still") };
    manual.advance_to(NOW + Duration::from_secs(9));
    app.engine.run_until_idle().await;
    (webhook.json["id"].as_str().unwrap().to_owned(), delivery)
}

#[tokio::test]
async fn what_was_not_delivered_is_shown_with_cause_and_remedy() {
    let app = TestApp::new().await;
    let path = "/api/v1/undelivered";
    assert_eq!(app.get(path).await.text, r#"{"results":[],"complete":true}"#);
    let (webhook, delivery) = with_failed(&app).await;
    let shown = app.get(path).await.json;
    let group = &shown["results"][0];
    assert_eq!(
        (&group["webhook"], &group["count"]),
        (&webhook.as_str().into(), &1.into()),
        "{shown}"
    );
    assert_eq!(
        (&group["outcome"], &group["example"]),
        (&"connect_refused".into(), &delivery.into())
    );
    assert!(group["cause"].is_string() && group["remedy"].is_string());
    assert_eq!(
        (&group["oldest"], &group["newest"]),
        (&NOW.rfc3339().into(), &NOW.rfc3339().into())
    );
    assert_eq!(app.get(&format!("{path}?webhook={webhook}")).await.json, shown);
    let (_, others_key) = app.other_merchant().await;
    let others = app.bare("GET", &format!("{path}?webhook={webhook}")).key(&others_key).await;
    assert_eq!(others.text, r#"{"results":[],"complete":true}"#);
    let answer = app.get(&format!("{path}?webhook=x")).await;
    assert_eq!(answer.problem(), (422, "invalid_parameter"));
}

async fn next_of(app: &TestApp, path: &str) -> (Vec<Value>, String) {
    let answer = app.get(path).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let next = answer.json["next"].as_str().unwrap().to_owned();
    (answer.json["results"].as_array().unwrap().clone(), next)
}

fn header<'a>(request: &'a Value, name: &str) -> &'a str {
    let lines = request["headers"].as_array().unwrap();
    let found: Vec<_> = lines.iter().filter(|line| line["name"] == name).collect();
    assert_eq!(found.len(), 1, "{name}");
    found[0]["value"].as_str().unwrap()
}

#[tokio::test]
async fn a_feed_goes_on_after_any_of_its_deliveries() {
    let app = TestApp::new().await;
    let webhook = app.webhook("http://127.0.0.1:9/", &["order.*"]).await;
    let path = format!("/api/v1/webhooks/{webhook}/feed");
    let (_, begun) = next_of(&app, &path).await;
    let mut posted = Vec::new();
    for id in ["a", "b", "c"] {
        posted.push(post(&app, id, "ann").await);
    }
    let (all, next) = next_of(&app, &format!("{path}?after={begun}")).await;
    let ids = |rows: &[Value]| -> Vec<String> {
        rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!((ids(&all), &all[2]["cursor"]), (posted.clone(), &next.into()));
    let after_first = all[0]["cursor"].as_str().unwrap();
    let (rest, _) = next_of(&app, &format!("{path}?after={after_first}")).await;
    assert_eq!(ids(&rest), posted[1..]);
}

/// A feed shows what receivers get, private fields too.
#[tokio::test]
async fn a_key_that_may_only_read_cannot_follow() {
    let app = TestApp::new().await;
    let webhook = app.webhook("http://127.0.0.1:9/", &["order.*"]).await;
    let path = format!("/api/v1/webhooks/{webhook}/feed");
    let reader = Scopes::NONE.with(Scope::DeliveriesRead).with(Scope::WebhooksRead);
    let reader = app.key_with(reader).await;
    let answer = app.bare("GET", &path).key(&reader).await;
    assert_eq!(answer.problem(), (403, "scope_missing"));
    let sender = app.key_with(Scopes::NONE.with(Scope::DeliveriesWrite)).await;
    assert_eq!(app.bare("GET", &path).key(&sender).await.status, 200);
    let undelivered = app.bare("GET", "/api/v1/undelivered").key(&sender).await;
    assert_eq!(undelivered.problem(), (403, "scope_missing"));
}

#[tokio::test]
async fn a_feed_shows_new_deliveries_and_resends_freshly_signed() {
    let app = TestApp::new().await;
    let webhook = app.webhook(&format!("http://{}/", app.receiver().await), &["order.*"]).await;
    let path = format!("/api/v1/webhooks/{webhook}/feed");
    post(&app, "before", "ann").await;
    let (results, begun) = next_of(&app, &path).await;
    assert_eq!(results, Vec::<Value>::new());
    let delivery = post(&app, "after", "ann").await;
    app.engine.run_until_idle().await;
    let (results, next) = next_of(&app, &format!("{path}?after={begun}")).await;
    assert_eq!(results.len(), 1);
    assert_eq!(
        (&results[0]["id"], &results[0]["is_resend"]),
        (&delivery.as_str().into(), &false.into())
    );
    let request = &results[0]["request"];
    let key = app.get(&format!("/api/v1/webhooks/{webhook}/verification-key")).await.json;
    let (signature, key) = (header(request, "Ordergroove-Signature"), &key["verification_key"]);
    let body = request["body"].as_str().unwrap();
    let signed_at = sign::verify(signature, body.as_bytes(), key.as_str().unwrap());
    assert_eq!(signed_at, Ok(NOW.unix_seconds()));
    assert_eq!(header(request, "Postrider-Delivery"), delivery);
    assert_eq!(header(request, "Postrider-Attempt"), "2", "one attempt was made already");
    let sent = app.get(&format!("/api/v1/deliveries/{delivery}")).await.json;
    assert_eq!(request["body"], sent["request"]["body"]);
    app.post(&format!("/api/v1/deliveries/{delivery}/resend"), "").await;
    let (results, last) = next_of(&app, &format!("{path}?after={next}")).await;
    assert_eq!((results.len(), &results[0]["is_resend"]), (1, &true.into()));
    assert_eq!(results[0]["cursor"], last);
    let (again, _) = next_of(&app, &format!("{path}?after={next}")).await;
    assert_eq!(again.len(), 1, "the same question has the same answer");
    let (results, unmoved) = next_of(&app, &format!("{path}?after={last}")).await;
    assert_eq!((results.len(), unmoved), (0, last));
}

#[tokio::test]
async fn a_feed_waits_for_news_and_no_longer_than_asked() {
    let app = TestApp::new().await;
    let webhook = app.webhook("http://127.0.0.1:9/", &["order.*"]).await;
    let other = app.webhook("http://127.0.0.1:9/", &["item.*"]).await;
    let path = format!("/api/v1/webhooks/{webhook}/feed");
    let (_, begun) = next_of(&app, &path).await;
    let waiting = format!("{path}?after={begun}&wait_seconds=30");
    let ((results, _), delivery) = tokio::join!(next_of(&app, &waiting), post(&app, "a", "ann"));
    assert_eq!(results[0]["id"], delivery);
    // Time is moved by hand: without news the answer comes when it is over.
    let quiet = format!("/api/v1/webhooks/{other}/feed");
    let (_, begun) = next_of(&app, &quiet).await;
    let waiting = format!("{quiet}?after={begun}&wait_seconds=30");
    let Clock::Manual(manual) = app.engine.clock() else { unreachable!("time stands still") };
    let pass = async {
        tokio::task::yield_now().await;
        manual.advance_to(NOW + Duration::from_secs(31));
    };
    let ((results, _), ()) = tokio::join!(next_of(&app, &waiting), pass);
    assert_eq!(results, Vec::<Value>::new());
    app.engine.dismiss_followers();
    let (results, _) = next_of(&app, &waiting).await;
    assert_eq!(results, Vec::<Value>::new(), "nobody waits while the API stops");
}

#[tokio::test]
async fn a_feed_that_waits_is_told_of_a_recovery() {
    let app = TestApp::new().await;
    let (webhook, delivery) = with_failed(&app).await;
    let path = format!("/api/v1/webhooks/{webhook}/feed");
    let (_, begun) = next_of(&app, &path).await;
    let waiting = format!("{path}?after={begun}&wait_seconds=30");
    let body = serde_json::json!({"webhook": webhook, "since": NOW.rfc3339()}).to_string();
    let recover = app.post("/api/v1/recoveries", body);
    let ((results, _), recovery) = tokio::join!(next_of(&app, &waiting), recover);
    assert_eq!(recovery.status, 201, "{}", recovery.text);
    assert_eq!((&results[0]["id"], &results[0]["is_resend"]), (&delivery.into(), &true.into()));
}

#[tokio::test]
async fn a_feeds_cursor_holds_for_that_feed_only() {
    let app = TestApp::new().await;
    let webhook = app.webhook("http://127.0.0.1:9/", &["order.*"]).await;
    let other = app.webhook("http://127.0.0.1:9/", &["order.*"]).await;
    let path = |webhook: &str| format!("/api/v1/webhooks/{webhook}/feed");
    let (_, begun) = next_of(&app, &path(&webhook)).await;
    for (webhook, after) in [(&other, begun.as_str()), (&webhook, ""), (&webhook, &begun[1..])] {
        let answer = app.get(&format!("{}?after={after}", path(webhook))).await;
        assert_eq!(answer.problem(), (400, "bad_cursor"));
        assert_eq!(answer.json["field"], "after");
    }
    for wait in ["31", "-1", "1.5", ""] {
        let answer = app.get(&format!("{}?wait_seconds={wait}", path(&webhook))).await;
        assert_eq!(answer.problem(), (422, "invalid_parameter"), "{wait}");
    }
    let answer = app.get(&format!("{}?webhook={webhook}", path(&webhook))).await;
    assert_eq!(answer.problem(), (422, "unknown_parameter"));
    let (_, others_key) = app.other_merchant().await;
    let (mine, random) = (format!("{}?after={begun}", path(&webhook)), path(super::RANDOM_ID));
    let theirs = app.bare("GET", &mine).key(&others_key).await;
    assert_eq!(theirs.problem(), (400, "bad_cursor"), "a cursor is of its merchant");
    let theirs = app.bare("GET", &path(&webhook)).key(&others_key).await;
    let none = app.bare("GET", &random).key(&others_key).await;
    assert_eq!(theirs.without_request_id(), none.without_request_id());
}

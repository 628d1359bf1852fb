//! Posting events: shapes, idempotency, and bytes that stay what they are.

use super::{NOW, TestApp};

#[tokio::test]
async fn a_posted_event_is_shown_with_the_decision_of_every_webhook() {
    let app = TestApp::new().await;
    let wanted = app.webhook("http://127.0.0.1:9/a", &["order.*"]).await;
    let unwanted = app.webhook("http://127.0.0.1:9/b", &["item.create"]).await;
    let off = app.webhook("http://127.0.0.1:9/c", &["*"]).await;
    app.post(&format!("/api/v1/webhooks/{off}/disable"), "").await;
    let body = r#"{"type":"order.create","created":1622589211,"data":{"object":{"a" : 1.50}},
                   "context":{"actor":{"type":"customer"}},"snapshot":{"orders":[]}}"#;
    let posted = app.post("/api/v1/events", body).await;
    assert_eq!(posted.status, 202, "{}", posted.text);
    assert_eq!(posted.json["duplicate"], false);
    let (id, delivery) = (&posted.json["id"], &posted.json["deliveries"][0]);
    let shown = app.get(&format!("/api/v1/events/{}", id.as_str().unwrap())).await;
    let json = &shown.json;
    assert_eq!(
        (&json["id"], &json["type"], &json["created"]),
        (id, &"order.create".into(), &1_622_589_211_u32.into())
    );
    assert_eq!((&json["accepted_at"], &json["test"]), (&NOW.rfc3339().into(), &false.into()));
    assert!(shown.text.contains(r#""data":{"object":{"a" : 1.50}}"#), "{}", shown.text);
    assert_eq!(json["context"]["actor"]["type"], "customer");
    assert_eq!(json["snapshot"]["orders"].as_array().unwrap().len(), 0);
    let decided = |webhook: &str| {
        let decisions = json["decisions"].as_array().unwrap();
        decisions.iter().find(|made| made["webhook"] == webhook).unwrap().clone()
    };
    assert_eq!(decided(&wanted)["decision"], "deliver");
    assert_eq!(&decided(&wanted)["delivery"], delivery);
    assert_eq!(decided(&wanted)["webhook_name"], "hook");
    assert_eq!(decided(&unwanted)["decision"], "not_selected");
    assert_eq!(decided(&off)["decision"], "disabled");
    app.send("DELETE", &format!("/api/v1/webhooks/{wanted}"), "").await;
    let shown = app.get(&format!("/api/v1/events/{}", id.as_str().unwrap())).await;
    let made = shown.json["decisions"].as_array().unwrap();
    let gone = made.iter().find(|made| made["webhook"] == *wanted).unwrap();
    assert!(gone["webhook_name"].is_null() && !gone["reason"].as_str().unwrap().is_empty());
}

#[tokio::test]
async fn batches_and_lines_answer_in_order_all_or_nothing() {
    let app = TestApp::new().await;
    let event =
        |id: &str| format!(r#"{{"id":"{id}","type":"order.create","data":{{"object":{{}}}}}}"#);
    let batch = format!(r#"{{"events":[{},{}]}}"#, event("b1"), event("b2"));
    let posted = app.post("/api/v1/events", batch).await;
    assert_eq!((posted.status.as_u16(), posted.ids()), (202, vec!["b1", "b2"]));
    let lines = format!("{}\r\n\n  {}\n", event("l1"), event("l2"));
    let post_lines = async |body: String| {
        let call = app.bare("POST", "/api/v1/events").key(&app.key);
        call.header("content-type", "application/x-ndjson").body(body).await
    };
    let posted = post_lines(lines).await;
    assert_eq!((posted.status.as_u16(), posted.ids()), (202, vec!["l1", "l2"]), "{}", posted.text);
    let bad = post_lines(format!("{}\n{{\"type\":}}", event("l3"))).await;
    assert_eq!(bad.problem(), (400, "invalid_json"));
    assert!(bad.detail().contains("line 2, column 9"), "{}", bad.detail());
    let mixed = format!(
        r#"{{"events":[{},{{"type":"order.crate","data":{{"object":{{}}}}}}]}}"#,
        event("b3")
    );
    let refused = app.post("/api/v1/events", mixed).await;
    assert_eq!(refused.problem(), (422, "unknown_event_type"));
    assert_eq!(refused.field(), "events[1].type");
    for id in ["l3", "b3"] {
        assert_eq!(app.get(&format!("/api/v1/events/{id}")).await.status, 404);
    }
}

/// Rows 51 and 52.
#[tokio::test]
async fn an_own_id_makes_a_post_idempotent() {
    let app = TestApp::new().await;
    app.webhook("http://127.0.0.1:9/", &["*"]).await;
    let body = r#"{"id":"k-1","type":"order.create","data":{"object":{"n":1}}}"#;
    let first = app.post("/api/v1/events", body).await;
    let again = app.post("/api/v1/events", body).await;
    assert_eq!((first.status.as_u16(), again.status.as_u16()), (202, 202));
    assert_eq!((&first.json["duplicate"], &again.json["duplicate"]), (&false.into(), &true.into()));
    assert_eq!(first.json["deliveries"], again.json["deliveries"]);
    assert_eq!(first.json["deliveries"].as_array().unwrap().len(), 1);
    let other = body.replace(r#""n":1"#, r#""n":2"#);
    let mismatch = app.post("/api/v1/events", other.as_str()).await;
    assert_eq!(mismatch.problem(), (409, "idempotency_mismatch"));
    assert_eq!(mismatch.field(), "id");
    let batch = format!(r#"{{"events":[{body},{other}]}}"#);
    let mismatch = app.post("/api/v1/events", batch).await;
    assert_eq!((mismatch.problem().0, mismatch.field()), (409, "events[1].id"));
}

/// Rows 28 to 30, and K2: what is posted is what is sent.
#[tokio::test]
async fn odd_payloads_keep_every_byte() {
    let app = TestApp::new().await;
    let webhook = app.webhook("http://127.0.0.1:9/", &["order.create"]).await;
    let patch = r#"{"additional_data":{"order":["customer"]}}"#;
    app.send("PATCH", &format!("/api/v1/webhooks/{webhook}"), patch).await;
    for data in [
        r#"{"object":{"a":1,"a":2,"b":{"c":1,"c":[ ]}}}"#,
        r#"{"object":{"n":1234567890123456789012345678901234567890,"x":1e400,"z":-0,"f":1.0}}"#,
        r#"{ "object" : { "s" : "\u0000 \u00e9 é \ud83d\ude00 \/" } , "key" : "}{" }"#,
        "{\"object\":{\"spaces\" :\t[1 ,\n2]}}",
        r#"{"object":{"x":"'; DROP TABLE events; -- {{7*7}} %n ${jndi:ldap}"}}"#,
    ] {
        let snapshot = r#"{ "customer" : {"name" :"A\u0041", "name":2} , "orders":[]}"#;
        let body = format!(
            r#"{{"type":"order.create","created":5,"data":{data},"context":{{"k" : 1}},"snapshot":{snapshot}}}"#
        );
        let posted = app.post("/api/v1/events", body).await;
        assert_eq!(posted.status, 202, "{data}: {}", posted.text);
        let (id, delivery) =
            (posted.json["id"].as_str().unwrap(), posted.json["deliveries"][0].as_str().unwrap());
        let shown = app.get(&format!("/api/v1/deliveries/{delivery}")).await;
        let expected = format!(
            r#"{{"id":"{id}","type":"order.create","created":5,"data":{data},"context":{{"k" : 1}},"snapshot":{{"customer":{{"name" :"A\u0041", "name":2}}}}}}"#
        );
        assert_eq!(shown.json["request"]["body"].as_str().unwrap(), expected);
        let shown = app.get(&format!("/api/v1/events/{id}")).await;
        assert!(shown.text.contains(&format!("\"data\":{data},\"context\":")), "{}", shown.text);
        assert!(shown.text.contains(&format!("\"snapshot\":{snapshot},")), "{}", shown.text);
    }
}

#[tokio::test]
async fn a_list_of_events_leaves_the_payloads_out() {
    let app = TestApp::new().await;
    app.post_event(r#"{"object":{"mark":"PAYLOAD"}}"#).await;
    let listed = app.get("/api/v1/events").await;
    assert!(!listed.text.contains("PAYLOAD"));
    let row = &listed.json["results"][0];
    assert_eq!((&row["type"], &row["test"]), (&"order.create".into(), &false.into()));
    assert!(row["decisions"].is_array());
}

#[tokio::test]
async fn the_catalogue_is_shown_whole_with_schemas_and_examples() {
    let app = TestApp::new().await;
    let answer = app.get("/api/v1/event-types").await;
    let types = answer.json["results"].as_array().unwrap();
    assert_eq!(types.len(), postrider_core::catalogue::entries().len());
    let create = types.iter().find(|one| one["name"] == "subscription.create").unwrap();
    assert_eq!(create["family"], "subscription");
    assert!(!create["description"].as_str().unwrap().is_empty());
    assert!(create["schema"]["$schema"].is_string());
    // An example can be posted as it stands.
    for one in types {
        let posted = app.post("/api/v1/events", one["example"].to_string()).await;
        assert_eq!(posted.status, 202, "{}: {}", one["name"], posted.text);
    }
}

//! Lists: paging both ways while rows are added, and cursors that hold only where they were given.

use super::TestApp;

fn path_of(link: &serde_json::Value) -> String {
    let link = link.as_str().expect("there is a link");
    link.strip_prefix("http://api.test").expect("the link is whole").to_owned()
}

#[tokio::test]
async fn pages_are_stable_both_ways_while_rows_are_added() {
    let app = TestApp::new().await;
    let mut posted = Vec::new();
    for n in 0..7 {
        let answer = app.post_event(&format!(r#"{{"object":{{"n":{n}}}}}"#)).await;
        posted.insert(0, answer.json["id"].as_str().unwrap().to_owned());
    }
    let first = app.get("/api/v1/events?page_size=3").await;
    assert_eq!(first.ids(), posted[0..3]);
    assert!(first.json["previous"].is_null());
    let newer = app.post_event(r#"{"object":{}}"#).await;
    let newer = newer.json["id"].as_str().unwrap();
    let second = app.get(&path_of(&first.json["next"])).await;
    assert_eq!(second.ids(), posted[3..6]);
    let third = app.get(&path_of(&second.json["next"])).await;
    assert_eq!(third.ids(), posted[6..7]);
    assert!(third.json["next"].is_null());
    let back = app.get(&path_of(&third.json["previous"])).await;
    assert_eq!(back.ids(), posted[3..6]);
    let back = app.get(&path_of(&back.json["previous"])).await;
    assert_eq!(back.ids(), posted[0..3]);
    let newest = app.get(&path_of(&back.json["previous"])).await;
    assert_eq!(newest.ids(), [newer]);
    assert!(newest.json["previous"].is_null());
}

#[tokio::test]
async fn links_keep_the_filters_and_the_page_size() {
    let app = TestApp::new().await;
    app.webhook("http://127.0.0.1:9/", &["*"]).await;
    for _ in 0..3 {
        app.post_event(r#"{"object":{}}"#).await;
    }
    let path = "/api/v1/deliveries?event_type=order.create&created_after=2020-01-01T00:00:00%2B01:00&page_size=2";
    let first = app.get(path).await;
    assert_eq!(first.ids().len(), 2, "{}", first.text);
    let next = path_of(&first.json["next"]);
    assert!(next.contains("event_type=order.create&") && next.contains("page_size=2"), "{next}");
    assert!(next.contains("created_after=2020-01-01T00%3A00%3A00%2B01%3A00"), "{next}");
    assert_eq!(app.get(&next).await.ids().len(), 1);
    let larger = next.replace("page_size=2", "page_size=50");
    assert_eq!(app.get(&larger).await.status, 200, "the size of pages may change");
}

/// Row 55, goal T3.
#[tokio::test]
async fn a_cursor_holds_only_for_its_merchant_and_query() {
    let app = TestApp::new().await;
    let (_, others_key) = app.other_merchant().await;
    for _ in 0..2 {
        app.post_event(r#"{"object":{}}"#).await;
    }
    let first = app.get("/api/v1/events?page_size=1").await;
    let next = path_of(&first.json["next"]);
    assert_eq!(app.get(&next).await.status, 200);
    let others = app.bare("GET", &next).key(&others_key).await;
    assert_eq!(others.problem(), (400, "bad_cursor"));
    let cursor = next.rsplit_once("cursor=").unwrap().1;
    let mut edited = vec![
        format!("/api/v1/webhooks?cursor={cursor}"),
        format!("/api/v1/deliveries?test=true&cursor={cursor}"),
        format!("/api/v1/events?cursor={}", &cursor[1..]),
        format!("/api/v1/events?cursor={cursor}A"),
        "/api/v1/events?cursor=".to_owned(),
        "/api/v1/events?cursor=%00%ff".to_owned(),
    ];
    for at in 0..cursor.len() {
        let other = if &cursor[at..=at] == "A" { "B" } else { "A" };
        edited.push(format!("/api/v1/events?cursor={}{other}{}", &cursor[..at], &cursor[at + 1..]));
    }
    for path in edited {
        let answer = app.get(&path).await;
        assert_eq!(answer.problem(), (400, "bad_cursor"), "{path}");
        assert_eq!(answer.field(), "cursor");
    }
}

/// Row 15.
#[tokio::test]
async fn page_sizes_and_parameters_are_checked_by_name() {
    let app = TestApp::new().await;
    for size in ["-1", "0", "101", "1e9", "abc", "", "1.5", "99999999999999999999"] {
        let answer = app.get(&format!("/api/v1/webhooks?page_size={size}")).await;
        assert_eq!(answer.problem(), (422, "invalid_parameter"), "{size}");
        assert_eq!(answer.field(), "page_size");
        assert!(answer.detail().contains("1 to 100"));
    }
    let twice = app.get("/api/v1/webhooks?page_size=1&page_size=1").await;
    assert_eq!((twice.problem(), twice.field()), ((422, "repeated_parameter"), "page_size"));
    let unknown = app.get("/api/v1/webhooks?pagesize=1").await;
    assert_eq!((unknown.problem(), unknown.field()), ((422, "unknown_parameter"), "pagesize"));
    assert!(unknown.detail().contains("`page_size`"));
    let elsewhere = app.post("/api/v1/events?dry_run=1", r#"{"type":"order.create"}"#).await;
    assert_eq!(elsewhere.problem(), (422, "unknown_parameter"));
}

//! What pages show beyond forms: the overview, rotations, exports, recoveries, wrong links.

use postrider_core::account::Role;

use super::super::search::with_failed;
use super::super::{RANDOM_ID, Setup, TestApp};
use super::Browser;

#[tokio::test]
async fn a_wrong_link_is_a_page_for_browsers_and_a_document_for_programs() {
    let app = TestApp::new().await;
    let kind = async |path: &str, accept: &str| {
        let answer = app.bare("GET", path).header("accept", accept).await;
        (answer.status.as_u16(), answer.header("content-type").to_owned())
    };
    let html = "text/html,application/xhtml+xml,*/*;q=0.8";
    assert_eq!(kind("/webhook", html).await, (404, "text/html; charset=utf-8".to_owned()));
    for (path, accept) in [("/webhook", "*/*"), ("/api/v1/webhook", html)] {
        assert_eq!(kind(path, accept).await, (404, "application/problem+json".to_owned()));
    }
}

#[tokio::test]
async fn a_rotation_is_seen_without_revealing_a_key() {
    let app = TestApp::new().await;
    let id = app.webhook("http://127.0.0.1:9/", &["order.*"]).await;
    let owner = Browser::of(&app, Role::Owner).await;
    let viewer = Browser::of(&app, Role::Viewer).await;
    assert!(!viewer.open(&format!("/webhooks/{id}")).await.text.contains("two signatures until"));
    owner.send(&format!("/webhooks/{id}/regenerate-key"), &[]).await;
    for path in ["/overview".to_owned(), format!("/webhooks/{id}")] {
        let page = viewer.open(&path).await.text;
        assert!(page.contains("two signatures until") && !page.contains("whsec_"), "{page}");
    }
    owner.send(&format!("/webhooks/{id}/regenerate-key"), &[("overlap", "none")]).await;
    assert!(!viewer.open("/overview").await.text.contains("two signatures until"));
}

#[tokio::test]
async fn the_overview_says_what_needs_somebody() {
    let app = TestApp::new().await;
    let owner = Browser::of(&app, Role::Owner).await;
    assert!(owner.open("/overview").await.text.contains("Create webhook"));
    let id = app.webhook(&format!("http://{}/", app.receiver().await), &["order.*"]).await;
    assert_eq!(app.post_event(r#"{"object":{}}"#).await.status, 202);
    app.engine.run_until_idle().await;
    let page = owner.open("/overview").await.text;
    assert!(page.contains("Everything is all right") && page.contains("order.create"), "{page}");
    owner.send(&format!("/webhooks/{id}/pause"), &[]).await;
    let page = owner.open("/overview").await.text;
    assert!(page.contains("is paused") && !page.contains("Everything is all right"), "{page}");
}

#[tokio::test]
async fn a_duplicate_begins_with_the_settings_of_its_model() {
    let app = TestApp::new().await;
    let id = app.webhook("http://127.0.0.1:9/original", &["order.*"]).await;
    let owner = Browser::of(&app, Role::Owner).await;
    let page = owner.open(&format!("/webhooks/new?like={id}")).await.text;
    assert!(page.contains("value=\"Copy of ") && page.contains("http://127.0.0.1:9/original"));
    assert!(page.contains("value=\"order.*\" data-whole checked"), "{page}");
    assert_eq!(owner.open(&format!("/webhooks/new?like={RANDOM_ID}")).await.status, 404);
}

#[tokio::test]
async fn what_a_search_finds_is_exported_and_nothing_else() {
    let app = TestApp::new().await;
    app.webhook("http://127.0.0.1:9/", &["order.*"]).await;
    for customer in ["c-1", "c-1", "c-2"] {
        let data = format!(r#"{{"object":{{"customer":"{customer}"}}}}"#);
        assert_eq!(app.post_event(&data).await.status, 202);
    }
    let owner = Browser::of(&app, Role::Owner).await;
    let found = "/deliveries/export?find=customer&value=c-1&format=";
    let csv = owner.open(&format!("{found}csv")).await;
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    assert!(csv.header("content-disposition").starts_with("attachment; "));
    let lines: Vec<_> = csv.text.lines().collect();
    assert!(lines[0].starts_with("id,event,event_type,webhook,status,"), "{}", lines[0]);
    assert_eq!((lines.len(), lines[1].split(',').count()), (3, 10));
    let rows = owner.open(&format!("{found}ndjson")).await.text;
    let rows: Vec<serde_json::Value> =
        rows.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 2);
    assert!(lines[1].starts_with(rows[0]["id"].as_str().unwrap()));
    assert_eq!(owner.open(&format!("{found}xlsx")).await.status, 404);
}

#[tokio::test]
async fn a_recovery_is_asked_about_before_it_begins_and_shown_while_it_goes_on() {
    let app = TestApp::new().await;
    with_failed(&app).await;
    let owner = Browser::of(&app, Role::Owner).await;
    let page = owner.open("/undelivered").await.text;
    let (_, after) = page.split_once("href=\"/undelivered/recover?").expect(&page);
    let query = after.split('"').next().unwrap().replace("&amp;", "&").replace("&#38;", "&");
    let asked = owner.open(&format!("/undelivered/recover?{query}")).await;
    assert!(
        asked.text.contains("<b>1</b> failed deliveries would be sent again"),
        "{}",
        asked.text
    );
    let nothing_yet = app.get("/api/v1/recoveries").await.json;
    assert_eq!(nothing_yet["results"].as_array().unwrap().len(), 0);
    let fields: Vec<_> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let fields: Vec<_> =
        fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(owner.send("/undelivered/recover", &fields).await.status, 303);
    assert!(owner.open("/undelivered").await.text.contains("of 1 sent again"));
    let viewer = Browser::of(&app, Role::Viewer).await;
    assert_eq!(viewer.send("/undelivered/recover", &fields).await.status, 403);
}

#[tokio::test]
async fn a_pasted_request_is_judged_and_the_key_is_not_shown_again() {
    let app = TestApp::new().await;
    let id = app.webhook("http://127.0.0.1:9/", &["order.*"]).await;
    let owner = Browser::of(&app, Role::Owner).await;
    let page = owner.open(&format!("/receive?webhook={id}")).await.text;
    assert!(
        page.contains("Ordergroove-Signature") && page.contains("hmac.compare_digest"),
        "{page}"
    );
    let fields =
        [("webhook", id.as_str()), ("headers", "Host: a"), ("body", "<x>"), ("key", "whsec_mine")];
    let judged = owner.send("/receive", &fields).await;
    assert!(judged.text.contains("There is no signature header"), "{}", judged.text);
    assert!(judged.text.contains("&#60;x&#62;") && !judged.text.contains("whsec_mine"));
}

#[tokio::test]
async fn rows_are_sent_when_they_are_not_as_the_browser_has_them() {
    let app = TestApp::new().await;
    app.webhook(&format!("http://{}/", app.receiver().await), &["order.*"]).await;
    let owner = Browser::of(&app, Role::Owner).await;
    let page = owner.open("/deliveries?status=success").await.text;
    let (_, after) = page.split_once("data-live=\"").unwrap();
    let place = after.split('"').next().unwrap().to_owned();
    let ask = async |known: &str| {
        let call = app.bare("GET", &place).header("cookie", &owner.cookie());
        let answer = call.header("last-event-id", known).await;
        assert_eq!(answer.header("content-type"), "text/event-stream");
        answer.text
    };
    let id = |event: &str| {
        let found = event.lines().find_map(|line| line.strip_prefix("id: "));
        found.unwrap_or_default().to_owned()
    };
    let nothing = id(&ask("").await);
    assert!(!ask(&nothing).await.contains("data:"));
    app.post_event(r#"{"object":{}}"#).await;
    app.engine.run_until_idle().await;
    let event = ask(&nothing).await;
    assert!(event.contains("data: <tr data-id=") && event.ends_with("\n\n"), "{event}");
    assert!(event.lines().filter(|line| !line.is_empty()).all(|line| line.contains(": ")));
    assert!(!ask(&id(&event)).await.contains("data:"));
    owner.send("/sign-out", &[]).await;
    let after = app.bare("GET", &place).header("cookie", &owner.cookie()).await;
    assert_eq!(after.status, 303, "an ended session shows nothing more");
}

#[tokio::test]
async fn the_preview_is_of_what_is_ticked() {
    let app = TestApp::new().await;
    let owner = Browser::of(&app, Role::Owner).await;
    let fields = [("preview_type", "order.create"), ("additional_data", "order.customer")];
    let with = owner.send("/webhooks/preview", &fields).await.text;
    let without = owner.send("/webhooks/preview", &fields[..1]).await.text;
    let bytes = |page: &str| {
        let (before, _) = page.split_once(" bytes as it is sent").unwrap();
        before.rsplit(' ').next().unwrap().parse::<usize>().unwrap()
    };
    assert!(bytes(&with) > bytes(&without), "{with}");
    let unknown = [("preview_type", "order.lost")];
    assert_eq!(owner.send("/webhooks/preview", &unknown).await.status, 422);
}

#[tokio::test]
async fn pages_answer_under_their_public_address_alone_and_ask_for_tls() {
    let public_url = Some("https://hooks.example.com".parse().unwrap());
    let app = TestApp::set_up(Setup { public_url, ..Setup::default() }).await;
    for (host, page) in [
        ("hooks.example.com", 200),
        ("Hooks.Example.com:443", 200),
        ("localhost", 421),
        ("evil.example", 421),
    ] {
        let answer = app.bare("GET", "/sign-in").host(host).await;
        assert_eq!(answer.status, page, "{host}");
        assert_eq!(
            answer.header("strict-transport-security"),
            "max-age=63072000; includeSubDomains"
        );
        assert_eq!(app.bare("GET", "/healthz").host(host).await.status, 200, "{host}");
    }
    assert_eq!(
        TestApp::new().await.bare("GET", "/sign-in").await.header("strict-transport-security"),
        ""
    );
}

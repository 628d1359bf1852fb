//! The admin's pages: who sees them, what surrounds them, and that forms do what the API does.

mod views;

use super::{Answer, RANDOM_ID, TestApp};
use crate::admin;
use postrider_core::account::Role;

const FORM: &str = "application/x-www-form-urlencoded";

/// A browser that is signed in.
struct Browser<'a> {
    app: &'a TestApp,
    token: String,
}

impl<'a> Browser<'a> {
    async fn of(app: &'a TestApp, role: Role) -> Self {
        let email = format!("{}@shop.example", role.as_str());
        app.user(&email, role).await;
        Self { app, token: app.signed_in(&email).await }
    }

    fn cookie(&self) -> String {
        format!("theme=dark; __Host-postrider={}", self.token)
    }

    async fn open(&self, path: &str) -> Answer {
        self.app.bare("GET", path).header("cookie", &self.cookie()).await
    }

    /// Sends a form from a page that was opened before.
    async fn send(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let page = self.open("/webhooks").await;
        let (_, after) = page.text.split_once("name=\"form_token\" value=\"").unwrap();
        let (token, _) = after.split_once('"').unwrap();
        let token = ("form_token", token);
        self.send_bare(path, fields.iter().chain([&token]), "same-origin").await
    }

    async fn send_bare<'b>(
        &self,
        path: &str,
        fields: impl IntoIterator<Item = &'b (&'b str, &'b str)>,
        site: &str,
    ) -> Answer {
        let pairs = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let call = self.app.bare("POST", path).header("cookie", &self.cookie());
        call.header("content-type", FORM).header("sec-fetch-site", site).body(pairs).await
    }
}

/// The address of every page, with ids that name nothing.
fn addresses() -> Vec<String> {
    let fill = |path: &str| path.replace("{id}", RANDOM_ID).replace("{action}", "pause");
    admin::pages().iter().map(|(path, _)| fill(path)).collect()
}

/// The id that a link or an address ends with.
fn id_in(address: &str) -> String {
    let (_, after) = address.split_once("/webhooks/").unwrap();
    after.chars().take_while(char::is_ascii_alphanumeric).collect()
}

#[tokio::test]
async fn every_page_forbids_inline_scripts_and_frames_and_is_kept_nowhere() {
    let app = TestApp::new().await;
    let owner = Browser::of(&app, Role::Owner).await;
    for path in addresses() {
        let answer = owner.open(&path).await;
        let policy = answer.header("content-security-policy");
        for part in
            ["default-src 'none'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"]
        {
            let is_bare = answer.header("content-type") != "text/html; charset=utf-8";
            assert!(policy.contains(part) || is_bare, "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert!(!answer.text.contains("<script>") && !answer.text.contains(" style="), "{path}");
    }
}

#[tokio::test]
async fn files_of_pages_may_be_kept_because_their_address_changes_with_them() {
    let app = TestApp::new().await;
    let page = app.bare("GET", "/sign-in").await;
    let (_, after) = page.text.split_once("rel=\"stylesheet\" href=\"").unwrap();
    let style = app.bare("GET", after.split('"').next().unwrap()).await;
    assert_eq!(style.status, 200);
    assert_eq!(style.header("content-type"), "text/css; charset=utf-8");
    assert!(style.header("cache-control").contains("immutable"));
    assert_eq!(app.bare("GET", "/assets/0000000000000000/style.css").await.status, 404);
}

#[tokio::test]
async fn pages_of_a_merchant_lead_strangers_to_the_sign_in() {
    let app = TestApp::new().await;
    let open = ["/assets", "/sign-in", "/sign-out", "/set-up", "/invitation", "/portal"];
    for path in addresses() {
        let answer = app.bare("GET", &path).await;
        if open.iter().any(|open| path.starts_with(open)) || answer.status == 405 {
            continue;
        }
        assert_eq!(
            (answer.status.as_u16(), answer.header("location")),
            (303, "/sign-in"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn no_form_counts_that_another_site_has_sent_or_that_lacks_the_sessions_token() {
    let app = TestApp::new().await;
    let owner = Browser::of(&app, Role::Owner).await;
    let foreign = ("form_token", "0000");
    for path in addresses() {
        for site in ["cross-site", "same-site", "none"] {
            let answer = owner.send_bare(&path, [], site).await;
            assert!(
                matches!(answer.status.as_u16(), 403 | 405),
                "{path} {site}: {}",
                answer.status
            );
        }
        let unsaid = app.bare("POST", &path).header("cookie", &owner.cookie());
        let unsaid = unsaid.header("content-type", FORM).await;
        assert!(matches!(unsaid.status.as_u16(), 403 | 405), "{path}: {}", unsaid.status);
        if ["/sign-in", "/set-up", "/invitation", "/portal"].contains(&path.as_str()) {
            continue; // Nobody is signed in there, so there is no token yet.
        }
        for fields in [&[][..], &[foreign]] {
            let answer = owner.send_bare(&path, fields, "same-origin").await;
            assert!(matches!(answer.status.as_u16(), 403 | 405), "{path}: {}", answer.status);
        }
    }
}

#[tokio::test]
async fn signing_in_keeps_a_cookie_that_scripts_and_other_sites_cannot_use() {
    let app = TestApp::new().await;
    let email = "ana@shop.example";
    app.user(email, Role::Owner).await;
    let send = |password: &str| {
        let pairs = [("email", email), ("password", password)];
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let call = app.bare("POST", "/sign-in").header("origin", "http://api.test");
        call.header("content-type", FORM).body(body)
    };
    let wrong = send("not the password at all").await;
    assert_eq!(wrong.status, 401);
    assert!(wrong.text.contains("ana@shop.example"), "what was typed is kept");
    let right = send(super::people::PASSWORD).await;
    assert_eq!((right.status.as_u16(), right.header("location")), (303, "/webhooks"));
    let cookie = right.header("set-cookie");
    assert!(cookie.starts_with("__Host-postrider=pr_se_"));
    assert!(cookie.ends_with("; Path=/; Secure; HttpOnly; SameSite=Strict"));
}

#[tokio::test]
async fn signing_out_ends_the_session() {
    let app = TestApp::new().await;
    let owner = Browser::of(&app, Role::Owner).await;
    assert_eq!(owner.send("/sign-out", &[]).await.header("location"), "/sign-in");
    assert_eq!(owner.open("/webhooks").await.header("location"), "/sign-in");
}

#[tokio::test]
async fn a_webhook_is_made_tested_paused_and_resumed_by_forms() {
    let app = TestApp::new().await;
    let target = format!("http://{}/hook", app.receiver().await);
    let owner = Browser::of(&app, Role::Owner).await;
    let fields = [
        ("name", "Shop"),
        ("target_url", &target),
        ("event_types", "order.*"),
        ("event_types", "order.create"),
        ("additional_data", "order.customer"),
        ("signature", "ordergroove"),
        ("retry_policy", "60, 300"),
        ("headers", "X-Shop: 17\n"),
    ];
    let made = owner.send("/webhooks/new", &fields).await;
    assert_eq!(made.status, 303, "{}", made.text);
    let id = id_in(made.header("location"));
    let kept = app.get(&format!("/api/v1/webhooks/{id}")).await.json;
    assert_eq!(kept["event_types"], serde_json::json!(["order.*"]));
    assert_eq!(kept["retry_policy"], serde_json::json!({ "waits_seconds": [60, 300] }));
    assert_eq!(kept["headers"], serde_json::json!({ "X-Shop": "17" }));
    for (action, status) in [("pause", "paused"), ("resume", "enabled"), ("disable", "disabled")] {
        let asked = owner.open(&format!("/webhooks/{id}/{action}")).await;
        assert_eq!(asked.status, 200, "{action} asks first");
        assert_eq!(owner.send(&format!("/webhooks/{id}/{action}"), &[]).await.status, 303);
        assert_eq!(app.get(&format!("/api/v1/webhooks/{id}")).await.json["status"], status);
    }
    assert_eq!(owner.send(&format!("/webhooks/{id}/enable"), &[]).await.status, 303);
    let tested = owner.send(&format!("/webhooks/{id}/test-events"), &[]).await;
    assert!(tested.header("location").contains("done=test-events-"), "{}", tested.text);
    assert_eq!(owner.send(&format!("/webhooks/{id}/delete"), &[]).await.status, 303);
    assert_eq!(app.get(&format!("/api/v1/webhooks/{id}")).await.status, 404);
}

#[tokio::test]
async fn a_name_a_target_and_an_event_type_are_enough_for_the_form_as_it_is_offered() {
    let app = TestApp::new().await;
    let owner = Browser::of(&app, Role::Owner).await;
    let page = owner.open("/webhooks/new").await;
    let (_, after) = page.text.split_once("name=\"retry_policy\" value=\"").unwrap();
    let offered = after.split('"').next().unwrap();
    let fields = [
        ("name", "Shop"),
        ("target_url", "http://127.0.0.1:9/"),
        ("event_types", "order.create"),
        ("signature", "ordergroove"),
        ("retry_policy", offered),
        ("timeout_seconds", ""),
        ("max_in_flight", ""),
        ("rate_limit_per_second", ""),
        ("headers", ""),
    ];
    let made = owner.send("/webhooks/new", &fields).await;
    assert_eq!(made.status, 303, "{}", made.text);
    let path = format!("/webhooks/{}/edit", id_in(made.header("location")));
    assert!(owner.open(&path).await.text.contains(&format!("value=\"{offered}\"")));
}

#[tokio::test]
async fn a_form_that_is_refused_comes_back_with_what_was_typed_and_what_is_wrong() {
    let app = TestApp::new().await;
    let owner = Browser::of(&app, Role::Owner).await;
    let fields = [("name", "<b>Shop"), ("target_url", "ftp://x"), ("event_types", "order.create")];
    let answer = owner.send("/webhooks/new", &fields).await;
    assert_eq!(answer.status, 422);
    assert!(answer.text.contains("&#60;b&#62;Shop") && !answer.text.contains("<b>Shop"));
    assert!(answer.text.contains("role=\"alert\"") && answer.text.contains("aria-invalid"));
}

#[tokio::test]
async fn the_key_is_shown_to_whoever_asks_for_it_and_a_rotation_shows_both() {
    let app = TestApp::new().await;
    let id = app.webhook("http://127.0.0.1:9/", &["order.*"]).await;
    let owner = Browser::of(&app, Role::Owner).await;
    let path = format!("/webhooks/{id}");
    assert!(!owner.open(&path).await.text.contains("whsec_"));
    assert!(owner.send(&format!("{path}/reveal-key"), &[]).await.text.contains("whsec_"));
    let rotated = owner.send(&format!("{path}/regenerate-key"), &[]).await;
    assert!(rotated.text.contains("deliveries carry two signatures"), "{}", rotated.text);
}

#[tokio::test]
async fn viewers_look_and_change_nothing() {
    let app = TestApp::new().await;
    let id = app.webhook("http://127.0.0.1:9/", &["order.*"]).await;
    let viewer = Browser::of(&app, Role::Viewer).await;
    let page = viewer.open("/webhooks").await;
    assert!(page.text.contains("hook") && !page.text.contains("Delete"));
    for action in ["pause", "delete", "reveal-key", "regenerate-key", "test-events"] {
        assert_eq!(viewer.send(&format!("/webhooks/{id}/{action}"), &[]).await.status, 403);
    }
    assert_eq!(viewer.open("/users").await.status, 403);
    assert_eq!(viewer.open("/api-keys").await.status, 403);
    assert_eq!(app.get(&format!("/api/v1/webhooks/{id}")).await.json["status"], "enabled");
}

#[tokio::test]
async fn another_merchants_webhooks_and_deliveries_are_not_there() {
    let app = TestApp::new().await;
    let id = app.webhook("http://127.0.0.1:9/", &["order.*"]).await;
    let (other, _) = app.other_merchant().await;
    let email = "bob@other.example";
    app.user_of(other, email, Role::Owner).await;
    let stranger = Browser { app: &app, token: app.signed_in(email).await };
    assert!(stranger.open("/webhooks").await.text.contains("No webhooks yet"));
    let (theirs, random) = (
        stranger.open(&format!("/webhooks/{id}")).await,
        stranger.open(&format!("/webhooks/{RANDOM_ID}")).await,
    );
    assert_eq!((theirs.status.as_u16(), &theirs.text), (404, &random.text));
    assert_eq!(stranger.send(&format!("/webhooks/{id}/delete"), &[]).await.status, 404);
}

#[tokio::test]
async fn a_delivery_shows_its_request_and_searches_narrow_the_log() {
    let app = TestApp::new().await;
    app.webhook("http://127.0.0.1:9/", &["order.*"]).await;
    let data = r#"{"object":{"public_id":"o-<i>1","customer":"c-77"}}"#;
    assert_eq!(app.post_event(data).await.status, 202);
    let owner = Browser::of(&app, Role::Owner).await;
    let log = owner.open("/deliveries?find=customer&value=c-77&status=").await;
    let (_, after) = log.text.split_once("href=\"/deliveries/").unwrap();
    let card = owner.open(&format!("/deliveries/{}", after.split('"').next().unwrap())).await;
    assert!(card.text.contains("o-&#60;i&#62;1"), "{}", card.text);
    let none = owner.open("/deliveries?find=customer&value=c-78").await;
    assert!(none.text.contains("No delivery matches"));
    let odd = owner.open("/deliveries?status=lost").await;
    assert!(odd.status == 200 && odd.text.contains("role=\"alert\""));
}

#[tokio::test]
async fn an_event_shows_who_gets_it_and_who_does_not_and_why() {
    let app = TestApp::new().await;
    app.webhook("http://127.0.0.1:9/", &["order.*"]).await;
    app.webhook("http://127.0.0.1:9/", &["item.*"]).await;
    let posted = app.post_event(r#"{"object":{"public_id":"o-1"}}"#).await;
    let owner = Browser::of(&app, Role::Owner).await;
    let id = posted.json["id"].as_str().unwrap();
    let page = owner.open(&format!("/events/{id}")).await;
    assert!(page.text.contains("o-1") && page.text.contains("pending"), "{}", page.text);
    assert_eq!(page.text.matches("class=\"panel\"").count(), 2, "{}", page.text);
}

#[tokio::test]
async fn owners_make_keys_and_invite_and_each_is_shown_once() {
    let app = TestApp::new().await;
    let owner = Browser::of(&app, Role::Owner).await;
    let made = owner.send("/api-keys", &[("name", "Shop"), ("scopes", "events:write")]).await;
    assert!(made.text.contains("It is shown only now"), "{}", made.text);
    assert!(!owner.open("/api-keys").await.text.contains("It is shown only now"));
    let invited = owner.send("/users", &[("email", "eve@shop.example"), ("role", "viewer")]).await;
    let (_, after) = invited.text.split_once("data-link=\"/invitation?token=").unwrap();
    let token = after.split('"').next().unwrap();
    let fields = [("token", token), ("password", "a sentence that is long enough")];
    let accepted = owner.send_bare("/invitation", &fields, "same-origin").await;
    assert_eq!((accepted.status.as_u16(), accepted.header("location")), (303, "/webhooks"));
    let log = owner.open("/audit-log").await;
    assert!(log.text.contains("owner@shop.example"), "{}", log.text);
}

//! Which role may use which route, over the route list.

use postrider_core::account::Role;

use super::super::{RANDOM_ID, TestApp};
use crate::api::auth::Access;
use crate::api_key::Scope;
use crate::router::{Route, routes};

/// What each role may do, written down a second time and by hand: owner, developer, viewer.
fn expected(access: Access) -> [bool; 3] {
    match access {
        Access::Public
        | Access::AnyKey
        | Access::Session
        | Access::Merchant(Scope::WebhooksRead | Scope::DeliveriesRead) => [true, true, true],
        Access::Operator => [false, false, false],
        Access::Administration => [true, false, false],
        Access::MerchantInBody(_)
        | Access::Merchant(Scope::EventsWrite | Scope::WebhooksWrite | Scope::DeliveriesWrite) => {
            [true, true, false]
        }
    }
}

#[tokio::test]
async fn each_role_may_use_exactly_its_routes() {
    let app = TestApp::new().await;
    // Signing out comes last, or the walk would go on without a session.
    let is_last = |route: &Route| route.method == "DELETE" && route.path.ends_with("/current");
    let (last, mut all): (Vec<_>, Vec<_>) = routes().into_iter().partition(is_last);
    all.extend(last);
    let mut tried = 0;
    for (place, role) in Role::ALL.into_iter().enumerate() {
        let email = format!("{}@example.com", role.as_str());
        app.user(&email, role).await;
        let token = app.signed_in(&email).await;
        for route in &all {
            let path = route
                .path
                .replace("{id}", RANDOM_ID)
                .replace("{target}", RANDOM_ID)
                .replace("{filter}", RANDOM_ID);
            let answer = app.call_as(&token, route.method.as_str(), &path, "{}").await;
            let case = format!("{} {path} as {}: {}", route.method, role.as_str(), answer.text);
            if expected(route.access)[place] {
                // A body that says nothing may be refused, but not for want of a right.
                assert!(![401, 403].contains(&answer.status.as_u16()), "{case}");
            } else {
                assert_eq!(answer.status, 403, "{case}");
            }
            assert!(!answer.status.is_server_error(), "{case}");
            tried += 1;
        }
    }
    assert_eq!(tried, 3 * routes().len());
}

#[tokio::test]
async fn who_may_look_is_told_what_is_missing_to_change() {
    let app = TestApp::new().await;
    app.user("viewer@example.com", Role::Viewer).await;
    let token = app.signed_in("viewer@example.com").await;
    let webhook = app.webhook("http://127.0.0.1:9/", &["*"]).await;
    let path = format!("/api/v1/webhooks/{webhook}");
    assert_eq!(app.call_as(&token, "GET", &path, "").await.status, 200);
    let key = app.call_as(&token, "GET", &format!("{path}/verification-key"), "").await;
    assert_eq!(key.problem(), (403, "scope_missing"));
    assert!(key.detail().contains("viewer") && key.detail().contains("webhooks:write"));
}

/// Another role is for somebody else to give, and a body is no place to take one.
#[tokio::test]
async fn nobody_raises_themselves() {
    let app = TestApp::new().await;
    let owner = app.user("owner@example.com", Role::Owner).await;
    let developer = app.user("developer@example.com", Role::Developer).await;
    let token = app.signed_in("developer@example.com").await;
    for id in [&owner, &developer] {
        let raised =
            app.call_as(&token, "PATCH", &format!("/api/v1/users/{id}"), r#"{"role":"owner"}"#);
        assert_eq!(raised.await.problem(), (403, "administration_required"));
    }
    let owners = app.signed_in("owner@example.com").await;
    let operators = r#"{"name":"a","kind":"operator"}"#;
    let key = app.call_as(&owners, "POST", "/api/v1/api-keys", operators).await;
    assert_eq!(key.problem(), (422, "invalid_kind"));
    let (other, _) = app.other_merchant().await;
    let elsewhere = app.call_as(&owners, "GET", "/api/v1/users", "").acting_for(other).await;
    assert_eq!(elsewhere.problem(), (422, "unknown_merchant"));

    let user = format!("/api/v1/users/{developer}");
    let password = "/api/v1/users/me/password";
    let (id, merchant) = (RANDOM_ID, other.to_string());
    for (method, path, body) in [
        ("POST", "/api/v1/users", format!(r#"{{"email":"a@b","role":"viewer","id":"{id}"}}"#)),
        (
            "POST",
            "/api/v1/users",
            format!(r#"{{"email":"a@b","role":"viewer","merchant":"{merchant}"}}"#),
        ),
        ("PATCH", user.as_str(), format!(r#"{{"merchant":"{merchant}"}}"#)),
        ("PATCH", user.as_str(), format!(r#"{{"id":"{id}"}}"#)),
        ("PATCH", user.as_str(), r#"{"email":"other@example.com"}"#.to_owned()),
        ("PATCH", user.as_str(), r#"{"password_hash":"x"}"#.to_owned()),
        ("POST", password, r#"{"current":"a","new":"b","role":"owner"}"#.to_owned()),
        ("POST", "/api/v1/sessions", r#"{"email":"a@b","password":"c","role":"owner"}"#.to_owned()),
        ("POST", "/api/v1/portal-links", format!(r#"{{"merchant":"{merchant}"}}"#)),
        ("POST", "/api/v1/portal-links/redeem", r#"{"token":"a","role":"owner"}"#.to_owned()),
        (
            "POST",
            "/api/v1/invitations/redeem",
            r#"{"token":"a","password":"b","role":"owner"}"#.to_owned(),
        ),
    ] {
        let answer = app.call_as(&owners, method, path, &body).await;
        assert_eq!(answer.problem(), (422, "unknown_field"), "{method} {path} {body}");
    }
}

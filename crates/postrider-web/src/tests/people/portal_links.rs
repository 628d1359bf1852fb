//! Portal links.

use postrider_core::account::Role;
use postrider_core::limits;

use super::super::{Answer, NOW, TestApp};

const LINKS: &str = "/api/v1/portal-links";

async fn link(app: &TestApp, body: &str) -> Answer {
    let call = app.bare("POST", LINKS).key(&app.operator).acting_for(app.merchant);
    call.header("content-type", "application/json").body(body).await
}

async fn redeem(app: &TestApp, token: &str) -> Answer {
    let body = serde_json::json!({ "token": token }).to_string();
    app.public("/api/v1/portal-links/redeem", &body).await
}

#[tokio::test]
async fn a_link_lets_somebody_in_once() {
    let app = TestApp::new().await;
    let made = link(&app, r#"{"role":"viewer","email":"Dev@shop.example"}"#).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let token = made.json["token"].as_str().unwrap();
    assert_eq!(made.json["url"], format!("/portal?token={token}"));
    assert_eq!(made.json["expires_at"], (NOW + limits::PORTAL_LINK_LIFE_DEFAULT).rfc3339());

    let opened = redeem(&app, token).await;
    assert_eq!(opened.status, 201, "{}", opened.text);
    assert_eq!((&opened.json["role"], &opened.json["user"]), (&"viewer".into(), &().into()));
    assert_eq!(opened.json["email"], "dev@shop.example");
    assert_eq!(opened.json["merchant"]["id"], app.merchant.to_string());
    assert_eq!(redeem(&app, token).await.problem(), (422, "invalid_token"));

    let session = opened.json["token"].as_str().unwrap();
    assert_eq!(app.call_as(session, "GET", "/api/v1/webhooks", "").await.status, 200);
    let post = app.call_as(session, "POST", "/api/v1/webhooks", "{}").await;
    assert_eq!(post.problem(), (403, "scope_missing"));
    let body = r#"{"current":"a","new":"velvet tractor moss"}"#;
    let password = app.call_as(session, "POST", "/api/v1/users/me/password", body).await;
    assert_eq!(password.problem(), (409, "no_password"));
    let users = app.bare("GET", "/api/v1/users").key(&app.operator).acting_for(app.merchant).await;
    assert!(users.ids().is_empty(), "whoever follows a link is no user");
    assert_eq!(app.call_as(session, "DELETE", "/api/v1/sessions/current", "").await.status, 204);
    assert!(!app.is_live(session).await);

    let log = app.bare("GET", "/api/v1/audit-log").key(&app.operator).acting_for(app.merchant);
    let log = log.await;
    let told = |entry: &serde_json::Value| {
        (entry["action"].clone(), entry["actor"]["type"].clone(), entry["actor"]["name"].clone())
    };
    let by = |action: &str| (action.into(), "user".into(), "dev@shop.example".into());
    assert_eq!(told(&log.json["results"][0]), by("user.signed_out"));
    let redeemed = log.json["results"].as_array().unwrap().iter().map(told);
    assert!(redeemed.into_iter().any(|entry| entry == by("portal_link.redeemed")), "{}", log.text);
}

#[tokio::test]
async fn a_link_expires_when_it_was_told_to() {
    let app = TestApp::new().await;
    app.user("owner@example.com", Role::Owner).await;
    let owner = app.signed_in("owner@example.com").await;
    let made = app.call_as(&owner, "POST", LINKS, r#"{"expires_in_seconds":60}"#).await;
    assert_eq!((made.status.as_u16(), &made.json["role"]), (201, &"developer".into()));
    app.move_clock(60);
    let late = redeem(&app, made.json["token"].as_str().unwrap()).await;
    assert_eq!(late.problem(), (422, "invalid_token"));
}

#[tokio::test]
async fn what_a_link_cannot_be_is_refused() {
    let app = TestApp::new().await;
    for (body, code) in [
        (r#"{"expires_in_seconds":59}"#, "out_of_range"),
        (r#"{"expires_in_seconds":3601}"#, "out_of_range"),
        (r#"{"expires_in_seconds":18446744073709551615}"#, "out_of_range"),
        (r#"{"expires_in_seconds":-1}"#, "invalid_type"),
        (r#"{"role":"root"}"#, "invalid_role"),
        (r#"{"email":"x"}"#, "invalid_email"),
    ] {
        assert_eq!(link(&app, body).await.problem(), (422, code), "{body}");
    }
    for token in ["", "x", &app.operator] {
        assert_eq!(redeem(&app, token).await.problem(), (422, "invalid_token"));
    }
}

//! Signing in, staying signed in, and being signed out.

use std::net::IpAddr;

use axum::body::Body;
use axum::http::Request;
use postrider_core::account::Role;
use postrider_core::limits;

use super::super::{Answer, NOW, TestApp};
use super::{NEXT_PASSWORD, PASSWORD};
use crate::api_key::{KeyKind, Secret};
use crate::front::Peer;

const ANN: &str = "ann@example.com";

#[tokio::test]
async fn signing_in_opens_what_the_role_allows_until_signing_out() {
    let app = TestApp::new().await;
    let id = app.user(ANN, Role::Developer).await;
    let answer = app.sign_in("Ann@Example.com", PASSWORD).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let token = answer.json["token"].as_str().unwrap();
    assert!(token.starts_with("pr_se_") && Secret::parse(token).is_some());
    assert_eq!(answer.json["user"]["id"], *id);
    assert_eq!(answer.json["user"]["last_signed_in_at"], NOW.rfc3339());
    assert_eq!(answer.json["merchant"]["id"], app.merchant.to_string());
    assert_eq!(answer.json["role"], "developer");
    let end = NOW + limits::SESSION_IDLE_MAX;
    assert_eq!(answer.json["expires_at"], end.rfc3339());
    assert!(!answer.text.contains("argon2"));

    let current = app.call_as(token, "GET", "/api/v1/sessions/current", "").await;
    assert!(!current.text.contains(token), "a token is shown once");
    assert_eq!(current.json["user"]["email"], ANN);
    assert_eq!(app.bare("GET", "/api/v1/webhooks").key(token).await.status, 200);
    let again = app.signed_in(ANN).await;
    assert_ne!(again, token);

    let out = app.call_as(token, "DELETE", "/api/v1/sessions/current", "").await;
    assert_eq!(out.status, 204);
    assert!(!app.is_live(token).await && app.is_live(&again).await);
}

/// Row 112.
#[tokio::test]
async fn whatever_is_wrong_with_a_sign_in_the_answer_is_one() {
    let app = TestApp::new().await;
    app.user(ANN, Role::Owner).await;
    let disabled = app.user("bea@example.com", Role::Viewer).await;
    let owner = app.signed_in(ANN).await;
    let path = format!("/api/v1/users/{disabled}");
    assert_eq!(app.call_as(&owner, "PATCH", &path, r#"{"disabled":true}"#).await.status, 200);
    let invited = r#"{"email":"cem@example.com","role":"viewer"}"#;
    assert_eq!(app.call_as(&owner, "POST", "/api/v1/users", invited).await.status, 201);
    let expected = app.sign_in(ANN, "not this password").await;
    assert_eq!(expected.problem(), (401, "sign_in_failed"));
    for (email, password) in [
        ("nobody@example.com", PASSWORD),
        ("bea@example.com", PASSWORD),
        ("cem@example.com", ""),
        (ANN, ""),
        (ANN, "Velvet tractor moss"),
        (ANN, "velvet tractor moss "),
    ] {
        let answer = app.sign_in(email, password).await;
        assert_eq!(answer.status, 401, "{email} {password}");
        assert_eq!(answer.without_request_id(), expected.without_request_id());
    }
}

/// Row 113.
#[tokio::test]
async fn a_password_is_taken_as_typed_and_a_huge_one_is_refused_unhashed() {
    let app = TestApp::new().await;
    app.user(ANN, Role::Owner).await;
    let owner = app.signed_in(ANN).await;
    let body = serde_json::json!({
        "email": "odd@example.com", "role": "viewer", "password": "fox\u{0}🦊 basalt anchor",
    });
    let made = app.call_as(&owner, "POST", "/api/v1/users", &body.to_string()).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let right = app.sign_in("odd@example.com", "fox\u{0}🦊 basalt anchor").await;
    assert_eq!(right.status, 201, "{}", right.text);
    assert_eq!(app.sign_in("odd@example.com", "fox🦊 basalt anchor").await.status, 401);
    let huge = "x".repeat(limits::REQUEST_BODY_BYTES_MAX - 100);
    for _ in 0..10 {
        let answer = app.sign_in(ANN, &huge).await;
        assert_eq!(answer.problem(), (422, "password_too_long"), "no guess is counted");
    }
}

/// Row 115.
#[tokio::test]
async fn sessions_end_with_what_they_stood_for() {
    let app = TestApp::new().await;
    app.user("owner@example.com", Role::Owner).await;
    let owner = app.signed_in("owner@example.com").await;
    let id = app.user(ANN, Role::Developer).await;
    let path = format!("/api/v1/users/{id}");
    for change in [r#"{"role":"viewer"}"#, r#"{"disabled":true}"#] {
        let token = app.signed_in(ANN).await;
        assert_eq!(app.call_as(&owner, "PATCH", &path, change).await.status, 200);
        assert!(!app.is_live(&token).await, "{change}");
    }
    assert_eq!(app.call_as(&owner, "PATCH", &path, r#"{"disabled":false}"#).await.status, 200);

    let (here, elsewhere) = (app.signed_in(ANN).await, app.signed_in(ANN).await);
    let body = serde_json::json!({ "current": PASSWORD, "new": NEXT_PASSWORD }).to_string();
    let changed = app.call_as(&here, "POST", "/api/v1/users/me/password", &body).await;
    assert_eq!(changed.status, 204, "{}", changed.text);
    assert!(app.is_live(&here).await && !app.is_live(&elsewhere).await);
    assert_eq!(app.sign_in(ANN, PASSWORD).await.status, 401);
    assert_eq!(app.sign_in(ANN, NEXT_PASSWORD).await.status, 201);

    assert_eq!(app.call_as(&owner, "DELETE", &path, "").await.status, 204);
    assert!(!app.is_live(&here).await);
}

#[tokio::test]
async fn a_session_ends_when_idle_and_at_its_age() {
    let app = TestApp::new().await;
    app.user(ANN, Role::Viewer).await;
    let (idle, busy) = (app.signed_in(ANN).await, app.signed_in(ANN).await);
    let step = limits::SESSION_IDLE_MAX.as_secs() - 1;
    let mut passed = 0;
    while passed + step < limits::SESSION_LIFE.as_secs() {
        app.move_clock(step);
        passed += step;
        assert!(app.is_live(&busy).await, "{passed}");
    }
    assert!(!app.is_live(&idle).await);
    app.move_clock(limits::SESSION_LIFE.as_secs() - passed);
    assert!(!app.is_live(&busy).await);
}

#[tokio::test]
async fn guessing_waits_and_the_right_password_is_never_locked_out_for_long() {
    let app = TestApp::new().await;
    app.user(ANN, Role::Viewer).await;
    for _ in 0..=limits::SIGN_IN_FAILURES_FREE {
        assert_eq!(app.sign_in(ANN, "not this password").await.status, 401);
        assert_eq!(app.sign_in("nobody@example.com", "not this password").await.status, 401);
    }
    let waiting = app.sign_in(ANN, PASSWORD).await;
    assert_eq!(waiting.problem(), (429, "too_many_attempts"));
    assert_eq!(waiting.header("retry-after"), "1");
    let unknown = app.sign_in("nobody@example.com", PASSWORD).await;
    assert_eq!(unknown.without_request_id(), waiting.without_request_id());
    app.move_clock(1);
    assert_eq!(app.sign_in(ANN, PASSWORD).await.status, 201);
}

#[tokio::test]
async fn guesses_from_one_address_wait_whomever_they_are_at() {
    let app = TestApp::new().await;
    let guess = async |peer: [u8; 4], n: u32| {
        let body = format!(r#"{{"email":"user{n}@example.com","password":"x"}}"#);
        let request = Request::builder().method("POST").uri("/api/v1/sessions");
        let request = request.header("host", "api.test").header("content-type", "application/json");
        let peer = Peer(Some(IpAddr::from(peer)));
        let request = request.extension(peer).body(Body::from(body)).unwrap();
        Answer::read(app.app.handle(request).await, false).await.status.as_u16()
    };
    for n in 0..=limits::SIGN_IN_FAILURES_FREE {
        assert_eq!(guess([203, 0, 113, 7], n).await, 401);
    }
    assert_eq!(guess([203, 0, 113, 7], 90).await, 429);
    assert_eq!(guess([203, 0, 113, 8], 91).await, 401);
}

#[tokio::test]
async fn other_tokens_open_no_door() {
    let app = TestApp::new().await;
    for kind in [KeyKind::Session, KeyKind::Invitation, KeyKind::PortalLink, KeyKind::Setup] {
        let token = Secret::fresh(kind);
        let answer = app.bare("GET", "/api/v1/webhooks").key(token.reveal()).await;
        assert_eq!(answer.problem(), (401, "unauthorized"));
    }
}

#[tokio::test]
async fn changing_the_password_asks_for_the_present_one() {
    let app = TestApp::new().await;
    app.user(ANN, Role::Viewer).await;
    let token = app.signed_in(ANN).await;
    let change = async |current: &str, new: &str| {
        let body = serde_json::json!({ "current": current, "new": new }).to_string();
        app.call_as(&token, "POST", "/api/v1/users/me/password", &body).await
    };
    for (new, code) in [
        ("too short", "password_too_short"),
        ("PasswordPassword1", "password_common"),
        (&"y".repeat(1_025), "password_too_long"),
    ] {
        assert_eq!(change(PASSWORD, new).await.problem(), (422, code));
    }
    for _ in 0..=limits::SIGN_IN_FAILURES_FREE {
        let wrong = change("not this password", NEXT_PASSWORD).await;
        assert_eq!(wrong.problem(), (422, "wrong_password"));
    }
    assert_eq!(change(PASSWORD, NEXT_PASSWORD).await.problem(), (429, "too_many_attempts"));
    app.move_clock(1);
    assert_eq!(change(PASSWORD, NEXT_PASSWORD).await.status, 204);
}

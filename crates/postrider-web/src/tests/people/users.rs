//! Looking after users.

use postrider_core::account::Role;
use postrider_core::limits;

use super::super::{NOW, TestApp};
use super::PASSWORD;

const USERS: &str = "/api/v1/users";

#[tokio::test]
async fn a_user_is_made_with_a_password_or_with_an_invitation() {
    let app = TestApp::new().await;
    app.user("owner@example.com", Role::Owner).await;
    let owner = app.signed_in("owner@example.com").await;
    let body = serde_json::json!({
        "email": "Ann@Example.com", "name": "Ann", "role": "viewer", "password": PASSWORD,
    });
    let made = app.call_as(&owner, "POST", USERS, &body.to_string()).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let expected = serde_json::json!({
        "id": made.json["id"], "email": "ann@example.com", "name": "Ann", "role": "viewer",
        "disabled": false, "has_password": true, "created_at": NOW.rfc3339(),
        "last_signed_in_at": null,
    });
    assert_eq!(made.json, expected);
    app.signed_in("ann@example.com").await;

    let made =
        app.call_as(&owner, "POST", USERS, r#"{"email":"bea@example.com","role":"owner"}"#).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!(
        (&made.json["has_password"], &made.json["name"]),
        (&false.into(), &made.json["email"])
    );
    let expires_at = NOW + limits::INVITATION_LIFE;
    assert_eq!(made.json["invitation"]["expires_at"], expires_at.rfc3339());
    let listed = app.call_as(&owner, "GET", USERS, "").await;
    assert_eq!(listed.ids().len(), 3);
    assert!(!listed.text.contains("pr_in_") && !listed.text.contains("argon2"));
    let path = format!("{USERS}/{}", made.json["id"].as_str().unwrap());
    let shown = app.call_as(&owner, "GET", &path, "").await;
    assert!(shown.json.get("invitation").is_none(), "a token is shown once");
}

#[tokio::test]
async fn an_invitation_is_redeemed_once_and_in_time() {
    let app = TestApp::new().await;
    app.user("owner@example.com", Role::Owner).await;
    let invite = async |path: &str, body: &str| {
        let call = app.bare("POST", path).key(&app.operator).acting_for(app.merchant);
        let made = call.header("content-type", "application/json").body(body).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        (text(&made.json["invitation"]["token"]), text(&made.json["id"]))
    };
    let redeem = async |token: &str, password: &str| {
        let body = serde_json::json!({ "token": token, "password": password }).to_string();
        app.public("/api/v1/invitations/redeem", &body).await
    };
    let (first, id) = invite(USERS, r#"{"email":"bea@example.com","role":"viewer"}"#).await;
    let again = format!("{USERS}/{id}/invitation");
    let (second, _) = invite(&again, "").await;
    assert_eq!(redeem(&first, PASSWORD).await.problem(), (422, "invalid_token"));
    assert_eq!(redeem(&second, "short").await.problem(), (422, "password_too_short"));
    let redeemed = redeem(&second, PASSWORD).await;
    assert_eq!((redeemed.status.as_u16(), &redeemed.json["has_password"]), (200, &true.into()));
    assert_eq!(redeem(&second, PASSWORD).await.problem(), (422, "invalid_token"));
    let token = app.signed_in("bea@example.com").await;

    let (third, _) = invite(&again, "").await;
    app.move_clock(60);
    assert!(app.is_live(&token).await, "an invitation changes nothing before it is redeemed");
    app.move_clock(limits::INVITATION_LIFE.as_secs() - 60);
    assert_eq!(redeem(&third, PASSWORD).await.problem(), (422, "invalid_token"));
    for token in ["", "x", &app.key, &token] {
        assert_eq!(redeem(token, PASSWORD).await.problem(), (422, "invalid_token"));
    }
}

#[tokio::test]
async fn what_a_user_cannot_be_is_refused() {
    let app = TestApp::new().await;
    app.user("owner@example.com", Role::Owner).await;
    let owner = app.signed_in("owner@example.com").await;
    for (body, status, code, field) in [
        (r#"{"role":"viewer"}"#, 422, "missing_field", "email"),
        (r#"{"email":"a@b"}"#, 422, "missing_field", "role"),
        (r#"{"email":"a@b","role":"admin"}"#, 422, "invalid_role", "role"),
        (r#"{"email":"ab","role":"viewer"}"#, 422, "invalid_email", "email"),
        (r#"{"email":"a@b","role":"viewer","name":""}"#, 422, "invalid_name", "name"),
        (
            r#"{"email":"a@b","role":"viewer","password":"short"}"#,
            422,
            "password_too_short",
            "password",
        ),
        (r#"{"email":"OWNER@example.com","role":"viewer"}"#, 409, "email_taken", "email"),
    ] {
        let answer = app.call_as(&owner, "POST", USERS, body).await;
        assert_eq!((answer.problem(), answer.field()), ((status, code), field), "{body}");
    }
}

#[tokio::test]
async fn the_last_owner_stays() {
    let app = TestApp::new().await;
    let id = app.user("owner@example.com", Role::Owner).await;
    let owner = app.signed_in("owner@example.com").await;
    let path = format!("{USERS}/{id}");
    for (method, body) in
        [("PATCH", r#"{"role":"viewer"}"#), ("PATCH", r#"{"disabled":true}"#), ("DELETE", "")]
    {
        let refused = app.call_as(&owner, method, &path, body).await;
        assert_eq!(refused.problem(), (409, "last_owner"), "{method} {body}");
    }
    assert!(app.is_live(&owner).await);
    let renamed = app.call_as(&owner, "PATCH", &path, r#"{"name":"Ann B."}"#).await;
    assert_eq!((renamed.status.as_u16(), &renamed.json["name"]), (200, &"Ann B.".into()));
    app.user("second@example.com", Role::Owner).await;
    assert_eq!(app.call_as(&owner, "DELETE", &path, "").await.status, 204);
    assert!(!app.is_live(&owner).await);
}

#[tokio::test]
async fn what_is_done_to_users_is_in_the_audit_log() {
    let app = TestApp::new().await;
    let id = app.user("owner@example.com", Role::Owner).await;
    let owner = app.signed_in("owner@example.com").await;
    let made =
        app.call_as(&owner, "POST", USERS, r#"{"email":"bea@example.com","role":"owner"}"#).await;
    let bea = made.json["id"].as_str().unwrap();
    app.call_as(&owner, "PATCH", &format!("{USERS}/{bea}"), r#"{"role":"viewer"}"#).await;
    app.call_as(&owner, "DELETE", "/api/v1/sessions/current", "").await;
    let owner = app.signed_in("owner@example.com").await;
    let log = app.call_as(&owner, "GET", "/api/v1/audit-log", "").await;
    let entries = log.json["results"].as_array().unwrap();
    let told: Vec<_> = entries.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    let expected =
        ["user.signed_in", "user.signed_out", "user.updated", "user.created", "user.signed_in"];
    assert_eq!(told[..5], expected, "{}", log.text);
    assert_eq!(entries[2]["detail"], "role: owner to viewer");
    for entry in &entries[..5] {
        assert_eq!(
            (&entry["actor"]["type"], &entry["actor"]["id"]),
            (&"user".into(), &id.as_str().into())
        );
        assert_eq!(entry["merchant"], app.merchant.to_string());
    }
}

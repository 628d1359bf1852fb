//! Setting an empty database up.

use postrider_core::limits;

use super::super::{Answer, TestApp};
use super::PASSWORD;
use crate::api_key::{KeyKind, Secret};
use crate::founding::SetupCode;

async fn set_up(app: &TestApp, code: &str, password: &str) -> Answer {
    let body = serde_json::json!({
        "code": code, "merchant_name": "Roast & Co", "email": "Ann@Example.com",
        "password": password,
    });
    app.public("/api/v1/setup", &body.to_string()).await
}

#[tokio::test]
async fn the_code_sets_an_empty_database_up_once() {
    let app = TestApp::empty().await;
    let (code, text) = SetupCode::fresh(app.engine.clock().now());
    *app.app.shared.setup.lock() = Some(code);
    let wrong = Secret::fresh(KeyKind::Setup);
    for code in ["", "x", wrong.reveal()] {
        assert_eq!(set_up(&app, code, PASSWORD).await.problem(), (422, "invalid_setup_code"));
    }
    let short = set_up(&app, text.reveal(), "short").await;
    assert_eq!(short.problem(), (422, "password_too_short"), "and the code still works");
    let made = set_up(&app, text.reveal(), PASSWORD).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let key = |name: &str| made.json[name].as_str().unwrap().to_owned();
    assert_eq!(app.bare("GET", "/api/v1/webhooks").key(&key("api_key")).await.status, 200);
    let merchants = app.bare("GET", "/api/v1/merchants").key(&key("operator_key")).await;
    assert_eq!(merchants.ids(), [key("merchant_id")]);
    let owner = app.signed_in("ann@example.com").await;
    let users = app.call_as(&owner, "GET", "/api/v1/users", "").await;
    assert_eq!(users.json["results"][0]["role"], "owner");
    let again = set_up(&app, text.reveal(), PASSWORD).await;
    assert_eq!(again.problem(), (422, "invalid_setup_code"));
}

#[tokio::test]
async fn the_code_works_for_an_hour_and_on_an_empty_database_only() {
    let app = TestApp::empty().await;
    let (code, text) = SetupCode::fresh(app.engine.clock().now());
    *app.app.shared.setup.lock() = Some(code);
    app.move_clock(limits::SETUP_CODE_LIFE.as_secs());
    let late = set_up(&app, text.reveal(), PASSWORD).await;
    assert_eq!(late.problem(), (422, "invalid_setup_code"));

    let full = TestApp::new().await;
    let (code, text) = SetupCode::fresh(full.engine.clock().now());
    *full.app.shared.setup.lock() = Some(code);
    let refused = set_up(&full, text.reveal(), PASSWORD).await;
    assert_eq!(refused.problem(), (409, "already_set_up"));
    let merchants = full.bare("GET", "/api/v1/merchants").key(&full.operator).await;
    assert_eq!(merchants.ids().len(), 1);
}

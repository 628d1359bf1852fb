//! Users, roles, signing in, portal links and set-up over the API.

mod portal_links;
mod roles;
mod sessions;
mod setup;
mod users;

use postrider_core::account::Role;
use postrider_core::ids::MerchantId;
use postrider_engine::Clock;
use postrider_store::accounts::User;

use super::{Answer, Call, NOW, TestApp, stamp};
use crate::founding;

pub(super) const PASSWORD: &str = "velvet tractor moss";
const NEXT_PASSWORD: &str = "copper lantern fjord";

impl TestApp {
    /// A user of the merchant who can sign in with [`PASSWORD`]; answers the id.
    pub(super) async fn user(&self, email: &str, role: Role) -> String {
        self.user_of(self.merchant, email, role).await
    }

    pub(super) async fn user_of(&self, merchant: MerchantId, email: &str, role: Role) -> String {
        let user = User {
            id: self.engine.mint().id(NOW),
            merchant,
            email: email.to_owned(),
            name: "Ann".to_owned(),
            password_hash: Some(founding::hash(PASSWORD).unwrap()),
            role,
            created_at: NOW,
            last_signed_in_at: None,
            disabled_at: None,
            credentials_version: 1,
        };
        let id = user.id.to_string();
        self.engine.store().create_user(user, None, stamp()).await.unwrap();
        id
    }

    /// Signs in and answers the token.
    pub(super) async fn signed_in(&self, email: &str) -> String {
        let answer = self.sign_in(email, PASSWORD).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.json["token"].as_str().unwrap().to_owned()
    }

    async fn sign_in(&self, email: &str, password: &str) -> Answer {
        let body = serde_json::json!({ "email": email, "password": password });
        self.public("/api/v1/sessions", &body.to_string()).await
    }

    /// A post without a credential.
    pub(super) fn public(&self, path: &str, body: &str) -> Call<'_> {
        let call = self.bare("POST", path).header("content-type", "application/json");
        call.body(body)
    }

    /// A JSON request with any credential.
    fn call_as(&self, token: &str, method: &str, path: &str, body: &str) -> Call<'_> {
        let call = self.bare(method, path).header("authorization", &format!("Bearer {token}"));
        call.header("content-type", "application/json").body(body)
    }

    async fn is_live(&self, token: &str) -> bool {
        let answer = self.call_as(token, "GET", "/api/v1/sessions/current", "").await;
        assert!([200, 401].contains(&answer.status.as_u16()), "{}", answer.text);
        answer.status == 200
    }

    fn move_clock(&self, seconds: u64) {
        let Clock::Manual(clock) = self.engine.clock() else { panic!("time is real") };
        let now = self.engine.clock().now();
        clock.advance_to(now + std::time::Duration::from_secs(seconds));
    }
}

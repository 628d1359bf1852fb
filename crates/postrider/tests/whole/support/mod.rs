//! What whole-system tests share: the real program, a receiver that outlives it, raw HTTP, and the
//! foreign verifiers.

pub mod chance;
pub mod foreign;
pub mod http;
pub mod ledger;
pub mod program;
pub mod receiver;

use serde_json::{Value, json};

pub use http::{Client, Message};
pub use program::Installation;
pub use receiver::Receiver;

/// A webhook as the API knows it.
#[derive(Debug)]
pub struct Webhook {
    pub id: String,
    pub key: String,
}

/// Creates a webhook for every event type that sends to `receiver`; `more` goes into the request.
pub fn create_webhook(client: &mut Client, receiver: &Receiver, more: &Value) -> Webhook {
    let mut wanted = json!({"name": "Shop", "target_url": receiver.url(), "event_types": ["*"]});
    for (name, value) in more.as_object().unwrap() {
        wanted[name] = value.clone();
    }
    let made = client.post("/api/v1/webhooks", &wanted).expect(201).json();
    let id = made["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/webhooks/{id}/verification-key");
    let keys = client.get(&path).expect(200).json();
    Webhook { id, key: keys["verification_key"].as_str().unwrap().to_owned() }
}

//! What whole-system tests share: the real program, a receiver that outlives it, raw HTTP, and the
//! foreign verifiers; and the parts of the program over a clock moved by hand.

pub mod browser;
pub mod chance;
pub mod disk;
pub mod foreign;
pub mod http;
pub mod ledger;
pub mod merchant;
pub mod moved;
pub mod program;
pub mod receiver;

use serde_json::{Value, json};

pub use http::{Client, Message};
pub use program::{Installation, PROGRAM};
pub use receiver::Receiver;

/// Creates a webhook for every event type that sends to `receiver`; `more` goes into the request.
/// Answers its verification key.
pub fn create_webhook(client: &mut Client, receiver: &Receiver, more: &Value) -> String {
    let mut wanted = json!({"name": "Shop", "target_url": receiver.url(), "event_types": ["*"]});
    for (name, value) in more.as_object().unwrap() {
        wanted[name] = value.clone();
    }
    let made = client.post("/api/v1/webhooks", &wanted).expect(201).json();
    verification_key(client, &made)
}

/// The verification key of a webhook as the API shows it.
pub fn verification_key(client: &mut Client, webhook: &Value) -> String {
    let id = webhook["id"].as_str().unwrap();
    let keys = client.get(&format!("/api/v1/webhooks/{id}/verification-key")).expect(200).json();
    keys["verification_key"].as_str().unwrap().to_owned()
}

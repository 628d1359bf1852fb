//! A receiver written only from the public pages passes through the rotation of its key, everything
//! done by the documented calls: it accepts with the old key before, with either during, and with
//! the new one alone after.

use serde_json::{Value, json};

use crate::support::merchant::{MerchantServer, Verdict};
use crate::support::moved::MovedNode;
use crate::support::{Client, Installation};

/// What its developer set up: a target with a filter, and the server behind it.
struct Shop {
    client: Client,
    server: MerchantServer,
    /// The path of the target's signing key.
    key_path: String,
}

impl Shop {
    fn open(mut client: Client, merchant: &str) -> Self {
        let server = MerchantServer::start();
        let wanted = json!({"merchant": merchant, "target_url": server.url()});
        let target = client.post("/webhook_targets/", &wanted).expect(200).json();
        let path = format!("/webhook_targets/{}", target["id"].as_str().unwrap());
        let pattern = json!({"pattern": "subscription.*|order.*"});
        client.post(&format!("{path}/filters"), &pattern).expect(200);
        Self { client, server, key_path: format!("{path}/signing_key") }
    }

    fn signing_key(&mut self) -> String {
        text(&self.client.get(&self.key_path).expect(200).json(), "signing_key")
    }

    fn rotate(&mut self) -> Value {
        let path = format!("{}/rotate", self.key_path);
        let answer = self.client.call("PATCH", &path, ("application/json", b"")).unwrap();
        answer.expect(200).json()
    }

    /// Whether the receiver accepts an event that happens now, holding this key.
    fn accepts(&mut self, key: &str) -> bool {
        self.verdict(key).accepted
    }

    fn verdict(&mut self, key: &str) -> Verdict {
        self.server.hold(key);
        let event = json!({"type": "order.create", "data": {"object": {"type": "order"}}});
        let posted = self.client.post("/api/v1/events", &event).expect(202).json();
        self.server.verdict(&text(&posted, "id"))
    }

    /// Before and during a rotation. Answers the old key, the new one, and when the old one ends.
    fn begin_rotation(&mut self) -> (String, String, i64) {
        let old = self.signing_key();
        assert_eq!(self.verdict(&old), Verdict { accepted: true, signatures: 1 });
        assert!(!self.accepts("another-key-altogether"), "it does verify");
        let rotated = self.rotate();
        let new = text(&rotated, "signing_key");
        assert_eq!(text(&rotated, "expiring_signing_key"), old);
        assert_eq!(self.signing_key(), new);
        self.expect_both(&old, &new);
        (old, new, rotated["signing_key_expiry"].as_i64().unwrap())
    }

    /// The receiver may hold either key.
    fn expect_both(&mut self, old: &str, new: &str) {
        for key in [old, new] {
            assert_eq!(self.verdict(key), Verdict { accepted: true, signatures: 2 });
        }
        assert!(!self.accepts("another-key-altogether"), "and no other");
    }
}

fn text(object: &Value, name: &str) -> String {
    object[name].as_str().unwrap_or_else(|| panic!("{name}: {object}")).to_owned()
}

#[test]
fn a_receiver_from_the_public_pages_passes_through_a_whole_rotation() {
    let node = MovedNode::start();
    let mut shop = Shop::open(node.client(), &node.merchant);
    let (old, first, end) = shop.begin_rotation();
    // Again inside the window: the original stays, the end does not move, the first is dropped.
    node.advance_to(end - 3_600);
    let again = shop.rotate();
    let new = text(&again, "signing_key");
    assert_eq!(again["signing_key_expiry"], end);
    assert!(!shop.accepts(&first));
    node.advance_to(end - 1);
    shop.expect_both(&old, &new);
    node.advance_to(end);
    assert!(!shop.accepts(&old));
    assert_eq!(shop.verdict(&new), Verdict { accepted: true, signatures: 1 });
}

#[test]
fn the_real_program_signs_with_both_keys_during_a_rotation() {
    let installation = Installation::fresh();
    let server = installation.serve();
    let mut shop = Shop::open(installation.client(&server), &installation.merchant);
    shop.begin_rotation();
}

//! Which keys sign what leaves, before, during and after a rotation.

use postrider_core::ids::WebhookId;
use postrider_core::key::VerificationKey;
use postrider_core::limits;
use postrider_core::sign;
use postrider_engine::chance;

use crate::support::{Receiver, Say, TestEngine, hours, minutes, stamp};

/// The signatures of a request: how many there are in each header, and whether `key` made one.
fn signatures(got: &crate::support::Got, key: &VerificationKey) -> (usize, usize, bool) {
    let (ours, standard) = (got.header("ordergroove-signature"), got.header("webhook-signature"));
    let fits = sign::verify(ours, &got.body, key.reveal()).is_ok();
    (ours.matches("sig=").count(), standard.matches("v1,").count(), fits)
}

struct Rotating {
    app: TestEngine,
    receiver: Receiver,
    webhook: WebhookId,
    old: VerificationKey,
}

impl Rotating {
    async fn start() -> Self {
        let app = TestEngine::start().await;
        let receiver = Receiver::start().await;
        let webhook = app.webhook(&receiver.url(), |_| {}).await;
        let old = app.store().verification_keys(app.merchant, webhook).await.unwrap().new;
        Self { app, receiver, webhook, old }
    }

    async fn rotate(&self) -> VerificationKey {
        let (new, now) = (chance::verification_key(), stamp(self.app.clock.now()));
        let rotated = self.app.store().rotate_key(self.app.merchant, self.webhook, new, now).await;
        self.app.engine.refresh_routing().await.unwrap();
        rotated.unwrap().new
    }

    async fn replace(&self) -> VerificationKey {
        let (new, now) = (chance::verification_key(), stamp(self.app.clock.now()));
        let replaced =
            self.app.store().replace_key(self.app.merchant, self.webhook, new, now).await;
        self.app.engine.refresh_routing().await.unwrap();
        replaced.unwrap().new
    }

    /// Of the next delivery: the signatures, and which of `keys` made one.
    async fn next(&self, keys: &[&VerificationKey]) -> (usize, usize, Vec<bool>) {
        self.app.post("order.create").await;
        self.app.engine.run_until_idle().await;
        self.of_last(keys)
    }

    fn of_last(&self, keys: &[&VerificationKey]) -> (usize, usize, Vec<bool>) {
        let got = self.receiver.got().pop().unwrap();
        let (ours, standard, _) = signatures(&got, &self.old);
        (ours, standard, keys.iter().map(|key| signatures(&got, key).2).collect())
    }
}

#[tokio::test]
async fn for_a_day_both_keys_sign_and_then_only_the_new_one() {
    let test = Rotating::start().await;
    assert_eq!(test.next(&[&test.old]).await, (1, 1, vec![true]));
    let new = test.rotate().await;
    assert_eq!(test.next(&[&new, &test.old]).await, (2, 2, vec![true, true]));
    test.app.pass(limits::ROTATION_WINDOW).await;
    assert_eq!(test.next(&[&new, &test.old]).await, (1, 1, vec![true, false]));
}

#[tokio::test]
async fn inside_the_window_the_new_key_is_replaced_and_the_end_stays() {
    let test = Rotating::start().await;
    let first = test.rotate().await;
    test.app.pass(minutes(60)).await;
    let second = test.rotate().await;
    let keys = [&second, &first, &test.old];
    assert_eq!(test.next(&keys).await, (2, 2, vec![true, false, true]));
    test.app.pass(hours(23)).await;
    assert_eq!(test.next(&keys).await, (1, 1, vec![true, false, false]));
}

#[tokio::test]
async fn without_overlap_exactly_one_signature_leaves_at_once() {
    let test = Rotating::start().await;
    let new = test.replace().await;
    assert_eq!(test.next(&[&new, &test.old]).await, (1, 1, vec![true, false]));
    let during = test.rotate().await;
    let last = test.replace().await;
    let keys = [&last, &during, &new, &test.old];
    assert_eq!(test.next(&keys).await, (1, 1, vec![true, false, false, false]));
}

#[tokio::test]
async fn a_retry_after_a_replacement_is_signed_with_the_new_key_alone() {
    let test = Rotating::start().await;
    test.receiver.answers([Say::Status(500), Say::Status(200)]);
    assert_eq!(test.next(&[&test.old]).await, (1, 1, vec![true]));
    let new = test.replace().await;
    test.app.pass(minutes(5)).await;
    assert_eq!(test.receiver.count(), 2);
    assert_eq!(test.of_last(&[&new, &test.old]), (1, 1, vec![true, false]));
}

//! What is left after a process ended: Q10, and what it means for keys and leases. The test that
//! kills a process in the middle of its work is in `tests/kill.rs`.

use postrider_core::delivery::{Next, State};

use super::Harness;
use super::fixture::{at, delivery_id, key, merchant, named, stamp, webhook_id};
use crate::queue::{Appended, Settled};

pub async fn q2_a_repeat_after_a_restart_is_still_a_repeat(harness: Harness) {
    let mut harness = harness.with_webhooks(1).await;
    harness.post(vec![named("once", 1, 0).to(1, 1).into()]).await.unwrap();
    harness.restart(at(10)).await;
    let answer = harness.post(vec![named("once", 1, 10).to(2, 1).into()]).await;
    let expected = Appended { is_duplicate: true, deliveries: vec![delivery_id(1)] };
    assert_eq!(answer, Ok(vec![expected]));
}

pub async fn q5_leases_of_a_stopped_process_are_due_at_the_next_start(harness: Harness) {
    let mut harness = harness.with_webhooks(1).await;
    harness.post_one(1, 1, 0).await;
    harness.post_one(2, 1, 500).await;
    let old = harness.lease_one(1, 0).await;
    harness.restart(at(5)).await;
    let new = harness.lease_one(1, 5).await;
    assert_eq!((new.id, new.epoch, new.due_at), (old.id, old.epoch + 1, at(5)));
    assert_eq!(harness.detail(2).await.delivery.due_at, Some(at(500)));
}

pub async fn q6_a_lease_from_before_a_restart_is_stale(harness: Harness) {
    let mut harness = harness.with_webhooks(1).await;
    harness.post_one(1, 1, 0).await;
    let old = harness.lease_one(1, 0).await;
    harness.restart(at(5)).await;
    assert_eq!(harness.settle_one(&old, Next::Success, 6).await, Settled::Stale);
    let new = harness.lease_one(1, 6).await;
    assert_eq!(harness.settle_one(&old, Next::Success, 7).await, Settled::Stale);
    assert_eq!(harness.settle_one(&new, Next::Success, 7).await, Settled::Done);
}

pub async fn q10_what_was_answered_is_there_after_a_restart(harness: Harness) {
    let mut harness = harness.with_webhooks(2).await;
    harness.post(vec![named("kept", 1, 0).to(1, 1).to(2, 2).into()]).await.unwrap();
    let leased = harness.lease_one(1, 0).await;
    harness.settle_one(&leased, Next::Success, 1).await;
    let leased = harness.lease_one(2, 0).await;
    harness.settle_one(&leased, Next::Retry(at(300)), 1).await;
    let rotated = harness.rotate_key(merchant(1), webhook_id(1), key(9), stamp(2)).await.unwrap();
    let before = harness.tally().await.unwrap();
    harness.restart(at(3)).await;
    assert_eq!(harness.tally().await.unwrap(), before);
    assert_eq!(harness.state(1).await, State::Success);
    let waiting = harness.detail(2).await;
    assert_eq!((waiting.delivery.due_at, waiting.attempts.len()), (Some(at(300)), 1));
    let keys = harness.verification_keys(merchant(1), webhook_id(1)).await.unwrap();
    assert_eq!(keys, rotated);
}

pub async fn q10_the_catalog_version_survives(harness: Harness) {
    let mut harness = harness.with_webhooks(3).await;
    let before = harness.routes_since(0).await.unwrap();
    harness.restart(at(1)).await;
    let after = harness.routes_since(0).await.unwrap();
    assert_eq!((after.version, after.routes.len()), (before.version, before.routes.len()));
    // The writer judges appends by the version it read at the start.
    harness.post_one(1, 1, 1).await;
}

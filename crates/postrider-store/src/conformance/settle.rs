//! Settling and resending: Q6 the fence, Q7 record and move together, Q8 the queue, Q9 order.

use std::time::Duration;

use bytes::Bytes;
use postrider_core::attempt::{Attempt, Phases};
use postrider_core::delivery::{Next, State};
use postrider_core::outcome::Outcome;
use postrider_core::webhook::{DisabledBy, Status};

use super::Harness;
use super::fixture::{at, attempt, delivery_id, merchant, stamp, webhook_id};
use crate::catalog::{Backlog, StatusChange};
use crate::queue::{Change, LeasedDelivery, Resent, Settled, Settlement};

const DISABLED: Status = Status::Disabled(DisabledBy::Request);

async fn change_status(harness: &Harness, status: Status, seconds: i64) {
    let change = StatusChange { status, backlog: Backlog::Keep };
    harness.change_status(merchant(1), webhook_id(1), change, stamp(seconds)).await.unwrap();
}

fn settlement(leased: &LeasedDelivery, number: u32, next: Next) -> Settlement {
    let change = Change::Attempted { attempt: Box::new(attempt(number, 1)), next };
    Settlement { delivery: leased.id, epoch: leased.epoch, at: at(1), change }
}

pub async fn q6_a_settle_with_an_old_epoch_changes_nothing(harness: Harness) {
    let harness = harness.with_webhooks(1).await;
    harness.post_one(1, 1, 0).await;
    let old = harness.lease_one(1, 0).await;
    let new = harness.lease_one(1, 60).await;
    let before = harness.detail(1).await.delivery;
    assert_eq!(harness.settle_one(&old, Next::Success, 61).await, Settled::Stale);
    assert_eq!(harness.settle_with(&old, Change::HandedBack, 61).await, Settled::Stale);
    let after = harness.detail(1).await;
    assert_eq!((after.delivery, after.attempts.len()), (before, 0));
    assert_eq!(harness.settle_one(&new, Next::Success, 62).await, Settled::Done);
}

pub async fn q6_a_lease_is_settled_once(harness: Harness) {
    let harness = harness.with_webhooks(1).await;
    harness.post_one(1, 1, 0).await;
    let leased = harness.lease_one(1, 0).await;
    // Whoever did not hear the answer asks again.
    assert_eq!(harness.settle_one(&leased, Next::Retry(at(9)), 1).await, Settled::Done);
    assert_eq!(harness.settle_one(&leased, Next::Retry(at(9)), 1).await, Settled::Stale);
    let leased = harness.lease_one(1, 9).await;
    assert_eq!(harness.settle_with(&leased, Change::HandedBack, 10).await, Settled::Done);
    assert_eq!(harness.settle_with(&leased, Change::HandedBack, 10).await, Settled::Stale);
    let leased = harness.lease_one(1, 10).await;
    assert_eq!((leased.attempts, leased.returned), (1, 1));
    assert_eq!(harness.settle_one(&leased, Next::Failed, 11).await, Settled::Done);
    assert_eq!(harness.settle_one(&leased, Next::Failed, 11).await, Settled::Stale);
    assert_eq!(harness.detail(1).await.attempts.len(), 2);
}

pub async fn q6_a_lease_that_ran_out_but_was_not_taken_can_still_be_settled(harness: Harness) {
    let harness = harness.with_webhooks(1).await;
    harness.post_one(1, 1, 0).await;
    let leased = harness.lease_one(1, 0).await;
    assert_eq!(harness.settle_one(&leased, Next::Success, 600).await, Settled::Done);
    assert_eq!(harness.state(1).await, State::Success);
}

pub async fn q6_an_attempt_from_before_a_resend_does_not_count(harness: Harness) {
    let harness = harness.with_webhooks(1).await;
    harness.post_one(1, 1, 0).await;
    let old = harness.lease_one(1, 0).await;
    change_status(&harness, DISABLED, 1).await;
    change_status(&harness, Status::Enabled, 2).await;
    let resent = harness.resend(merchant(1), delivery_id(1), stamp(3)).await.unwrap();
    assert_eq!(resent, Resent::Due { webhook: webhook_id(1) });
    assert_eq!(harness.settle_one(&old, Next::Failed, 4).await, Settled::Stale);
    let new = harness.lease_one(1, 4).await;
    assert_eq!(harness.settle_one(&new, Next::Success, 5).await, Settled::Done);
}

pub async fn q6_an_unknown_delivery_is_stale(harness: Harness) {
    let harness = harness.with_webhooks(1).await;
    harness.post_one(1, 1, 0).await;
    let mut leased = harness.lease_one(1, 0).await;
    leased.id = delivery_id(99);
    assert_eq!(harness.settle_one(&leased, Next::Success, 1).await, Settled::Stale);
    assert_eq!(harness.tally().await.unwrap().attempts, 0);
}

pub async fn q7_an_attempt_and_the_move_are_one(harness: Harness) {
    let harness = harness.with_webhooks(1).await;
    harness.post_one(1, 1, 0).await;
    let leased = harness.lease_one(1, 0).await;
    harness.settle_one(&leased, Next::Retry(at(30)), 1).await;
    let detail = harness.detail(1).await;
    assert_eq!((detail.delivery.state, detail.delivery.due_at), (State::Pending, Some(at(30))));
    assert_eq!((detail.delivery.attempts, detail.attempts.len()), (1, 1));
    let leased = harness.lease_one(1, 30).await;
    harness.settle_one(&leased, Next::Success, 31).await;
    let detail = harness.detail(1).await;
    assert_eq!((detail.delivery.state, detail.delivery.due_at), (State::Success, None));
    assert_eq!((detail.delivery.attempts, detail.delivery.settled_at), (2, Some(at(31))));
    let numbers: Vec<_> = detail.attempts.iter().map(|attempt| attempt.number).collect();
    assert_eq!(numbers, [1, 2]);
}

pub async fn q7_every_field_of_an_attempt_is_kept(harness: Harness) {
    let harness = harness.with_webhooks(1).await;
    harness.post_one(1, 1, 0).await;
    let micros = |n| Some(Duration::from_micros(n));
    let full = Attempt {
        number: 1,
        started_at: at(1),
        outcome: Outcome::of_response(429, Some(Duration::from_secs(90))),
        phases: Phases {
            queue: Duration::from_micros(1),
            dns: micros(2),
            connect: micros(3),
            tls: micros(4),
            first_byte: micros(5),
            total: Duration::from_micros(6),
        },
        request_headers: "Host: a\nX-A: b".into(),
        response_headers: "Retry-After: 90".into(),
        response_body: Bytes::from_static(b"\x00\xff{"),
        is_response_truncated: true,
        note: Some("why".into()),
        configuration_version: 42,
    };
    let bare = Attempt { number: 2, ..attempt(2, 2) };
    for record in [&full, &bare] {
        let leased = harness.lease_one(1, i64::from(record.number) * 100).await;
        let next = Next::Retry(at(i64::from(record.number) * 100 + 50));
        let change = Change::Attempted { attempt: Box::new(record.clone()), next };
        assert_eq!(harness.settle_with(&leased, change, 0).await, Settled::Done);
    }
    assert_eq!(harness.detail(1).await.attempts, [full, bare]);
}

pub async fn q7_a_canceled_delivery_keeps_the_record_of_its_last_attempt(harness: Harness) {
    let harness = harness.with_webhooks(1).await;
    for (delivery, next, expected, settled_at) in [
        (1, Next::Success, State::Success, 20),
        (2, Next::Failed, State::Canceled, 10),
        (3, Next::Retry(at(99)), State::Canceled, 10),
    ] {
        harness.post_one(delivery, 1, 0).await;
        let leased = harness.lease_one(1, 0).await;
        change_status(&harness, DISABLED, 10).await;
        assert_eq!(harness.state(delivery).await, State::Canceled);
        assert_eq!(harness.settle_one(&leased, next, 20).await, Settled::Done);
        assert_eq!(harness.settle_one(&leased, next, 20).await, Settled::Stale);
        let detail = harness.detail(delivery).await;
        assert_eq!(detail.delivery.state, expected, "{next:?}");
        assert_eq!(detail.delivery.settled_at, Some(at(settled_at)));
        assert_eq!((detail.delivery.attempts, detail.attempts.len()), (1, 1));
        assert!(harness.backlog().await.unwrap().is_empty());
        change_status(&harness, Status::Enabled, 30).await;
    }
}

pub async fn q8_a_settled_delivery_leaves_the_queue_and_a_resent_one_returns(harness: Harness) {
    let harness = harness.with_webhooks(1).await;
    harness.post_one(1, 1, 0).await;
    for (round, next) in [Next::Success, Next::Failed].into_iter().enumerate() {
        let seconds = i64::try_from(round).unwrap() * 100;
        let leased = harness.lease_one(1, seconds).await;
        harness.settle_one(&leased, next, seconds + 1).await;
        assert!(harness.lease_of(1, 9, 1_000_000).await.deliveries.is_empty());
        let resent = harness.resend(merchant(1), delivery_id(1), stamp(seconds + 50)).await;
        assert_eq!(resent.unwrap(), Resent::Due { webhook: webhook_id(1) });
        assert_eq!(harness.backlog().await.unwrap()[0].next_due, Some(at(seconds + 50)));
    }
    let again = harness.resend(merchant(1), delivery_id(1), stamp(900)).await.unwrap();
    assert_eq!(again, Resent::AlreadyPending);
    assert_eq!(harness.backlog().await.unwrap()[0].next_due, Some(at(150)));
    assert_eq!(harness.lease_of(1, 9, 1_000).await.deliveries.len(), 1);
}

pub async fn q8_a_lease_handed_back_is_due_at_once_without_an_attempt(harness: Harness) {
    let harness = harness.with_webhooks(1).await;
    harness.post_one(1, 1, 0).await;
    let leased = harness.lease_one(1, 0).await;
    assert_eq!(harness.settle_with(&leased, Change::HandedBack, 5).await, Settled::Done);
    let detail = harness.detail(1).await;
    assert_eq!((detail.delivery.due_at, detail.attempts.len()), (Some(at(5)), 0));
    let again = harness.lease_one(1, 5).await;
    assert_eq!((again.epoch, again.attempts, again.returned), (leased.epoch + 1, 0, 1));
}

pub async fn q9_settlements_are_answered_in_order_and_a_bad_one_spoils_only_itself(
    harness: Harness,
) {
    let harness = harness.with_webhooks(1).await;
    for delivery in 1..=5 {
        harness.post_one(delivery, 1, 0).await;
    }
    let leased = harness.lease_of(1, 9, 0).await.deliveries;
    let of = |place: usize, number, next| settlement(&leased[place], number, next);
    let mut old = of(1, 1, Next::Success);
    old.epoch -= 1;
    let batch = vec![
        of(0, 1, Next::Success),
        old,
        of(2, 1, Next::Failed),
        // A number that cannot be: one attempt is on record already, or one is missing.
        of(3, 7, Next::Success),
        of(2, 2, Next::Success),
        of(4, 1, Next::Retry(at(60))),
    ];
    let (done, stale) = (Settled::Done, Settled::Stale);
    let expected = [done, stale, done, stale, stale, done];
    assert_eq!(harness.settle(batch.into()).await.unwrap(), expected);
    let mut states = Vec::new();
    for leased in &leased {
        states.push(harness.delivery(merchant(1), leased.id).await.unwrap().delivery.state);
    }
    let pending = State::Pending;
    assert_eq!(states, [State::Success, pending, State::Failed, pending, pending]);
}

pub async fn a_resend_begins_a_new_schedule_and_keeps_the_attempts(harness: Harness) {
    let harness = harness.with_webhooks(1).await;
    harness.post_one(1, 1, 0).await;
    for seconds in [0, 60, 120] {
        // Two leases are lost, the third ends in an attempt.
        let leased = harness.lease_one(1, seconds).await;
        if seconds == 120 {
            harness.settle_one(&leased, Next::Failed, 121).await;
        }
    }
    harness.resend(merchant(1), delivery_id(1), stamp(500)).await.unwrap();
    let detail = harness.detail(1).await;
    assert_eq!((detail.delivery.state, detail.delivery.settled_at), (State::Pending, None));
    let leased = harness.lease_one(1, 500).await;
    assert_eq!((leased.attempts, leased.attempts_before), (1, 1));
    assert_eq!((leased.schedule_started_at, leased.due_at), (at(500), at(500)));
    let lost = leased.epoch - leased.attempts - leased.returned;
    assert_eq!(lost, 1, "only the present lease is open: those lost before are forgiven");
    harness.settle_one(&leased, Next::Success, 501).await;
    assert_eq!(harness.detail(1).await.attempts.len(), 2);
}

pub async fn a_resend_to_a_webhook_that_does_not_receive_changes_nothing(harness: Harness) {
    let harness = harness.with_webhooks(1).await;
    harness.post_one(1, 1, 0).await;
    change_status(&harness, DISABLED, 1).await;
    let resend = || harness.resend(merchant(1), delivery_id(1), stamp(2));
    assert_eq!(resend().await.unwrap(), Resent::WebhookNotReceiving);
    change_status(&harness, Status::Paused, 3).await;
    assert_eq!(resend().await.unwrap(), Resent::Due { webhook: webhook_id(1) });
    harness.delete_webhook(merchant(1), webhook_id(1), stamp(4)).await.unwrap();
    assert_eq!(resend().await.unwrap(), Resent::WebhookNotReceiving);
    assert_eq!(harness.state(1).await, State::Canceled);
}

//! Leasing: Q3 exclusive, Q4 due and in order, Q5 runs out, Q8 the queue, Q11 the next due time.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use postrider_core::delivery::Next;

use super::Harness;
use super::fixture::{at, choice, delivery_id, minted, webhook_id};
use crate::queue::{LaneAsk, LaneState, LeaseAsk, Leased, NewEvent};

fn ids(leased: &Leased) -> Vec<postrider_core::ids::DeliveryId> {
    leased.deliveries.iter().map(|leased| leased.id).collect()
}

pub async fn q3_a_leased_delivery_is_not_leased_again(harness: Harness) {
    let harness = harness.with_webhooks(1).await;
    harness.post_one(1, 1, 0).await;
    assert_eq!(harness.lease_one(1, 0).await.leased_until, at(60));
    for seconds in [0, 30, 59] {
        assert!(harness.lease_of(1, 9, seconds).await.deliveries.is_empty());
    }
}

pub async fn q3_parallel_leases_share_no_delivery(harness: Harness) {
    let harness = harness.with_webhooks(1).await;
    let events = (1..=100).map(|n| minted(n, 0).to(n, 1).into()).collect();
    harness.post(events).await.unwrap();
    let mut leases = tokio::task::JoinSet::new();
    for _ in 0..30 {
        let store = Arc::clone(&harness);
        let lane = LaneAsk { webhook: webhook_id(1), limit: 5, lease_for: Duration::from_mins(1) };
        let ask = LeaseAsk { now: at(1), lanes: vec![lane] };
        leases.spawn(async move { ids(&store.lease(ask).await.unwrap()) });
    }
    let all = leases.join_all().await.concat();
    assert_eq!((all.len(), all.iter().collect::<HashSet<_>>().len()), (100, 100));
}

pub async fn q4_nothing_is_leased_before_it_is_due(harness: Harness) {
    let harness = harness.with_webhooks(1).await;
    harness.post_one(1, 1, 100).await;
    assert!(harness.lease_of(1, 1, 99).await.deliveries.is_empty());
    let leased = harness.lease_one(1, 100).await;
    harness.settle_one(&leased, Next::Retry(at(500)), 110).await;
    assert!(harness.lease_of(1, 1, 499).await.deliveries.is_empty());
    let again = harness.lease_one(1, 500).await;
    assert_eq!((again.due_at, again.attempts, again.epoch), (at(500), 1, 2));
}

pub async fn q4_the_earliest_due_comes_first_and_limits_hold(harness: Harness) {
    let harness = harness.with_webhooks(2).await;
    for (delivery, webhook, due) in [(1, 1, 30), (2, 1, 10), (3, 1, 20), (4, 2, 5), (5, 1, 40)] {
        harness.post_one(delivery, webhook, due).await;
    }
    let lane = |webhook, limit| LaneAsk {
        webhook: webhook_id(webhook),
        limit,
        lease_for: Duration::from_mins(1),
    };
    let ask = LeaseAsk { now: at(35), lanes: vec![lane(2, 1), lane(1, 2), lane(3, 9)] };
    let leased = harness.lease(ask).await.unwrap();
    assert_eq!(ids(&leased), [4, 2, 3].map(delivery_id));
    assert_eq!(ids(&harness.lease_of(1, 0, 35).await), []);
    assert_eq!(ids(&harness.lease_of(1, 9, 35).await), [1].map(delivery_id));
}

pub async fn q5_a_lease_that_ran_out_is_due_again_with_a_higher_epoch(harness: Harness) {
    let harness = harness.with_webhooks(1).await;
    harness.post_one(1, 1, 0).await;
    let mut epoch = 0;
    for round in 0..5 {
        let leased = harness.lease_one(1, round * 60).await;
        assert!(leased.epoch > epoch);
        assert_eq!((leased.attempts, leased.returned), (0, 0));
        epoch = leased.epoch;
    }
}

pub async fn q8_only_pending_deliveries_are_in_the_queue(harness: Harness) {
    let harness = harness.with_webhooks(1).await;
    for (delivery, next) in [(1, Next::Success), (2, Next::Failed)] {
        harness.post_one(delivery, 1, 0).await;
        assert_eq!(harness.backlog().await.unwrap().len(), 1);
        let leased = harness.lease_one(1, 0).await;
        assert_eq!(harness.backlog().await.unwrap().len(), 1);
        harness.settle_one(&leased, next, 1).await;
        assert!(harness.backlog().await.unwrap().is_empty(), "{next:?}");
        assert!(harness.lease_of(1, 9, 1_000_000).await.deliveries.is_empty());
    }
    // A retry leaves one entry, not the old and the new one.
    harness.post_one(3, 1, 0).await;
    let leased = harness.lease_one(1, 0).await;
    harness.settle_one(&leased, Next::Retry(at(10)), 1).await;
    assert_eq!(harness.lease_of(1, 9, 1_000).await.deliveries.len(), 1);
}

pub async fn q11_a_lease_names_the_next_due_time(harness: Harness) {
    let harness = harness.with_webhooks(1).await;
    for (delivery, due) in [(1, 10), (2, 20), (3, 30)] {
        harness.post_one(delivery, 1, due).await;
    }
    let next = |leased: Leased| leased.lanes[0].next_due;
    assert_eq!(next(harness.lease_of(1, 9, 5).await), Some(at(10)));
    // The limit was met: what is due already is named too.
    assert_eq!(next(harness.lease_of(1, 1, 25).await), Some(at(20)));
    assert_eq!(next(harness.lease_of(1, 9, 25).await), Some(at(30)));
    // All are leased: the first end of a lease is the next due time.
    assert_eq!(next(harness.lease_of(1, 9, 40).await), Some(at(85)));
}

pub async fn q11_a_webhook_without_pending_deliveries_has_no_due_time(harness: Harness) {
    let harness = harness.with_webhooks(1).await;
    let nothing = LaneState { webhook: webhook_id(1), next_due: None };
    assert_eq!(harness.lease_of(1, 1, 0).await.lanes, [nothing]);
    harness.post_one(1, 1, 0).await;
    let leased = harness.lease_one(1, 0).await;
    harness.settle_one(&leased, Next::Success, 1).await;
    assert_eq!(harness.lease_of(1, 1, 5).await.lanes, [nothing]);
}

pub async fn q11_the_backlog_says_what_a_lease_would(harness: Harness) {
    let harness = harness.with_webhooks(4).await;
    for (delivery, webhook, due) in [(1, 3, 50), (2, 1, 20), (3, 1, 10), (4, 4, 5), (5, 4, 70)] {
        harness.post_one(delivery, webhook, due).await;
    }
    harness.lease_of(4, 1, 6).await;
    let mut backlog = harness.backlog().await.unwrap();
    backlog.sort_by_key(|lane| lane.webhook);
    let lane = |webhook, due| LaneState { webhook: webhook_id(webhook), next_due: Some(at(due)) };
    assert_eq!(backlog, [lane(1, 10), lane(3, 50), lane(4, 66)]);
    for lane in backlog {
        let ask = LaneAsk { webhook: lane.webhook, limit: 9, lease_for: Duration::ZERO };
        let leased = harness.lease(LeaseAsk { now: at(0), lanes: vec![ask] }).await.unwrap();
        assert_eq!((leased.deliveries.len(), leased.lanes[0]), (0, lane));
    }
}

pub async fn a_leased_delivery_carries_all_an_attempt_needs(harness: Harness) {
    let harness = harness.with_webhooks(2).await;
    let event: NewEvent = minted(1, 7).to(1, 1).to(2, 2).as_test().into();
    harness.post(vec![event.clone()]).await.unwrap();
    let leased = harness.lease_one(2, 9).await;
    assert_eq!((leased.id, leased.webhook), (delivery_id(2), webhook_id(2)));
    let (actual, expected) = (&leased.event, &event.event);
    assert_eq!((&actual.id, actual.merchant), (&expected.id, expected.merchant));
    let body = |event| postrider_core::snapshot::body(event, choice());
    assert_eq!(body(actual), body(expected));
    assert_eq!((leased.choice, leased.is_test), (choice(), true));
    assert_eq!((leased.epoch, leased.due_at, leased.leased_until), (1, at(7), at(69)));
    assert_eq!((leased.attempts, leased.attempts_before, leased.returned), (0, 0, 0));
    assert_eq!(leased.schedule_started_at, at(7));
}

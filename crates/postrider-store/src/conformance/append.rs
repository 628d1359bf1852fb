//! Appending: Q1 all or nothing, Q2 the same key gives the same answer, Q9 order.

use std::sync::Arc;

use postrider_core::delivery::State;
use postrider_core::routing::{Decision, Verdict};

use super::Harness;
use super::fixture::{at, choice, delivery_id, event_id, merchant, minted, named, webhook_id};
use crate::StoreError;
use crate::queue::{Append, AppendRefusal, Appended, NewEvent, Tally};

fn appended(is_duplicate: bool, deliveries: &[u64]) -> Appended {
    Appended { is_duplicate, deliveries: deliveries.iter().copied().map(delivery_id).collect() }
}

pub async fn q1_an_event_is_stored_with_its_deliveries_and_queue_entries(harness: Harness) {
    let harness = harness.with_webhooks(3).await;
    let mut event: NewEvent = named("order-7", 1, 5).to(1, 1).to(2, 2).into();
    let refused = Decision { webhook: webhook_id(3), verdict: Verdict::NotSelected };
    event.decisions.push(refused);
    let given = event.clone();
    assert_eq!(harness.post(vec![event]).await, Ok(vec![appended(false, &[1, 2])]));

    let stored = harness.event(merchant(1), event_id("order-7")).await.unwrap();
    assert_eq!(stored.decisions, given.decisions);
    let (actual, expected) = (&stored.event, &given.event);
    assert_eq!(actual.data, expected.data);
    assert_eq!((&actual.context, &actual.snapshot), (&expected.context, &expected.snapshot));
    assert_eq!((actual.created, actual.accepted_at), (expected.created, expected.accepted_at));
    assert_eq!((&actual.event_type, stored.is_test), (&expected.event_type, false));
    for (delivery, webhook) in [(1, 1), (2, 2)] {
        let detail = harness.detail(delivery).await;
        assert_eq!(detail.delivery.webhook, webhook_id(webhook));
        assert_eq!((detail.delivery.state, detail.choice), (State::Pending, choice()));
        assert_eq!(detail.delivery.due_at, Some(at(5)));
        assert_eq!((detail.delivery.created_at, detail.delivery.settled_at), (at(5), None));
        assert_eq!(harness.lease_one(webhook, 5).await.id, delivery_id(delivery));
    }
}

pub async fn q1_an_event_nobody_wants_is_stored_alone(harness: Harness) {
    let harness = harness.with_webhooks(0).await;
    let answer = harness.post(vec![named("quiet", 1, 0).into()]).await;
    assert_eq!(answer, Ok(vec![appended(false, &[])]));
    let tally = Tally { events: 1, ..Tally::default() };
    assert_eq!(harness.tally().await.unwrap(), tally);
    assert!(harness.backlog().await.unwrap().is_empty());
}

pub async fn q1_the_events_of_a_request_are_stored_together_or_not_at_all(harness: Harness) {
    let harness = harness.with_webhooks(1).await;
    harness.post(vec![named("known", 1, 0).to(1, 1).into()]).await.unwrap();
    let before = harness.tally().await.unwrap();
    let request = vec![
        minted(2, 0).to(2, 1).into(),
        named("fresh", 1, 0).to(3, 1).into(),
        named("known", 9, 0).to(4, 1).into(),
        minted(5, 0).to(5, 1).into(),
    ];
    let refusal = AppendRefusal::IdempotencyMismatch { index: 2 };
    assert_eq!(harness.post(request).await, Err(refusal));
    assert_eq!(harness.tally().await.unwrap(), before);
    let gone = harness.event(merchant(1), event_id("fresh")).await;
    assert!(matches!(gone, Err(StoreError::NotFound)));
    assert_eq!(harness.lease_of(1, 10, 1).await.deliveries.len(), 1);
}

pub async fn q1_an_append_against_an_old_catalog_writes_nothing(harness: Harness) {
    let harness = harness.with_webhooks(1).await;
    let version = harness.version().await;
    harness.add_webhook(1, 2).await;
    for routing_version in [0, version, version + 2] {
        let events = vec![named("late", 1, 0).to(1, 1).into()];
        let answers = harness.append(vec![Append { routing_version, events }]).await.unwrap();
        assert_eq!(answers, [Err(AppendRefusal::RoutingMoved)], "version {routing_version}");
    }
    assert_eq!(harness.tally().await.unwrap(), Tally::default());
}

pub async fn q1_a_batch_that_fails_stores_nothing(harness: Harness) {
    let harness = harness.with_webhooks(1).await;
    harness.post_one(1, 1, 0).await;
    let before = harness.tally().await.unwrap();
    let routing_version = harness.version().await;
    let fine = vec![minted(2, 0).to(2, 1).into()];
    // The same delivery id again is a fault of ours and no answer to a request.
    let broken = vec![minted(3, 0).to(1, 1).into()];
    let batch = [fine, broken].map(|events| Append { routing_version, events });
    assert!(harness.append(batch.into()).await.is_err());
    assert_eq!(harness.tally().await.unwrap(), before);
    harness.post_one(2, 1, 0).await;
}

pub async fn q1_a_delivery_can_be_born_leased(harness: Harness) {
    let harness = harness.with_webhooks(1).await;
    let event = minted(1, 0).to(1, 1).leased_until(at(30));
    harness.post(vec![event.into()]).await.unwrap();
    assert!(harness.lease_of(1, 1, 29).await.deliveries.is_empty());
    let leased = harness.lease_one(1, 30).await;
    assert_eq!((leased.epoch, leased.attempts, leased.schedule_started_at), (2, 0, at(0)));
}

pub async fn q2_a_repeat_is_answered_with_its_first_deliveries(harness: Harness) {
    let harness = harness.with_webhooks(2).await;
    let first = named("order-7", 1, 0).to(1, 1).to(2, 2);
    assert_eq!(harness.post(vec![first.into()]).await, Ok(vec![appended(false, &[1, 2])]));
    let leased = harness.lease_one(1, 0).await;
    harness.settle_one(&leased, postrider_core::delivery::Next::Success, 0).await;
    // Meanwhile other webhooks exist and would get other deliveries.
    harness.add_webhook(1, 3).await;
    let before = harness.tally().await.unwrap();
    let again = named("order-7", 1, 9).to(11, 1).to(12, 2).to(13, 3);
    assert_eq!(harness.post(vec![again.into()]).await, Ok(vec![appended(true, &[1, 2])]));
    assert_eq!(harness.tally().await.unwrap(), before);
}

pub async fn q2_an_id_with_other_content_is_refused(harness: Harness) {
    let harness = harness.with_webhooks(1).await;
    harness.post(vec![named("order-7", 1, 0).to(1, 1).into()]).await.unwrap();
    let answer = harness.post(vec![named("order-7", 2, 0).to(2, 1).into()]).await;
    assert_eq!(answer, Err(AppendRefusal::IdempotencyMismatch { index: 0 }));
}

pub async fn q2_the_id_of_an_event_we_named_cannot_be_posted(harness: Harness) {
    let harness = harness.with_webhooks(1).await;
    let ours: NewEvent = minted(1, 0).to(1, 1).into();
    let theirs = named(ours.event.id.as_str(), 1, 0).to(2, 1);
    harness.post(vec![ours]).await.unwrap();
    let answer = harness.post(vec![theirs.into()]).await;
    assert_eq!(answer, Err(AppendRefusal::IdempotencyMismatch { index: 0 }));
}

pub async fn q2_two_equal_events_in_a_request_are_one(harness: Harness) {
    let harness = harness.with_webhooks(1).await;
    let request = vec![named("twin", 1, 0).to(1, 1).into(), named("twin", 1, 0).to(2, 1).into()];
    let expected = vec![appended(false, &[1]), appended(true, &[1])];
    assert_eq!(harness.post(request).await, Ok(expected));
    let tally = Tally { events: 1, pending: 1, ..Tally::default() };
    assert_eq!(harness.tally().await.unwrap(), tally);
}

pub async fn q2_two_events_under_one_id_in_a_request_are_refused(harness: Harness) {
    let harness = harness.with_webhooks(1).await;
    let request = vec![named("twin", 1, 0).to(1, 1).into(), named("twin", 2, 0).to(2, 1).into()];
    let refusal = AppendRefusal::IdempotencyMismatch { index: 1 };
    assert_eq!(harness.post(request).await, Err(refusal));
    assert_eq!(harness.tally().await.unwrap(), Tally::default());
}

pub async fn q2_parallel_posts_of_one_id_become_one_event(harness: Harness) {
    let harness = harness.with_webhooks(1).await;
    let routing_version = harness.version().await;
    let mut posts = tokio::task::JoinSet::new();
    for n in 0..100 {
        let store = Arc::clone(&harness);
        let events = vec![named("once", 1, 0).to(n, 1).into()];
        posts.spawn(async move {
            let answers = store.append(vec![Append { routing_version, events }]).await.unwrap();
            answers.into_iter().next().unwrap().unwrap().remove(0)
        });
    }
    let answers = posts.join_all().await;
    assert_eq!(answers.iter().filter(|answer| !answer.is_duplicate).count(), 1);
    assert!(answers.iter().all(|answer| answer.deliveries == answers[0].deliveries));
    let tally = Tally { events: 1, pending: 1, ..Tally::default() };
    assert_eq!(harness.tally().await.unwrap(), tally);
}

pub async fn q2_two_merchants_may_use_the_same_id(harness: Harness) {
    let harness = harness.with_webhooks(1).await;
    harness.add_merchant(2).await;
    harness.add_webhook(2, 2).await;
    let request = vec![named("x", 1, 0).to(1, 1).into(), named("x", 2, 0).of(2).to(2, 2).into()];
    let expected = vec![appended(false, &[1]), appended(false, &[2])];
    assert_eq!(harness.post(request).await, Ok(expected));
    for (owner, webhook) in [(1, 1), (2, 2)] {
        let stored = harness.event(merchant(owner), event_id("x")).await.unwrap();
        assert_eq!(stored.decisions[0].webhook, webhook_id(webhook));
    }
}

pub async fn q9_appends_are_answered_in_order_and_a_refused_one_spoils_only_itself(
    harness: Harness,
) {
    let harness = harness.with_webhooks(1).await;
    let now = harness.version().await;
    harness.post(vec![named("known", 1, 0).to(1, 1).into()]).await.unwrap();
    let append = |routing_version, event: NewEvent| Append { routing_version, events: vec![event] };
    let answers = harness
        .append(vec![
            append(now, minted(2, 0).to(2, 1).into()),
            append(now, named("known", 2, 0).to(3, 1).into()),
            append(now, named("next", 1, 0).to(4, 1).into()),
            append(now - 1, minted(5, 0).to(5, 1).into()),
            append(now, named("next", 1, 0).to(6, 1).into()),
            append(now, minted(7, 0).to(7, 1).into()),
        ])
        .await
        .unwrap();
    let expected = [
        Ok(vec![appended(false, &[2])]),
        Err(AppendRefusal::IdempotencyMismatch { index: 0 }),
        Ok(vec![appended(false, &[4])]),
        Err(AppendRefusal::RoutingMoved),
        Ok(vec![appended(true, &[4])]),
        Ok(vec![appended(false, &[7])]),
    ];
    assert_eq!(answers, expected);
    let tally = harness.tally().await.unwrap();
    assert_eq!((tally.events, tally.pending), (4, 4));
}

//! The figures of a webhook.

use std::time::Duration;

use postrider_core::attempt::{Attempt, Phases};
use postrider_core::delivery::Next;
use postrider_core::limits;
use postrider_core::outcome::Outcome;

use super::Harness;
use super::fixture::{at, attempt, merchant, minted, stamp, webhook_id};
use crate::catalog::{Latency, SpanFigures, WebhookMetrics};
use crate::error::StoreError;
use crate::queue::{Change, LeasedDelivery};

const DAY: i64 = 86_400;

/// Seconds from the beginning of the tests, some hours into a day of UTC, to that day's.
fn midnight() -> i64 {
    -at(0).unix_seconds().rem_euclid(DAY)
}

async fn metrics(harness: &Harness, since: i64) -> WebhookMetrics {
    harness.webhook_metrics(merchant(1), webhook_id(1), at(since)).await.unwrap()
}

async fn succeed(harness: &Harness, leased: &LeasedDelivery, seconds: i64, millis: u64) {
    let attempt = Box::new(Attempt {
        outcome: Outcome::of_response(200, None),
        phases: Phases { total: Duration::from_millis(millis), ..Phases::default() },
        ..attempt(leased.attempts + 1, seconds)
    });
    harness.settle_with(leased, Change::Attempted { attempt, next: Next::Success }, seconds).await;
}

pub async fn metrics_count_each_state_and_the_successes_that_took_a_retry(harness: Harness) {
    let harness = harness.with_webhooks(2).await;
    assert_eq!(metrics(&harness, 0).await, WebhookMetrics::default());
    for n in 1..=5 {
        harness.post(vec![minted(n, 0).to(n, 1).to(n + 10, 2).into()]).await.unwrap();
    }
    let leased = harness.lease_of(1, 4, 0).await.deliveries;
    succeed(&harness, &leased[0], 1, 30).await;
    succeed(&harness, &leased[1], 1, 10).await;
    harness.settle_one(&leased[2], Next::Failed, 1).await;
    harness.settle_one(&leased[3], Next::Retry(at(1)), 1).await;
    let retried = harness.lease_of(1, 9, 1).await.deliveries;
    let retried = retried.iter().find(|again| again.id == leased[3].id).unwrap();
    succeed(&harness, retried, 2, 20).await;
    let millis = Duration::from_millis;
    let expected = WebhookMetrics {
        failed: 1,
        successful: 3,
        successful_retries: 1,
        pending: 1,
        latency: Some(Latency { p50: millis(20), p95: millis(30), p99: millis(30) }),
        days: vec![SpanFigures { begins_at: at(midnight()), failed: 1, successful: 3, pending: 1 }],
    };
    assert_eq!(metrics(&harness, 0).await, expected);
}

pub async fn metrics_leave_out_days_before(harness: Harness) {
    let harness = harness.with_webhooks(1).await;
    let midnight = midnight();
    for (n, seconds) in [(1, midnight), (2, midnight + DAY - 1), (3, midnight + DAY)] {
        harness.post_one(n, 1, seconds).await;
    }
    for (since, pending) in [
        (midnight - 9 * DAY, 3),
        (midnight, 3),
        (midnight + DAY - 1, 3),
        (midnight + DAY, 1),
        (midnight + 2 * DAY, 0),
    ] {
        assert_eq!(metrics(&harness, since).await.pending, pending, "{since}");
    }
    let days = metrics(&harness, midnight).await.days;
    let days: Vec<_> = days.iter().map(|day| (day.begins_at, day.pending)).collect();
    assert_eq!(days, [(at(midnight), 2), (at(midnight + DAY), 1)]);
}

pub async fn hours_are_told_apart_for_two_days_and_then_added_to_their_day(mut harness: Harness) {
    const HOUR: i64 = 3_600;
    harness = harness.with_webhooks(2).await;
    let midnight = midnight();
    for (n, seconds) in [(1, midnight), (2, midnight + HOUR - 1), (3, midnight + HOUR)] {
        harness.post_one(n, 1, seconds).await;
    }
    let hours = async |harness: &Harness, since: i64| {
        let hours = harness.webhook_hours(merchant(1), webhook_id(1), at(since)).await.unwrap();
        hours.iter().map(|hour| (hour.begins_at, hour.pending)).collect::<Vec<_>>()
    };
    let both = [(at(midnight), 2), (at(midnight + HOUR), 1)];
    assert_eq!(hours(&harness, midnight + HOUR - 1).await, both);
    assert_eq!(hours(&harness, midnight + HOUR).await, both[1..]);
    // Two days on, whatever is written adds them to their day; what moves then still counts.
    let later = midnight + 3 * DAY;
    harness.post_one(4, 1, later).await;
    let leased = harness.lease_of(1, 1, later).await.deliveries;
    succeed(&harness, &leased[0], later, 5).await;
    let shown = metrics(&harness, midnight).await;
    let days: Vec<_> =
        shown.days.iter().map(|day| (day.begins_at, day.successful, day.pending)).collect();
    assert_eq!(days, [(at(midnight), 1, 2), (at(later), 0, 1)]);
    assert_eq!((shown.successful, shown.pending), (1, 3));
    harness.restart(at(later)).await;
    let balance = harness.balance().await.unwrap();
    assert_eq!((balance.decided, balance.success, balance.is_even()), (4, 1, true));
    let unknown = harness.webhook_hours(merchant(2), webhook_id(1), at(0)).await;
    assert!(matches!(unknown, Err(StoreError::NotFound)), "{unknown:?}");
}

pub async fn figures_follow_every_move_and_balance(harness: Harness) {
    let mut harness = harness.with_webhooks(2).await;
    for n in 1..=6 {
        harness.post(vec![minted(n, 0).to(n, 1).to(n + 10, 2).into()]).await.unwrap();
    }
    let leased = harness.lease_of(1, 3, 0).await.deliveries;
    succeed(&harness, &leased[0], 1, 5).await;
    harness.settle_one(&leased[1], Next::Failed, 1).await;
    harness.settle_one(&leased[2], Next::Retry(at(900)), 1).await;
    for delivery in [leased[0].id, leased[1].id] {
        harness.resend(merchant(1), delivery, stamp(2)).await.unwrap();
    }
    // A resend takes a success back; a second one is a retry.
    let again = harness.lease_of(1, 9, 2).await.deliveries;
    let again = again.iter().find(|lease| lease.id == leased[0].id).unwrap();
    succeed(&harness, again, 3, 5).await;
    let of_first = metrics(&harness, 0).await;
    assert_eq!((of_first.successful, of_first.successful_retries), (1, 1));
    assert_eq!((of_first.failed, of_first.pending), (0, 5));
    harness.delete_webhook(merchant(1), webhook_id(2), stamp(4)).await.unwrap();
    harness.restart(at(5)).await;
    let (balance, tally) = (harness.balance().await.unwrap(), harness.tally().await.unwrap());
    assert_eq!((balance.pending, balance.success), (tally.pending, tally.success));
    assert_eq!((balance.failed, balance.canceled), (tally.failed, tally.canceled));
    assert_eq!((balance.decided, balance.is_even()), (12, true));
}

pub async fn latencies_are_those_of_the_newest_successes(harness: Harness) {
    let harness = harness.with_webhooks(1).await;
    let most = u64::try_from(limits::LATENCY_SAMPLES_MAX).unwrap();
    let events = (1..=most + 1).map(|n| minted(n, 0).to(n, 1).into()).collect();
    harness.post(events).await.unwrap();
    let limit = u32::try_from(most + 1).unwrap();
    for leased in harness.lease_of(1, limit, 0).await.deliveries {
        let is_oldest = leased.id == super::fixture::delivery_id(1);
        succeed(&harness, &leased, 1, if is_oldest { 9_000 } else { 5 }).await;
    }
    let counted = metrics(&harness, 0).await;
    let all = Duration::from_millis(5);
    assert_eq!(counted.successful, most + 1);
    assert_eq!(counted.latency, Some(Latency { p50: all, p95: all, p99: all }));
}

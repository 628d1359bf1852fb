//! What pruning removes, what it never removes, and that everything stays accounted for.

use postrider_core::delivery::{Next, State};
use postrider_core::ids::Id;
use postrider_core::limits;
use postrider_core::recovery::{Ended, Recovery, Status, Wanted};
use postrider_core::webhook::Status as WebhookStatus;

use super::Harness;
use super::fixture::{ask, at, delivery_id, event_id, merchant, minted, named, stamp, webhook_id};
use crate::StoreError;
use crate::catalog::{Backlog, DeliveryFilter, EventFilter, StatusChange};
use crate::recovery::Begun;
use crate::retention::{PruneAsk, Pruned};

/// Walks to the end; what went, and in how many steps.
async fn prune(harness: &Harness, before: i64) -> (Pruned, u32) {
    let (mut sum, mut steps, mut next) = (Pruned::default(), 0, Some(0));
    while let Some(after) = next {
        let step = harness.prune(PruneAsk { before: at(before), after }).await.unwrap();
        sum.events += step.events;
        sum.deliveries += step.deliveries;
        sum.attempts += step.attempts;
        (steps, next) = (steps + 1, step.next);
    }
    (sum, steps)
}

/// Ends the one delivery that is due for a webhook.
async fn end(harness: &Harness, webhook: u64, next: Next, seconds: i64) {
    let leased = harness.lease_one(webhook, seconds).await;
    harness.settle_one(&leased, next, seconds).await;
}

/// The newest event, which always stays and wakes nobody's interest.
async fn newest(harness: &Harness) {
    harness.post(vec![minted(900, 900).into()]).await.unwrap();
}

async fn is_even(harness: &Harness) -> bool {
    let (balance, tally) = (harness.balance().await.unwrap(), harness.tally().await.unwrap());
    assert_eq!((balance.pending, balance.success), (tally.pending, tally.success));
    assert_eq!((balance.failed, balance.canceled), (tally.failed, tally.canceled));
    balance.is_even()
}

pub async fn q14_what_is_over_and_old_goes_whole(harness: Harness) {
    let harness = harness.with_webhooks(2).await;
    harness.post(vec![minted(1, 0).to(1, 1).to(2, 2).into()]).await.unwrap();
    end(&harness, 1, Next::Retry(at(1)), 0).await;
    end(&harness, 1, Next::Success, 1).await;
    end(&harness, 2, Next::Failed, 2).await;
    harness.post(vec![minted(3, 3).into()]).await.unwrap();
    newest(&harness).await;
    assert_eq!(prune(&harness, 2).await.0, Pruned::default(), "it ended at 2");
    let (gone, _) = prune(&harness, 3).await;
    assert_eq!((gone.events, gone.deliveries, gone.attempts), (1, 2, 3));
    assert_eq!(prune(&harness, 4).await.0.events, 1, "nobody wanted this one");
    for delivery in [1, 2] {
        let shown = harness.delivery(merchant(1), delivery_id(delivery)).await;
        assert!(matches!(shown, Err(StoreError::NotFound)));
        let resent = harness.resend(merchant(1), delivery_id(delivery), stamp(5)).await;
        assert!(matches!(resent, Err(StoreError::NotFound)));
    }
    let events = harness.events(merchant(1), EventFilter::default(), ask(9, None)).await.unwrap();
    assert_eq!(events.rows.len(), 1);
    let deliveries = harness.deliveries(merchant(1), DeliveryFilter::default(), ask(9, None)).await;
    assert!(deliveries.unwrap().rows.is_empty());
    assert!(is_even(&harness).await);
    let balance = harness.balance().await.unwrap();
    assert_eq!((balance.decided, balance.pruned), (2, 2));
    let figures = harness.webhook_metrics(merchant(1), webhook_id(1), at(0)).await.unwrap();
    assert_eq!((figures.successful, figures.successful_retries), (1, 1), "figures stay");
}

pub async fn q14_what_is_not_over_stays_with_its_event(mut harness: Harness) {
    harness = harness.with_webhooks(2).await;
    harness.post(vec![minted(1, 0).to(1, 1).to(2, 2).into()]).await.unwrap();
    end(&harness, 1, Next::Success, 1).await;
    newest(&harness).await;
    let change = StatusChange { status: WebhookStatus::Paused, backlog: Backlog::Keep };
    harness.change_status(merchant(1), webhook_id(2), change, stamp(2)).await.unwrap();
    assert_eq!(prune(&harness, 800).await.0, Pruned::default());
    harness.restart(at(801)).await;
    let leased = harness.lease_one(2, 802).await;
    assert_eq!(prune(&harness, 850).await.0, Pruned::default(), "in flight");
    harness.settle_one(&leased, Next::Success, 860).await;
    harness.resend(merchant(1), delivery_id(1), stamp(861)).await.unwrap();
    assert_eq!(prune(&harness, 890).await.0, Pruned::default(), "due again");
    end(&harness, 1, Next::Failed, 891).await;
    assert_eq!(prune(&harness, 892).await.0.deliveries, 2);
    assert!(is_even(&harness).await);
}

pub async fn q14_what_a_recovery_may_take_stays(harness: Harness) {
    let harness = harness.with_webhooks(1).await;
    harness.post_one(1, 1, 0).await;
    end(&harness, 1, Next::Failed, 1).await;
    newest(&harness).await;
    let (since, until, ended_by) = (at(0), at(9), at(9));
    let (merchant, webhook) = (merchant(1), webhook_id(1));
    let recovery = Recovery {
        id: Id::from_bits(7),
        wanted: Wanted { merchant, webhook, since, until, ended: Ended::Failed, ended_by },
        rate_per_second: 1,
        status: Status::Running,
        total: 1,
        is_total_exact: true,
        resent: 0,
        skipped: 0,
        created_at: at(9),
        finished_at: None,
    };
    let begun = harness.begin_recovery(recovery, stamp(9)).await.unwrap();
    assert!(matches!(begun, Begun::Begun(_)));
    assert_eq!(prune(&harness, 800).await.0, Pruned::default());
    harness.cancel_recovery(merchant, Id::from_bits(7), stamp(10)).await.unwrap();
    assert_eq!(prune(&harness, 800).await.0.deliveries, 1);
}

pub async fn q14_a_delivery_with_many_attempts_goes_in_steps(harness: Harness) {
    let harness = harness.with_webhooks(1).await;
    harness.post_one(1, 1, 0).await;
    let most = limits::PRUNE_ROWS_MAX + 10;
    for _ in 1..most {
        end(&harness, 1, Next::Retry(at(0)), 0).await;
    }
    end(&harness, 1, Next::Failed, 1).await;
    newest(&harness).await;
    let first = harness.prune(PruneAsk { before: at(2), after: 0 }).await.unwrap();
    let all = u64::try_from(limits::PRUNE_ROWS_MAX).unwrap();
    assert_eq!(first, Pruned { attempts: all, next: Some(0), ..Pruned::default() });
    assert_eq!(harness.state(1).await, State::Failed, "it goes last");
    assert!(is_even(&harness).await);
    let (rest, steps) = prune(&harness, 2).await;
    assert_eq!((rest.events, rest.deliveries, rest.attempts, steps), (1, 1, 10, 1));
    assert!(is_even(&harness).await);
}

pub async fn q14_numbers_of_events_are_not_given_twice(mut harness: Harness) {
    harness = harness.with_webhooks(1).await;
    let place = async |harness: &Harness| {
        harness.feed(merchant(1), webhook_id(1), None).await.unwrap().next
    };
    harness.post_one(1, 1, 0).await;
    end(&harness, 1, Next::Success, 1).await;
    let before = place(&harness).await;
    assert_eq!(prune(&harness, 800).await.0, Pruned::default(), "the newest stays");
    harness.restart(at(2)).await;
    harness.post_one(2, 1, 2).await;
    assert!(place(&harness).await.event > before.event);
    let page = harness.feed(merchant(1), webhook_id(1), Some(before)).await.unwrap();
    assert_eq!(page.rows.len(), 1);
    assert_eq!(prune(&harness, 800).await.0.deliveries, 1);
    assert_eq!(page.next, place(&harness).await);
}

pub async fn a_pruned_id_is_free_again(harness: Harness) {
    let harness = harness.with_webhooks(1).await;
    let post = async |delivery| harness.post(vec![named("a", 1, 0).to(delivery, 1).into()]).await;
    assert!(!post(1).await.unwrap()[0].is_duplicate);
    end(&harness, 1, Next::Success, 1).await;
    newest(&harness).await;
    assert!(post(2).await.unwrap()[0].is_duplicate);
    assert_eq!(prune(&harness, 800).await.0.events, 1);
    let gone = harness.event(merchant(1), event_id("a")).await;
    assert!(matches!(gone, Err(StoreError::NotFound)));
    assert!(!post(2).await.unwrap()[0].is_duplicate);
    assert!(is_even(&harness).await);
}

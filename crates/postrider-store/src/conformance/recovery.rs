//! Recoveries: which deliveries they take, how many at a time, and each at most once.

use postrider_core::delivery::{Next, State};
use postrider_core::ids::{Id, RecoveryId};
use postrider_core::limits;
use postrider_core::recovery::{Ended, Recovery, Status, Wanted};
use postrider_core::webhook::{DisabledBy, Status as WebhookStatus};

use super::Harness;
use super::fixture::{ask, at, delivery_id, merchant, minted, stamp, webhook_id};
use crate::StoreError;
use crate::catalog::{Backlog, StatusChange};
use crate::queue::Settled;
use crate::recovery::{Begun, Recoverable, RecoveryFilter};

fn wanted(webhook: u64, ended: Ended, ended_by: i64) -> Wanted {
    let (since, until) = (at(0), at(ended_by));
    let webhook = webhook_id(webhook);
    Wanted { merchant: merchant(1), webhook, since, until, ended, ended_by: at(ended_by) }
}

fn recovery_id(n: u128) -> RecoveryId {
    Id::from_bits(n)
}

/// A recovery of what had failed by `seconds`.
fn recovery(n: u128, webhook: u64, rate_per_second: u32, seconds: i64) -> Recovery {
    Recovery {
        id: recovery_id(n),
        wanted: wanted(webhook, Ended::Failed, seconds),
        rate_per_second,
        status: Status::Running,
        total: 7,
        is_total_exact: true,
        resent: 0,
        skipped: 0,
        created_at: at(seconds),
        finished_at: None,
    }
}

/// Webhook 1 with failed deliveries 1 to `count`.
async fn with_failed(harness: Harness, count: u64) -> Harness {
    let harness = harness.with_webhooks(2).await;
    fail(&harness, 1, 1..=count, 0).await;
    harness
}

async fn fail(
    harness: &Harness,
    webhook: u64,
    numbers: std::ops::RangeInclusive<u64>,
    second: i64,
) {
    for n in numbers {
        harness.post_one(n, webhook, second).await;
        let leased = harness.lease_one(webhook, second).await;
        assert_eq!(harness.settle_one(&leased, Next::Failed, second + 1).await, Settled::Done);
    }
}

async fn begin(harness: &Harness, recovery: Recovery, seconds: i64) -> Recovery {
    match harness.begin_recovery(recovery, stamp(seconds)).await.unwrap() {
        Begun::Begun(recovery) => recovery,
        Begun::AlreadyUnderWay(id) => panic!("{id} is under way"),
    }
}

/// Moves on whatever is due; how many deliveries were made due.
async fn advance(harness: &Harness, seconds: i64) -> Option<u32> {
    let advanced = harness.advance_recovery(stamp(seconds)).await.unwrap();
    advanced.map(|advanced| advanced.resent)
}

async fn status(harness: &Harness, n: u128) -> (Status, u64, u64) {
    let found = harness.recovery(merchant(1), recovery_id(n)).await.unwrap();
    (found.status, found.resent, found.skipped)
}

async fn set_status(harness: &Harness, status: WebhookStatus, seconds: i64) {
    let change = StatusChange { status, backlog: Backlog::Keep };
    harness.change_status(merchant(1), webhook_id(1), change, stamp(seconds)).await.unwrap();
}

async fn pending(harness: &Harness, most: u64) -> Vec<u64> {
    let mut pending = Vec::new();
    for n in 1..=most {
        if harness.state(n).await == State::Pending {
            pending.push(n);
        }
    }
    pending
}

pub async fn a_recovery_takes_the_oldest_first_at_its_rate(harness: Harness) {
    let harness = with_failed(harness, 5).await;
    begin(&harness, recovery(1, 1, 2, 10), 10).await;
    assert_eq!(harness.recovery_due().await.unwrap(), Some(at(10)));
    assert_eq!(advance(&harness, 10).await, Some(2));
    assert_eq!(pending(&harness, 5).await, [1, 2]);
    assert_eq!(harness.recovery_due().await.unwrap(), Some(at(11)));
    assert_eq!(advance(&harness, 10).await, None, "not before its time");
    assert_eq!(advance(&harness, 11).await, Some(2));
    assert_eq!(advance(&harness, 12).await, Some(1));
    // Half of what a second allows is half a second.
    assert_eq!(advance(&harness, 13).await, Some(0));
    assert_eq!(status(&harness, 1).await, (Status::Done, 5, 2));
    assert_eq!(harness.recovery_due().await.unwrap(), None);
    let first = harness.lease_of(1, 9, 13).await.deliveries;
    assert_eq!((first.len(), first[0].attempts_before), (5, 1), "with a new schedule");
}

pub async fn what_a_recovery_resends_is_counted_and_followed(harness: Harness) {
    let harness = with_failed(harness, 3).await;
    let (owner, webhook) = (merchant(1), webhook_id(1));
    let begun = harness.feed(owner, webhook, None).await.unwrap().next;
    begin(&harness, recovery(1, 1, 2, 10), 10).await;
    assert_eq!(advance(&harness, 10).await, Some(2));
    let figures = harness.webhook_metrics(owner, webhook, at(0)).await.unwrap();
    assert_eq!((figures.pending, figures.failed), (2, 1));
    assert!(harness.balance().await.unwrap().is_even());
    let feed = harness.feed(owner, webhook, Some(begun)).await.unwrap();
    let followed: Vec<_> =
        feed.rows.iter().map(|row| (row.entry.delivery.id, row.is_resend)).collect();
    assert_eq!(followed, [(delivery_id(1), true), (delivery_id(2), true)]);
}

pub async fn a_recovery_goes_on_where_it_was_after_a_restart(harness: Harness) {
    let mut harness = with_failed(harness, 3).await;
    begin(&harness, recovery(1, 1, 1, 10), 10).await;
    assert_eq!(advance(&harness, 10).await, Some(1));
    harness.restart(at(11)).await;
    // What was recovered fails again; it is not taken again.
    let leased = harness.lease_one(1, 11).await;
    harness.settle_one(&leased, Next::Failed, 11).await;
    for second in 11..=13 {
        advance(&harness, second).await.unwrap();
    }
    assert_eq!(pending(&harness, 3).await, [2, 3]);
    assert_eq!(harness.state(1).await, State::Failed);
    assert_eq!(status(&harness, 1).await, (Status::Done, 3, 4));
}

pub async fn a_recovery_takes_only_what_was_asked_for(harness: Harness) {
    let harness = with_failed(harness, 2).await;
    // Created later, a test event, another webhook, still pending, canceled, and ended too late.
    fail(&harness, 1, 3..=3, 50).await;
    harness.post(vec![minted(4, 0).to(4, 1).as_test().into()]).await.unwrap();
    let leased = harness.lease_one(1, 1).await;
    harness.settle_one(&leased, Next::Failed, 2).await;
    fail(&harness, 2, 5..=5, 0).await;
    harness.post_one(6, 1, 0).await;
    set_status(&harness, WebhookStatus::Disabled(DisabledBy::Request), 3).await;
    set_status(&harness, WebhookStatus::Enabled, 4).await;
    harness.post_one(7, 1, 0).await;
    let leased = harness.lease_one(1, 4).await;
    harness.settle_one(&leased, Next::Failed, 30).await;
    let count = async |ended| harness.recoverable(wanted(1, ended, 20)).await.unwrap();
    let expected =
        Recoverable { count: 2, oldest_at: Some(at(0)), newest_at: Some(at(0)), is_exact: true };
    assert_eq!(count(Ended::Failed).await, expected);
    assert_eq!(count(Ended::Canceled).await.count, 1);
    assert_eq!(count(Ended::FailedOrCanceled).await.count, 3);
    let mut both = recovery(1, 1, limits::RECOVERY_RATE_MAX, 20);
    both.wanted.ended = Ended::FailedOrCanceled;
    begin(&harness, both, 20).await;
    assert_eq!(advance(&harness, 20).await, Some(3));
    assert_eq!(pending(&harness, 7).await, [1, 2, 6]);
}

pub async fn a_canceled_recovery_takes_no_more(harness: Harness) {
    let harness = with_failed(harness, 3).await;
    begin(&harness, recovery(1, 1, 1, 10), 10).await;
    advance(&harness, 10).await.unwrap();
    let canceled = harness.cancel_recovery(merchant(1), recovery_id(1), stamp(11)).await.unwrap();
    assert_eq!((canceled.status, canceled.finished_at), (Status::Canceled, Some(at(11))));
    assert_eq!(advance(&harness, 20).await, None);
    assert_eq!(pending(&harness, 3).await, [1]);
    let again = harness.cancel_recovery(merchant(1), recovery_id(1), stamp(12)).await.unwrap();
    assert_eq!(again, canceled, "again changes nothing");
    let log = harness.audit_log(crate::catalog::AuditFilter::default(), ask(9, None)).await;
    let actions: Vec<_> = log.unwrap().rows.into_iter().map(|entry| entry.action).collect();
    assert_eq!(actions[..2], ["recovery.canceled", "recovery.created"]);
}

pub async fn a_recovery_waits_while_its_webhook_is_disabled(harness: Harness) {
    let harness = with_failed(harness, 2).await;
    begin(&harness, recovery(1, 1, 1, 10), 10).await;
    set_status(&harness, WebhookStatus::Disabled(DisabledBy::Failing), 11).await;
    assert_eq!(advance(&harness, 20).await, None);
    assert_eq!(status(&harness, 1).await.0, Status::Waiting);
    set_status(&harness, WebhookStatus::Paused, 30).await;
    assert_eq!(harness.recovery_due().await.unwrap(), Some(at(30)));
    assert_eq!(advance(&harness, 30).await, Some(1), "a paused webhook collects what waits");
    harness.delete_webhook(merchant(1), webhook_id(1), stamp(31)).await.unwrap();
    assert_eq!(status(&harness, 1).await.0, Status::Canceled);
    assert_eq!(advance(&harness, 40).await, None);
}

pub async fn one_recovery_of_a_webhook_is_under_way(harness: Harness) {
    let harness = with_failed(harness, 1).await;
    begin(&harness, recovery(1, 1, 1, 10), 10).await;
    let second = harness.begin_recovery(recovery(2, 1, 1, 10), stamp(10)).await.unwrap();
    assert_eq!(second, Begun::AlreadyUnderWay(recovery_id(1)));
    begin(&harness, recovery(3, 2, 1, 10), 10).await;
    harness.cancel_recovery(merchant(1), recovery_id(1), stamp(11)).await.unwrap();
    begin(&harness, recovery(4, 1, 1, 11), 11).await;
    let list = async |webhook: Option<u64>, status| {
        let filter = RecoveryFilter { webhook: webhook.map(webhook_id), status };
        let page = harness.recoveries(merchant(1), filter, ask(9, None)).await.unwrap();
        page.rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(list(None, None).await, [4, 3, 1].map(recovery_id));
    assert_eq!(list(Some(1), None).await, [4, 1].map(recovery_id));
    assert_eq!(list(None, Some(Status::Canceled)).await, [recovery_id(1)]);
}

pub async fn the_numbers_of_recoveries_are_bounded(harness: Harness) {
    let most = limits::RECOVERIES_RUNNING_MAX;
    let count = u64::try_from(most).unwrap() + 1;
    let harness = harness.with_webhooks(count).await;
    for n in 1..count {
        begin(&harness, recovery(n.into(), n, 1, 1), 1).await;
    }
    let one_more = harness.begin_recovery(recovery(count.into(), count, 1, 1), stamp(1)).await;
    assert!(matches!(one_more, Err(StoreError::LimitReached { limit, .. }) if limit == most));
    let kept = limits::RECOVERIES_KEPT_MAX as u128;
    for n in 100..100 + kept {
        let last = if n == 100 { 1 } else { n - 1 };
        harness.cancel_recovery(merchant(1), recovery_id(last), stamp(2)).await.unwrap();
        begin(&harness, recovery(n, 1, 1, 2), 2).await;
    }
    let gone = harness.recovery(merchant(1), recovery_id(1)).await;
    assert!(matches!(gone, Err(StoreError::NotFound)), "the oldest finished one");
    assert_eq!(status(&harness, 2).await.0, Status::Running);
}

pub async fn another_merchants_recovery_is_not_found(harness: Harness) {
    let harness = with_failed(harness, 1).await;
    harness.add_merchant(2).await;
    begin(&harness, recovery(1, 1, 1, 10), 10).await;
    let mut theirs = recovery(2, 1, 1, 10);
    theirs.wanted.merchant = merchant(2);
    let (id, other) = (recovery_id(1), merchant(2));
    let nothing = [
        harness.recovery(other, id).await.map(drop),
        harness.cancel_recovery(other, id, stamp(11)).await.map(drop),
        harness.recoverable(theirs.wanted).await.map(drop),
        harness.begin_recovery(theirs, stamp(11)).await.map(drop),
    ];
    for answer in nothing {
        assert!(matches!(answer, Err(StoreError::NotFound)), "{answer:?}");
    }
    let page = harness.recoveries(other, RecoveryFilter::default(), ask(9, None)).await.unwrap();
    assert!(page.rows.is_empty());
    assert_eq!(status(&harness, 1).await.0, Status::Running);
}

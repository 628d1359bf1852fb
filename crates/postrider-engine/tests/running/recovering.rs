//! Recoveries on a real store and over real HTTP: how fast, how often, and when not.

use std::collections::HashSet;
use std::time::Duration;

use crate::support::{Receiver, START, TestEngine, minutes, stamp};
use postrider_core::ids::{RecoveryId, WebhookId};
use postrider_core::recovery::{Ended, Recovery, Status, Wanted};
use postrider_core::webhook::{DisabledBy, Status as WebhookStatus};
use postrider_store::catalog::{Backlog, StatusChange};
use postrider_store::recovery::Begun;

const COUNT: usize = 12;

/// A webhook all of whose `COUNT` deliveries were canceled before any attempt.
async fn canceled() -> (TestEngine, Receiver, WebhookId) {
    let app = TestEngine::start().await;
    let receiver = Receiver::start().await;
    let webhook = app.webhook(&receiver.url(), |_| {}).await;
    set_status(&app, webhook, WebhookStatus::Paused, Backlog::Keep).await;
    app.post_many("order.create", COUNT).await;
    set_status(&app, webhook, WebhookStatus::Enabled, Backlog::Cancel).await;
    app.pass(minutes(1)).await;
    assert_eq!(receiver.count(), 0);
    (app, receiver, webhook)
}

async fn set_status(app: &TestEngine, webhook: WebhookId, status: WebhookStatus, backlog: Backlog) {
    let (change, stamp) = (StatusChange { status, backlog }, stamp(app.clock.now()));
    app.store().change_status(app.merchant, webhook, change, stamp).await.unwrap();
    app.engine.refresh_routing().await.unwrap();
}

async fn begin(app: &TestEngine, webhook: WebhookId, rate_per_second: u32) -> RecoveryId {
    let now = app.clock.now();
    let recovery = Recovery {
        id: app.engine.mint().id(now),
        wanted: Wanted {
            merchant: app.merchant,
            webhook,
            since: START,
            until: now,
            ended: Ended::FailedOrCanceled,
            ended_by: now,
        },
        rate_per_second,
        status: Status::Running,
        total: COUNT as u64,
        is_total_exact: true,
        resent: 0,
        skipped: 0,
        created_at: now,
        finished_at: None,
    };
    match app.engine.begin_recovery(recovery, stamp(now)).await.unwrap() {
        Begun::Begun(recovery) => recovery.id,
        Begun::AlreadyUnderWay(id) => panic!("{id} is under way"),
    }
}

/// Fails unless every delivery has arrived, once.
fn each_arrived_once(receiver: &Receiver) {
    let got = receiver.got();
    let different: HashSet<_> = got.iter().map(|got| got.header("postrider-delivery")).collect();
    assert_eq!((got.len(), different.len()), (COUNT, COUNT));
}

#[tokio::test]
async fn a_recovery_takes_its_deliveries_at_its_rate() {
    let (app, receiver, webhook) = canceled().await;
    let id = begin(&app, webhook, 4).await;
    app.engine.run_until_idle().await;
    assert_eq!(receiver.count(), 4);
    app.pass(Duration::from_millis(999)).await;
    assert_eq!(receiver.count(), 4);
    app.pass(Duration::from_millis(1)).await;
    assert_eq!(receiver.count(), 8);
    app.pass(minutes(1)).await;
    each_arrived_once(&receiver);
    let done = app.store().recovery(app.merchant, id).await.unwrap();
    assert_eq!((done.status, done.resent, done.skipped), (Status::Done, 12, 0));
    assert_eq!(done.finished_at, Some(done.created_at + Duration::from_secs(3)));
    assert_eq!(app.engine.next_due(), None, "nothing is left to wait for");
}

#[tokio::test]
async fn a_recovery_goes_on_after_a_restart() {
    let (app, receiver, webhook) = canceled().await;
    let id = begin(&app, webhook, 4).await;
    app.engine.run_until_idle().await;
    let app = app.restart().await;
    app.engine.run_until_idle().await;
    assert_eq!(receiver.count(), 4, "a restart is no reason to hurry");
    app.pass(minutes(1)).await;
    each_arrived_once(&receiver);
    let done = app.store().recovery(app.merchant, id).await.unwrap();
    assert_eq!((done.status, done.resent), (Status::Done, 12));
}

#[tokio::test]
async fn a_canceled_recovery_stops() {
    let (app, receiver, webhook) = canceled().await;
    let id = begin(&app, webhook, 4).await;
    app.pass(Duration::from_secs(1)).await;
    app.store().cancel_recovery(app.merchant, id, stamp(app.clock.now())).await.unwrap();
    app.pass(minutes(1)).await;
    assert_eq!(receiver.count(), 8);
    // What was canceled before can be had by another one.
    begin(&app, webhook, 4).await;
    app.pass(minutes(1)).await;
    each_arrived_once(&receiver);
}

#[tokio::test]
async fn a_recovery_waits_for_its_webhook_and_goes_on_by_itself() {
    let (app, receiver, webhook) = canceled().await;
    let disabled = WebhookStatus::Disabled(DisabledBy::Request);
    set_status(&app, webhook, disabled, Backlog::Cancel).await;
    let id = begin(&app, webhook, 4).await;
    app.pass(minutes(1)).await;
    let waiting = app.store().recovery(app.merchant, id).await.unwrap();
    assert_eq!((waiting.status, receiver.count()), (Status::Waiting, 0));
    set_status(&app, webhook, WebhookStatus::Enabled, Backlog::Keep).await;
    app.pass(minutes(1)).await;
    each_arrived_once(&receiver);
}

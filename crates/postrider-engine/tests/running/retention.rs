//! What is old goes by itself, and nothing else does.

use std::time::Duration;

use postrider_core::delivery::State;
use postrider_core::limits;
use postrider_core::webhook::Status;
use postrider_engine::Clock;
use postrider_store::StoreError;
use postrider_store::catalog::{Backlog, StatusChange};

use crate::support::{KEPT_FOR, Receiver, START, TestEngine, hours, stamp};

/// Moves the clock on, by the pauses between steps, until this many events are left.
async fn until_left(app: &TestEngine, events: u64) {
    let wait = async {
        while app.store().tally().await.unwrap().events != events {
            app.advance(limits::PRUNE_PAUSE_MIN);
        }
    };
    Clock::system().within(Duration::from_mins(1), wait).await.unwrap();
}

#[tokio::test]
async fn what_is_over_goes_when_it_is_old_and_what_waits_stays() {
    let app = TestEngine::start().await;
    let receiver = Receiver::start().await;
    let delivered = app.webhook(&receiver.url(), |webhook| webhook.name = "a".into()).await;
    let old = app.post_many("order.create", 300).await;
    app.engine.run_until_idle().await;
    let (change, asked) =
        (StatusChange { status: Status::Paused, backlog: Backlog::Keep }, stamp(app.clock.now()));
    app.store().change_status(app.merchant, delivered, change, asked).await.unwrap();
    app.engine.refresh_routing().await.unwrap();
    let waiting = app.post("order.create").await;
    app.pass(KEPT_FOR.saturating_sub(hours(2))).await;
    let young = app.post("order.create").await;
    assert_eq!(app.store().tally().await.unwrap().events, 302, "nothing is old yet");
    app.advance(hours(3));
    until_left(&app, 2).await;
    assert!(matches!(
        app.store().delivery(app.merchant, old[0].deliveries[0]).await,
        Err(StoreError::NotFound)
    ));
    for kept in [waiting, young] {
        assert_eq!(app.state(kept.deliveries[0]).await, State::Pending);
    }
    let text = app.engine.metrics().await.unwrap();
    for line in [
        "postrider_pruned_total{kind=\"event\"} 300",
        "postrider_pruned_total{kind=\"delivery\"} 300",
        "postrider_pruned_total{kind=\"attempt\"} 300",
        "postrider_deliveries_gone 300",
        "postrider_decisions 302",
        "postrider_unaccounted 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
    assert!(app.clock.now() < START + KEPT_FOR + hours(2), "within an hour or two");
}

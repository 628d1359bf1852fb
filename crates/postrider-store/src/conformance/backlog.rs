//! Keeping only the latest pending delivery of each object.

use bytes::Bytes;
use postrider_core::delivery::{Next, State};
use postrider_core::webhook::Status;

use super::Harness;
use super::fixture::{at, merchant, minted, stamp, webhook_id};
use crate::catalog::{Backlog, StatusChange};
use crate::queue::NewEvent;

/// An event about the object `data` names, for webhook 1, with delivery `n`.
fn about(n: u64, event_type: &str, object: &str) -> NewEvent {
    let mut event: NewEvent = minted(n, 0).typed(event_type).to(n, 1).into();
    event.event.data = Bytes::from(format!(r#"{{"object":{object}}}"#));
    event
}

async fn keep_latest(harness: &Harness, seconds: i64) -> u64 {
    let change = StatusChange { status: Status::Enabled, backlog: Backlog::Latest };
    harness
        .change_status(merchant(1), webhook_id(1), change, stamp(seconds))
        .await
        .unwrap()
        .canceled
}

/// How many wait, and how many would stay if of each object only the latest did.
async fn waiting(harness: &Harness) -> (u64, u64) {
    let waiting = harness.waiting(merchant(1), webhook_id(1)).await.unwrap();
    assert!(waiting.is_exact);
    (waiting.all, waiting.latest)
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

pub async fn only_the_latest_delivery_of_each_object_stays(harness: Harness) {
    let harness = harness.with_webhooks(2).await;
    let (first, second) = (r#"{"public_id":"a"}"#, r#"{"public_id":"b"}"#);
    harness
        .post(vec![
            about(1, "order.create", first),
            about(2, "order.create", second),
            about(3, "item.create", first),
            about(4, "order.create", "{}"),
            about(5, "order.create", "{}"),
            about(6, "order.cancel", first),
            about(7, "order.cancel", first),
        ])
        .await
        .unwrap();
    harness.post_one(8, 2, 0).await;
    assert_eq!(waiting(&harness).await, (7, 5));
    assert_eq!(keep_latest(&harness, 9).await, 2);
    assert_eq!(waiting(&harness).await, (5, 5));
    assert_eq!(pending(&harness, 8).await, [2, 3, 4, 5, 7, 8]);
    let canceled = harness.detail(1).await.delivery;
    assert_eq!((canceled.state, canceled.settled_at), (State::Canceled, Some(at(9))));
    assert_eq!(keep_latest(&harness, 10).await, 0, "again changes nothing");
    assert_eq!(harness.lease_of(1, 9, 10).await.deliveries.len(), 5);
}

pub async fn the_latest_is_the_last_accepted_whatever_is_due_first(harness: Harness) {
    let harness = harness.with_webhooks(1).await;
    let object = r#"{"customer":"c"}"#;
    for n in 1..=3 {
        harness.post(vec![about(n, "order.create", object)]).await.unwrap();
    }
    let leased = harness.lease_of(1, 3, 0).await.deliveries;
    // The newest waits longest, one has ended, and one is in flight.
    let of = |n| leased.iter().find(|one| one.id == super::fixture::delivery_id(n)).unwrap();
    harness.settle_one(of(3), Next::Retry(at(500)), 1).await;
    harness.settle_one(of(2), Next::Failed, 1).await;
    assert_eq!(keep_latest(&harness, 2).await, 1);
    assert_eq!(pending(&harness, 3).await, [3]);
    assert_eq!(harness.state(2).await, State::Failed);
    // An attempt in flight is still recorded.
    harness.settle_one(of(1), Next::Success, 3).await;
    assert_eq!(harness.state(1).await, State::Success);
}

pub async fn test_events_are_no_word_about_an_object(harness: Harness) {
    let harness = harness.with_webhooks(1).await;
    let object = r#"{"public_id":"a"}"#;
    let mut made_up = about(2, "order.create", object);
    made_up.is_test = true;
    let mut older = about(3, "order.create", object);
    older.is_test = true;
    harness.post(vec![about(1, "order.create", object), made_up, older]).await.unwrap();
    assert_eq!(waiting(&harness).await, (3, 3));
    assert_eq!(keep_latest(&harness, 1).await, 0);
    assert_eq!(pending(&harness, 3).await, [1, 2, 3]);
}

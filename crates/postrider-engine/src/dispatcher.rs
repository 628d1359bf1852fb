//! The loop that takes due deliveries from the store and starts attempts.
//!
//! It sleeps until the next lane is due, until someone rings, or until the next look at the whole
//! backlog, which is the truth behind all hints. Fresh deliveries do not pass here: intake puts
//! them into their lanes, already leased, and starts them itself.

use std::sync::Arc;

use postrider_core::limits;
use postrider_core::snapshot;
use postrider_core::time::Timestamp;
use postrider_store::queue::{LaneAsk, LeaseAsk, LeasedDelivery};

use crate::lanes::Ready;
use crate::{Shared, attempt};

/// What can happen to the dispatcher.
enum Happening {
    /// A lane may be due earlier than known, or another process made work.
    Hint,
    /// The earliest lane is due.
    Due,
    /// Time to look at the whole backlog.
    Look,
    /// The engine stops.
    Stop,
}

/// Runs until the engine stops.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut looked_at = shared.clock.now();
    loop {
        while lease_once(&shared).await {}
        match next(&shared, looked_at + limits::POLL_INTERVAL).await {
            Happening::Hint | Happening::Due => {}
            Happening::Look => {
                looked_at = shared.clock.now();
                look_at_backlog(&shared).await;
            }
            Happening::Stop => return,
        }
    }
}

async fn next(shared: &Shared, look_at: Timestamp) -> Happening {
    let due = shared.lanes.next_due().unwrap_or(look_at).min(look_at);
    tokio::select! {
        biased;
        () = shared.stop.cancelled() => Happening::Stop,
        () = shared.lanes.woken() => Happening::Hint,
        () = shared.store.work_hint() => Happening::Hint,
        () = shared.clock.sleep_until(due) => {
            if due == look_at { Happening::Look } else { Happening::Due }
        }
    }
}

/// Leases for the lanes that are due and starts what may start; whether there were any.
async fn lease_once(shared: &Arc<Shared>) -> bool {
    let now = shared.clock.now();
    let underway = shared.activity.begin();
    let lanes = shared.lanes.asks(now);
    start_attempts(shared);
    if lanes.is_empty() {
        return false;
    }
    match shared.store.lease(LeaseAsk { now, lanes: lanes.clone() }).await {
        Ok(leased) => {
            let ready = leased.deliveries.into_iter().map(ready).collect();
            let orphans = shared.lanes.leased(ready, &leased.lanes, now);
            start_attempts(shared);
            shared.hand_back(orphans).await;
        }
        Err(error) => {
            tracing::error!(%error, "lease.failed");
            ask_again_later(shared, &lanes, now);
        }
    }
    drop(underway);
    true
}

fn ask_again_later(shared: &Shared, lanes: &[LaneAsk], now: Timestamp) {
    shared.lanes.lease_failed(lanes, now + limits::STORE_RETRY_WAIT);
}

fn ready(leased: LeasedDelivery) -> Ready {
    let body = snapshot::body(&leased.event, leased.choice);
    Ready { reserved_bytes: body.len(), leased, body }
}

/// Starts attempts while there is something that may start and a slot for it.
pub(crate) fn start_attempts(shared: &Arc<Shared>) {
    while let Some(started) = attempt::take(shared) {
        shared.tracker.spawn(attempt::work(Arc::clone(shared), started));
    }
}

/// Asks the store which webhooks have something due, in case a hint was lost.
async fn look_at_backlog(shared: &Shared) {
    match shared.store.backlog().await {
        Ok(lanes) => {
            for lane in lanes {
                if let Some(due) = lane.next_due {
                    shared.lanes.note_due(lane.webhook, due, false);
                }
            }
        }
        Err(error) => tracing::error!(%error, "backlog.failed"),
    }
}

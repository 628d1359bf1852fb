//! Resends that people ask for: one, or many as a recovery, which a task moves on at its rate.
//!
//! The store holds where each recovery stands and when it goes on; this task only waits for the
//! earliest of these times, or for somebody to say that it changed, so nothing is asked while there
//! is no recovery. Each move is one transaction: a stop between two of them costs nothing, and the
//! next start goes on from there.

use std::sync::Arc;

use parking_lot::Mutex;
use postrider_core::audit::{Actor, Stamp};
use postrider_core::ids::{DeliveryId, MerchantId};
use postrider_core::limits;
use postrider_core::recovery::Recovery;
use postrider_core::time::Timestamp;
use postrider_store::StoreError;
use postrider_store::queue::Resent;
use postrider_store::recovery::Begun;
use tokio::sync::Notify;

use crate::{Engine, Shared};

/// When a recovery is next known to go on.
#[derive(Debug, Default)]
pub(crate) struct Agenda {
    due: Mutex<Option<Timestamp>>,
    wake: Notify,
}

impl Agenda {
    /// A recovery may go on at `due`, earlier than was known.
    pub(crate) fn note(&self, due: Timestamp) {
        self.remember(due);
        self.wake.notify_one();
    }

    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        *self.due.lock()
    }

    fn remember(&self, due: Timestamp) {
        let mut known = self.due.lock();
        *known = Some(known.map_or(due, |known| known.min(due)));
    }

    /// Forgets what was known, to ask the store; what is noted meanwhile is kept.
    fn clear(&self) {
        *self.due.lock() = None;
    }
}

impl Engine {
    /// Makes one settled delivery due again.
    pub async fn resend(
        &self,
        merchant: MerchantId,
        delivery: DeliveryId,
        stamp: Stamp,
    ) -> Result<Resent, StoreError> {
        let now = stamp.at;
        let resent = self.shared.store.resend(merchant, delivery, stamp).await?;
        if let Resent::Due { webhook } = resent {
            self.shared.lanes.note_due(webhook, now, false);
            self.shared.followers.tell(std::iter::once(webhook));
        }
        Ok(resent)
    }

    /// Begins a recovery, which goes on by itself from here.
    pub async fn begin_recovery(
        &self,
        recovery: Recovery,
        stamp: Stamp,
    ) -> Result<Begun, StoreError> {
        let now = stamp.at;
        let begun = self.shared.store.begin_recovery(recovery, stamp).await?;
        self.shared.recoveries.note(now);
        Ok(begun)
    }
}

/// Runs until the engine stops.
pub(crate) async fn run(shared: Arc<Shared>) {
    loop {
        advance_all(&shared).await;
        let due = shared.recoveries.next_due();
        let sleep = async {
            match due {
                Some(due) => shared.clock.sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = shared.stop.cancelled() => break,
            () = shared.recoveries.wake.notified() => {}
            () = sleep => {}
        }
    }
    shared.recoveries.clear();
}

/// Moves on whatever is due, and learns when the next one is.
async fn advance_all(shared: &Shared) {
    let _underway = shared.activity.begin();
    while !shared.stop.is_cancelled() {
        shared.recoveries.clear();
        let now = shared.clock.now();
        match advance(shared, now).await {
            Ok(Some(due)) if due <= now => {}
            Ok(Some(due)) => return shared.recoveries.remember(due),
            Ok(None) => return,
            Err(error) => {
                tracing::error!(%error, "recovery.failed");
                return shared.recoveries.remember(now + limits::STORE_RETRY_WAIT);
            }
        }
    }
}

/// Moves one recovery on if one is due; answers when the next is.
async fn advance(shared: &Shared, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
    let due = shared.store.recovery_due().await?;
    if due.is_none_or(|due| due > now) {
        return Ok(due);
    }
    let stamp = Stamp { by: Actor::system("recovery"), at: now, request: None };
    let Some(advanced) = shared.store.advance_recovery(stamp).await? else { return Ok(Some(now)) };
    if advanced.resent > 0 {
        shared.lanes.note_due(advanced.webhook, now, false);
        shared.followers.tell(std::iter::once(advanced.webhook));
    }
    Ok(Some(now))
}

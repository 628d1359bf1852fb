//! Writes what became of deliveries, in batches, until it is on disk.
//!
//! A settlement that the store cannot take now is kept and written again; the channel before it is
//! bounded, so attempts stop when results cannot be kept. A stale settlement is no error: someone
//! else holds the delivery now.

use std::sync::{Arc, Weak};

use postrider_core::delivery::Next;
use postrider_core::ids::WebhookId;
use postrider_core::limits;
use postrider_store::queue::{Change, Settled, Settlement};

use crate::Shared;
use crate::activity::Underway;
use crate::batch::BatchWrite;
use crate::upkeep::Chore;

/// One settlement on its way to the store.
#[derive(Debug)]
pub(crate) struct ToSettle {
    pub(crate) settlement: Settlement,
    pub(crate) webhook: WebhookId,
    /// What must not be written before it: disabling a webhook cancels what is pending then.
    pub(crate) then: Option<Chore>,
    /// Held until the settlement is on disk.
    pub(crate) underway: Underway,
}

/// The writing end.
pub(crate) struct Settler {
    shared: Weak<Shared>,
}

impl Settler {
    pub(crate) fn new(shared: Weak<Shared>) -> Self {
        Self { shared }
    }
}

impl BatchWrite<ToSettle> for Settler {
    async fn write(&mut self, batch: Vec<ToSettle>) {
        let Some(shared) = self.shared.upgrade() else { return };
        let apart = |item: ToSettle| (item.settlement, (item.webhook, item.then, item.underway));
        let (settlements, whose): (Vec<_>, Vec<_>) = batch.into_iter().map(apart).unzip();
        let settlements = Arc::from(settlements);
        let settled = write_until_done(&shared, &settlements).await;
        for ((settlement, settled), (webhook, then, _underway)) in
            settlements.iter().zip(settled).zip(whose)
        {
            if let Some(chore) = then {
                shared.upkeep.add(chore).await;
            }
            let due = match (&settlement.change, settled) {
                (_, Settled::Stale) => {
                    tracing::debug!(delivery = %settlement.delivery, "settlement.stale");
                    continue;
                }
                (Change::Attempted { next: Next::Retry(due), .. }, Settled::Done) => (*due, false),
                (Change::HandedBack, Settled::Done) => (settlement.at, true),
                (Change::Attempted { .. }, Settled::Done) => continue,
            };
            // Only now can a lease find it due.
            shared.lanes.note_due(webhook, due.0, due.1);
        }
    }
}

async fn write_until_done(shared: &Arc<Shared>, settlements: &Arc<[Settlement]>) -> Vec<Settled> {
    loop {
        match shared.store.settle(Arc::clone(settlements)).await {
            Ok(settled) => return settled,
            Err(error) => {
                tracing::error!(%error, waiting = settlements.len(), "settle.failed");
                shared.clock.sleep(limits::STORE_RETRY_WAIT).await;
            }
        }
    }
}

//! Chores beside the hot path: remembering health, disabling webhooks.
//!
//! The hot path drops a chore here and goes on. A chore that cannot be written now is not lost for
//! good: health is noted again with the next change, and a webhook that is beyond hope fails again.

use std::sync::{Arc, Weak};

use postrider_core::audit::{Actor, Stamp};
use postrider_core::ids::{MerchantId, WebhookId};
use postrider_core::webhook::{DisabledBy, Health, Status};
use postrider_store::StoreError;
use postrider_store::catalog::{Backlog, StatusChange};

use crate::Shared;
use crate::activity::Underway;
use crate::batch::BatchWrite;

/// One thing to do.
#[derive(Debug)]
pub(crate) struct Chore {
    pub(crate) webhook: WebhookId,
    pub(crate) task: Task,
    /// Held until the chore is done.
    #[expect(dead_code, reason = "it is dropped with the chore, which is its purpose")]
    pub(crate) underway: Underway,
}

/// What there is to do.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Task {
    /// Remember this health across restarts.
    NoteHealth(Health),
    /// Disable the webhook of this merchant.
    Disable(MerchantId, DisabledBy),
}

/// The doing end.
pub(crate) struct Upkeep {
    shared: Weak<Shared>,
}

impl Upkeep {
    pub(crate) fn new(shared: Weak<Shared>) -> Self {
        Self { shared }
    }
}

impl BatchWrite<Chore> for Upkeep {
    async fn write(&mut self, batch: Vec<Chore>) {
        let Some(shared) = self.shared.upgrade() else { return };
        let health = batch.iter().filter_map(|chore| match chore.task {
            Task::NoteHealth(health) => Some((chore.webhook, health)),
            Task::Disable(..) => None,
        });
        let health: Vec<_> = health.collect();
        if !health.is_empty()
            && let Err(error) = shared.store.note_health(health).await
        {
            tracing::error!(%error, "upkeep.note_health_failed");
        }
        for chore in &batch {
            if let Task::Disable(merchant, by) = chore.task {
                let disabled = disable(&shared, merchant, chore.webhook, by).await;
                if let Err(error) = disabled {
                    tracing::error!(%error, webhook = %chore.webhook, "upkeep.disable_failed");
                }
            }
        }
    }
}

/// Disables a webhook that receives; its owner sees who did it and when.
async fn disable(
    shared: &Arc<Shared>,
    merchant: MerchantId,
    webhook: WebhookId,
    by: DisabledBy,
) -> Result<(), StoreError> {
    let receives = shared
        .routing()
        .route(webhook)
        .is_some_and(|route| !matches!(route.webhook.status, Status::Disabled(_)));
    if !receives {
        return Ok(());
    }
    let change = StatusChange { status: Status::Disabled(by), backlog: Backlog::Cancel };
    let rule = match by {
        DisabledBy::Gone => "the target answered 410 Gone",
        DisabledBy::Failing => "the target failed for three days",
        DisabledBy::Request => "as was asked",
    };
    let stamp = Stamp { by: Actor::system(rule), at: shared.clock.now(), request: None };
    let changed = shared.store.change_status(merchant, webhook, change, stamp).await?;
    tracing::warn!(%webhook, %merchant, ?by, canceled = changed.canceled, "webhook.disabled");
    shared.refresh_routing().await
}

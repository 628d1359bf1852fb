//! The hot plane, as closures for the writer. The verbs themselves are in `append`, `lease` and
//! `settle`.

use std::sync::Arc;

use async_trait::async_trait;
use postrider_core::audit::Stamp;
use postrider_core::ids::{DeliveryId, MerchantId, WebhookId};
use postrider_core::time::Timestamp;
use postrider_core::webhook::Health;

use super::{Sqlite, append, days, lease, log, recoveries, retention, settle, webhooks};
use crate::error::Result;
use crate::queue::{
    Append, AppendRefusal, Appended, Balance, LaneState, LeaseAsk, Leased, Queue, Resent, Settled,
    Settlement, Tally,
};
use crate::recovery::Advanced;
use crate::retention::{PruneAsk, Pruned};

#[async_trait]
impl Queue for Sqlite {
    async fn append(
        &self,
        batch: Vec<Append>,
    ) -> Result<Vec<std::result::Result<Vec<Appended>, AppendRefusal>>> {
        self.writer.run(move |desk| append::append(desk, &batch)).await
    }

    async fn lease(&self, ask: LeaseAsk) -> Result<Leased> {
        self.writer.run(move |desk| lease::lease(desk, &ask)).await
    }

    async fn settle(&self, batch: Arc<[Settlement]>) -> Result<Vec<Settled>> {
        self.writer.run(move |desk| settle::settle(desk, &batch)).await
    }

    async fn resend(
        &self,
        merchant: MerchantId,
        delivery: DeliveryId,
        stamp: Stamp,
    ) -> Result<Resent> {
        self.writer.run(move |desk| settle::resend(desk, merchant, delivery, &stamp)).await
    }

    async fn recovery_due(&self) -> Result<Option<Timestamp>> {
        self.readers.run(recoveries::due).await
    }

    async fn advance_recovery(&self, stamp: Stamp) -> Result<Option<Advanced>> {
        self.writer.run(move |desk| recoveries::advance(desk, &stamp)).await
    }

    async fn backlog(&self) -> Result<Vec<LaneState>> {
        self.readers.run(lease::backlog).await
    }

    async fn note_health(&self, notes: Vec<(WebhookId, Health)>) -> Result<()> {
        self.writer.run(move |desk| webhooks::note_health(desk, &notes)).await
    }

    async fn prune(&self, ask: PruneAsk) -> Result<Pruned> {
        self.writer.run(move |desk| retention::prune(desk, ask)).await
    }

    async fn tally(&self) -> Result<Tally> {
        self.readers.run(log::tally).await
    }

    async fn balance(&self) -> Result<Balance> {
        self.readers.run(days::balance).await
    }

    async fn work_hint(&self) {
        // The lock on the file proves that no other process makes work here.
        std::future::pending::<()>().await;
    }
}

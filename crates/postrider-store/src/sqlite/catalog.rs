//! The cold plane, as closures for the writer and the readers. The verbs themselves are in
//! `accounts`, `webhooks`, `version` and `log`.

use std::sync::Arc;

use async_trait::async_trait;
use postrider_core::audit::{Entry, Stamp};
use postrider_core::filter::Filter;
use postrider_core::ids::{ApiKeyId, DeliveryId, EventId, MerchantId, RecoveryId, WebhookId};
use postrider_core::key::{VerificationKey, VerificationKeys};
use postrider_core::recovery::{Recovery, Wanted};
use postrider_core::rehearsal::Rehearsal;
use postrider_core::routing::RouteChanges;
use postrider_core::time::Timestamp;
use postrider_core::webhook::{Health, Webhook};
use rusqlite::Connection;

use super::audit::Verifying;
use super::fault::Stopped;
use super::writer::Desk;
use super::{
    Sqlite, accounts, audit, backlog, feed, filters, log, metrics, recoveries, rehearsals,
    undelivered, version, webhooks,
};
use crate::catalog::{
    ApiKey, AuditFilter, Audited, Catalog, Delivery, DeliveryDetail, DeliveryFilter, EventFilter,
    FeedPage, FeedPosition, ListedEvent, Merchant, Note, Page, PageAsk, SpanFigures, StatusChange,
    StatusChanged, StoredEvent, Undelivered, Waiting, WebhookMetrics,
};
use crate::error::Result;
use crate::recovery::{Begun, Recoverable, RecoveryFilter};

#[async_trait]
impl Catalog for Sqlite {
    async fn check(&self) -> Result<()> {
        if self.writer.is_broken() {
            return Err(Stopped::DiskError.into());
        }
        self.writer.run(|_| Ok(())).await?;
        self.readers.run(version::check).await
    }

    async fn routes_since(&self, version: u64) -> Result<RouteChanges> {
        let sealer = self.sealer.clone();
        self.readers.run(move |reader| version::routes_since(reader, &sealer, version)).await
    }

    async fn create_merchant(&self, merchant: Merchant, stamp: Stamp) -> Result<()> {
        self.writer.run(move |desk| accounts::create_merchant(desk, &merchant, &stamp)).await
    }

    async fn merchant(&self, id: MerchantId) -> Result<Merchant> {
        self.readers.run(move |reader| accounts::merchant(reader, id)).await
    }

    async fn merchants(&self, ask: PageAsk) -> Result<Page<Merchant>> {
        self.readers.run(move |reader| accounts::merchants(reader, ask)).await
    }

    async fn create_api_key(&self, key: ApiKey, stamp: Stamp) -> Result<()> {
        self.writer.run(move |desk| accounts::create_api_key(desk, &key, &stamp)).await
    }

    async fn api_key_by_digest(&self, digest: [u8; 32]) -> Result<ApiKey> {
        self.readers.run(move |reader| accounts::api_key_by_digest(reader, digest)).await
    }

    async fn api_keys(&self, owner: Option<MerchantId>, ask: PageAsk) -> Result<Page<ApiKey>> {
        self.readers.run(move |reader| accounts::api_keys(reader, owner, ask)).await
    }

    async fn revoke_api_key(
        &self,
        owner: Option<MerchantId>,
        id: ApiKeyId,
        stamp: Stamp,
    ) -> Result<ApiKey> {
        self.writer.run(move |desk| accounts::revoke_api_key(desk, owner, id, &stamp)).await
    }

    async fn create_webhook(
        &self,
        webhook: Webhook,
        key: VerificationKey,
        stamp: Stamp,
    ) -> Result<()> {
        self.writer.run(move |desk| webhooks::create(desk, &webhook, &key, &stamp)).await
    }

    async fn webhook(&self, merchant: MerchantId, id: WebhookId) -> Result<(Webhook, Health)> {
        self.readers.run(move |reader| webhooks::one(reader, merchant, id)).await
    }

    async fn webhooks(
        &self,
        merchant: MerchantId,
        ask: PageAsk,
    ) -> Result<Page<(Webhook, Health)>> {
        self.readers.run(move |reader| webhooks::list(reader, merchant, ask)).await
    }

    async fn update_webhook(&self, webhook: Webhook, stamp: Stamp) -> Result<Webhook> {
        self.writer.run(move |desk| webhooks::update(desk, webhook, &stamp)).await
    }

    async fn webhook_filters(
        &self,
        merchant: MerchantId,
        id: WebhookId,
    ) -> Result<(Webhook, Vec<Filter>)> {
        self.readers.run(move |reader| filters::of(reader, merchant, id)).await
    }

    async fn update_filters(
        &self,
        webhook: Webhook,
        filters: Vec<Filter>,
        stamp: Stamp,
    ) -> Result<Webhook> {
        self.writer.run(move |desk| filters::update(desk, webhook, &filters, &stamp)).await
    }

    async fn change_status(
        &self,
        merchant: MerchantId,
        id: WebhookId,
        change: StatusChange,
        stamp: Stamp,
    ) -> Result<StatusChanged> {
        let work =
            move |desk: &mut Desk| webhooks::change_status(desk, merchant, id, change, &stamp);
        self.writer.run(work).await
    }

    async fn delete_webhook(
        &self,
        merchant: MerchantId,
        id: WebhookId,
        stamp: Stamp,
    ) -> Result<()> {
        self.writer.run(move |desk| webhooks::delete(desk, merchant, id, &stamp)).await
    }

    async fn verification_keys(
        &self,
        merchant: MerchantId,
        id: WebhookId,
    ) -> Result<VerificationKeys> {
        let sealer = self.sealer.clone();
        self.readers.run(move |reader| webhooks::keys(reader, &sealer, merchant, id)).await
    }

    async fn rotate_key(
        &self,
        merchant: MerchantId,
        id: WebhookId,
        new: VerificationKey,
        stamp: Stamp,
    ) -> Result<VerificationKeys> {
        self.writer.run(move |desk| webhooks::rotate_key(desk, merchant, id, new, &stamp)).await
    }

    async fn replace_key(
        &self,
        merchant: MerchantId,
        id: WebhookId,
        new: VerificationKey,
        stamp: Stamp,
    ) -> Result<VerificationKeys> {
        self.writer.run(move |desk| webhooks::replace_key(desk, merchant, id, new, &stamp)).await
    }

    async fn keep_rehearsal(
        &self,
        merchant: MerchantId,
        rehearsal: Rehearsal,
        stamp: Stamp,
    ) -> Result<()> {
        let keep = move |desk: &mut Desk| rehearsals::keep(desk, merchant, &rehearsal, &stamp);
        self.writer.run(keep).await
    }

    async fn rehearsals(
        &self,
        merchant: MerchantId,
        webhook: WebhookId,
        ask: PageAsk,
    ) -> Result<Page<Rehearsal>> {
        self.readers.run(move |reader| rehearsals::list(reader, merchant, webhook, ask)).await
    }

    async fn events(
        &self,
        merchant: MerchantId,
        filter: EventFilter,
        ask: PageAsk,
    ) -> Result<Page<ListedEvent>> {
        let search = Arc::clone(&self.search);
        let read = move |reader: &Connection| log::events(reader, &search, merchant, &filter, ask);
        self.readers.run(read).await
    }

    async fn event(&self, merchant: MerchantId, id: EventId) -> Result<StoredEvent> {
        self.readers.run(move |reader| log::event(reader, merchant, &id)).await
    }

    async fn deliveries(
        &self,
        merchant: MerchantId,
        filter: DeliveryFilter,
        ask: PageAsk,
    ) -> Result<Page<Delivery>> {
        let search = Arc::clone(&self.search);
        let read =
            move |reader: &Connection| log::deliveries(reader, &search, merchant, &filter, ask);
        self.readers.run(read).await
    }

    async fn delivery(&self, merchant: MerchantId, id: DeliveryId) -> Result<DeliveryDetail> {
        self.readers.run(move |reader| log::delivery(reader, merchant, id)).await
    }

    async fn undelivered(
        &self,
        merchant: MerchantId,
        webhook: Option<WebhookId>,
    ) -> Result<Undelivered> {
        self.readers.run(move |reader| undelivered::of(reader, merchant, webhook)).await
    }

    async fn feed(
        &self,
        merchant: MerchantId,
        webhook: WebhookId,
        after: Option<FeedPosition>,
    ) -> Result<FeedPage> {
        self.readers.run(move |reader| feed::page(reader, merchant, webhook, after)).await
    }

    async fn webhook_metrics(
        &self,
        merchant: MerchantId,
        id: WebhookId,
        since: Timestamp,
    ) -> Result<WebhookMetrics> {
        let read = move |reader: &Connection| {
            webhooks::one(reader, merchant, id)?;
            metrics::of(reader, id, since)
        };
        self.readers.run(read).await
    }

    async fn webhook_hours(
        &self,
        merchant: MerchantId,
        id: WebhookId,
        since: Timestamp,
    ) -> Result<Vec<SpanFigures>> {
        let read = move |reader: &Connection| {
            webhooks::one(reader, merchant, id)?;
            metrics::by_hour(reader, id, since)
        };
        self.readers.run(read).await
    }

    async fn waiting(&self, merchant: MerchantId, id: WebhookId) -> Result<Waiting> {
        self.readers.run(move |reader| webhooks::one(reader, merchant, id)).await?;
        self.readers.in_slices(backlog::Counting::new(id), backlog::Counting::slice).await
    }

    async fn recoverable(&self, wanted: Wanted) -> Result<Recoverable> {
        let Wanted { merchant, webhook, .. } = wanted;
        self.readers.run(move |reader| webhooks::one(reader, merchant, webhook)).await?;
        let counting = recoveries::Counting::new(wanted);
        self.readers.in_slices(counting, recoveries::Counting::slice).await
    }

    async fn begin_recovery(&self, recovery: Recovery, stamp: Stamp) -> Result<Begun> {
        self.writer.run(move |desk| recoveries::begin(desk, recovery, &stamp)).await
    }

    async fn recovery(&self, merchant: MerchantId, id: RecoveryId) -> Result<Recovery> {
        self.readers.run(move |reader| recoveries::one(reader, merchant, id)).await
    }

    async fn recoveries(
        &self,
        merchant: MerchantId,
        filter: RecoveryFilter,
        ask: PageAsk,
    ) -> Result<Page<Recovery>> {
        self.readers.run(move |reader| recoveries::list(reader, merchant, filter, ask)).await
    }

    async fn cancel_recovery(
        &self,
        merchant: MerchantId,
        id: RecoveryId,
        stamp: Stamp,
    ) -> Result<Recovery> {
        self.writer.run(move |desk| recoveries::cancel(desk, merchant, id, &stamp)).await
    }

    async fn note(&self, note: Note, stamp: Stamp) -> Result<()> {
        let Note { merchant, action, object, detail } = note;
        let work =
            move |desk: &mut Desk| audit::record(desk, &stamp, merchant, &action, &object, detail);
        self.writer.run(work).await
    }

    async fn audit_log(&self, filter: AuditFilter, ask: PageAsk) -> Result<Page<Entry>> {
        self.readers.run(move |reader| audit::entries(reader, &filter, ask)).await
    }

    async fn verify_audit_log(&self) -> Result<Audited> {
        self.readers.in_slices(Verifying::new(), Verifying::slice).await
    }
}

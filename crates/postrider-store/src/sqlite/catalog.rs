//! The cold plane, as closures for the writer and the readers. The verbs themselves are in
//! `accounts`, `webhooks`, `version` and `log`.

use async_trait::async_trait;
use postrider_core::ids::{ApiKeyId, DeliveryId, EventId, MerchantId, WebhookId};
use postrider_core::key::{VerificationKey, VerificationKeys};
use postrider_core::routing::RouteChanges;
use postrider_core::time::Timestamp;
use postrider_core::webhook::{Health, Webhook};
use rusqlite::Connection;

use super::fault::Stopped;
use super::metrics::Counting;
use super::{Sqlite, accounts, log, version, webhooks};
use crate::catalog::{
    ApiKey, Catalog, Delivery, DeliveryDetail, DeliveryFilter, ListedEvent, Merchant, Page,
    PageAsk, StatusChange, StatusChanged, StoredEvent, User, WebhookMetrics,
};
use crate::error::Result;

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

    async fn create_merchant(&self, merchant: Merchant) -> Result<()> {
        self.writer.run(move |desk| accounts::create_merchant(desk, &merchant)).await
    }

    async fn merchant(&self, id: MerchantId) -> Result<Merchant> {
        self.readers.run(move |reader| accounts::merchant(reader, id)).await
    }

    async fn merchants(&self, ask: PageAsk) -> Result<Page<Merchant>> {
        self.readers.run(move |reader| accounts::merchants(reader, ask)).await
    }

    async fn create_user(&self, user: User) -> Result<()> {
        self.writer.run(move |desk| accounts::create_user(desk, &user)).await
    }

    async fn create_api_key(&self, key: ApiKey) -> Result<()> {
        self.writer.run(move |desk| accounts::create_api_key(desk, &key)).await
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
        now: Timestamp,
    ) -> Result<ApiKey> {
        self.writer.run(move |desk| accounts::revoke_api_key(desk, owner, id, now)).await
    }

    async fn create_webhook(&self, webhook: Webhook, key: VerificationKey) -> Result<()> {
        self.writer.run(move |desk| webhooks::create(desk, &webhook, &key)).await
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

    async fn update_webhook(&self, webhook: Webhook) -> Result<Webhook> {
        self.writer.run(move |desk| webhooks::update(desk, webhook)).await
    }

    async fn change_status(
        &self,
        merchant: MerchantId,
        id: WebhookId,
        change: StatusChange,
    ) -> Result<StatusChanged> {
        self.writer.run(move |desk| webhooks::change_status(desk, merchant, id, change)).await
    }

    async fn delete_webhook(
        &self,
        merchant: MerchantId,
        id: WebhookId,
        now: Timestamp,
    ) -> Result<()> {
        self.writer.run(move |desk| webhooks::delete(desk, merchant, id, now)).await
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
        now: Timestamp,
    ) -> Result<VerificationKeys> {
        self.writer.run(move |desk| webhooks::rotate_key(desk, merchant, id, new, now)).await
    }

    async fn events(&self, merchant: MerchantId, ask: PageAsk) -> Result<Page<ListedEvent>> {
        self.readers.run(move |reader| log::events(reader, merchant, ask)).await
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
        self.readers.run(move |reader| log::deliveries(reader, merchant, &filter, ask)).await
    }

    async fn delivery(&self, merchant: MerchantId, id: DeliveryId) -> Result<DeliveryDetail> {
        self.readers.run(move |reader| log::delivery(reader, merchant, id)).await
    }

    async fn webhook_metrics(
        &self,
        merchant: MerchantId,
        id: WebhookId,
        since: Timestamp,
    ) -> Result<WebhookMetrics> {
        let mut counting = Counting::new(id, since);
        self.readers.run(move |reader| webhooks::one(reader, merchant, id)).await?;
        loop {
            let slice = move |reader: &Connection| {
                let is_more = counting.slice(reader)?;
                Ok((counting, is_more))
            };
            let is_more;
            (counting, is_more) = self.readers.run(slice).await?;
            if !is_more {
                return Ok(counting.done());
            }
        }
    }
}

//! The cold plane: merchants, webhooks, keys, and the lists people look at.
//!
//! Every verb that touches a merchant's rows takes the merchant, and answers
//! [`StoreError::NotFound`](crate::StoreError::NotFound) for another's as for none at all. A change
//! of webhooks moves the catalog version in the same transaction, so that no event is appended
//! against a picture that is no longer true. Every verb that changes something takes a [`Stamp`] and
//! adds to the audit log in that transaction too (Q13).

use async_trait::async_trait;
use postrider_core::audit::{Entry, Stamp};
use postrider_core::filter::Filter;
use postrider_core::ids::{ApiKeyId, DeliveryId, EventId, MerchantId, RecoveryId, WebhookId};
use postrider_core::key::{VerificationKey, VerificationKeys};
use postrider_core::recovery::{Recovery, Wanted};
use postrider_core::rehearsal::Rehearsal;
use postrider_core::routing::RouteChanges;
use postrider_core::time::Timestamp;
use postrider_core::webhook::{Health, Status, Webhook};

use crate::error::Result;
use crate::recovery::{Begun, Recoverable, RecoveryFilter};

mod figures;
mod lists;

pub use figures::{Latency, SpanFigures, Waiting, WebhookMetrics};
pub use lists::{
    Cursor, Delivery, DeliveryDetail, DeliveryFilter, EventFilter, FeedPage, FeedPosition, FeedRow,
    ListedEvent, Page, PageAsk, StoredEvent, Undelivered, UndeliveredGroup,
};

/// The cold plane of a store.
#[async_trait]
pub trait Catalog: Send + Sync {
    /// Whether the store can read and write now; readiness asks this.
    async fn check(&self) -> Result<()>;

    /// What changed since `version`; everything when it is 0.
    async fn routes_since(&self, version: u64) -> Result<RouteChanges>;

    /// Adds a merchant.
    async fn create_merchant(&self, merchant: Merchant, stamp: Stamp) -> Result<()>;
    /// One merchant.
    async fn merchant(&self, id: MerchantId) -> Result<Merchant>;
    /// All merchants, newest first.
    async fn merchants(&self, ask: PageAsk) -> Result<Page<Merchant>>;

    /// Adds an API key; `LimitReached` per merchant.
    async fn create_api_key(&self, key: ApiKey, stamp: Stamp) -> Result<()>;
    /// The live API key with this digest.
    async fn api_key_by_digest(&self, digest: [u8; 32]) -> Result<ApiKey>;
    /// The keys of a merchant (`None`: operator keys), newest first, revoked ones included.
    async fn api_keys(&self, owner: Option<MerchantId>, ask: PageAsk) -> Result<Page<ApiKey>>;
    /// Revokes a key of a merchant (`None`: an operator key); again is no error. Moves the catalog
    /// version, so that remembered keys are looked up anew.
    async fn revoke_api_key(
        &self,
        owner: Option<MerchantId>,
        id: ApiKeyId,
        stamp: Stamp,
    ) -> Result<ApiKey>;

    /// Adds a webhook with its key; `LimitReached` per merchant.
    async fn create_webhook(
        &self,
        webhook: Webhook,
        key: VerificationKey,
        stamp: Stamp,
    ) -> Result<()>;
    /// One webhook.
    async fn webhook(&self, merchant: MerchantId, id: WebhookId) -> Result<(Webhook, Health)>;
    /// A merchant's webhooks, newest first.
    async fn webhooks(&self, merchant: MerchantId, ask: PageAsk)
    -> Result<Page<(Webhook, Health)>>;
    /// Replaces the configuration of a webhook, its status excepted. `webhook` carries the
    /// configuration version it was read with; `Conflict` when that has moved. Answers the webhook
    /// as stored, one version higher.
    async fn update_webhook(&self, webhook: Webhook, stamp: Stamp) -> Result<Webhook>;
    /// One webhook with the filters kept for it, in their order. What `update_webhook` has written
    /// since is not in them: `core::filter::reconciled` puts them right.
    async fn webhook_filters(
        &self,
        merchant: MerchantId,
        id: WebhookId,
    ) -> Result<(Webhook, Vec<Filter>)>;
    /// `update_webhook` that also replaces the filters, in the same transaction.
    async fn update_filters(
        &self,
        webhook: Webhook,
        filters: Vec<Filter>,
        stamp: Stamp,
    ) -> Result<Webhook>;
    /// Moves a webhook to another status. Disabling cancels its pending deliveries; otherwise
    /// `backlog` says which. Becoming enabled from disabled forgets its health.
    async fn change_status(
        &self,
        merchant: MerchantId,
        id: WebhookId,
        change: StatusChange,
        stamp: Stamp,
    ) -> Result<StatusChanged>;
    /// Deletes a webhook; its pending deliveries become canceled, its log stays.
    async fn delete_webhook(&self, merchant: MerchantId, id: WebhookId, stamp: Stamp)
    -> Result<()>;

    /// The keys of a webhook.
    async fn verification_keys(
        &self,
        merchant: MerchantId,
        id: WebhookId,
    ) -> Result<VerificationKeys>;
    /// Rotates a webhook's key by the rules of `VerificationKeys::rotated`.
    async fn rotate_key(
        &self,
        merchant: MerchantId,
        id: WebhookId,
        new: VerificationKey,
        stamp: Stamp,
    ) -> Result<VerificationKeys>;
    /// Keeps the evidence of a rehearsal; `Conflict` when the webhook has changed since, so that it
    /// never speaks of keys or a target the receiver was not asked about. Beyond
    /// `limits::REHEARSALS_KEPT_MAX` of its webhook the oldest is forgotten.
    async fn keep_rehearsal(
        &self,
        merchant: MerchantId,
        rehearsal: Rehearsal,
        stamp: Stamp,
    ) -> Result<()>;
    /// The rehearsals of a webhook, newest first.
    async fn rehearsals(
        &self,
        merchant: MerchantId,
        webhook: WebhookId,
        ask: PageAsk,
    ) -> Result<Page<Rehearsal>>;

    /// Replaces a webhook's key by `VerificationKeys::replaced`: the old ones are dead at once.
    async fn replace_key(
        &self,
        merchant: MerchantId,
        id: WebhookId,
        new: VerificationKey,
        stamp: Stamp,
    ) -> Result<VerificationKeys>;

    /// A merchant's events, newest first.
    async fn events(
        &self,
        merchant: MerchantId,
        filter: EventFilter,
        ask: PageAsk,
    ) -> Result<Page<ListedEvent>>;
    /// One event.
    async fn event(&self, merchant: MerchantId, id: EventId) -> Result<StoredEvent>;

    /// A merchant's deliveries, newest first.
    async fn deliveries(
        &self,
        merchant: MerchantId,
        filter: DeliveryFilter,
        ask: PageAsk,
    ) -> Result<Page<Delivery>>;
    /// One delivery with its event and attempts, oldest attempt first.
    async fn delivery(&self, merchant: MerchantId, id: DeliveryId) -> Result<DeliveryDetail>;

    /// The failed deliveries of a merchant, or of one webhook, grouped by webhook and cause.
    async fn undelivered(
        &self,
        merchant: MerchantId,
        webhook: Option<WebhookId>,
    ) -> Result<Undelivered>;

    /// What a webhook's feed shows after a place; without one it begins at what is committed now.
    async fn feed(
        &self,
        merchant: MerchantId,
        webhook: WebhookId,
        after: Option<FeedPosition>,
    ) -> Result<FeedPage>;

    /// The figures of one webhook over its deliveries created on the UTC day of `since` or later,
    /// those of test events included. Counted while they move, so asking costs the same however
    /// many there are.
    async fn webhook_metrics(
        &self,
        merchant: MerchantId,
        id: WebhookId,
        since: Timestamp,
    ) -> Result<WebhookMetrics>;

    /// The counts of a webhook by the UTC hour deliveries were created in, from the hour of `since`
    /// on, the oldest first; hours without any are left out. At least the last 48 are known.
    async fn webhook_hours(
        &self,
        merchant: MerchantId,
        id: WebhookId,
        since: Timestamp,
    ) -> Result<Vec<SpanFigures>>;

    /// How many deliveries wait for a webhook: what a resume would send. Reads beside the writer, a
    /// bounded number.
    async fn waiting(&self, merchant: MerchantId, id: WebhookId) -> Result<Waiting>;

    /// How many deliveries a recovery would take. Reads beside the writer, a bounded number.
    async fn recoverable(&self, wanted: Wanted) -> Result<Recoverable>;
    /// Begins a recovery, which waits if its webhook is disabled; `LimitReached` per merchant.
    async fn begin_recovery(&self, recovery: Recovery, stamp: Stamp) -> Result<Begun>;
    /// One recovery.
    async fn recovery(&self, merchant: MerchantId, id: RecoveryId) -> Result<Recovery>;
    /// A merchant's recoveries, newest first.
    async fn recoveries(
        &self,
        merchant: MerchantId,
        filter: RecoveryFilter,
        ask: PageAsk,
    ) -> Result<Page<Recovery>>;
    /// Ends a recovery early; what it made due stays so, and one that has finished stays as it is.
    async fn cancel_recovery(
        &self,
        merchant: MerchantId,
        id: RecoveryId,
        stamp: Stamp,
    ) -> Result<Recovery>;

    /// Adds to the audit log what changes nothing that is stored: a key that was shown, a request
    /// that was refused.
    async fn note(&self, note: Note, stamp: Stamp) -> Result<()>;
    /// The audit log, newest first.
    async fn audit_log(&self, filter: AuditFilter, ask: PageAsk) -> Result<Page<Entry>>;
    /// Follows the chain of the audit log from its start.
    async fn verify_audit_log(&self) -> Result<Audited>;
}

/// An entry of the audit log that stands for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Whose rows it is about; `None`: the installation's.
    pub merchant: Option<MerchantId>,
    /// What was done, such as `verification_key.shown`.
    pub action: String,
    /// The id of what it was done to.
    pub object: String,
    /// More in words; no secrets.
    pub detail: String,
}

/// Which entries of the audit log are wanted; every filter given must hold.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// About this merchant's rows.
    pub merchant: Option<MerchantId>,
    /// About this object.
    pub object: Option<String>,
}

/// What a walk along the audit log found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Audited {
    /// Entries that are as they were written.
    pub entries: u64,
    /// The place of the first that was altered, removed or slipped in.
    pub first_altered: Option<u64>,
}

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merchant {
    /// Its id.
    pub id: MerchantId,
    /// A name for people.
    pub name: String,
    /// When it was added.
    pub created_at: Timestamp,
}

/// A caller's credential. Only a digest of the secret is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// Whose rows it opens; `None`: an operator's.
    pub merchant: Option<MerchantId>,
    /// A name for people.
    pub name: String,
    /// SHA-256 of the secret.
    pub digest: [u8; 32],
    /// Prefix and last four characters, to recognise it by.
    pub hint: String,
    /// What it may do, one bit per scope; the web crate names them.
    pub scopes: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// A change of a webhook's status.
#[derive(Debug, Clone, Copy)]
pub struct StatusChange {
    /// The status to have.
    pub status: Status,
    /// What happens to deliveries that wait.
    pub backlog: Backlog,
}

/// What happens to pending deliveries on a change of status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backlog {
    /// They stay.
    Keep,
    /// Of each object (`core::subject`) the one accepted last stays; older ones become canceled.
    /// Those of events that name no object, and of test events, stay.
    Latest,
    /// They become canceled.
    Cancel,
}

/// What a change of status did.
#[derive(Debug, Clone)]
pub struct StatusChanged {
    /// The webhook as it is now.
    pub webhook: Webhook,
    /// Its health as it is now.
    pub health: Health,
    /// Deliveries that became canceled.
    pub canceled: u64,
}

//! The hot plane: appending events, leasing deliveries, settling attempts.
//!
//! To lease is to move the due time into the future and add one to the epoch; to settle is to say
//! "delivery D, epoch E: …". If the epoch has moved on, nothing changes. After a crash there is
//! nothing to do: the delivery falls due again. So there is no running state, no rescuer and no
//! leader (docs/adr/0002).

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use postrider_core::attempt::Attempt;
use postrider_core::audit::Stamp;
use postrider_core::delivery::Next;
use postrider_core::event::Event;
use postrider_core::ids::{DeliveryId, MerchantId, WebhookId};
use postrider_core::routing::Decision;
use postrider_core::snapshot::Choice;
use postrider_core::time::Timestamp;
use postrider_core::webhook::Health;

use crate::error::Result;
use crate::recovery::Advanced;
use crate::retention::{PruneAsk, Pruned};

/// The hot plane of a store. Every call is one transaction, durable when it answers.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Stores events with their deliveries (Q1, Q2, Q9). The answers are in the order of `batch`.
    /// An `Err` means that nothing of the batch is known to be stored.
    async fn append(
        &self,
        batch: Vec<Append>,
    ) -> Result<Vec<std::result::Result<Vec<Appended>, AppendRefusal>>>;

    /// Leases due deliveries, earliest due first within each webhook (Q3, Q4, Q5, Q11).
    async fn lease(&self, ask: LeaseAsk) -> Result<Leased>;

    /// Records what became of leased deliveries (Q6, Q7, Q8, Q9). Shared, so that whoever must ask
    /// again after a failure need not keep a copy.
    async fn settle(&self, batch: Arc<[Settlement]>) -> Result<Vec<Settled>>;

    /// Makes one settled delivery of `merchant` due now, with a new schedule; its attempts stay.
    async fn resend(
        &self,
        merchant: MerchantId,
        delivery: DeliveryId,
        stamp: Stamp,
    ) -> Result<Resent>;

    /// When the next running recovery goes on, if there is one.
    async fn recovery_due(&self) -> Result<Option<Timestamp>>;

    /// Moves the recovery that has been due longest at `stamp.at` on: the next deliveries it takes,
    /// as many as its rate allows for a second, are due at once. `None` when none was due. Each
    /// delivery is taken at most once, whenever a process ends.
    async fn advance_recovery(&self, stamp: Stamp) -> Result<Option<Advanced>>;

    /// Every webhook that has pending deliveries, and when the earliest of each is due. The truth
    /// behind all hints: asked at the start and now and then.
    async fn backlog(&self) -> Result<Vec<LaneState>>;

    /// Remembers the health of webhooks across restarts. Unknown webhooks are passed over.
    async fn note_health(&self, notes: Vec<(WebhookId, Health)>) -> Result<()>;

    /// Removes events that were accepted before a moment and whose deliveries have all ended before
    /// it, with these and their attempts, and counts them (Q14). The newest event and whatever a
    /// recovery under way may take stay. A step looks at no more than `limits::PRUNE_EVENTS_MAX`
    /// events and removes about `limits::PRUNE_ROWS_MAX` rows.
    async fn prune(&self, ask: PruneAsk) -> Result<Pruned>;

    /// How much there is of everything.
    async fn tally(&self) -> Result<Tally>;

    /// The deliveries by state as counted while they move, beside the decisions to deliver counted
    /// when they were stored. Reads one row per webhook and day, so it can be asked of a live store.
    async fn balance(&self) -> Result<Balance>;

    /// Returns when another process may have made work due. A hint, never the truth; a backend
    /// that serves one process only never returns.
    async fn work_hint(&self);
}

/// The events of one request: stored together or not at all.
#[derive(Debug, Clone)]
pub struct Append {
    /// The version of the routing table the decisions were taken with.
    pub routing_version: u64,
    /// The events, in the order they were posted.
    pub events: Vec<NewEvent>,
}

/// One event to store.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// The event.
    pub event: Event,
    /// For an event with the sender's own id: a digest of what was posted, which tells a repeat
    /// from another event under the same id.
    pub digest: Option<[u8; 32]>,
    /// Whether it was made up on request.
    pub is_test: bool,
    /// What each webhook made of it; those that deliver have an entry in `deliveries`.
    pub decisions: Vec<Decision>,
    /// The deliveries it becomes.
    pub deliveries: Vec<NewDelivery>,
}

/// One delivery to store.
#[derive(Debug, Clone, Copy)]
pub struct NewDelivery {
    /// Its id, minted when the event was accepted or at most `limits::CLOCK_SLACK` later: lists look
    /// for a time among ids.
    pub id: DeliveryId,
    /// Its webhook.
    pub webhook: WebhookId,
    /// The additional data in its body.
    pub choice: Choice,
    /// `Some`: born leased until then, with epoch 1, and attempted by whoever appends it.
    /// `None`: due at once, with epoch 0.
    pub leased_until: Option<Timestamp>,
}

/// What became of one appended event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// Whether it had been stored before; then nothing was written.
    pub is_duplicate: bool,
    /// Its deliveries, as of when it was first stored.
    pub deliveries: Vec<DeliveryId>,
}

/// Why the events of one request were not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppendRefusal {
    /// The catalog has moved on: match again and ask again.
    RoutingMoved,
    /// The event at this index has the id of another event with other content.
    IdempotencyMismatch {
        /// Index into the request's events.
        index: usize,
    },
}

/// Which webhooks may start how many attempts.
#[derive(Debug, Clone)]
pub struct LeaseAsk {
    /// The present time.
    pub now: Timestamp,
    /// At most `limits::LEASE_LANES_MAX`.
    pub lanes: Vec<LaneAsk>,
}

/// One webhook's share of a [`LeaseAsk`].
#[derive(Debug, Clone, Copy)]
pub struct LaneAsk {
    /// The webhook.
    pub webhook: WebhookId,
    /// Deliveries at most.
    pub limit: u32,
    /// How long they are leased for.
    pub lease_for: Duration,
}

/// The answer to a [`LeaseAsk`].
#[derive(Debug, Clone, Default)]
pub struct Leased {
    /// The leased deliveries; those of one webhook earliest due first.
    pub deliveries: Vec<LeasedDelivery>,
    /// In the order of the question: when the next pending delivery is due. It can lie in the past
    /// when the limit was met.
    pub lanes: Vec<LaneState>,
}

/// When a webhook next has something due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneState {
    /// The webhook.
    pub webhook: WebhookId,
    /// The earliest due time of its pending deliveries, leased ones included; `None`: it has none.
    pub next_due: Option<Timestamp>,
}

/// A delivery someone may attempt, with all an attempt needs to know.
#[derive(Debug, Clone)]
pub struct LeasedDelivery {
    /// Its id.
    pub id: DeliveryId,
    /// Its webhook.
    pub webhook: WebhookId,
    /// The event, from which its body follows.
    pub event: Arc<Event>,
    /// The additional data in its body.
    pub choice: Choice,
    /// Whether it carries a test event.
    pub is_test: bool,
    /// The epoch to settle with.
    pub epoch: u32,
    /// Since when it was due.
    pub due_at: Timestamp,
    /// When the lease runs out.
    pub leased_until: Timestamp,
    /// Attempts on record.
    pub attempts: u32,
    /// Attempts on record when the present schedule began.
    pub attempts_before: u32,
    /// When the present schedule began: acceptance, or the last resend.
    pub schedule_started_at: Timestamp,
    /// Leases handed back unused.
    pub returned: u32,
}

/// What became of one leased delivery.
#[derive(Debug, Clone)]
pub struct Settlement {
    /// The delivery.
    pub delivery: DeliveryId,
    /// The epoch it was leased with.
    pub epoch: u32,
    /// When this was decided.
    pub at: Timestamp,
    /// What happened.
    pub change: Change,
}

/// The two ways a lease ends in order.
#[derive(Debug, Clone)]
pub enum Change {
    /// It was attempted. A delivery that was canceled meanwhile keeps the record, and becomes a
    /// success if it was one; otherwise it stays canceled.
    Attempted {
        /// The record.
        attempt: Box<Attempt>,
        /// Where the delivery goes.
        next: Next,
    },
    /// It was not attempted and is due again at once; no attempt is recorded.
    HandedBack,
}

/// Whether a settlement was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// It was recorded.
    Done,
    /// The lease had passed on; nothing changed.
    Stale,
}

/// The answer to a resend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resent {
    /// It is due now.
    Due {
        /// Whose turn it will be.
        webhook: WebhookId,
    },
    /// It was pending already; nothing changed.
    AlreadyPending,
    /// Its webhook is disabled or deleted; nothing changed.
    WebhookNotReceiving,
}

/// Deliveries as they were counted one by one. `pending + success + failed + canceled + pruned`
/// equals `decided`, and each state equals its namesake in [`Tally`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Balance {
    /// Decisions to deliver.
    pub decided: u64,
    /// Pending deliveries.
    pub pending: u64,
    /// Successful deliveries.
    pub success: u64,
    /// Failed deliveries.
    pub failed: u64,
    /// Canceled deliveries.
    pub canceled: u64,
    /// Deliveries that had ended and were removed since.
    pub pruned: u64,
}

impl Balance {
    /// Whether every decision to deliver is a delivery in one of its states, or was until it was
    /// removed.
    pub fn is_even(&self) -> bool {
        let stored = self.pending + self.success + self.failed + self.canceled;
        stored + self.pruned == self.decided
    }
}

/// How much there is of everything. `pending + success + failed + canceled` equals the decisions
/// to deliver of all events that are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Events.
    pub events: u64,
    /// Pending deliveries.
    pub pending: u64,
    /// Successful deliveries.
    pub success: u64,
    /// Failed deliveries.
    pub failed: u64,
    /// Canceled deliveries.
    pub canceled: u64,
    /// Attempts.
    pub attempts: u64,
}

//! The engine: accepts events, attempts deliveries, settles what came of them.
//!
//! ```text
//!  accept ──► intake ──batch──► Queue::append ──► lanes (fresh, already leased)
//!                                                   │ take
//!  dispatcher ──lease──► Queue::lease ────────────► │            work: one task per running
//!     ▲ due, hint, stop                             ▼            attempt, takes the next itself
//!     └──────────── note_due ◄── settler ◄──batch── attempt ──► client ──► receiver
//!                                   │                  │
//!                             Queue::settle         upkeep: health, automatic disabling
//! ```
//!
//! Tasks: one batch writer each for intake, settler and upkeep, the dispatcher, the one that moves
//! recoveries on, the one that removes what is old, and one per running attempt; all started through one tracker, so stopping waits for them. Shared state: the lanes
//! and the routing table, each behind a short lock never held across an await.
//!
//! Invariants: the hot path calls only [`Queue`](postrider_store::Queue); nobody but [`clock`] asks
//! for the time and nobody but [`chance`] draws; a receiver's behaviour is an outcome, never an
//! error; no task, queue or wait is unbounded.

use std::sync::Arc;
use std::time::Duration;

use hyper::header::HeaderName;
use parking_lot::RwLock;
use postrider_core::address::{AddressPolicy, Denied};
use postrider_core::catalogue::Catalogue;
use postrider_core::event::PostedEvent;
use postrider_core::ids::{DeliveryId, EventId, MerchantId, WebhookId};
use postrider_core::limits;
use postrider_core::refusal::Refusal;
use postrider_core::routing::RoutingTable;
use postrider_core::target::TargetUrl;
use postrider_store::queue::{Change, Settlement};
use postrider_store::{Store, StoreError};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::activity::Activity;
use crate::batch::Batcher;
use crate::chance::Mint;
use crate::client::{Client, ClientError, ClientOptions, NameServers, Trust};
use crate::intake::Intake;
use crate::lanes::{Lanes, Ready};
use crate::metrics::Metrics;
use crate::recovery::Agenda;
use crate::rehearsal::Running;
use crate::schemas::{SchemaCheck, Schemas, Violation};
use crate::settler::{Settler, ToSettle};
use crate::upkeep::{Chore, Upkeep};

mod activity;
mod attempt;
mod batch;
pub mod chance;
pub mod client;
pub mod clock;
mod dispatcher;
mod follow;
mod intake;
mod lanes;
mod metrics;
mod recovery;
pub mod rehearsal;
mod retention;
pub mod schemas;
mod settler;
mod upkeep;

pub use clock::{Clock, MachineClock};
pub use follow::{FollowError, Followed, FollowedDelivery};

/// What an engine is made of.
#[derive(Debug)]
pub struct EngineOptions {
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// The source of time.
    pub clock: Clock,
    /// Where deliveries may go.
    pub addresses: Arc<AddressPolicy>,
    /// Who is asked for addresses.
    pub name_servers: NameServers,
    /// Whose certificates are believed.
    pub trust: Trust,
    /// Which event types there are, and what their `data` looks like.
    pub schemas: Schemas,
    /// What becomes of events whose `data` does not fit its schema.
    pub schema_check: SchemaCheck,
    /// Name of the signature header.
    pub signature_header: String,
    /// The `User-Agent` of requests.
    pub user_agent: String,
    /// How long what is over is kept; `None`: for ever.
    pub kept_for: Option<Duration>,
    /// A fault built in on purpose, for the controls of reliability tests.
    pub sabotage: Sabotage,
}

/// A fault built in on purpose: a reliability test must fail under it, or it proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sabotage {
    /// None.
    #[default]
    None,
    /// Answers before the commit. Exists in debug builds only.
    #[cfg(debug_assertions)]
    AckBeforeCommit,
}

/// Why an engine did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The signature header's name is not an HTTP header name.
    #[error("{0:?} is not a header name")]
    SignatureHeader(String),
    /// The user agent cannot be a header value.
    #[error("{0:?} is not a header value")]
    UserAgent(String),
    /// The HTTP client could not be made.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What became of one posted event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Its id: the sender's own or a new one.
    pub id: EventId,
    /// Whether it had been accepted before; then nothing was stored.
    pub is_duplicate: bool,
    /// Its deliveries, as of when it was first accepted.
    pub deliveries: Vec<DeliveryId>,
}

/// Why a request's events were not accepted; then none of them was.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// The event at this index is not allowed.
    #[error("event {index}: {refusal}")]
    Refused {
        /// Index into the request's events.
        index: usize,
        /// What is wrong with it; the field is a path inside the event.
        refusal: Refusal,
    },
    /// The event at this index has the id of another event with other content.
    #[error("event {index}: its id belongs to another event with other content")]
    IdempotencyMismatch {
        /// Index into the request's events.
        index: usize,
    },
    /// A bound was met; the same request may be accepted in a moment.
    #[error("too much is waiting to be stored: {limit}")]
    Overloaded {
        /// Which bound.
        limit: &'static str,
    },
    /// This merchant's share of what may wait to be stored is used up.
    #[error("too much of this merchant's is waiting to be stored")]
    MerchantOverloaded,
    /// The store failed; whether anything was stored is unknown.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The engine; clones share it.
#[derive(Debug, Clone)]
pub struct Engine {
    shared: Arc<Shared>,
    intake: Intake,
}

/// What the rooms of the engine share.
#[derive(Debug)]
pub(crate) struct Shared {
    store: Arc<dyn Store>,
    clock: Clock,
    mint: Mint,
    client: Client,
    schemas: Schemas,
    schema_check: SchemaCheck,
    signature_header: HeaderName,
    user_agent: hyper::header::HeaderValue,
    sabotage: Sabotage,
    routing: RwLock<Arc<RoutingTable>>,
    /// One refresh at a time; also the order in which changes reach the lanes.
    refreshing: tokio::sync::Mutex<()>,
    lanes: Lanes,
    settler: Batcher<ToSettle>,
    upkeep: Batcher<Chore>,
    recoveries: Agenda,
    activity: Activity,
    metrics: Metrics,
    followers: follow::Followers,
    rehearsing: Running,
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Engine {
    /// Reads the routing table, looks what is due, and starts working.
    pub async fn start(options: EngineOptions) -> Result<Self, StartError> {
        let header = options.signature_header;
        let signature_header = HeaderName::from_bytes(header.as_bytes())
            .map_err(|_| StartError::SignatureHeader(header))?;
        let user_agent = hyper::header::HeaderValue::from_str(&options.user_agent)
            .map_err(|_| StartError::UserAgent(options.user_agent))?;
        let (tracker, stop) = (TaskTracker::new(), CancellationToken::new());
        let client = Client::new(ClientOptions {
            clock: options.clock.clone(),
            addresses: options.addresses,
            name_servers: options.name_servers,
            trust: options.trust,
            tracker: tracker.clone(),
        })?;
        // A clock moved by hand is for tests, which do not wait for anything.
        let is_real = matches!(options.clock, Clock::System(_));
        let linger = if is_real { limits::SETTLE_LINGER } else { Duration::ZERO };
        let shared = Arc::new_cyclic(|shared| Shared {
            store: options.store,
            clock: options.clock,
            mint: Mint::default(),
            client,
            schemas: options.schemas,
            schema_check: options.schema_check,
            signature_header,
            user_agent,
            sabotage: options.sabotage,
            routing: RwLock::default(),
            refreshing: tokio::sync::Mutex::default(),
            lanes: Lanes::new(),
            settler: Batcher::start_patient(
                &tracker,
                stop.clone(),
                linger,
                Settler::new(shared.clone()),
            ),
            upkeep: Batcher::start(&tracker, stop.clone(), Upkeep::new(shared.clone())),
            recoveries: Agenda::default(),
            activity: Activity::default(),
            metrics: Metrics::new(),
            followers: follow::Followers::default(),
            rehearsing: Running::default(),
            tracker,
            stop,
        });
        shared.refresh_routing().await?;
        for lane in shared.store.backlog().await? {
            if let Some(due) = lane.next_due {
                shared.lanes.note_due(lane.webhook, due, due <= shared.clock.now());
            }
        }
        let intake = Intake::start(&shared);
        shared.tracker.spawn(dispatcher::run(Arc::clone(&shared)));
        shared.tracker.spawn(recovery::run(Arc::clone(&shared)));
        if let Some(kept_for) = options.kept_for {
            shared.tracker.spawn(retention::run(Arc::clone(&shared), kept_for));
        }
        Ok(Self { shared, intake })
    }

    /// Where everything is kept.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.shared.store
    }

    /// The source of time.
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// Mints ids.
    pub fn mint(&self) -> &Mint {
        &self.shared.mint
    }

    /// Which event types there are.
    pub fn catalogue(&self) -> &Catalogue {
        self.shared.schemas.catalogue()
    }

    /// Where `data` of an accepted event does not fit its schema; `None` when nobody asks.
    pub fn schema_violations(&self, event_type: &str, data: &[u8]) -> Option<Vec<Violation>> {
        let is_asked = self.shared.schema_check != SchemaCheck::Off;
        is_asked.then(|| self.shared.schemas.violations(event_type, data))
    }

    /// Whether a target that is being configured leads somewhere allowed, as far as can be told now.
    pub async fn preview_target(&self, target: &TargetUrl) -> Result<(), Denied> {
        self.shared.client.preview(target).await
    }

    /// Starts tasks; stopping waits for them.
    pub fn tracker(&self) -> &TaskTracker {
        &self.shared.tracker
    }

    /// The present routing table.
    pub fn routing(&self) -> Arc<RoutingTable> {
        self.shared.routing()
    }

    /// Brings the routing table up to date. To be called after every change of the catalog and
    /// before its caller is answered.
    pub async fn refresh_routing(&self) -> Result<(), StoreError> {
        self.shared.refresh_routing().await
    }

    /// Accepts the events of one request, all or none; durable when it answers.
    pub async fn accept(
        &self,
        merchant: MerchantId,
        events: Vec<PostedEvent>,
    ) -> Result<Vec<Accepted>, AcceptError> {
        self.intake.accept(&self.shared, merchant, None, events).await
    }

    /// Accepts test events for one webhook, whatever types it has selected.
    pub async fn accept_test(
        &self,
        merchant: MerchantId,
        webhook: WebhookId,
        events: Vec<PostedEvent>,
    ) -> Result<Vec<Accepted>, AcceptError> {
        self.intake.accept(&self.shared, merchant, Some(webhook), events).await
    }

    /// Waits until nothing is in flight and nothing is due now.
    pub async fn run_until_idle(&self) {
        let shared = &self.shared;
        loop {
            shared.activity.rest().await;
            let now = shared.clock.now();
            let has_recovery = shared.recoveries.next_due().is_some_and(|due| due <= now);
            if shared.activity.is_at_rest() && !shared.lanes.has_work(now) && !has_recovery {
                return;
            }
            tokio::task::yield_now().await;
        }
    }

    /// When the next delivery, probe or recovery is due, as far as is known while nothing runs; for
    /// whoever moves a clock.
    pub fn next_due(&self) -> Option<postrider_core::time::Timestamp> {
        let due = [self.shared.lanes.next_due(), self.shared.recoveries.next_due()];
        due.into_iter().flatten().min()
    }

    /// Stops: nothing new starts, what runs may finish within `grace`, results are written, and
    /// what had not started goes back to the store. What is cut off falls due again by its lease.
    pub async fn stop(&self, grace: Duration) {
        let shared = &self.shared;
        shared.hand_back(shared.lanes.stop()).await;
        if shared.clock.within(grace, shared.activity.rest()).await.is_none() {
            tracing::warn!("attempts were still running at the end of the grace time");
        }
        shared.stop.cancel();
        shared.client.close_idle();
        shared.tracker.close();
        if shared.clock.within(limits::STORE_RETRY_WAIT, shared.tracker.wait()).await.is_none() {
            tracing::debug!("tasks were still running at the stop");
        }
    }
}

impl Shared {
    pub(crate) fn routing(&self) -> Arc<RoutingTable> {
        Arc::clone(&self.routing.read())
    }

    pub(crate) async fn refresh_routing(self: &Arc<Self>) -> Result<(), StoreError> {
        let _one_at_a_time = self.refreshing.lock().await;
        let table = self.routing();
        let changes = self.store.routes_since(table.version()).await?;
        if changes.version == table.version() && changes.version != 0 {
            return Ok(());
        }
        let is_first = table.version() == 0;
        let now = self.clock.now();
        let hand_back = self.lanes.apply(&changes, now, is_first);
        *self.routing.write() = Arc::new(table.with(changes));
        dispatcher::start_attempts(self);
        // A webhook that receives again lets its recovery go on.
        self.recoveries.note(now);
        self.hand_back(hand_back).await;
        Ok(())
    }

    /// Gives leases back unused, so that others need not wait for them to run out.
    pub(crate) async fn hand_back(&self, unused: Vec<Ready>) {
        let at = self.clock.now();
        for Ready { leased, .. } in unused {
            let underway = self.activity.begin();
            let settlement = Settlement {
                delivery: leased.id,
                epoch: leased.epoch,
                at,
                change: Change::HandedBack,
            };
            let webhook = leased.webhook;
            self.settler.add(ToSettle { settlement, webhook, then: None, underway }).await;
        }
    }
}

//! The harness: a real SQLite store in a temporary folder, a manual clock, real HTTP over loopback.
//!
//! Each test crate here uses its own part of it.

pub(crate) mod receiver;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use postrider_core::address::AddressPolicy;
use postrider_core::audit::{Actor, Stamp};
use postrider_core::delivery::State;
use postrider_core::event::{EventType, PostedEvent};
use postrider_core::ids::{DeliveryId, MerchantId, WebhookId};
use postrider_core::limits;
use postrider_core::pattern::Pattern;
use postrider_core::retry::RetryPolicy;
use postrider_core::seal::Sealer;
use postrider_core::sign::{SIGNATURE_HEADER, Scheme};
use postrider_core::snapshot::AdditionalData;
use postrider_core::target::{TargetRules, TargetUrl};
use postrider_core::time::Timestamp;
use postrider_core::webhook::{Health, Status, Webhook};
use postrider_engine::client::{NameServers, Trust};
use postrider_engine::schemas::{SchemaCheck, Schemas};
use postrider_engine::{Accepted, Clock, Engine, EngineOptions, Sabotage, chance};
use postrider_store::Store;
use postrider_store::catalog::{DeliveryDetail, Merchant};

pub(crate) use receiver::{Got, Lock, Receiver, Say};

/// The moment every test starts at.
pub(crate) const START: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

/// How long what is over is kept: longer than the schedules of other tests.
pub(crate) const KEPT_FOR: Duration = Duration::from_hours(90 * 24);

/// A stamp of a test.
pub(crate) fn stamp(at: Timestamp) -> Stamp {
    Stamp { by: Actor::command("test"), at, request: None }
}

pub(crate) struct TestEngine {
    pub(crate) engine: Engine,
    pub(crate) clock: Clock,
    pub(crate) merchant: MerchantId,
    directory: tempfile::TempDir,
}

impl TestEngine {
    pub(crate) async fn start() -> Self {
        // In memory where that is possible: what is tested here is not the disk.
        let directory = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let clock = Clock::manual(START);
        let engine = engine(&directory, &clock).await;
        let merchant = engine.mint().id(START);
        let row = Merchant { id: merchant, name: "Shop".to_owned(), created_at: START };
        engine.store().create_merchant(row, stamp(START)).await.unwrap();
        engine.refresh_routing().await.unwrap();
        Self { engine, clock, merchant, directory }
    }

    /// Stops the engine in order and starts another one on the same database.
    pub(crate) async fn restart(self) -> Self {
        let Self { engine, clock, merchant, directory } = self;
        engine.stop(Duration::from_secs(5)).await;
        drop(engine);
        let engine = self::engine(&directory, &clock).await;
        Self { engine, clock, merchant, directory }
    }

    pub(crate) fn store(&self) -> &Arc<dyn Store> {
        self.engine.store()
    }

    /// A webhook that wants everything, with a ladder of one-minute waits unless changed.
    pub(crate) async fn webhook(&self, url: &str, change: impl FnOnce(&mut Webhook)) -> WebhookId {
        let rules = TargetRules { allow_http: true, addresses: Arc::new(loopback()) };
        let now = self.clock.now();
        let mut webhook = Webhook {
            id: self.engine.mint().id(now),
            merchant: self.merchant,
            name: "w".to_owned(),
            target: TargetUrl::parse(url, &rules).unwrap(),
            event_types: vec![Pattern::All],
            additional_data: AdditionalData::default(),
            status: Status::Enabled,
            signature: Scheme::Both,
            retry_policy: RetryPolicy::ladder(&[60, 60]).unwrap(),
            timeout: limits::TIMEOUT_DEFAULT,
            headers: vec![],
            max_in_flight: limits::MAX_IN_FLIGHT_DEFAULT,
            rate_limit_per_second: None,
            created_at: now,
            updated_at: now,
            configuration_version: 1,
        };
        change(&mut webhook);
        let id = webhook.id;
        self.store()
            .create_webhook(webhook, chance::verification_key(), stamp(START))
            .await
            .unwrap();
        self.engine.refresh_routing().await.unwrap();
        id
    }

    pub(crate) async fn post(&self, event_type: &str) -> Accepted {
        self.post_many(event_type, 1).await.remove(0)
    }

    pub(crate) async fn post_many(&self, event_type: &str, count: usize) -> Vec<Accepted> {
        let events = (0..count).map(|_| posted(event_type, "{\"object\":{\"type\":\"order\"}}"));
        self.engine.accept(self.merchant, events.collect()).await.unwrap()
    }

    /// Lets `duration` pass, stopping wherever something is due and running it to its end.
    pub(crate) async fn pass(&self, duration: Duration) {
        let end = self.clock.now() + duration;
        let Clock::Manual(manual) = &self.clock else { unreachable!() };
        loop {
            self.engine.run_until_idle().await;
            match self.engine.next_due() {
                Some(due) if due <= end => manual.advance_to(due),
                _ => break,
            }
        }
        manual.advance_to(end);
        self.engine.run_until_idle().await;
    }

    /// Moves the clock without waiting for anything.
    pub(crate) fn advance(&self, duration: Duration) {
        let Clock::Manual(manual) = &self.clock else { unreachable!() };
        manual.advance_to(self.clock.now() + duration);
    }

    pub(crate) async fn detail(&self, delivery: DeliveryId) -> DeliveryDetail {
        self.store().delivery(self.merchant, delivery).await.unwrap()
    }

    pub(crate) async fn state(&self, delivery: DeliveryId) -> State {
        self.detail(delivery).await.delivery.state
    }

    /// The outcome names of a delivery's attempts.
    pub(crate) async fn outcomes(&self, delivery: DeliveryId) -> Vec<&'static str> {
        let attempts = self.detail(delivery).await.attempts;
        attempts.iter().map(|attempt| attempt.outcome.kind.as_str()).collect()
    }

    pub(crate) async fn health(&self, webhook: WebhookId) -> (Status, Health) {
        let (webhook, health) = self.store().webhook(self.merchant, webhook).await.unwrap();
        (webhook.status, health)
    }
}

pub(crate) fn posted(event_type: &str, data: &str) -> PostedEvent {
    PostedEvent {
        id: None,
        event_type: EventType::parse(event_type).unwrap(),
        created: None,
        data: Bytes::copy_from_slice(data.as_bytes()),
        context: None,
        snapshot: None,
    }
}

fn loopback() -> AddressPolicy {
    AddressPolicy::default().allow(["127.0.0.0/8".parse().unwrap()])
}

async fn engine(directory: &tempfile::TempDir, clock: &Clock) -> Engine {
    let store = postrider_store::open(postrider_store::OpenOptions {
        url: format!("sqlite:{}", directory.path().join("test.db").display()),
        sealer: Sealer::new(&[7; 32], chance::fill_secret),
        now: clock.now(),
    });
    Engine::start(EngineOptions {
        store: store.await.unwrap(),
        clock: clock.clone(),
        addresses: Arc::new(loopback()),
        name_servers: NameServers::System,
        trust: Trust::System,
        schemas: Schemas::default(),
        schema_check: SchemaCheck::default(),
        signature_header: SIGNATURE_HEADER.to_owned(),
        user_agent: "Postrider/test".to_owned(),
        kept_for: Some(KEPT_FOR),
        sabotage: Sabotage::None,
    })
    .await
    .unwrap()
}

pub(crate) fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

pub(crate) fn hours(count: u64) -> Duration {
    Duration::from_secs(count * 3_600)
}

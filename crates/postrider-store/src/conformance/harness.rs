//! A store under test that can be closed and opened again, and the few calls tests make all the
//! time.

use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use postrider_core::delivery::{Next, State};
use postrider_core::time::Timestamp;

use super::fixture::{self, at, stamp};
use crate::catalog::{DeliveryDetail, Merchant};
use crate::queue::{
    Append, AppendRefusal, Appended, Change, LaneAsk, LeaseAsk, Leased, LeasedDelivery, NewEvent,
    Settled, Settlement,
};
use crate::{OpenOptions, Result, Store, open};

type Opening = Pin<Box<dyn Future<Output = Result<Arc<dyn Store>>> + Send>>;

/// A store over its own database. Derefs to the store.
pub struct Harness {
    store: Option<Arc<dyn Store>>,
    open: Box<dyn Fn(Timestamp) -> Opening + Send + Sync>,
}

impl fmt::Debug for Harness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.store.fmt(f)
    }
}

impl Deref for Harness {
    type Target = Arc<dyn Store>;
    fn deref(&self) -> &Self::Target {
        self.store.as_ref().unwrap()
    }
}

/// A harness over SQLite in a directory that goes with it; in memory where the system has a place
/// for that, since most of a test's time is otherwise syncs.
pub async fn temp_sqlite() -> Harness {
    let directory = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let directory = Arc::new(directory);
    let url = format!("sqlite:{}", directory.path().join("test.db").display());
    Harness::new(move |now| {
        let options = OpenOptions { url: url.clone(), sealer: fixture::sealer(), now };
        let directory = Arc::clone(&directory);
        Box::pin(async move {
            let store = open(options).await;
            drop(directory);
            store
        })
    })
    .await
}

impl Harness {
    /// Opens a store. `open` is called again for each restart, with the present time.
    pub async fn new(open: impl Fn(Timestamp) -> Opening + Send + Sync + 'static) -> Self {
        let store = open(at(0)).await.unwrap();
        Self { store: Some(store), open: Box::new(open) }
    }

    /// Closes the store and opens it again.
    pub async fn restart(&mut self, now: Timestamp) {
        self.store = None;
        self.store = Some((self.open)(now).await.unwrap());
    }

    /// Adds merchant 1 with webhooks 1 to `count`.
    pub async fn with_webhooks(self, count: u64) -> Self {
        self.add_merchant(1).await;
        for webhook in 1..=count {
            self.add_webhook(1, webhook).await;
        }
        self
    }

    /// Adds a merchant.
    pub async fn add_merchant(&self, n: u64) {
        let merchant =
            Merchant { id: fixture::merchant(n), name: format!("m{n}"), created_at: at(0) };
        self.create_merchant(merchant, stamp(0)).await.unwrap();
    }

    /// Adds a webhook.
    pub async fn add_webhook(&self, merchant: u64, n: u64) {
        let webhook = fixture::webhook(merchant, n);
        self.create_webhook(webhook, fixture::key(n), stamp(0)).await.unwrap();
    }

    /// The catalog version.
    pub async fn version(&self) -> u64 {
        self.routes_since(0).await.unwrap().version
    }

    /// Appends one request.
    pub async fn post(
        &self,
        events: Vec<NewEvent>,
    ) -> std::result::Result<Vec<Appended>, AppendRefusal> {
        let routing_version = self.version().await;
        let answers = self.append(vec![Append { routing_version, events }]).await.unwrap();
        answers.into_iter().next().unwrap()
    }

    /// Appends an event that becomes delivery `delivery` of webhook `webhook`, due at once at
    /// `seconds`.
    pub async fn post_one(&self, delivery: u64, webhook: u64, seconds: i64) {
        let event = fixture::minted(delivery, seconds).to(delivery, webhook);
        self.post(vec![event.into()]).await.unwrap();
    }

    /// Leases up to `limit` deliveries of one webhook for a minute.
    pub async fn lease_of(&self, webhook: u64, limit: u32, seconds: i64) -> Leased {
        let lane = LaneAsk {
            webhook: fixture::webhook_id(webhook),
            limit,
            lease_for: Duration::from_mins(1),
        };
        self.lease(LeaseAsk { now: at(seconds), lanes: vec![lane] }).await.unwrap()
    }

    /// Leases the one delivery that is due for a webhook.
    pub async fn lease_one(&self, webhook: u64, seconds: i64) -> LeasedDelivery {
        let leased = self.lease_of(webhook, 2, seconds).await;
        assert_eq!(leased.deliveries.len(), 1, "one delivery is due");
        leased.deliveries.into_iter().next().unwrap()
    }

    /// Settles one lease with an attempt.
    pub async fn settle_one(&self, leased: &LeasedDelivery, next: Next, seconds: i64) -> Settled {
        let number = leased.attempts + 1;
        let attempt = Box::new(fixture::attempt(number, seconds));
        self.settle_with(leased, Change::Attempted { attempt, next }, seconds).await
    }

    /// Settles one lease.
    pub async fn settle_with(
        &self,
        leased: &LeasedDelivery,
        change: Change,
        seconds: i64,
    ) -> Settled {
        let settlement =
            Settlement { delivery: leased.id, epoch: leased.epoch, at: at(seconds), change };
        self.settle([settlement].into()).await.unwrap().remove(0)
    }

    /// One delivery of merchant 1.
    pub async fn detail(&self, delivery: u64) -> DeliveryDetail {
        let id = fixture::delivery_id(delivery);
        self.delivery(fixture::merchant(1), id).await.unwrap()
    }

    /// The state of a delivery of merchant 1.
    pub async fn state(&self, delivery: u64) -> State {
        self.detail(delivery).await.delivery.state
    }
}

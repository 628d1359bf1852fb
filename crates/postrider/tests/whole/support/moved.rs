//! The parts of the program in this process, over a clock moved by hand: what takes a day takes no
//! time, while both sides still speak HTTP over sockets.

use std::net::SocketAddr;
use std::sync::Arc;

use postrider_core::address::AddressPolicy;
use postrider_core::audit::{Actor, Stamp};
use postrider_core::seal::Sealer;
use postrider_core::time::Timestamp;
use postrider_engine::client::{NameServers, Trust};
use postrider_engine::schemas::{SchemaCheck, Schemas};
use postrider_engine::{Clock, Engine, EngineOptions, Sabotage, chance};
use postrider_store::catalog::{ApiKey, Merchant};
use postrider_store::{OpenOptions, open};
use postrider_web::api_key::{KeyKind, Scopes, Secret};
use postrider_web::{App, AppOptions, serve};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use super::Client;

/// When it begins.
const START: Timestamp = Timestamp::from_unix_seconds(1_750_000_000);
const SIGNATURE_HEADER: &str = "Ordergroove-Signature";

/// A running node with one merchant.
#[derive(Debug)]
pub struct MovedNode {
    pub merchant: String,
    clock: Clock,
    address: SocketAddr,
    api_key: String,
    _runtime: Runtime,
    _folder: tempfile::TempDir,
}

impl MovedNode {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::manual(START);
        let runtime = Runtime::new().unwrap();
        let url = format!("sqlite:{}", folder.path().join("postrider.db").display());
        let (address, engine) = runtime.block_on(start(url, clock.clone()));
        let (merchant, api_key) = runtime.block_on(add_merchant(&engine));
        Self { merchant, clock, address, api_key, _runtime: runtime, _folder: folder }
    }

    /// A connection with the merchant's key.
    pub fn client(&self) -> Client {
        Client::connect(self.address, &self.api_key).unwrap()
    }

    /// Moves the clock on to that second.
    pub fn advance_to(&self, unix_seconds: i64) {
        let Clock::Manual(manual) = &self.clock else { unreachable!("it is moved by hand") };
        manual.advance_to(Timestamp::from_unix_seconds(unix_seconds));
    }
}

async fn start(url: String, clock: Clock) -> (SocketAddr, Engine) {
    let loopback = AddressPolicy::default().allow(["127.0.0.0/8".parse().unwrap()]);
    let addresses = Arc::new(loopback);
    let sealer = Sealer::new(&[7; 32], chance::fill_secret);
    let engine = Engine::start(EngineOptions {
        store: open(OpenOptions { url, sealer, now: clock.now() }).await.unwrap(),
        clock,
        addresses: Arc::clone(&addresses),
        name_servers: NameServers::Given(Vec::new()),
        trust: Trust::Roots(Vec::new()),
        schemas: Schemas::default(),
        schema_check: SchemaCheck::default(),
        signature_header: SIGNATURE_HEADER.to_owned(),
        user_agent: "Postrider/test".to_owned(),
        kept_for: None,
        sabotage: Sabotage::None,
    });
    let engine = engine.await.unwrap();
    let app = App::new(AppOptions {
        engine: engine.clone(),
        addresses,
        allow_http_targets: true,
        public_url: None,
        requests_per_second: None,
        signature_header: SIGNATURE_HEADER.to_owned(),
        setup: None,
    });
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    engine.tracker().spawn(serve(listener, app, std::future::pending()));
    (address, engine)
}

async fn add_merchant(engine: &Engine) -> (String, String) {
    let (now, store) = (engine.clock().now(), engine.store());
    let stamp = Stamp { by: Actor::command("test"), at: now, request: None };
    let merchant = Merchant { id: engine.mint().id(now), name: "Shop".into(), created_at: now };
    store.create_merchant(merchant.clone(), stamp.clone()).await.unwrap();
    let secret = Secret::fresh(KeyKind::Merchant);
    let key = ApiKey {
        id: engine.mint().id(now),
        merchant: Some(merchant.id),
        name: "key".into(),
        digest: secret.digest(),
        hint: secret.hint(),
        scopes: Scopes::ALL.bits(),
        created_at: now,
        revoked_at: None,
    };
    store.create_api_key(key, stamp).await.unwrap();
    engine.refresh_routing().await.unwrap();
    (merchant.id.to_string(), secret.reveal().to_owned())
}

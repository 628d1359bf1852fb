//! The API in process: a real SQLite store in a directory of its own, a real engine, and requests
//! handed to [`App::handle`](crate::App::handle). What needs sockets is in `listener`.

mod access;
mod admin;
mod audit_log;
mod bad_input;
mod catalogue;
mod contract;
mod deliveries;
mod description;
mod events;
mod explain;
mod faults;
mod isolation;
mod legacy;
mod listener;
mod metrics;
mod monitoring;
mod paging;
mod people;
mod preview;
mod promises;
mod recoveries;
mod reference;
mod rehearsals;
mod search;
mod signature_checks;
mod wall;
mod webhooks;
mod world;

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use postrider_core::address::AddressPolicy;
use postrider_core::audit::{Actor, Stamp};
use postrider_core::ids::{Id, MerchantId};
use postrider_core::seal::Sealer;
use postrider_core::time::Timestamp;
use postrider_engine::client::{NameServers, Trust};
use postrider_engine::clock::ManualClock;
use postrider_engine::schemas::{SchemaCheck, Schemas};
use postrider_engine::{Clock, Engine, EngineOptions, Sabotage, chance};
use postrider_store::catalog::{ApiKey, Merchant};
use postrider_store::{OpenOptions, open};
use serde_json::Value;
use tempfile::TempDir;

use crate::api_key::{KeyKind, Scopes, Secret};
use crate::{App, AppOptions, ListenerLimits, PublicUrl};

/// When tests happen.
pub(super) const NOW: Timestamp = Timestamp::from_unix_seconds(1_750_000_000);
/// What a merchant's keys may do in the one second that tests take.
pub(super) const REQUESTS_PER_SECOND: u32 = 5_000;
/// An id nothing has.
pub(super) const RANDOM_ID: &str = "0190000000007000800000000000abcd";

/// A stamp of a test.
pub(super) fn stamp() -> Stamp {
    Stamp { by: Actor::command("test"), at: NOW, request: None }
}

/// The API over an engine and a store of its own.
pub(super) struct TestApp {
    pub(super) app: App,
    pub(super) engine: Engine,
    /// A merchant, and a key of it with every scope.
    pub(super) merchant: MerchantId,
    pub(super) key: String,
    pub(super) operator: String,
    _directory: TempDir,
}

/// What differs between tests.
pub(super) struct Setup {
    pub(super) policy: AddressPolicy,
    pub(super) clock: Clock,
    pub(super) limits: ListenerLimits,
    pub(super) schemas: Schemas,
    pub(super) schema_check: SchemaCheck,
    pub(super) name_servers: Vec<SocketAddr>,
    pub(super) requests_per_second: Option<NonZeroU32>,
    pub(super) public_url: Option<PublicUrl>,
}

impl Default for Setup {
    /// Targets must be public, no name has an address, and time stands still.
    fn default() -> Self {
        Self {
            policy: AddressPolicy::default(),
            clock: Clock::manual(NOW),
            limits: ListenerLimits::default(),
            schemas: Schemas::default(),
            schema_check: SchemaCheck::default(),
            name_servers: Vec::new(),
            requests_per_second: NonZeroU32::new(REQUESTS_PER_SECOND),
            public_url: None,
        }
    }
}

impl Setup {
    /// Targets may be on loopback.
    pub(super) fn local() -> Self {
        let policy = AddressPolicy::default().allow(["127.0.0.0/8".parse().unwrap()]);
        Self { policy, ..Self::default() }
    }
}

impl TestApp {
    /// Targets on loopback are allowed, so that deliveries can arrive; time stands still.
    pub(super) async fn new() -> Self {
        Self::set_up(Setup::local()).await
    }

    /// Targets must be public.
    pub(super) async fn strict() -> Self {
        Self::set_up(Setup::default()).await
    }

    pub(super) async fn with(policy: AddressPolicy, clock: Clock, limits: ListenerLimits) -> Self {
        Self::set_up(Setup { policy, clock, limits, ..Setup::default() }).await
    }

    pub(super) async fn set_up(setup: Setup) -> Self {
        let app = Self::set_up_empty(setup).await;
        let operator = add_key(&app.engine, None, Scopes::NONE).await;
        let (merchant, key) = add_merchant(&app.engine).await;
        Self { merchant, key, operator, ..app }
    }

    /// Nothing was founded: no merchant, no key.
    pub(super) async fn empty() -> Self {
        Self::set_up_empty(Setup::default()).await
    }

    async fn set_up_empty(setup: Setup) -> Self {
        let Setup { policy, clock, limits, schemas, schema_check, .. } = setup;
        let directory = tempfile::tempdir().unwrap();
        let allows_loopback = policy.judge("127.0.0.1".parse().unwrap(), 80).is_ok();
        let addresses = Arc::new(policy);
        let store = open(OpenOptions {
            url: format!("sqlite:{}", directory.path().join("test.db").display()),
            sealer: Sealer::new(&[7; 32], chance::fill_secret),
            now: clock.now(),
        });
        let engine = Engine::start(EngineOptions {
            store: store.await.unwrap(),
            clock,
            addresses: Arc::clone(&addresses),
            name_servers: NameServers::Given(setup.name_servers),
            trust: Trust::Roots(Vec::new()),
            schemas,
            schema_check,
            signature_header: "Ordergroove-Signature".to_owned(),
            user_agent: "Postrider/test".to_owned(),
            kept_for: None,
            sabotage: Sabotage::None,
        });
        let engine = engine.await.unwrap();
        let options = AppOptions {
            engine: engine.clone(),
            addresses,
            allow_http_targets: allows_loopback,
            signature_header: "Ordergroove-Signature".to_owned(),
            public_url: setup.public_url,
            requests_per_second: setup.requests_per_second,
            setup: None,
        };
        let app = App::with_limits(options, limits);
        let (key, operator) = (String::new(), String::new());
        let merchant = MerchantId::from_bits(0);
        Self { app, engine, merchant, key, operator, _directory: directory }
    }

    /// The clock, if it is moved by hand.
    pub(super) fn manual(&self) -> Option<&ManualClock> {
        match self.engine.clock() {
            Clock::Manual(manual) => Some(manual),
            Clock::System(_) => None,
        }
    }

    /// Another merchant with a key of every scope.
    pub(super) async fn other_merchant(&self) -> (MerchantId, String) {
        add_merchant(&self.engine).await
    }

    pub(super) async fn key_with(&self, scopes: Scopes) -> String {
        add_key(&self.engine, Some(self.merchant), scopes).await
    }

    /// A request with the merchant's key.
    pub(super) fn get(&self, path: &str) -> Call<'_> {
        self.bare("GET", path).key(&self.key)
    }

    /// A JSON request with the merchant's key.
    pub(super) fn post(&self, path: &str, body: impl Into<Vec<u8>>) -> Call<'_> {
        self.send("POST", path, body)
    }

    pub(super) fn send(&self, method: &str, path: &str, body: impl Into<Vec<u8>>) -> Call<'_> {
        let call = self.bare(method, path).key(&self.key);
        call.header("content-type", "application/json").body(body)
    }

    /// A request without a key.
    pub(super) fn bare(&self, method: &str, path: &str) -> Call<'_> {
        let request = Request::builder().method(method).uri(path).header("host", "api.test");
        Call { app: &self.app, request, body: Vec::new() }
    }

    /// A webhook for `event_types` that points to `target`.
    pub(super) async fn webhook(&self, target: &str, event_types: &[&str]) -> String {
        let body = serde_json::json!({
            "name": "hook", "target_url": target, "event_types": event_types,
        });
        let answer = self.post("/api/v1/webhooks", body.to_string()).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.json["id"].as_str().unwrap().to_owned()
    }

    /// Posts one `order.create` with this data and answers what was answered.
    pub(super) async fn post_event(&self, data: &str) -> Answer {
        let body = format!(r#"{{"type":"order.create","data":{data}}}"#);
        self.post("/api/v1/events", body).await
    }

    /// A receiver on loopback that accepts everything.
    pub(super) async fn receiver(&self) -> SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let tracker = self.engine.tracker().clone();
        self.engine.tracker().spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let answer = service_fn(async |_: Request<hyper::body::Incoming>| {
                    Ok::<_, std::convert::Infallible>(axum::http::Response::new(Body::from("ok")))
                });
                let connection = hyper::server::conn::http1::Builder::new();
                tracker.spawn(connection.serve_connection(TokioIo::new(stream), answer));
            }
        });
        address
    }
}

async fn add_merchant(engine: &Engine) -> (MerchantId, String) {
    let now = engine.clock().now();
    let merchant = Merchant { id: engine.mint().id(now), name: "Shop".to_owned(), created_at: now };
    engine.store().create_merchant(merchant.clone(), stamp()).await.unwrap();
    engine.refresh_routing().await.unwrap();
    (merchant.id, add_key(engine, Some(merchant.id), Scopes::ALL).await)
}

async fn add_key(engine: &Engine, merchant: Option<MerchantId>, scopes: Scopes) -> String {
    let kind = if merchant.is_some() { KeyKind::Merchant } else { KeyKind::Operator };
    let (secret, now) = (Secret::fresh(kind), engine.clock().now());
    let key = ApiKey {
        id: engine.mint().id(now),
        merchant,
        name: "key".to_owned(),
        digest: secret.digest(),
        hint: secret.hint(),
        scopes: scopes.bits(),
        created_at: now,
        revoked_at: None,
    };
    engine.store().create_api_key(key, stamp()).await.unwrap();
    secret.reveal().to_owned()
}

/// A request being put together; awaiting it sends it.
pub(super) struct Call<'a> {
    app: &'a App,
    request: axum::http::request::Builder,
    body: Vec<u8>,
}

impl Call<'_> {
    pub(super) fn key(self, key: &str) -> Self {
        self.header("x-api-key", key)
    }

    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    /// Sent to another host.
    pub(super) fn host(mut self, host: &str) -> Self {
        let headers = self.request.headers_mut().unwrap();
        headers.insert("host", host.parse().unwrap());
        self
    }

    #[expect(clippy::needless_pass_by_value, reason = "ids and texts alike, without noise")]
    pub(super) fn acting_for(self, merchant: impl ToString) -> Self {
        self.header("postrider-merchant", &merchant.to_string())
    }

    pub(super) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }
}

impl<'a> IntoFuture for Call<'a> {
    type Output = Answer;
    type IntoFuture = std::pin::Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let request = self.request.body(Body::from(self.body)).unwrap();
            let (method, path) = (request.method().clone(), request.uri().path().to_owned());
            let response = self.app.handle(request).await;
            let answer = Answer::read(response, crate::legacy::owns(&path)).await;
            // Pages are not of the API; `tests::admin` says what holds for them.
            let is_page = answer.header("content-type").starts_with("text/html");
            if !crate::admin::owns(&path) && (path.starts_with("/api/") || !is_page) {
                contract::check(method.as_str(), &path, &answer).unwrap();
            }
            answer
        })
    }
}

/// What came back.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
    pub(super) json: Value,
}

impl Answer {
    async fn read(response: axum::http::Response<Body>, is_legacy: bool) -> Self {
        let (head, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        let answer = Self { status: head.status, headers: head.headers, text, json };
        answer.check_form(is_legacy);
        answer
    }

    /// What holds for every answer there is.
    fn check_form(&self, is_legacy: bool) {
        assert!(Id::<()>::parse(self.header("x-request-id")).is_ok());
        assert_eq!(self.header("x-content-type-options"), "nosniff");
        let is_file = self.header("cache-control").starts_with("public");
        assert!(is_file || self.header("cache-control") == "no-store");
        assert!(self.header("content-security-policy").contains("default-src 'none'"));
        assert!(!self.headers.contains_key("access-control-allow-origin"));
        if is_legacy {
            assert_eq!(self.header("content-type"), "application/json");
        } else if self.header("content-type") == "text/html; charset=utf-8" {
            assert!(self.text.starts_with("<!doctype html>"), "{}", self.text);
        } else if self.status.is_client_error() || self.status.is_server_error() {
            assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text);
            assert_eq!(self.json["status"], self.status.as_u16());
            assert_eq!(self.json["request_id"], self.header("x-request-id"));
            for member in ["type", "title", "code", "detail"] {
                assert!(!self.json[member].as_str().unwrap().is_empty(), "{}", self.text);
            }
        }
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Status and code of a problem.
    pub(super) fn problem(&self) -> (u16, &str) {
        (self.status.as_u16(), self.json["code"].as_str().unwrap_or_default())
    }

    pub(super) fn field(&self) -> &str {
        self.json["field"].as_str().unwrap_or_default()
    }

    pub(super) fn detail(&self) -> &str {
        self.json["detail"].as_str().unwrap_or_default()
    }

    /// The body without what differs from request to request.
    pub(super) fn without_request_id(&self) -> Value {
        let mut json = self.json.clone();
        if let Some(members) = json.as_object_mut() {
            members.remove("request_id");
        }
        json
    }

    /// The ids of a list.
    pub(super) fn ids(&self) -> Vec<&str> {
        let rows = self.json["results"].as_array().unwrap();
        rows.iter().map(|row| row["id"].as_str().unwrap()).collect()
    }
}

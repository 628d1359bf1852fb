//! A running node: store, engine and API put together, and taken apart in order.
//!
//! Owns the wiring that `serve` and `demo` share, so that the demo runs what production runs. Stop
//! order: refuse new requests, then stop leasing, finish attempts, settle and hand back; all of it
//! within the grace. What is cut off falls due again, because a lease is a due time.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use postrider_core::address::AddressPolicy;
use postrider_engine::client::{NameServers, Trust};
use postrider_engine::schemas::Schemas;
use postrider_engine::{Clock, Engine, EngineOptions};
use postrider_store::{OpenOptions, Store};
use postrider_web::founding::SetupCode;
use postrider_web::{App, AppOptions};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, Egress, Web};
use crate::failure::Failure;
use crate::secret_key;

/// Opens the database, which migrates it, or says why not.
pub(crate) async fn open_store(config: &Config, clock: &Clock) -> Result<Arc<dyn Store>, Failure> {
    Ok(postrider_store::open(open_options(config, clock)?).await?)
}

/// How the database is opened; makes the secret key of a new one.
pub(crate) fn open_options(config: &Config, clock: &Clock) -> Result<OpenOptions, Failure> {
    let sealer = secret_key::read_or_make(config)?.sealer();
    let url = config.database.reveal().to_owned();
    Ok(OpenOptions { url, sealer, now: clock.now() })
}

/// The addresses a node answers on.
#[derive(Debug)]
pub(crate) struct Listeners {
    pub(crate) api: TcpListener,
    pub(crate) metrics: Option<TcpListener>,
}

impl Listeners {
    /// Takes the addresses.
    pub(crate) async fn bind(web: &Web) -> Result<Self, Failure> {
        let api = bind(web.listen, "--listen").await?;
        let metrics = match web.metrics_listen {
            Some(listen) => Some(bind(listen, "--metrics-listen").await?),
            None => None,
        };
        Ok(Self { api, metrics })
    }
}

async fn bind(listen: SocketAddr, flag: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(listen).await.map_err(|error| {
        let remedy = match error.kind() {
            std::io::ErrorKind::AddrInUse => "stop the program that has it, or choose another",
            std::io::ErrorKind::PermissionDenied => "choose a port from 1024 on, or allow it",
            _ => "choose an address of this machine",
        };
        Failure::usage(format!("cannot listen on {listen}: {error}; {remedy} with {flag}"))
    })
}

/// A node that is running.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) engine: Engine,
    pub(crate) address: SocketAddr,
    /// Where metrics are read without a key.
    pub(crate) metrics_address: Option<SocketAddr>,
    web: JoinHandle<()>,
    stop_web: CancellationToken,
}

impl Node {
    /// Starts delivery and the API; `setup` opens an empty database.
    pub(crate) async fn start(
        config: &Config,
        schemas: Schemas,
        store: Arc<dyn Store>,
        clock: Clock,
        listeners: Listeners,
        setup: Option<SetupCode>,
    ) -> Result<Self, Failure> {
        let Listeners { api, metrics } = listeners;
        let address = api.local_addr().context("cannot tell the address of the API")?;
        let metrics_address = metrics.as_ref().map(TcpListener::local_addr).transpose();
        let metrics_address = metrics_address.context("cannot tell the address of metrics")?;
        let addresses = Arc::new(address_policy(&config.egress, address.ip()));
        let engine = Engine::start(EngineOptions {
            store,
            clock,
            addresses: Arc::clone(&addresses),
            name_servers: name_servers(&config.egress),
            trust: Trust::System,
            schemas,
            schema_check: config.schema_check,
            signature_header: config.signature_header.as_str().to_owned(),
            user_agent: concat!("Postrider/", env!("CARGO_PKG_VERSION")).to_owned(),
            kept_for: config.retention_days.span(),
            sabotage: config.sabotage,
        })
        .await
        .context("cannot start delivery")?;
        let app = App::new(AppOptions {
            engine: engine.clone(),
            addresses,
            allow_http_targets: config.egress.allow_http_targets,
            signature_header: config.signature_header.as_str().to_owned(),
            public_url: config.web.public_url.clone(),
            requests_per_second: config.web.merchant_request_rate.per_second(),
            setup,
        });
        let stop_web = CancellationToken::new();
        if let Some(listener) = metrics {
            let until_stopped = stop_web.clone().cancelled_owned();
            let serving = postrider_web::serve(listener, app.only_metrics(), until_stopped);
            engine.tracker().spawn(serving);
        }
        let until_stopped = stop_web.clone().cancelled_owned();
        let web = engine.tracker().spawn(postrider_web::serve(api, app, until_stopped));
        Ok(Self { engine, address, metrics_address, web, stop_web })
    }

    /// Returns if the API stops by itself, which it should not.
    pub(crate) async fn failed(&mut self) -> anyhow::Error {
        match (&mut self.web).await {
            Ok(()) => anyhow::anyhow!("the API stopped by itself"),
            Err(error) => anyhow::Error::new(error).context("the API stopped by itself"),
        }
    }

    /// Stops in order, within `grace`.
    pub(crate) async fn stop(self, grace: Duration) {
        let Self { engine, web, stop_web, .. } = self;
        let clock = engine.clock().clone();
        let began = clock.reading();
        engine.dismiss_followers();
        stop_web.cancel();
        if clock.within(grace, web).await.is_none() {
            tracing::warn!("requests were still in flight when the grace was over");
        }
        let spent = clock.reading().saturating_sub(began);
        engine.stop(grace.saturating_sub(spent)).await;
    }
}

fn name_servers(egress: &Egress) -> NameServers {
    if egress.name_servers.is_empty() {
        NameServers::System
    } else {
        NameServers::Given(egress.name_servers.clone())
    }
}

/// Who may be sent to. The address of the API is our own, unless it says nothing about where we are
/// (0.0.0.0) or is refused anyway (loopback).
fn address_policy(egress: &Egress, listen: IpAddr) -> AddressPolicy {
    let is_own = !listen.is_loopback() && !listen.is_unspecified();
    AddressPolicy::default()
        .allow(egress.allow_targets.iter().copied())
        .deny(egress.deny_targets.iter().copied())
        .own(is_own.then_some(listen))
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::config::DatabaseUrl;

    #[test]
    fn no_webhook_may_post_back_into_our_own_api() {
        let egress =
            Egress { deny_targets: vec!["8.8.8.0/24".parse().unwrap()], ..Egress::default() };
        let own = IpAddr::from([1, 1, 1, 1]);
        let judge =
            |policy: &AddressPolicy, ip: [u8; 4]| policy.judge(IpAddr::from(ip), 443).is_ok();
        let policy = address_policy(&egress, own);
        assert!(!judge(&policy, [1, 1, 1, 1]) && !judge(&policy, [8, 8, 8, 8]));
        assert!(judge(&policy, [9, 9, 9, 9]) && !judge(&policy, [127, 0, 0, 1]));
        assert!(judge(&address_policy(&egress, IpAddr::from([0, 0, 0, 0])), [1, 1, 1, 1]));
        let allowed = vec!["127.0.0.0/8".parse().unwrap()];
        let policy = address_policy(&Egress { allow_targets: allowed, ..Egress::default() }, own);
        assert!(judge(&policy, [127, 0, 0, 1]));
    }

    #[tokio::test]
    async fn a_port_that_is_taken_is_refused_with_what_to_do() {
        let first = bind(SocketAddr::from(([127, 0, 0, 1], 0)), "--listen").await.unwrap();
        let failure = bind(first.local_addr().unwrap(), "--listen").await.unwrap_err();
        let text = failure.to_string();
        assert!(matches!(failure, Failure::Usage(_)) && text.contains("--listen"), "{text}");
    }

    #[tokio::test]
    async fn a_node_answers_metrics_on_an_address_of_their_own() {
        let directory = tempfile::tempdir().unwrap();
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        let web = Web { listen: free, metrics_listen: Some(free), ..Web::default() };
        let database = DatabaseUrl::sqlite(&directory.path().join("p.db"));
        let config = Config { database, web, ..Config::default() };
        let clock = Clock::system();
        let listeners = Listeners::bind(&config.web).await.unwrap();
        let store = open_store(&config, &clock).await.unwrap();
        let node = Node::start(&config, Schemas::default(), store, clock, listeners, None);
        let node = node.await.unwrap();
        let read = async |address: SocketAddr| {
            let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
            let request = "GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            answer
        };
        let answer = read(node.metrics_address.unwrap()).await;
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("postrider_unaccounted 0"));
        assert!(read(node.address).await.starts_with("HTTP/1.1 401 "));
        node.stop(Duration::from_secs(5)).await;
    }
}

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
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::config::{Config, Egress};
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

/// Takes the address the API answers on.
pub(crate) async fn bind(listen: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(listen).await.map_err(|error| {
        let remedy = match error.kind() {
            std::io::ErrorKind::AddrInUse => "stop the program that has it, or choose another",
            std::io::ErrorKind::PermissionDenied => "choose a port from 1024 on, or allow it",
            _ => "choose an address of this machine",
        };
        Failure::usage(format!("cannot listen on {listen}: {error}; {remedy} with --listen"))
    })
}

/// A node that is running.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) engine: Engine,
    pub(crate) address: SocketAddr,
    web: JoinHandle<()>,
    stop_web: oneshot::Sender<()>,
}

impl Node {
    /// Starts delivery and the API; `setup` opens an empty database.
    pub(crate) async fn start(
        config: &Config,
        schemas: Schemas,
        store: Arc<dyn Store>,
        clock: Clock,
        listener: TcpListener,
        setup: Option<SetupCode>,
    ) -> Result<Self, Failure> {
        let address = listener.local_addr().context("cannot tell the address of the API")?;
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
            requests_per_second: config.web.merchant_request_rate.per_second(),
            setup,
        });
        let (stop_web, stopped) = oneshot::channel();
        let until_stopped = async move {
            // An error means that the sender is gone, which asks for the same.
            let _ = stopped.await;
        };
        let web = engine.tracker().spawn(postrider_web::serve(listener, app, until_stopped));
        Ok(Self { engine, address, web, stop_web })
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
        // The receiver is gone only when the API has stopped already.
        let _ = stop_web.send(());
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
    use super::*;

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
        let first = bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let failure = bind(first.local_addr().unwrap()).await.unwrap_err();
        let text = failure.to_string();
        assert!(matches!(failure, Failure::Usage(_)) && text.contains("--listen"), "{text}");
    }
}

//! `postrider serve`: the API and the delivery, until told to stop.

use std::process::ExitCode;

use anyhow::Context as _;
use postrider_engine::{Clock, Sabotage};
use postrider_web::founding::{self, SetupCode};

use crate::cli::ConfigFlags;
use crate::config::{self, Config};
use crate::failure::Failure;
use crate::node::{self, Listeners, Node};
use crate::output::say;
use crate::signals::Signals;
use crate::{own_catalogue, telemetry};

pub(crate) async fn run(flags: &ConfigFlags) -> Result<ExitCode, Failure> {
    let config = config::load(flags)?.config;
    telemetry::start(config.log);
    // Before anything is begun, so that no signal falls between.
    let mut signals = Signals::listen().context("cannot listen for signals")?;
    warn_of_openings(&config);
    let clock = Clock::system();
    let schemas = own_catalogue::load(&config)?;
    // A taken port is the likeliest mistake; found out before the database is touched.
    let listeners = Listeners::bind(&config.web).await?;
    let store = node::open_store(&config, &clock).await?;
    let is_empty = founding::is_empty(&*store).await?;
    let (code, text) = is_empty.then(|| SetupCode::fresh(clock.now())).unzip();
    let mut node = Node::start(&config, schemas, store, clock, listeners, code).await?;
    say(&format!("Postrider {} answers on http://{}", env!("CARGO_PKG_VERSION"), node.address));
    if let Some(address) = node.metrics_address {
        say(&format!("Metrics without a key are on http://{address}/metrics"));
    }
    if let Some(text) = text {
        // To the terminal only: whoever can read the log is not always its owner.
        let own = || format!("http://{}", node.address);
        let base = config.web.public_url.as_ref().map_or_else(own, ToString::to_string);
        say(&format!(
            "The database is empty. Within an hour, set it up once at\n  {base}/set-up?code={}",
            text.reveal()
        ));
    }
    let signal = tokio::select! {
        signal = signals.stop() => signal,
        error = node.failed() => return Err(error.into()),
    };
    stop(node, &config, signal, &mut signals).await
}

/// Stops in order; at once when told again.
async fn stop(
    node: Node,
    config: &Config,
    signal: &str,
    signals: &mut Signals,
) -> Result<ExitCode, Failure> {
    let grace = config.shutdown_grace;
    tracing::info!(signal, %grace, "stopping; what is in flight may finish");
    tokio::select! {
        () = node.stop(grace.0) => {
            tracing::info!("stopped");
            Ok(ExitCode::SUCCESS)
        }
        signal = signals.stop() => {
            tracing::warn!(signal, "stopped at once; what was in flight is attempted again");
            Ok(ExitCode::FAILURE)
        }
    }
}

/// What an operator opened is said at every start (reliability.md E9).
fn warn_of_openings(config: &Config) {
    if config.sabotage != Sabotage::None {
        tracing::warn!(sabotage = ?config.sabotage, "a fault is built in, for a test");
    }
    let egress = &config.egress;
    if !egress.allow_targets.is_empty() {
        let blocks: Vec<_> = egress.allow_targets.iter().map(ToString::to_string).collect();
        tracing::warn!(
            blocks = blocks.join(", "),
            "allow_targets opens addresses that are not public"
        );
    }
    if egress.allow_http_targets {
        tracing::warn!("allow_http_targets lets bodies travel in clear");
    }
}

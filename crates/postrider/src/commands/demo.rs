//! `postrider demo`: the main job, for real, on one machine.
//!
//! A database in a temporary directory, a node as `serve` runs it, and receivers that verify every
//! signature; the demo itself is a client of the HTTP API. Owns the order of the play; who takes
//! part is in `cast`, what is posted in `script`, the figures in `figures`, the judgement in
//! `verdict`.
//!
//! Invariant: the demo goes through no path of its own. Waits are short because the webhooks ask
//! for short waits, and loopback is allowed by configuration.

mod cast;
mod figures;
mod progress;
mod script;
mod verdict;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use postrider_core::audit::{Actor, Stamp};
use postrider_engine::Clock;
use postrider_engine::schemas::Schemas;
use postrider_web::founding::{self, Founded, Founder};
use tempfile::TempDir;

use crate::api::Api;
use crate::cli::DemoArgs;
use crate::config::{Config, DatabaseUrl, Egress, Log, LogFormat, Web};
use crate::failure::Failure;
use crate::node::{self, Listeners, Node};
use crate::output::say;
use crate::signals::Signals;
use crate::telemetry;
use cast::Cast;
use figures::Figures;
use progress::Progress;
use script::Posted;

/// The dead webhook's probes end within seconds; beyond this something is wrong.
const PATIENCE: Duration = Duration::from_mins(2);
/// Between two looks at the figures while deliveries are under way.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);
/// Time to stop at the end. Nothing should be in flight any more.
const GRACE: Duration = Duration::from_secs(5);

pub(crate) async fn run(args: DemoArgs) -> Result<ExitCode, Failure> {
    let mut signals = Signals::listen().context("cannot listen for signals")?;
    let stage = Stage::build(&args).await?;
    let cast = cast::assemble(&stage.api, stage.clock()).await?;
    let played = tokio::select! {
        played = play(&stage, &cast, args.exit) => Some(played),
        _ = signals.stop() => None,
    };
    let is_good = match played {
        None => {
            say("\nstopped before all was settled");
            false
        }
        Some(Err(error)) => {
            stage.strike(cast).await;
            return Err(error.into());
        }
        Some(Ok(is_good)) if args.exit => is_good,
        Some(Ok(is_good)) => {
            cast.show_from_now_on();
            stage.invite();
            signals.stop().await;
            is_good
        }
    };
    stage.strike(cast).await;
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Posts the script, waits until all is settled, and prints what came of it. Answers whether all
/// of it is as it should be.
async fn play(stage: &Stage, cast: &Cast, is_last_word: bool) -> anyhow::Result<bool> {
    cast.introduce(stage.node.address);
    let now = stage.clock().now().unix_seconds();
    let posted = script::post(&stage.api, &stage.founded.merchant.to_string(), now).await?;
    say(&format!(
        "posted {} events: {} one by one, {} in one batch, {} as NDJSON",
        posted.types.len(),
        posted.singly,
        posted.in_batch,
        posted.as_lines
    ));
    wait_until_settled(stage, &posted).await?;
    let tally = stage.node.engine.store().tally().await.context("cannot count")?;
    let figures = Figures::gather(&stage.api, cast, tally).await?;
    say(&figures.table());
    let checks = verdict::judge(&posted, &figures);
    for check in &checks {
        say(&format!("{} {}", if check.holds { "ok    " } else { "FAILED" }, check.text));
    }
    let is_good = checks.iter().all(|check| check.holds);
    if is_last_word {
        let last = if is_good { "every delivery is where it should be" } else { "the demo failed" };
        say(last);
    }
    Ok(is_good)
}

/// Waits until nothing is pending, as long as there is hope; the judgement tells the rest.
async fn wait_until_settled(stage: &Stage, posted: &Posted) -> anyhow::Result<()> {
    let clock = stage.clock();
    let began = clock.reading();
    let mut progress = Progress::new();
    loop {
        let tally = stage.node.engine.store().tally().await.context("cannot count")?;
        let elapsed = clock.reading().saturating_sub(began);
        progress.show(elapsed, &tally);
        let is_settled = tally.pending == 0 && tally.events >= posted.types.len() as u64;
        if is_settled || elapsed >= PATIENCE {
            progress.finish();
            return Ok(());
        }
        clock.sleep(LOOK_INTERVAL).await;
    }
}

/// Everything the demo runs on.
struct Stage {
    node: Node,
    founded: Founded,
    /// The owner's, to sign in to the admin with; it ends with the demo.
    password: String,
    api: Api,
    /// Removed last.
    _directory: TempDir,
}

impl Stage {
    async fn build(args: &DemoArgs) -> Result<Self, Failure> {
        let directory = tempfile::tempdir().context("cannot make a temporary directory")?;
        let loopback = ["127.0.0.0/8", "::1/128"];
        let allow_targets = loopback.iter().filter_map(|block| block.parse().ok()).collect();
        let config = Config {
            database: DatabaseUrl::sqlite(&directory.path().join("demo.db")),
            web: Web { listen: args.listen, ..Web::default() },
            egress: Egress { allow_targets, allow_http_targets: true, ..Egress::default() },
            log: Log { format: LogFormat::Text, level: args.log_level },
            ..Config::default()
        };
        telemetry::start(config.log);
        let clock = Clock::system();
        let listeners = Listeners::bind(&config.web).await?;
        let store = node::open_store(&config, &clock).await?;
        let node =
            Node::start(&config, Schemas::default(), store, clock.clone(), listeners, None).await?;
        let engine = &node.engine;
        let (store, mint) = (&**engine.store(), engine.mint());
        let password = founding::password();
        let password_hash = founding::hash(&password).map_err(anyhow::Error::new)?;
        let founder = Founder {
            merchant_name: "Demo Coffee Roasters".to_owned(),
            email: "owner@demo.example".to_owned(),
            password_hash,
        };
        let stamp = Stamp { by: Actor::command("demo"), at: clock.now(), request: None };
        let founded = founding::found(store, mint, stamp, founder).await?;
        engine.refresh_routing().await.context("cannot read the routing table")?;
        let api = Api::new(&format!("http://{}", node.address), founded.api_key.reveal(), clock)?;
        Ok(Self { node, founded, password, api, _directory: directory })
    }

    fn clock(&self) -> &Clock {
        self.node.engine.clock()
    }

    /// What a person can do while the demo keeps running.
    fn invite(&self) {
        let base = format!("http://{}/api/v1", self.node.address);
        let key = self.founded.api_key.reveal();
        let curl = format!("curl -H 'x-api-key: {key}'");
        let event = r#"{"type":"order.success","data":{"object":{"public_id":"o1"}}}"#;
        say("\nThe demo keeps running until Ctrl-C. Deliveries are printed as they arrive.");
        say(&format!("Admin    http://{}", self.node.address));
        say(&format!("Sign in  {}  {}", self.founded.email, self.password));
        say(&format!("API      {base}"));
        say(&format!("API key  {key}"));
        say(&format!("Look     {curl} '{base}/deliveries?page_size=3'"));
        say(&format!(
            "Send     {curl} -H 'content-type: application/json' -d '{event}' {base}/events"
        ));
    }

    /// Ends the demo: the node first, so that its last attempts find their receivers.
    async fn strike(self, cast: Cast) {
        self.node.stop(GRACE).await;
        cast.leave().await;
    }
}

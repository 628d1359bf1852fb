//! `postrider migrate`: brings the database to this version and closes it.
//!
//! `serve` does the same at its start; apart from it, an upgrade can be tried before the switch.

use std::process::ExitCode;

use anyhow::Context as _;
use postrider_engine::Clock;

use crate::cli::ConfigFlags;
use crate::failure::Failure;
use crate::output::say;
use crate::{config, node, telemetry};

pub(crate) async fn run(flags: &ConfigFlags) -> Result<ExitCode, Failure> {
    let config = config::load(flags)?.config;
    telemetry::start(config.log);
    let store = node::open_store(&config, &Clock::system()).await?;
    store.check().await.context("the database was opened and cannot be written")?;
    say(&format!(
        "{} is at the version of Postrider {}",
        config.database,
        env!("CARGO_PKG_VERSION")
    ));
    Ok(ExitCode::SUCCESS)
}

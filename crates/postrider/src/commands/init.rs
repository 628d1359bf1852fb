//! `postrider init`: the first merchant, its owner and the first keys of an empty database.
//!
//! Prints secrets, once, because nothing else ever can.

use std::process::ExitCode;

use anyhow::anyhow;
use postrider_core::account;
use postrider_core::audit::{Actor, Stamp};
use postrider_core::webhook;
use postrider_engine::Clock;
use postrider_engine::chance::Mint;
use postrider_web::founding::{self, Founded, Founder};
use serde::Serialize;

use crate::cli::InitArgs;
use crate::failure::Failure;
use crate::output::say;
use crate::{config, node, telemetry};

/// What is printed with `--json`, in this order.
#[derive(Serialize)]
struct Printed<'a> {
    merchant_id: String,
    email: &'a str,
    password: &'a str,
    operator_key: &'a str,
    api_key: &'a str,
}

pub(crate) async fn run(args: InitArgs) -> Result<ExitCode, Failure> {
    let config = config::load(&args.flags)?.config;
    telemetry::start(config.log);
    webhook::check_name(&args.merchant)
        .map_err(|refusal| Failure::usage(format!("--merchant: {refusal}")))?;
    let email = account::read_email(&args.email)
        .map_err(|refusal| Failure::usage(format!("--email: {refusal}")))?;
    let clock = Clock::system();
    let store = node::open_store(&config, &clock).await?;
    if !founding::is_empty(&*store).await? {
        return Err(Failure::Failed(anyhow!(
            "the database {} is not empty: init makes the first merchant only, and has changed \
             nothing; name another with --database to begin anew",
            config.database
        )));
    }
    let mint = Mint::default();
    let password = founding::password();
    let password_hash = founding::hash(&password).map_err(anyhow::Error::new)?;
    let founder = Founder { merchant_name: args.merchant, email, password_hash };
    let stamp = Stamp { by: Actor::command("init"), at: clock.now(), request: None };
    let founded = founding::found(&*store, &mint, stamp, founder).await?;
    say(&printed(&founded, &password, args.json)?);
    Ok(ExitCode::SUCCESS)
}

fn printed(founded: &Founded, password: &str, is_json: bool) -> Result<String, Failure> {
    let printed = Printed {
        merchant_id: founded.merchant.to_string(),
        email: &founded.email,
        password,
        operator_key: founded.operator_key.reveal(),
        api_key: founded.api_key.reveal(),
    };
    if is_json {
        return Ok(serde_json::to_string(&printed).map_err(anyhow::Error::new)?);
    }
    let Printed { merchant_id, email, password, operator_key, api_key } = printed;
    Ok(format!(
        "merchant      {merchant_id}\nowner         {email}\npassword      {password}\n\
         operator key  {operator_key}\nAPI key       {api_key}\n\
         These are shown once: keep them now. Next: postrider serve"
    ))
}

//! `postrider init`: the first merchant, its owner and the first keys of an empty database.
//!
//! Prints secrets, once, because nothing else ever can.

use std::process::ExitCode;

use anyhow::anyhow;
use postrider_core::webhook;
use postrider_engine::Clock;
use postrider_engine::chance::Mint;
use serde::Serialize;

use crate::cli::InitArgs;
use crate::failure::Failure;
use crate::founding::{self, Founded};
use crate::output::say;
use crate::{config, node, telemetry};

/// Longest e-mail address (RFC 5321: a path of 256 octets, brackets included).
const EMAIL_BYTES_MAX: usize = 254;

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
    let email = email(&args.email)?;
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
    let founded = founding::found(&*store, &mint, clock.now(), &args.merchant, &email).await?;
    say(&printed(&founded, args.json)?);
    Ok(ExitCode::SUCCESS)
}

/// The address in lower case, as users are looked up by it.
fn email(text: &str) -> Result<String, Failure> {
    let fits = text.len() <= EMAIL_BYTES_MAX
        && !text.chars().any(|c| c.is_whitespace() || c.is_control())
        && text.split_once('@').is_some_and(|(user, host)| {
            !user.is_empty() && !host.is_empty() && !host.contains('@')
        });
    if fits {
        return Ok(text.to_lowercase());
    }
    Err(Failure::usage(format!("--email: {text:?} is not an e-mail address; write name@domain")))
}

fn printed(founded: &Founded, is_json: bool) -> Result<String, Failure> {
    let printed = Printed {
        merchant_id: founded.merchant.to_string(),
        email: &founded.email,
        password: &founded.password,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_lower_cased_and_nonsense_refused() {
        assert_eq!(email("Ann@Example.COM").unwrap(), "ann@example.com");
        for text in ["", "ann", "@x", "ann@", "a b@x", "a@b@c", "a@\n"] {
            assert!(matches!(email(text), Err(Failure::Usage(_))), "{text}");
        }
    }
}

//! `postrider backup`: a copy of the database, also while Postrider runs.

use std::path::Path;
use std::process::ExitCode;

use postrider_store::open::Backup;
use serde_json::json;

use crate::cli::BackupArgs;
use crate::config::Config;
use crate::failure::Failure;
use crate::output::say;
use crate::{config, secret_key, telemetry};

pub(crate) async fn run(args: &BackupArgs) -> Result<ExitCode, Failure> {
    let config = config::load(&args.flags)?.config;
    telemetry::start(config.log);
    let backup = postrider_store::open::backup(config.database.reveal(), &args.file).await?;
    if args.json {
        let Backup { bytes, events, pending } = backup;
        say(&json!({ "file": args.file, "bytes": bytes, "events": events, "pending": pending })
            .to_string());
    } else {
        say(&told(&config, &args.file, backup)?);
    }
    Ok(ExitCode::SUCCESS)
}

/// What was copied, what is not in it, and what a restore will do.
fn told(config: &Config, file: &Path, backup: Backup) -> Result<String, Failure> {
    let Backup { bytes, events, pending } = backup;
    let key = secret_key::place(config)?.path;
    Ok(format!(
        "{} holds {events} events ({bytes} bytes) as of one moment\n\
         it opens with the secret key in {} only, which is not in it: keep a copy of that elsewhere\n\
         {pending} deliveries were pending: started from this file, Postrider sends them, also those \
         that were delivered after the backup, with the same ids",
        file.display(),
        key.display(),
    ))
}

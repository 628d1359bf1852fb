//! `postrider rotate-secret-key`: seals all verification keys with another secret key.
//!
//! Works on a database that no process has open, since a running one holds the old secret in memory;
//! stop Postrider first (deliveries wait meanwhile and none is lost). The database opens with the old
//! file until the one transaction is on disk, then with the new one; neither file is ever removed.

use std::path::Path;
use std::process::ExitCode;

use postrider_core::audit::{Actor, Stamp};
use postrider_engine::Clock;
use postrider_store::OpenOptions;

use crate::cli::RotateSecretKeyArgs;
use crate::config::Config;
use crate::failure::Failure;
use crate::output::say;
use crate::secret_key::{self, Place};
use crate::{config, telemetry};

pub(crate) async fn run(args: &RotateSecretKeyArgs) -> Result<ExitCode, Failure> {
    let config = config::load(&args.flags)?.config;
    telemetry::start(config.log);
    say(&rotate(&config, &args.new_secret_key_file).await?);
    Ok(ExitCode::SUCCESS)
}

/// Does it, and says what is left to do.
async fn rotate(config: &Config, new: &Path) -> Result<String, Failure> {
    let Place { path: old, beside } = secret_key::place(config)?;
    let database = postrider_store::open::sqlite_path(config.database.reveal())?;
    if !database.exists() {
        return Err(Failure::usage(format!(
            "there is no database {}; name the right one with --database",
            database.display()
        )));
    }
    let sealer = secret_key::read(&old)?.sealer();
    let fresh = secret_key::read_or_make_at(new)?;
    if secret_key::read(&old)? == fresh {
        return Err(Failure::usage(format!(
            "{} holds the secret key in use; name a file that is not there, and it is made",
            new.display()
        )));
    }
    let now = Clock::system().now();
    let options = OpenOptions { url: config.database.reveal().to_owned(), sealer, now };
    let stamp = Stamp { by: Actor::command("rotate-secret-key"), at: now, request: None };
    let count = postrider_store::open::reseal(options, fresh.sealer(), stamp).await?;
    let (old, new) = (old.display(), new.display());
    let next = if beside.is_some() {
        format!("mv {new} {old}")
    } else {
        format!("start with --secret-key-file {new}")
    };
    Ok(format!(
        "the keys of {count} webhooks are sealed with {new} now, and {old} opens them no more\n\
         next: {next}; keep the old key as long as backups that need it"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::DatabaseUrl;
    use crate::node;

    #[tokio::test]
    async fn the_database_opens_with_the_new_key_and_not_with_the_old_one() {
        let directory = tempfile::tempdir().unwrap();
        let database = DatabaseUrl::sqlite(&directory.path().join("p.db"));
        let config = Config { database, ..Config::default() };
        let new = directory.path().join("new.key");
        let missing = rotate(&config, &new).await.unwrap_err();
        assert!(missing.to_string().contains("there is no database"), "{missing}");
        let clock = Clock::system();
        let running = node::open_store(&config, &clock).await.unwrap();
        let held = rotate(&config, &new).await.unwrap_err();
        assert!(held.to_string().contains("in use by process"), "{held}");
        drop(running);

        let said = rotate(&config, &new).await.unwrap();
        let old = directory.path().join("p.db.key");
        assert!(said.contains(&format!("mv {} {}", new.display(), old.display())), "{said}");
        let refused = node::open_store(&config, &clock).await.unwrap_err();
        assert!(refused.to_string().contains("wrong secret key"), "{refused}");
        std::fs::rename(&new, &old).unwrap();
        drop(node::open_store(&config, &clock).await.unwrap());
        let same = rotate(&config, &old).await.unwrap_err();
        assert!(same.to_string().contains("the secret key in use"), "{same}");
    }
}

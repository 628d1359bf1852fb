//! From a database URL to a store. The only place that names a backend.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use postrider_core::audit::Stamp;
use postrider_core::seal::Sealer;
use postrider_core::time::Timestamp;

use crate::error::{Result, StoreError};
use crate::{Store, sqlite};

/// How to open a database.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    /// `sqlite:PATH`.
    pub url: String,
    /// Seals verification keys.
    pub sealer: Sealer,
    /// The present time: leases left by a dead process fall due at it.
    pub now: Timestamp,
}

/// The file of a `sqlite:PATH` URL.
pub fn sqlite_path(url: &str) -> Result<PathBuf> {
    match url.strip_prefix("sqlite:") {
        Some(path) if !path.is_empty() => Ok(PathBuf::from(path)),
        _ => Err(StoreError::Refused(format!(
            "cannot open {url:?}: this build stores in SQLite, written sqlite:PATH"
        ))),
    }
}

/// Opens a store, creating and migrating its database; refuses one that is known to lose data.
pub async fn open(options: OpenOptions) -> Result<Arc<dyn Store>> {
    let path = sqlite_path(&options.url)?;
    let store = sqlite::Sqlite::open(path, options.sealer, options.now).await?;
    Ok(Arc::new(store))
}

/// Seals all verification keys of a database, which nobody may have open, with another secret. Answers
/// of how many webhooks. It opens with `options.sealer` until this has succeeded, then with `new`.
pub async fn reseal(options: OpenOptions, new: Sealer, stamp: Stamp) -> Result<u64> {
    let path = sqlite_path(&options.url)?;
    sqlite::Sqlite::reseal(path, options.sealer, new, stamp).await
}

/// What a backup holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backup {
    /// Its size.
    pub bytes: u64,
    /// Events in it.
    pub events: u64,
    /// Deliveries that were pending. Whoever starts from the backup sends them, also those that were
    /// delivered after it.
    pub pending: u64,
}

/// Copies a database to a new file, as of one moment, whether or not a process has it open.
pub async fn backup(url: &str, into: &Path) -> Result<Backup> {
    let (path, into) = (sqlite_path(url)?, into.to_owned());
    let copy = move || sqlite::backup::backup(&path, &into);
    let no_thread = |error| Err(StoreError::Unavailable(Box::new(error) as _));
    tokio::task::spawn_blocking(copy).await.unwrap_or_else(no_thread)
}

/// Opens a store whose search index nobody keeps: what a comparison of its cost needs.
#[cfg(feature = "conformance")]
pub async fn open_unsearched(options: OpenOptions) -> Result<Arc<dyn Store>> {
    let path = sqlite_path(&options.url)?;
    let store = sqlite::Sqlite::open_with(path, options.sealer, options.now, false).await?;
    Ok(Arc::new(store))
}

//! SQLite: one file, one writing thread, a few readers.
//!
//! ```text
//!   Queue, Catalog ──┬── writes ──► Writer: a bounded channel ──► one thread, one connection
//!                    └── reads ───► Readers: four connections on blocking threads
//! ```
//!
//! Every verb is one closure over a connection; the modules beside this one hold them, and the SQL
//! stands at the top of each. Invariants: the file is open in this process only; a commit is synced
//! before anyone hears of it; a value that does not read back is an error, never a guess.

mod accounts;
mod append;
mod audit;
mod backlog;
mod catalog;
mod days;
mod fault;
mod filters;
mod ground;
mod lease;
mod log;
mod metrics;
mod pages;
mod people;
mod portal;
mod queue;
mod readers;
mod recoveries;
mod rows;
mod schema;
mod sessions;
mod settle;
#[cfg(test)]
mod tests;
mod users;
mod version;
mod webhooks;
mod writer;

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use postrider_core::seal::Sealer;
use postrider_core::time::Timestamp;

use crate::error::{Result, StoreError};
use fault::Stopped;
use readers::Readers;
use writer::{Desk, Writer};

/// A store in one SQLite file.
pub(crate) struct Sqlite {
    // Dropped in this order: the writer closes last, so that it can tidy up the write-ahead log,
    // and only then may another process have the file.
    readers: Arc<Readers>,
    writer: Writer,
    _lock: File,
    sealer: Sealer,
    path: PathBuf,
}

impl Sqlite {
    /// Opens the database at `path`, or says in one line why not.
    pub(crate) async fn open(path: PathBuf, sealer: Sealer, now: Timestamp) -> Result<Self> {
        let open = move || Self::open_blocking(&path, sealer, now);
        tokio::task::spawn_blocking(open).await.unwrap_or_else(|_| Err(Stopped::Closed.into()))
    }

    fn open_blocking(path: &Path, sealer: Sealer, now: Timestamp) -> Result<Self> {
        ground::check_library(rusqlite::version_number())?;
        ground::check_directory(path)?;
        let lock = ground::lock(path)?;
        let (mut connection, catalog_version) = schema::open(path, &sealer)?;
        let returned = schema::return_leases(&mut connection, now)?;
        if returned > 0 {
            tracing::info!(returned, "leases of an earlier process are due again");
        }
        let readers = Readers::open(path)?;
        let desk = Desk::new(connection, sealer.clone(), catalog_version);
        let writer =
            Writer::start(desk).map_err(|error| StoreError::Unavailable(Box::new(error)))?;
        Ok(Self { readers, writer, _lock: lock, sealer, path: path.to_owned() })
    }
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sqlite").field("path", &self.path).finish_non_exhaustive()
    }
}

//! SQLite: one file, one writing thread, a few readers, a search index.
//!
//! ```text
//!   Queue, Catalog ──┬── writes ──► Writer: a bounded channel ──► one thread, one connection
//!                    └── reads ───► Readers: four connections on blocking threads
//!                                    Search: terms of events, kept by a thread of its own
//! ```
//!
//! Every verb is one closure over a connection; the modules beside this one hold them, and the SQL
//! stands at the top of each. Invariants: the file is open in this process only; a commit is synced
//! before anyone hears of it; a value that does not read back is an error, never a guess.

mod accounts;
mod append;
mod audit;
mod backlog;
pub(crate) mod backup;
mod catalog;
mod days;
mod fault;
mod feed;
mod filters;
mod ground;
mod lanes;
mod lease;
mod log;
mod metrics;
mod pages;
mod people;
mod portal;
mod queue;
mod readers;
mod recoveries;
mod rehearsals;
mod reseal;
mod retention;
mod rows;
mod schema;
mod search;
mod sessions;
mod settle;
mod sift;
#[cfg(test)]
mod tests;
mod undelivered;
mod users;
mod version;
mod webhooks;
mod writer;

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use postrider_core::audit::Stamp;
use postrider_core::seal::Sealer;
use postrider_core::time::Timestamp;

use crate::error::{Result, StoreError};
use fault::Stopped;
use readers::Readers;
use search::{Builder, Search};
use writer::{Desk, Writer};

/// A store in one SQLite file.
pub(crate) struct Sqlite {
    // Dropped in this order: the builder hands jobs to the writer; the writer closes last, so that it
    // can tidy up the write-ahead log, and only then may another process have the file.
    readers: Arc<Readers>,
    search: Arc<Search>,
    /// Absent in comparisons of what it costs.
    _builder: Option<Builder>,
    writer: Writer,
    _lock: File,
    sealer: Sealer,
    path: PathBuf,
}

impl Sqlite {
    /// Opens the database at `path`, or says in one line why not.
    pub(crate) async fn open(path: PathBuf, sealer: Sealer, now: Timestamp) -> Result<Self> {
        Self::open_with(path, sealer, now, true).await
    }

    /// The same; without `is_searched` nobody keeps the search index.
    pub(crate) async fn open_with(
        path: PathBuf,
        sealer: Sealer,
        now: Timestamp,
        is_searched: bool,
    ) -> Result<Self> {
        let open = move || Self::open_blocking(&path, sealer, now, is_searched);
        tokio::task::spawn_blocking(open).await.unwrap_or_else(|_| Err(Stopped::Closed.into()))
    }

    /// Seals the keys of the database at `path` with another secret; nobody may have it open.
    pub(crate) async fn reseal(
        path: PathBuf,
        old: Sealer,
        new: Sealer,
        stamp: Stamp,
    ) -> Result<u64> {
        let reseal = move || reseal::reseal(&path, old, &new, &stamp);
        tokio::task::spawn_blocking(reseal).await.unwrap_or_else(|_| Err(Stopped::Closed.into()))
    }

    fn open_blocking(
        path: &Path,
        sealer: Sealer,
        now: Timestamp,
        is_searched: bool,
    ) -> Result<Self> {
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
        let no_thread = |error| StoreError::Unavailable(Box::new(error) as _);
        let bell = Arc::clone(&desk.bell);
        let writer = Writer::start(desk).map_err(no_thread)?;
        let search = Search::open(path, search::RUN_EVENTS)?;
        let start = |jobs| Builder::start(Arc::clone(&search), jobs, &bell).map_err(no_thread);
        let builder = if is_searched { Some(start(writer.jobs()?)?) } else { None };
        Ok(Self {
            readers,
            search,
            _builder: builder,
            writer,
            _lock: lock,
            sealer,
            path: path.to_owned(),
        })
    }
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sqlite").field("path", &self.path).finish_non_exhaustive()
    }
}

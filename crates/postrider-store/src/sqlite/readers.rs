//! Reading connections: a few, each used by one caller at a time on a blocking thread.
//!
//! Every reading is one transaction, so that it sees one state of the database. Invariant: no
//! more than [`READERS`] readings run at once, and none can write.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use tokio::sync::Semaphore;

use super::fault::Stopped;
use crate::error::Result;

/// Readings at once. They wait for the disk, not for each other; lists and routing tables are rare.
const READERS: usize = 4;

const SETTINGS: &str = "
    PRAGMA query_only = ON;
    PRAGMA busy_timeout = 5000;
    PRAGMA cache_size = -8192;
    PRAGMA temp_store = MEMORY;
";

/// Opens one reading connection.
pub(super) fn open(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.execute_batch(SETTINGS)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// The reading connections.
pub(super) struct Readers {
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
}

impl Readers {
    /// Opens the connections.
    pub(super) fn open(path: &Path) -> rusqlite::Result<Arc<Self>> {
        let idle = (0..READERS).map(|_| open(path)).collect::<rusqlite::Result<Vec<_>>>()?;
        Ok(Arc::new(Self { idle: Mutex::new(idle), permits: Arc::new(Semaphore::new(READERS)) }))
    }

    /// Runs `work` in a reading transaction.
    pub(super) async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let permits = Arc::clone(&self.permits);
        let permit = permits.acquire_owned().await.map_err(|_| Stopped::Closed)?;
        let readers = Arc::clone(self);
        let reading = move || {
            // The permit lives as long as the work, also when the caller has gone away.
            let _permit = permit;
            let mut borrowed = Borrowed { connection: readers.take(), home: &readers };
            let connection = borrowed.connection.as_mut().ok_or(Stopped::Closed)?;
            let deferred = TransactionBehavior::Deferred;
            let transaction = connection.transaction_with_behavior(deferred)?;
            let result = work(&transaction);
            transaction.finish()?;
            result
        };
        tokio::task::spawn_blocking(reading).await.unwrap_or_else(|_| Err(Stopped::Closed.into()))
    }

    /// Runs a long reading slice by slice, each in a transaction of its own, until one answers: in
    /// between others get their turn, and the log of what is written meanwhile can be cut.
    pub(super) async fn in_slices<W: Send + 'static, T: Send + 'static>(
        self: &Arc<Self>,
        mut walk: W,
        slice: fn(&mut W, &Connection) -> Result<Option<T>>,
    ) -> Result<T> {
        loop {
            let work = move |reader: &Connection| {
                let answer = slice(&mut walk, reader)?;
                Ok((walk, answer))
            };
            let answer;
            (walk, answer) = self.run(work).await?;
            if let Some(answer) = answer {
                return Ok(answer);
            }
        }
    }

    fn take(&self) -> Option<Connection> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}

/// A connection that finds its way home, also when the work panics.
struct Borrowed<'a> {
    connection: Option<Connection>,
    home: &'a Readers,
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.home.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
    }
}

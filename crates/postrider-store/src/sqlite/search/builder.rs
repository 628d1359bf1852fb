//! The thread that keeps the tail up to date and writes runs.
//!
//! It works when the bell rings, a slice at a time, and waits for each slice it hands to the writer
//! like every other caller: under load it goes on with every commit, and never holds one up for
//! longer than a slice takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{JoinHandle, Thread};

use postrider_core::limits;
use rusqlite::params;

use super::Search;
use super::tail::{Entry, Sealed};
use crate::error::{Result, StoreError};
use crate::sqlite::writer::{Desk, Jobs};

const INSERT: &str = "INSERT OR IGNORE INTO search_terms (run, term, event) VALUES (?1, ?2, ?3)";
const COMPLETE: &str =
    "INSERT OR IGNORE INTO search_runs (run, first_seq, last_seq) VALUES (?1, ?2, ?3)";

/// Rows written in one job: two or three milliseconds.
const SLICE_ROWS: usize = 2_000;
/// Appended events that are worth a wake-up.
const EVENTS_TO_RING: usize = 256;

/// Tells the builder that events were stored.
#[derive(Debug, Default)]
pub(in crate::sqlite) struct Bell {
    thread: std::sync::OnceLock<Thread>,
    events: AtomicUsize,
}

impl Bell {
    /// Notes stored events. That they are undone later does no harm.
    pub(in crate::sqlite) fn count(&self, events: usize) {
        self.events.fetch_add(events, Ordering::Relaxed);
    }

    /// Wakes the builder if there is enough for it to do.
    pub(in crate::sqlite) fn ring(&self) {
        if self.events.load(Ordering::Relaxed) >= EVENTS_TO_RING
            && let Some(thread) = self.thread.get()
        {
            self.events.store(0, Ordering::Relaxed);
            thread.unpark();
        }
    }
}

/// The builder's thread. Dropping it waits for the slice under way.
#[derive(Debug)]
pub(in crate::sqlite) struct Builder {
    is_stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Builder {
    /// Starts the thread.
    pub(in crate::sqlite) fn start(
        search: Arc<Search>,
        jobs: Jobs,
        bell: &Bell,
    ) -> std::io::Result<Self> {
        let is_stopped = Arc::new(AtomicBool::new(false));
        let work = Work { is_stopped: Arc::clone(&is_stopped), ..Work::new(search, jobs) };
        let name = "postrider-sqlite-search".to_owned();
        let thread = std::thread::Builder::new().name(name).spawn(move || work.run())?;
        // A bell has one builder in its life.
        drop(bell.thread.set(thread.thread().clone()));
        Ok(Self { is_stopped, thread: Some(thread) })
    }
}

impl Drop for Builder {
    fn drop(&mut self) {
        self.is_stopped.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            drop(thread.join());
        }
    }
}

/// What the thread does.
pub(super) struct Work {
    search: Arc<Search>,
    jobs: Jobs,
    is_stopped: Arc<AtomicBool>,
}

impl Work {
    pub(super) fn new(search: Arc<Search>, jobs: Jobs) -> Self {
        Self { search, jobs, is_stopped: Arc::default() }
    }

    fn run(self) {
        let mut is_failing = false;
        while !self.is_stopped() {
            let turn = self.turn();
            let was_failing = std::mem::replace(&mut is_failing, turn.is_err());
            match turn {
                Ok(true) => std::thread::yield_now(),
                Ok(false) => std::thread::park(),
                Err(error) => {
                    if !was_failing {
                        let error: &dyn std::error::Error = &error;
                        tracing::warn!(
                            error,
                            "search terms could not be kept; tried until they are"
                        );
                    }
                    std::thread::park_timeout(limits::STORE_RETRY_WAIT);
                }
            }
        }
    }

    fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Acquire)
    }

    /// One slice of reading or one run of writing; whether there may be more to do.
    pub(super) fn turn(&self) -> Result<bool> {
        if let Some(sealed) = self.search.oldest_sealed() {
            self.write(&sealed)?;
            return Ok(true);
        }
        self.search.catch_up()
    }

    fn write(&self, sealed: &Sealed) -> Result<()> {
        let run = sealed.run;
        for from in (0..sealed.entries.len()).step_by(SLICE_ROWS) {
            if self.is_stopped() {
                return Ok(());
            }
            let entries = Arc::clone(&sealed.entries);
            self.jobs.run_blocking(move |desk| {
                let rest = entries.get(from..).unwrap_or_default();
                insert(desk, run, rest.get(..SLICE_ROWS).unwrap_or(rest))
            })?;
            self.search.catch_up()?;
        }
        let (first, last) = (sealed.first, sealed.last);
        self.jobs.run_blocking(move |desk| {
            desk.connection.prepare_cached(COMPLETE)?.execute(params![run, first, last])?;
            Ok::<_, StoreError>(())
        })?;
        self.search.written(run);
        Ok(())
    }
}

pub(super) fn insert(desk: &mut Desk, run: i64, entries: &[Entry]) -> Result<()> {
    let mut statement = desk.connection.prepare_cached(INSERT)?;
    for (term, event) in entries {
        statement.execute(params![run, term, event])?;
    }
    Ok(())
}

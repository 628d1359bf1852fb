//! Finding events by their terms without slowing down those who store them.
//!
//! ```text
//!   append ──► bell ──► builder: reads what was committed, extracts terms ──► tail (memory)
//!                                                       65,536 events ──► a sorted run (disk)
//!   query ──► catches up the tail ──► tail, then runs from the newest to the oldest
//! ```
//!
//! An index by term in place would dirty a page for each row on the way in. Here nothing is written
//! with the event: terms are read back from committed events, kept in memory, and written in order
//! when there are enough for a run, in slices that hold the writer for a few milliseconds. A query
//! catches up before it looks, so it sees all that was committed before it.
//!
//! Invariants: a term is a hint, and whoever finds an event by one checks the event. Tail and
//! complete runs together cover every event; rows of a run that is not complete are not read.

mod builder;
mod tail;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use postrider_core::event::Event;
use postrider_core::terms::{self, Term};
use rusqlite::{Connection, params};

pub(super) use builder::{Bell, Builder};
use tail::{End, Entry, Sealed, Tail, View};

use super::fault::Stopped;
use super::pages::Walk;
use super::readers;
use super::rows::{collect, event};
use crate::error::Result;

const NEW_EVENTS: &str = "SELECT id, merchant, type, created, accepted_at, data, context, snapshot, \
     seq, is_test FROM events WHERE seq > ?1 AND seq <= ?2 ORDER BY seq LIMIT ?3";
const LAST_EVENT: &str = "SELECT coalesce(max(seq), 0) FROM events";
const LAST_RUN: &str = "SELECT run, last_seq FROM search_runs ORDER BY run DESC LIMIT 1";
const RUNS: &str =
    "SELECT run, first_seq, last_seq FROM search_runs WHERE last_seq < ?1 ORDER BY run DESC";
const DOWN: &str = "SELECT event FROM search_terms WHERE run = ?1 AND term = ?2 AND event <= ?3 \
     ORDER BY event DESC LIMIT ?4";
const UP: &str = "SELECT event FROM search_terms WHERE run = ?1 AND term = ?2 AND event >= ?3 \
     ORDER BY event LIMIT ?4";

/// Events in a run: enough that a search visits few runs, few enough to be held in memory twice.
pub(super) const RUN_EVENTS: i64 = 65_536;
/// Events whose terms are read at once: a few milliseconds.
const CATCH_UP_EVENTS: i64 = 512;

/// The index as queries see it.
#[derive(Debug)]
pub(super) struct Search {
    held: Mutex<Held>,
    run_events: i64,
}

#[derive(Debug)]
struct Held {
    /// For catching up alone; a reading transaction ends with each slice.
    connection: Connection,
    tail: Tail,
}

impl Search {
    /// The index of the database at `path`; its tail is still to be read.
    pub(super) fn open(path: &Path, run_events: i64) -> Result<Arc<Self>> {
        let connection = readers::open(path)?;
        let last = collect(&mut *connection.prepare_cached(LAST_RUN)?, [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
        let (last_run, last_seq) = last.first().copied().unwrap_or((0, 0));
        let tail = Tail::after(last_run, last_seq, run_events);
        Ok(Arc::new(Self { held: Mutex::new(Held { connection, tail }), run_events }))
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads a slice of what was committed; whether there is more to read now.
    fn catch_up(&self) -> Result<bool> {
        self.lock().slice()
    }

    fn oldest_sealed(&self) -> Option<Sealed> {
        self.lock().tail.oldest_sealed()
    }

    fn written(&self, run: i64) {
        self.lock().tail.written(run);
    }

    /// The tail with all that is committed now. Fails while far more than a run is missing, which is
    /// only so for some seconds after an upgrade.
    fn view(&self) -> Result<View> {
        let mut held = self.lock();
        let last = held.last_event()?;
        if last - held.tail.upto() > self.run_events {
            return Err(Stopped::Preparing.into());
        }
        while held.tail.upto() < last {
            if held.tail.is_full() {
                return Err(Stopped::Preparing.into());
            }
            held.slice()?;
        }
        Ok(held.tail.view())
    }

    /// The trail of one term. To be asked for before anything is read through `connection`, whose
    /// transaction then sees at least the runs that the tail leaves out.
    pub(super) fn trail<'a>(&self, connection: &'a Connection, term: i64) -> Result<Trail<'a>> {
        let view = self.view()?;
        let mut statement = connection.prepare_cached(RUNS)?;
        let runs = collect(&mut statement, params![view.first], |row| {
            Ok(Run { number: row.get(0)?, first: row.get(1)?, last: row.get(2)? })
        })?;
        Ok(Trail { connection, term, view, runs })
    }
}

impl Held {
    fn last_event(&self) -> Result<i64> {
        Ok(self.connection.prepare_cached(LAST_EVENT)?.query_row([], |row| row.get(0))?)
    }

    fn slice(&mut self) -> Result<bool> {
        let committed = self.last_event()?;
        let target = committed.min(self.tail.run_last());
        if self.tail.is_full() || target <= self.tail.upto() {
            return Ok(false);
        }
        let (mut entries, mut events, mut last): (Vec<Entry>, i64, i64) = (Vec::new(), 0, 0);
        let mut statement = self.connection.prepare_cached(NEW_EVENTS)?;
        let mut rows = statement.query(params![self.tail.upto(), target, CATCH_UP_EVENTS])?;
        while let Some(row) = rows.next()? {
            (events, last) = (events + 1, row.get(8)?);
            let event: Event = event::event(row, 0)?;
            let hash = |term: Term| (term.hash(event.merchant), last);
            entries.extend(terms::of(&event).into_iter().map(hash));
            if row.get(9)? {
                entries.push(hash(Term::test()));
            }
        }
        let upto = if events < CATCH_UP_EVENTS { target } else { last };
        self.tail.add(entries, upto);
        Ok(upto < committed)
    }
}

#[derive(Debug, Clone, Copy)]
struct Run {
    number: i64,
    first: i64,
    last: i64,
}

/// The events that may have a term.
pub(super) struct Trail<'a> {
    connection: &'a Connection,
    term: i64,
    view: View,
    /// Newest first.
    runs: Vec<Run>,
}

impl Trail<'_> {
    /// At most `limit` places of events, in the order of the walk.
    pub(super) fn next(&self, walk: Walk, limit: usize) -> Result<Vec<u128>> {
        let from = walk.seq();
        let mut found = Vec::with_capacity(limit);
        if matches!(walk, Walk::Down(_)) {
            let newest = self.view.events(self.term, self.view.first, from, End::Last(limit));
            found.extend(newest.into_iter().rev().take(limit));
            for run in self.runs.iter().filter(|run| run.first <= from) {
                self.read(DOWN, *run, from, limit, &mut found)?;
            }
        } else {
            for run in self.runs.iter().rev().filter(|run| run.last >= from) {
                self.read(UP, *run, from, limit, &mut found)?;
            }
            let first = from.max(self.view.first);
            let newest = self.view.events(self.term, first, i64::MAX, End::First(limit));
            found.extend(newest);
            found.truncate(limit);
        }
        let position = |seq: i64| u128::from(u64::try_from(seq).unwrap_or_default());
        Ok(found.into_iter().map(position).collect())
    }

    fn read(
        &self,
        sql: &str,
        run: Run,
        from: i64,
        limit: usize,
        found: &mut Vec<i64>,
    ) -> Result<()> {
        let missing = limit.saturating_sub(found.len());
        if missing > 0 {
            let mut statement = self.connection.prepare_cached(sql)?;
            let key = params![run.number, self.term, from, missing];
            found.extend(collect(&mut statement, key, |row| Ok(row.get::<_, i64>(0)?))?);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;

//! Connections kept for the next request to the same scheme, host and port.
//!
//! Invariants:
//! - A connection is idle here or used by one attempt, never both.
//! - No more are kept than the bound says; the least recently used goes first, and none is kept for
//!   longer than `IDLE_CONNECTION_LIFE`, which a task sees to as long as any is kept.
//! - The lock is never held across an await.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use postrider_core::limits;
use postrider_core::target::TargetUrl;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::connection::Connection;
use crate::clock::Clock;

/// Scheme, host and port of a target. In normal form a default port is never written, so equal
/// text means equal origin, and asking for it costs nothing.
pub(super) fn origin(target: &TargetUrl) -> &str {
    let text = target.as_str();
    text.strip_suffix(target.path_and_query()).unwrap_or(text)
}

/// The idle connections.
#[derive(Debug)]
pub(super) struct Pool {
    clock: Clock,
    tracker: TaskTracker,
    bound: usize,
    stopped: CancellationToken,
    /// Ends the reaper when the pool is gone.
    _stop: DropGuard,
    idle: Mutex<Idle>,
}

#[derive(Debug, Default)]
struct Idle {
    /// Per origin, the least recently used first.
    by_origin: HashMap<Arc<str>, VecDeque<Entry>>,
    /// All of them by turn, the least recently used first.
    by_turn: BTreeMap<u64, Arc<str>>,
    turn: u64,
    has_reaper: bool,
    is_closed: bool,
}

#[derive(Debug)]
struct Entry {
    turn: u64,
    since: Duration,
    connection: Connection,
}

impl Pool {
    /// An empty pool for at most `bound` connections.
    pub(super) fn new(clock: Clock, tracker: TaskTracker, bound: usize) -> Self {
        let stopped = CancellationToken::new();
        let stop = stopped.clone().drop_guard();
        Self { clock, tracker, bound, stopped, _stop: stop, idle: Mutex::default() }
    }

    /// The most recently used connection to `origin` that is still good.
    pub(super) fn take(&self, origin: &str) -> Option<Connection> {
        let mut idle = self.idle.lock();
        idle.drop_expired(self.clock.reading());
        while let Some(connection) = idle.take(origin) {
            if connection.is_ready() {
                return Some(connection);
            }
        }
        None
    }

    /// Keeps a connection whose answer was read to its end. Should it still be busy (the receiver
    /// answered before it had read all of the request), it gets `patience` to finish.
    pub(super) fn put(self: &Arc<Self>, mut connection: Connection, patience: Duration) {
        if connection.is_ready() {
            self.keep(connection);
            return;
        }
        let pool = Arc::clone(self);
        self.tracker.spawn(async move {
            let stopped = pool.stopped.clone();
            tokio::select! {
                () = stopped.cancelled() => {}
                is_ready = pool.clock.within(patience, connection.becomes_ready()) => {
                    if is_ready == Some(true) {
                        pool.keep(connection);
                    }
                }
            }
        });
    }

    /// Closes all and keeps none from now on.
    pub(super) fn close(&self) {
        self.stopped.cancel();
        let mut idle = self.idle.lock();
        *idle = Idle { is_closed: true, ..Idle::default() };
    }

    fn keep(self: &Arc<Self>, connection: Connection) {
        let mut idle = self.idle.lock();
        if idle.is_closed {
            return;
        }
        idle.put(connection, self.clock.reading());
        if idle.by_turn.len() > self.bound {
            idle.drop_oldest();
        }
        if !idle.has_reaper {
            idle.has_reaper = true;
            let reaper = reap(Arc::downgrade(self), self.clock.clone(), self.stopped.clone());
            self.tracker.spawn(reaper);
        }
    }

    /// Drops what is too old. Returns when to look again; `None` when nothing is left to watch.
    fn reap(&self) -> Option<Duration> {
        let now = self.clock.reading();
        let mut idle = self.idle.lock();
        idle.drop_expired(now);
        let next =
            idle.oldest().map(|since| (since + limits::IDLE_CONNECTION_LIFE).saturating_sub(now));
        idle.has_reaper = next.is_some();
        next
    }
}

/// Closes connections as they grow too old, until none is left.
async fn reap(pool: Weak<Pool>, clock: Clock, stopped: CancellationToken) {
    while let Some(wait) = pool.upgrade().and_then(|pool| pool.reap()) {
        tokio::select! {
            () = stopped.cancelled() => return,
            () = clock.sleep(wait) => {}
        }
    }
}

impl Idle {
    fn put(&mut self, connection: Connection, now: Duration) {
        self.turn += 1;
        let (turn, origin) = (self.turn, Arc::clone(connection.origin()));
        self.by_turn.insert(turn, Arc::clone(&origin));
        let entry = Entry { turn, since: now, connection };
        self.by_origin.entry(origin).or_default().push_back(entry);
    }

    fn take(&mut self, origin: &str) -> Option<Connection> {
        let entries = self.by_origin.get_mut(origin)?;
        let entry = entries.pop_back();
        if entries.is_empty() {
            self.by_origin.remove(origin);
        }
        let entry = entry?;
        self.by_turn.remove(&entry.turn);
        Some(entry.connection)
    }

    fn drop_expired(&mut self, now: Duration) {
        while self.oldest().is_some_and(|since| since + limits::IDLE_CONNECTION_LIFE <= now) {
            self.drop_oldest();
        }
    }

    /// Since when the least recently used one is idle.
    fn oldest(&self) -> Option<Duration> {
        let (_, origin) = self.by_turn.first_key_value()?;
        // The oldest of all is the oldest of its origin.
        self.by_origin.get(origin)?.front().map(|entry| entry.since)
    }

    fn drop_oldest(&mut self) {
        let Some((_, origin)) = self.by_turn.pop_first() else { return };
        if let Some(entries) = self.by_origin.get_mut(&origin) {
            entries.pop_front();
            if entries.is_empty() {
                self.by_origin.remove(&origin);
            }
        }
    }
}

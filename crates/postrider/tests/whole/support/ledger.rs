//! The outside ledger of a crash test: what was posted, what was acknowledged, and where the
//! program answers at the moment. It shares nothing with the program but the sockets.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

/// Longest wait for anything the ledger tells. Not a schedule: only a hanging program meets it.
const WAIT_MAX: Duration = Duration::from_mins(1);

#[derive(Debug, Default)]
struct Entries {
    /// Numbers handed out so far; the event with number n has the id `e-n`.
    handed_out: usize,
    acknowledged: HashSet<String>,
    /// Starts of the program so far, and where the present one answers.
    starts: usize,
    address: Option<SocketAddr>,
}

#[derive(Debug)]
pub struct Ledger {
    entries: Mutex<Entries>,
    changed: Condvar,
    events: usize,
}

impl Ledger {
    /// A ledger for that many events.
    pub fn of(events: usize) -> Self {
        Self { entries: Mutex::default(), changed: Condvar::new(), events }
    }

    /// Whether `id` was handed out to be posted.
    pub fn knows(&self, id: &str) -> bool {
        let number = id.strip_prefix("e-").and_then(|number| number.parse().ok());
        number.is_some_and(|number: usize| number < self.entries().handed_out)
    }

    pub fn acknowledged(&self) -> HashSet<String> {
        self.entries().acknowledged.clone()
    }

    /// Says that the program was started and where it answers.
    pub fn started(&self, address: SocketAddr) {
        let mut entries = self.entries();
        entries.starts += 1;
        entries.address = Some(address);
        self.changed.notify_all();
    }

    /// Waits for that many acknowledgements in all.
    pub fn wait_for(&self, acknowledged: usize) {
        drop(self.wait("acknowledgements", |entries| entries.acknowledged.len() >= acknowledged));
    }

    /// The ids of the next batch; `None` when all are posted.
    pub fn next_batch(&self, size: usize) -> Option<Vec<String>> {
        let mut entries = self.entries();
        let from = entries.handed_out;
        entries.handed_out = (from + size).min(self.events);
        let ids: Vec<_> = (from..entries.handed_out).map(|number| format!("e-{number}")).collect();
        (!ids.is_empty()).then_some(ids)
    }

    pub fn acknowledge(&self, ids: Vec<String>) {
        self.entries().acknowledged.extend(ids);
        self.changed.notify_all();
    }

    /// Waits for a start later than the one with that number; its number and address. `what` is
    /// waited for, in the words of a failure.
    pub fn start_after(&self, start: usize, what: &str) -> (usize, SocketAddr) {
        let entries = self.wait(what, |entries| entries.starts > start);
        (entries.starts, entries.address.unwrap())
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap()
    }

    fn wait(&self, what: &str, is_true: impl Fn(&Entries) -> bool) -> MutexGuard<'_, Entries> {
        let is_false = |entries: &mut Entries| !is_true(entries);
        let waited = self.changed.wait_timeout_while(self.entries(), WAIT_MAX, is_false).unwrap();
        assert!(!waited.1.timed_out(), "waited {WAIT_MAX:?} for {what}");
        waited.0
    }
}

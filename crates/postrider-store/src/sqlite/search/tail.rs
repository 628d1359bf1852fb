//! The newest terms, in memory until there are enough of them for a run on disk.
//!
//! Invariant: the tail covers every event from `first` to `upto`, and a run on disk covers none of
//! them. Runs begin at fixed places, so one that is written again after a crash is the same.

use std::collections::VecDeque;
use std::sync::Arc;

/// A term and the event it was found in.
pub(super) type Entry = (i64, i64);

/// Runs that wait to be written. Each is about 8 MB.
const SEALED_MAX: usize = 4;

/// A run that is complete in memory.
#[derive(Debug, Clone)]
pub(super) struct Sealed {
    pub(super) run: i64,
    pub(super) first: i64,
    pub(super) last: i64,
    /// Sorted.
    pub(super) entries: Arc<[Entry]>,
}

/// What no run on disk covers yet.
#[derive(Debug)]
pub(super) struct Tail {
    run_events: i64,
    /// The number and the first event of the run being gathered.
    run: i64,
    run_first: i64,
    /// The last event whose terms are here.
    upto: i64,
    /// Each sorted; they shrink towards the end, so that there are few.
    chunks: Vec<Arc<[Entry]>>,
    sealed: VecDeque<Sealed>,
}

/// The tail at one moment.
#[derive(Debug)]
pub(super) struct View {
    /// The first event it covers.
    pub(super) first: i64,
    /// Sorted lists of entries.
    pub(super) parts: Vec<Arc<[Entry]>>,
}

impl Tail {
    /// An empty tail after the runs on disk, of which `last_run` ends with event `last_seq`.
    pub(super) fn after(last_run: i64, last_seq: i64, run_events: i64) -> Self {
        Self {
            run_events,
            run: last_run + 1,
            run_first: last_seq + 1,
            upto: last_seq,
            chunks: Vec::new(),
            sealed: VecDeque::new(),
        }
    }

    pub(super) fn upto(&self) -> i64 {
        self.upto
    }

    /// The last event of the run being gathered.
    pub(super) fn run_last(&self) -> i64 {
        self.run_first + self.run_events - 1
    }

    /// Whether nothing more may be added until a run was written.
    pub(super) fn is_full(&self) -> bool {
        self.sealed.len() >= SEALED_MAX
    }

    /// The oldest run that waits to be written.
    pub(super) fn oldest_sealed(&self) -> Option<Sealed> {
        self.sealed.front().cloned()
    }

    /// Forgets a run that is on disk now.
    pub(super) fn written(&mut self, run: i64) {
        self.sealed.retain(|sealed| sealed.run != run);
    }

    /// Adds the terms of all events up to `upto`, none of them beyond the present run.
    #[expect(clippy::stable_sort_primitive, reason = "it merges what is sorted already")]
    pub(super) fn add(&mut self, mut entries: Vec<Entry>, upto: i64) {
        entries.sort_unstable();
        while let Some(last) = self.chunks.pop_if(|last| last.len() <= 2 * entries.len()) {
            entries.extend_from_slice(&last);
            entries.sort();
        }
        if !entries.is_empty() {
            self.chunks.push(entries.into());
        }
        self.upto = self.upto.max(upto);
        if self.upto >= self.run_last() {
            self.seal();
        }
    }

    #[expect(clippy::stable_sort_primitive, reason = "it merges what is sorted already")]
    fn seal(&mut self) {
        let mut entries = Vec::with_capacity(self.chunks.iter().map(|chunk| chunk.len()).sum());
        self.chunks.drain(..).for_each(|chunk| entries.extend_from_slice(&chunk));
        entries.sort();
        let (run, first, last) = (self.run, self.run_first, self.run_last());
        self.sealed.push_back(Sealed { run, first, last, entries: entries.into() });
        self.run += 1;
        self.run_first = last + 1;
    }

    /// The tail as it is now.
    pub(super) fn view(&self) -> View {
        let sealed = self.sealed.iter().map(|sealed| Arc::clone(&sealed.entries));
        let first = self.sealed.front().map_or(self.run_first, |sealed| sealed.first);
        View { first, parts: sealed.chain(self.chunks.iter().map(Arc::clone)).collect() }
    }
}

impl View {
    /// The events with `term` from `low` to `high`, in order: the first `limit` of them, or the
    /// last.
    pub(super) fn events(&self, term: i64, low: i64, high: i64, limit: End) -> Vec<i64> {
        let mut found = Vec::new();
        for part in &self.parts {
            let from = part.partition_point(|entry| *entry < (term, low));
            let to = part.partition_point(|entry| *entry <= (term, high));
            let hits = part.get(from..to).unwrap_or_default();
            let hits = match limit {
                End::First(limit) => hits.get(..limit).unwrap_or(hits),
                End::Last(limit) => {
                    hits.get(hits.len().saturating_sub(limit)..).unwrap_or_default()
                }
            };
            found.extend(hits.iter().map(|(_, event)| *event));
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// Which of many are wanted.
#[derive(Debug, Clone, Copy)]
pub(super) enum End {
    First(usize),
    Last(usize),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(tail: &Tail, term: i64, low: i64, high: i64, limit: End) -> Vec<i64> {
        tail.view().events(term, low, high, limit)
    }

    #[test]
    fn every_event_is_found_whatever_the_chunks_are() {
        let mut tail = Tail::after(0, 0, 1_000);
        for seq in 1..=100 {
            tail.add(vec![(seq % 3, seq), (7, seq)], seq);
            assert!(tail.chunks.len() <= 8, "{} chunks", tail.chunks.len());
        }
        assert_eq!(events(&tail, 7, 1, 100, End::Last(1_000)), (1..=100).collect::<Vec<_>>());
        assert_eq!(events(&tail, 2, 1, 11, End::Last(9)), [2, 5, 8, 11]);
        let last = events(&tail, 7, 1, 50, End::Last(2));
        assert_eq!(last[last.len() - 2..], [49, 50]);
        assert_eq!(events(&tail, 7, 50, 100, End::First(2))[..2], [50, 51]);
        assert_eq!(events(&tail, 8, 1, 100, End::First(2)), Vec::<i64>::new());
    }

    #[test]
    fn runs_are_sealed_at_fixed_places_and_seen_until_they_are_written() {
        let mut tail = Tail::after(3, 30, 10);
        tail.add((31..=40).map(|seq| (1, seq)).collect(), 40);
        tail.add(vec![(1, 45)], 45);
        let sealed = tail.oldest_sealed().unwrap();
        assert_eq!((sealed.run, sealed.first, sealed.last, sealed.entries.len()), (4, 31, 40, 10));
        assert_eq!((tail.view().first, events(&tail, 1, 39, 45, End::Last(9)).len()), (31, 3));
        tail.written(4);
        assert_eq!((tail.view().first, events(&tail, 1, 39, 45, End::Last(9))), (41, vec![45]));
        // Events of a gap in the numbers have no terms.
        tail.add(Vec::new(), 50);
        assert_eq!(tail.oldest_sealed().unwrap().last, 50);
    }
}

//! What waits for a webhook: counting it, and canceling all of it or what newer events have superseded.
//!
//! Canceling runs in the transaction of the change that asks for them, whatever they cost: a webhook must
//! not be half resumed. `is_leased` and the epoch stay, so that an attempt in flight can still be
//! recorded, once.

use std::collections::HashSet;

use postrider_core::delivery::State;
use postrider_core::ids::{DeliveryId, WebhookId};
use postrider_core::limits;
use postrider_core::subject::Subject;
use postrider_core::time::Timestamp;
use rusqlite::{Connection, params};

use super::days::Moving;
use super::rows::{collect, event, id, time};
use super::writer::Desk;
use crate::catalog::Waiting;
use crate::error::Result;

const CANCEL: &str = "UPDATE deliveries INDEXED BY deliveries_queue \
     SET state = 3, settled_at = ?2 WHERE webhook = ?1 AND state = 0 RETURNING created_at";
const WAITING: &str = "SELECT event, id FROM deliveries INDEXED BY deliveries_queue \
     WHERE webhook = ?1 AND state = 0 AND is_test = 0";
const PLACES: &str = "SELECT event, created_at, is_test FROM deliveries INDEXED BY deliveries_queue \
     WHERE webhook = ?1 AND state = 0 LIMIT ?2";
const CANCEL_ONE: &str = "UPDATE deliveries SET state = 3, settled_at = ?2 WHERE id = ?1 \
     RETURNING created_at";

/// Events read in one slice of a counting: some milliseconds.
const SLICE_ROWS: usize = 1_000;

/// Cancels every pending delivery.
pub(super) fn cancel_all(desk: &mut Desk, webhook: WebhookId, at: Timestamp) -> Result<u64> {
    let Desk { connection, days, .. } = desk;
    let mut statement = connection.prepare_cached(CANCEL)?;
    let mut rows = statement.query(params![webhook.to_bytes(), at.unix_millis()])?;
    let mut canceled = 0;
    while let Some(row) = rows.next()? {
        days.moved(waiting(webhook, time(row, 0)?), State::Canceled, 0);
        canceled += 1;
    }
    Ok(canceled)
}

/// A pending delivery; its attempts make no difference to the figures here.
fn waiting(webhook: WebhookId, created_at: Timestamp) -> Moving {
    Moving { webhook, created_at, state: State::Pending, attempts: 0 }
}

/// Cancels the pending deliveries of each object but the one accepted last. Holds the places of
/// all that wait and the names of their objects, and reads each event once, one at a time.
pub(super) fn cancel_superseded(desk: &mut Desk, webhook: WebhookId, at: Timestamp) -> Result<u64> {
    let Desk { connection, days, .. } = desk;
    let mut statement = connection.prepare_cached(WAITING)?;
    let mut all: Vec<(i64, DeliveryId)> =
        collect(&mut statement, params![webhook.to_bytes()], |row| Ok((row.get(0)?, id(row, 1)?)))?;
    // Events are numbered in the order they were accepted in: newest first.
    all.sort_unstable_by(|left, right| right.cmp(left));
    let mut seen = HashSet::new();
    let mut canceled = 0;
    for (seq, delivery) in all {
        let Some(subject) = Subject::of(&event::by_seq(&*connection, seq)?) else { continue };
        if !seen.insert(subject) {
            let key = params![delivery.to_bytes(), at.unix_millis()];
            let mut statement = connection.prepare_cached(CANCEL_ONE)?;
            let created_at = collect(&mut statement, key, |row| time(row, 0))?;
            for created_at in created_at {
                days.moved(waiting(webhook, created_at), State::Canceled, 0);
            }
            canceled += 1;
        }
    }
    Ok(canceled)
}

/// A counting under way of what a resume would send.
#[derive(Debug)]
pub(super) struct Counting {
    webhook: WebhookId,
    /// Places of the events still to be read, once it is known which.
    to_read: Option<Vec<i64>>,
    seen: HashSet<Subject>,
    counted: Waiting,
}

impl Counting {
    pub(super) fn new(webhook: WebhookId) -> Self {
        let counted = Waiting { all: 0, latest: 0, oldest_at: None, is_exact: true };
        Self { webhook, to_read: None, seen: HashSet::new(), counted }
    }

    /// Finds what waits, then reads a slice of its events at a time; the counts when that was the
    /// last. What is delivered or accepted in between is not followed.
    pub(super) fn slice(&mut self, connection: &Connection) -> Result<Option<Waiting>> {
        let to_read = match &mut self.to_read {
            Some(to_read) => to_read,
            None => self.to_read.insert(find(connection, self.webhook, &mut self.counted)?),
        };
        let rest = to_read.len().saturating_sub(SLICE_ROWS);
        for seq in to_read.drain(rest..) {
            let subject = Subject::of(&event::by_seq(connection, seq)?);
            if subject.is_none_or(|subject| self.seen.insert(subject)) {
                self.counted.latest += 1;
            }
        }
        Ok(to_read.is_empty().then_some(self.counted))
    }
}

/// Counts what waits, as far as that goes without events, and tells whose events are to be read.
fn find(connection: &Connection, webhook: WebhookId, counted: &mut Waiting) -> Result<Vec<i64>> {
    let mut statement = connection.prepare_cached(PLACES)?;
    let key = params![webhook.to_bytes(), limits::COUNT_AHEAD_MAX + 1];
    let mut found: Vec<(i64, Timestamp, bool)> =
        collect(&mut statement, key, |row| Ok((row.get(0)?, time(row, 1)?, row.get(2)?)))?;
    counted.is_exact = found.len() <= limits::COUNT_AHEAD_MAX;
    found.truncate(limits::COUNT_AHEAD_MAX);
    counted.all = u64::try_from(found.len()).unwrap_or(u64::MAX);
    counted.oldest_at = found.iter().map(|(_, created_at, _)| *created_at).min();
    // A test event is no word about an object, so it stays.
    let of_tests = found.iter().filter(|(_, _, is_test)| *is_test).count();
    counted.latest = u64::try_from(of_tests).unwrap_or(u64::MAX);
    Ok(found.iter().filter(|(_, _, is_test)| !is_test).map(|(seq, ..)| *seq).collect())
}

#[cfg(test)]
mod tests {
    use super::super::tests::is_a_bounded_search;
    use super::*;

    #[test]
    fn only_what_waits_is_read() {
        for sql in [CANCEL, WAITING, PLACES, CANCEL_ONE] {
            is_a_bounded_search(sql);
        }
    }
}

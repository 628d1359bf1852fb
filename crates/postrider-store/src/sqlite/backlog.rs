//! Canceling what waits for a webhook: all of it, or what newer events have superseded.
//!
//! Both run in the transaction of the change that asks for them, whatever they cost: a webhook must
//! not be half resumed. `is_leased` and the epoch stay, so that an attempt in flight can still be
//! recorded, once.

use std::collections::HashSet;

use postrider_core::ids::{DeliveryId, WebhookId};
use postrider_core::subject::Subject;
use postrider_core::time::Timestamp;
use rusqlite::{Connection, params};

use super::rows::{collect, event, id};
use crate::error::Result;

const CANCEL: &str = "UPDATE deliveries INDEXED BY deliveries_queue \
     SET state = 3, settled_at = ?2 WHERE webhook = ?1 AND state = 0";
const WAITING: &str = "SELECT event, id FROM deliveries INDEXED BY deliveries_queue \
     WHERE webhook = ?1 AND state = 0 AND is_test = 0";
const CANCEL_ONE: &str = "UPDATE deliveries SET state = 3, settled_at = ?2 WHERE id = ?1";

/// Cancels every pending delivery.
pub(super) fn cancel_all(
    connection: &Connection,
    webhook: WebhookId,
    at: Timestamp,
) -> Result<u64> {
    let key = params![webhook.to_bytes(), at.unix_millis()];
    let canceled = connection.prepare_cached(CANCEL)?.execute(key)?;
    Ok(u64::try_from(canceled).unwrap_or(u64::MAX))
}

/// Cancels the pending deliveries of each object but the one accepted last. Holds the places of
/// all that wait and the names of their objects, and reads each event once, one at a time.
pub(super) fn cancel_superseded(
    connection: &Connection,
    webhook: WebhookId,
    at: Timestamp,
) -> Result<u64> {
    let mut statement = connection.prepare_cached(WAITING)?;
    let mut waiting: Vec<(i64, DeliveryId)> =
        collect(&mut statement, params![webhook.to_bytes()], |row| Ok((row.get(0)?, id(row, 1)?)))?;
    // Events are numbered in the order they were accepted in: newest first.
    waiting.sort_unstable_by(|left, right| right.cmp(left));
    let mut seen = HashSet::new();
    let mut canceled = 0;
    for (seq, delivery) in waiting {
        let Some(subject) = Subject::of(&event::by_seq(connection, seq)?) else { continue };
        if !seen.insert(subject) {
            let key = params![delivery.to_bytes(), at.unix_millis()];
            connection.prepare_cached(CANCEL_ONE)?.execute(key)?;
            canceled += 1;
        }
    }
    Ok(canceled)
}

#[cfg(test)]
mod tests {
    use super::super::tests::is_a_bounded_search;
    use super::*;

    #[test]
    fn only_what_waits_is_read() {
        for sql in [CANCEL, WAITING, CANCEL_ONE] {
            is_a_bounded_search(sql);
        }
    }
}

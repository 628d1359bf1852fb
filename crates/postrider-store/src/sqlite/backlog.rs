//! Canceling what waits for a webhook: all of it, or what newer events have superseded.
//!
//! Both run in the transaction of the change that asks for them, whatever they cost: a webhook must
//! not be half resumed. `is_leased` and the epoch stay, so that an attempt in flight can still be
//! recorded, once.

use std::collections::HashSet;

use postrider_core::delivery::State;
use postrider_core::ids::{DeliveryId, WebhookId};
use postrider_core::subject::Subject;
use postrider_core::time::Timestamp;
use rusqlite::params;

use super::days::Moving;
use super::rows::{collect, event, id, time};
use super::writer::Desk;
use crate::error::Result;

const CANCEL: &str = "UPDATE deliveries INDEXED BY deliveries_queue \
     SET state = 3, settled_at = ?2 WHERE webhook = ?1 AND state = 0 RETURNING created_at";
const WAITING: &str = "SELECT event, id FROM deliveries INDEXED BY deliveries_queue \
     WHERE webhook = ?1 AND state = 0 AND is_test = 0";
const CANCEL_ONE: &str = "UPDATE deliveries SET state = 3, settled_at = ?2 WHERE id = ?1 \
     RETURNING created_at";

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

//! Leasing due deliveries, and the two questions about when something is due.
//!
//! A lease moves the due time to its end and adds one to the epoch, in one transaction: so it is
//! exclusive until it runs out (Q3) and runs out by itself (Q5).

use std::collections::HashMap;
use std::sync::Arc;

use postrider_core::event::Event;
use postrider_core::ids::WebhookId;
use postrider_core::limits;
use postrider_core::time::Timestamp;
use rusqlite::{Connection, params};

use super::rows::delivery::{DUE, DueRow, due};
use super::rows::{collect, event, first, id, time};
use super::writer::Desk;
use crate::error::Result;
use crate::queue::{LaneAsk, LaneState, LeaseAsk, Leased, LeasedDelivery};

const LEASE: &str = "UPDATE deliveries SET due_at = ?2, epoch = ?3, is_leased = 1 WHERE id = ?1";
const NEXT_DUE: &str = "SELECT due_at FROM deliveries INDEXED BY deliveries_queue \
     WHERE webhook = ?1 AND state = 0 ORDER BY due_at LIMIT 1";
const FIRST_LANE: &str = "SELECT webhook, due_at FROM deliveries INDEXED BY deliveries_queue \
     WHERE state = 0 ORDER BY webhook, due_at LIMIT 1";
const NEXT_LANE: &str = "SELECT webhook, due_at FROM deliveries INDEXED BY deliveries_queue \
     WHERE state = 0 AND webhook > ?1 ORDER BY webhook, due_at LIMIT 1";

/// Leases what is due. Stops early when the payloads together would pass what the lanes may hold
/// in memory; the due times in the answer then lie in the past, as if a limit had been met.
pub(super) fn lease(desk: &mut Desk, ask: &LeaseAsk) -> Result<Leased> {
    let connection = &desk.connection;
    let mut events = Events::default();
    let mut leased = Leased::default();
    for lane in ask.lanes.iter().take(limits::LEASE_LANES_MAX) {
        let rows = due_rows(connection, lane, ask.now)?;
        for row in rows {
            if events.bytes >= limits::LANES_BYTES_MAX {
                break;
            }
            let until = ask.now + lane.lease_for;
            let epoch = row.epoch.saturating_add(1);
            let key = row.id.to_bytes();
            connection.prepare_cached(LEASE)?.execute(params![key, until.unix_millis(), epoch])?;
            let event = events.get(connection, row.event)?;
            leased.deliveries.push(leased_delivery(&row, event, epoch, until));
        }
        let next_due = next_due(connection, lane.webhook)?;
        leased.lanes.push(LaneState { webhook: lane.webhook, next_due });
    }
    Ok(leased)
}

fn due_rows(connection: &Connection, lane: &LaneAsk, now: Timestamp) -> Result<Vec<DueRow>> {
    if lane.limit == 0 {
        return Ok(Vec::new());
    }
    let key = params![lane.webhook.to_bytes(), now.unix_millis(), lane.limit];
    collect(&mut *connection.prepare_cached(DUE)?, key, |row| due(row, lane.webhook))
}

fn leased_delivery(
    row: &DueRow,
    event: Arc<Event>,
    epoch: u32,
    leased_until: Timestamp,
) -> LeasedDelivery {
    LeasedDelivery {
        id: row.id,
        webhook: row.webhook,
        event,
        choice: row.choice,
        is_test: row.is_test,
        epoch,
        due_at: row.due_at,
        leased_until,
        attempts: row.attempts,
        attempts_before: row.attempts_before,
        schedule_started_at: row.schedule_started_at,
        returned: row.returned,
    }
}

/// Events read in one lease; those of one event's deliveries are shared.
#[derive(Default)]
struct Events {
    by_seq: HashMap<i64, Arc<Event>>,
    bytes: usize,
}

impl Events {
    fn get(&mut self, connection: &Connection, seq: i64) -> Result<Arc<Event>> {
        if let Some(event) = self.by_seq.get(&seq) {
            return Ok(Arc::clone(event));
        }
        let event = Arc::new(event::by_seq(connection, seq)?);
        self.bytes += event.payload_bytes();
        self.by_seq.insert(seq, Arc::clone(&event));
        Ok(event)
    }
}

fn next_due(connection: &Connection, webhook: WebhookId) -> Result<Option<Timestamp>> {
    let mut statement = connection.prepare_cached(NEXT_DUE)?;
    first(&mut statement, params![webhook.to_bytes()], |row| time(row, 0))
}

/// Every webhook with pending deliveries: one search of the index for each, however many
/// deliveries it has.
pub(super) fn backlog(connection: &Connection) -> Result<Vec<LaneState>> {
    let read = |row: &rusqlite::Row<'_>| {
        Ok(LaneState { webhook: id(row, 0)?, next_due: Some(time(row, 1)?) })
    };
    let mut lanes = Vec::new();
    let mut next = first(&mut *connection.prepare_cached(FIRST_LANE)?, [], read)?;
    let mut statement = connection.prepare_cached(NEXT_LANE)?;
    while let Some(lane) = next {
        next = first(&mut statement, params![lane.webhook.to_bytes()], read)?;
        lanes.push(lane);
    }
    Ok(lanes)
}

#[cfg(test)]
mod tests {
    use super::super::tests::is_a_bounded_search;
    use super::*;

    #[test]
    fn q4_leasing_searches_the_queue_and_sorts_nothing() {
        for sql in [DUE, NEXT_DUE, NEXT_LANE] {
            is_a_bounded_search(sql);
        }
    }
}

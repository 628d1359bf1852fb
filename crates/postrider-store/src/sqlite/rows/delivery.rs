//! Deliveries as rows, as lists and leases see them.

use postrider_core::delivery::State;
use postrider_core::ids::{DeliveryId, WebhookId};
use postrider_core::snapshot::Choice;
use postrider_core::time::Timestamp;
use rusqlite::{Connection, Row, params};

use super::event::{event_id, event_type};
use super::{first, id, optional_time, state, time};
use crate::catalog::Delivery;
use crate::error::{Result, StoreError};

/// The columns [`listed`] reads, with the event joined.
pub(in crate::sqlite) const DELIVERY: &str = "SELECT d.id, e.id, e.type, d.webhook, d.state, \
     d.is_test, d.attempts, d.due_at, d.created_at, d.settled_at, d.choice, d.event, e.merchant \
     FROM deliveries d JOIN events e ON e.seq = d.event WHERE d.id = ?1";

/// Reads a delivery from the columns of [`DELIVERY`].
pub(in crate::sqlite) fn listed(row: &Row<'_>) -> Result<Delivery> {
    let state = state(row.get(4)?)?;
    let due_at = time(row, 7)?;
    Ok(Delivery {
        id: id(row, 0)?,
        event: event_id(row, 1)?,
        event_type: event_type(row, 2)?,
        webhook: id(row, 3)?,
        state,
        is_test: row.get(5)?,
        attempts: row.get(6)?,
        due_at: (state == State::Pending).then_some(due_at),
        created_at: time(row, 8)?,
        settled_at: optional_time(row, 9)?,
    })
}

/// The columns [`glimpse`] reads: a delivery's own row, whose page it shares with many others.
pub(in crate::sqlite) const GLIMPSE: &str =
    "SELECT webhook, state, is_test, created_at FROM deliveries WHERE id = ?1";

/// What a delivery's own row tells, without its event.
#[derive(Debug, Clone, Copy)]
pub(in crate::sqlite) struct Glimpse {
    pub(in crate::sqlite) webhook: WebhookId,
    pub(in crate::sqlite) state: State,
    pub(in crate::sqlite) is_test: bool,
    pub(in crate::sqlite) created_at: Timestamp,
}

/// A delivery's own row, which is there as long as anything that names it.
pub(in crate::sqlite) fn glimpse(connection: &Connection, delivery: [u8; 16]) -> Result<Glimpse> {
    let mut statement = connection.prepare_cached(GLIMPSE)?;
    let found = first(&mut statement, params![delivery], |row| {
        let (webhook, state) = (id(row, 0)?, state(row.get(1)?)?);
        Ok(Glimpse { webhook, state, is_test: row.get(2)?, created_at: time(row, 3)? })
    })?;
    found.ok_or(StoreError::Corrupt("deliveries.id"))
}

/// The due rows of one webhook. Q4: by due time, and nothing before it.
pub(in crate::sqlite) const DUE: &str = "SELECT id, event, choice, is_test, epoch, due_at, \
     attempts, attempts_before, schedule_started_at, returned \
     FROM deliveries INDEXED BY deliveries_queue \
     WHERE webhook = ?1 AND state = 0 AND due_at <= ?2 ORDER BY due_at LIMIT ?3";

/// A row of [`DUE`].
#[derive(Debug)]
pub(in crate::sqlite) struct DueRow {
    pub(in crate::sqlite) id: DeliveryId,
    pub(in crate::sqlite) webhook: WebhookId,
    pub(in crate::sqlite) event: i64,
    pub(in crate::sqlite) choice: Choice,
    pub(in crate::sqlite) is_test: bool,
    pub(in crate::sqlite) epoch: u32,
    pub(in crate::sqlite) due_at: Timestamp,
    pub(in crate::sqlite) attempts: u32,
    pub(in crate::sqlite) attempts_before: u32,
    pub(in crate::sqlite) schedule_started_at: Timestamp,
    pub(in crate::sqlite) returned: u32,
}

/// Reads a row of [`DUE`].
pub(in crate::sqlite) fn due(row: &Row<'_>, webhook: WebhookId) -> Result<DueRow> {
    Ok(DueRow {
        id: id(row, 0)?,
        webhook,
        event: row.get(1)?,
        choice: Choice::from_bits(row.get(2)?),
        is_test: row.get(3)?,
        epoch: row.get(4)?,
        due_at: time(row, 5)?,
        attempts: row.get(6)?,
        attempts_before: row.get(7)?,
        schedule_started_at: time(row, 8)?,
        returned: row.get(9)?,
    })
}

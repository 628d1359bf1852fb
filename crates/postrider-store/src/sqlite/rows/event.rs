//! Events as rows. Payloads are the sender's bytes and stay so.

use bytes::Bytes;
use postrider_core::event::{Event, EventType};
use postrider_core::ids::EventId;
use postrider_core::routing::Decision;
use rusqlite::{Connection, Row, params};

use super::{first, id, time};
use crate::catalog::{ListedEvent, StoredEvent};
use crate::error::{Result, StoreError};

pub(in crate::sqlite) const EVENT_BY_SEQ: &str = "SELECT id, merchant, type, created, accepted_at, data, context, snapshot \
     FROM events WHERE seq = ?1";

/// Reads the eight columns of [`EVENT_BY_SEQ`], from `at` on.
pub(in crate::sqlite) fn event(row: &Row<'_>, at: usize) -> Result<Event> {
    Ok(Event {
        id: event_id(row, at)?,
        merchant: id(row, at + 1)?,
        event_type: event_type(row, at + 2)?,
        created: row.get(at + 3)?,
        accepted_at: time(row, at + 4)?,
        data: Bytes::from(row.get::<_, Vec<u8>>(at + 5)?),
        context: row.get::<_, Option<Vec<u8>>>(at + 6)?.map(Bytes::from),
        snapshot: row.get::<_, Option<Vec<u8>>>(at + 7)?.map(Bytes::from),
    })
}

/// Reads an event followed by `is_test` and `decisions`.
pub(in crate::sqlite) fn stored_event(row: &Row<'_>) -> Result<StoredEvent> {
    Ok(StoredEvent { event: event(row, 0)?, is_test: row.get(8)?, decisions: decisions(row, 9)? })
}

/// Reads `id, type, created, accepted_at, is_test, decisions`.
pub(in crate::sqlite) fn listed(row: &Row<'_>) -> Result<ListedEvent> {
    Ok(ListedEvent {
        id: event_id(row, 0)?,
        event_type: event_type(row, 1)?,
        created: row.get(2)?,
        accepted_at: time(row, 3)?,
        is_test: row.get(4)?,
        decisions: decisions(row, 5)?,
    })
}

pub(in crate::sqlite) fn decisions(row: &Row<'_>, column: usize) -> Result<Vec<Decision>> {
    let bytes = row.get_ref(column)?.as_blob_or_null().map_err(rusqlite::Error::from)?;
    Decision::decode(bytes.unwrap_or_default()).ok_or(StoreError::Corrupt("events.decisions"))
}

pub(in crate::sqlite) fn event_id(row: &Row<'_>, column: usize) -> Result<EventId> {
    let text = row.get_ref(column)?.as_str().map_err(rusqlite::Error::from)?;
    EventId::parse(text).map_err(|_| StoreError::Corrupt("events.id"))
}

pub(in crate::sqlite) fn event_type(row: &Row<'_>, column: usize) -> Result<EventType> {
    let text = row.get_ref(column)?.as_str().map_err(rusqlite::Error::from)?;
    EventType::parse(text).ok_or(StoreError::Corrupt("events.type"))
}

/// The event of a delivery, which is there as long as the delivery is.
pub(in crate::sqlite) fn by_seq(connection: &Connection, seq: i64) -> Result<Event> {
    let mut statement = connection.prepare_cached(EVENT_BY_SEQ)?;
    first(&mut statement, params![seq], |row| event(row, 0))?
        .ok_or(StoreError::Corrupt("deliveries.event"))
}

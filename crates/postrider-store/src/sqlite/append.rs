//! Appending events with their deliveries.
//!
//! Q1: each request is judged whole before its first row is written, and all of a batch is one
//! transaction. Q2: an event with the sender's own id carries a digest of what was posted; the
//! same again is answered from what is stored, another under the same id is refused.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use postrider_core::delivery::State;
use postrider_core::ids::{DeliveryId, EventId, MerchantId};
use postrider_core::routing::Decision;
use rusqlite::{Connection, params};

use super::fault;
use super::rows::{event::decisions, first, state_code};
use super::writer::Desk;
use crate::error::{Result, StoreError};
use crate::queue::{Append, AppendRefusal, Appended, NewDelivery, NewEvent};

const BY_ID: &str = "SELECT digest, decisions FROM events WHERE id = ?1 AND merchant = ?2";
const INSERT_EVENT: &str = "INSERT INTO events (merchant, id, type, created, accepted_at, \
     is_test, digest, decisions, data, context, snapshot) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
const INSERT_DELIVERY: &str = "INSERT INTO deliveries (id, event, webhook, choice, state, \
     is_test, is_leased, epoch, due_at, attempts, attempts_before, returned, \
     schedule_started_at, created_at) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0, 0, 0, ?10, ?10)";

/// The answer to one request.
pub(super) type Answer = std::result::Result<Vec<Appended>, AppendRefusal>;

/// Stores a batch; the answers come in its order (Q9).
pub(super) fn append(desk: &mut Desk, batch: &[Append]) -> Result<Vec<Answer>> {
    batch.iter().map(|request| append_one(desk, request)).collect()
}

fn append_one(desk: &mut Desk, request: &Append) -> Result<Answer> {
    if request.routing_version != desk.catalog_version {
        return Ok(Err(AppendRefusal::RoutingMoved));
    }
    let answers = match judge(&desk.connection, &request.events)? {
        Ok(answers) => answers,
        Err(refusal) => return Ok(Err(refusal)),
    };
    desk.bell.count(request.events.len());
    for (event, answer) in request.events.iter().zip(&answers) {
        if !answer.is_duplicate {
            insert(desk, event)?;
        }
    }
    Ok(Ok(answers))
}

/// What each event of a request will be answered, before anything is written.
fn judge(
    connection: &Connection,
    events: &[NewEvent],
) -> Result<std::result::Result<Vec<Appended>, AppendRefusal>> {
    // Only events with a digest can repeat: an id that we minted is new, or we are broken.
    let mut seen: HashMap<(&EventId, MerchantId), Known> = HashMap::new();
    let mut answers = Vec::with_capacity(events.len());
    for (index, new) in events.iter().enumerate() {
        let fresh = || Known { digest: new.digest, deliveries: delivered(&new.decisions) };
        let Some(digest) = new.digest else {
            answers.push(Appended { is_duplicate: false, deliveries: fresh().deliveries });
            continue;
        };
        let known = match seen.entry((&new.event.id, new.event.merchant)) {
            Entry::Occupied(earlier) => Some(earlier.into_mut()),
            Entry::Vacant(place) => {
                let stored = stored(connection, new)?;
                let is_stored = stored.is_some();
                let known = place.insert(stored.unwrap_or_else(fresh));
                is_stored.then_some(known)
            }
        };
        if known.as_ref().is_some_and(|known| known.digest != Some(digest)) {
            return Ok(Err(AppendRefusal::IdempotencyMismatch { index }));
        }
        answers.push(match known {
            Some(known) => Appended { is_duplicate: true, deliveries: known.deliveries.clone() },
            None => Appended { is_duplicate: false, deliveries: fresh().deliveries },
        });
    }
    Ok(Ok(answers))
}

/// An event that is stored already or stands earlier in the same request.
struct Known {
    digest: Option<[u8; 32]>,
    deliveries: Vec<DeliveryId>,
}

fn stored(connection: &Connection, new: &NewEvent) -> Result<Option<Known>> {
    let mut statement = connection.prepare_cached(BY_ID)?;
    let key = params![new.event.id.as_str(), new.event.merchant.to_bytes()];
    first(&mut statement, key, |row| {
        let decisions = decisions(row, 1)?;
        Ok(Known { digest: row.get(0)?, deliveries: delivered(&decisions) })
    })
}

fn delivered(decisions: &[Decision]) -> Vec<DeliveryId> {
    decisions.iter().filter_map(Decision::delivery).collect()
}

fn insert(desk: &mut Desk, new: &NewEvent) -> Result<()> {
    let Desk { connection, days, .. } = desk;
    let event = &new.event;
    let inserted = connection.prepare_cached(INSERT_EVENT)?.execute(params![
        event.merchant.to_bytes(),
        event.id.as_str(),
        event.event_type.as_str(),
        event.created,
        event.accepted_at.unix_millis(),
        new.is_test,
        new.digest,
        Decision::encode(&new.decisions),
        &event.data[..],
        event.context.as_deref(),
        event.snapshot.as_deref(),
    ]);
    taken_is_corrupt(inserted, "an event id was minted twice")?;
    let seq = connection.last_insert_rowid();
    for delivery in &new.deliveries {
        insert_delivery(connection, seq, new, delivery)?;
        days.created(delivery.webhook, event.accepted_at);
    }
    for decision in new.decisions.iter().filter(|decision| decision.delivery().is_some()) {
        days.decided(decision.webhook, event.accepted_at);
    }
    Ok(())
}

fn insert_delivery(
    connection: &Connection,
    seq: i64,
    new: &NewEvent,
    delivery: &NewDelivery,
) -> Result<()> {
    let accepted_at = new.event.accepted_at;
    let (is_leased, epoch, due_at) = match delivery.leased_until {
        Some(until) => (true, 1, until),
        None => (false, 0, accepted_at),
    };
    let inserted = connection.prepare_cached(INSERT_DELIVERY)?.execute(params![
        delivery.id.to_bytes(),
        seq,
        delivery.webhook.to_bytes(),
        delivery.choice.bits(),
        state_code(State::Pending),
        new.is_test,
        is_leased,
        epoch,
        due_at.unix_millis(),
        accepted_at.unix_millis(),
    ]);
    taken_is_corrupt(inserted, "a delivery id was minted twice")
}

fn taken_is_corrupt(inserted: rusqlite::Result<usize>, what: &'static str) -> Result<()> {
    match inserted {
        Ok(_) => Ok(()),
        Err(error) if fault::is_taken(&error) => Err(StoreError::Corrupt(what)),
        Err(error) => Err(error.into()),
    }
}

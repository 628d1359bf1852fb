//! Recording what became of leased deliveries, and making settled ones due again.
//!
//! A settlement counts only for the lease it names: the epoch must be the row's and the lease not
//! yet settled (Q6). The record of an attempt and the move are one transaction (Q7); the queue's
//! index follows the state by itself (Q8).

use postrider_core::attempt::Attempt;
use postrider_core::audit::Stamp;
use postrider_core::delivery::{Next, State};
use postrider_core::ids::{DeliveryId, MerchantId};
use postrider_core::time::Timestamp;
use postrider_core::webhook::Status;
use rusqlite::{Connection, params};

use super::audit;
use super::days::Moving;
use super::rows::{attempt, first, id, millis, state, state_code, time, webhook};
use super::writer::Desk;
use crate::error::{Result, StoreError};
use crate::queue::{Change, Resent, Settled, Settlement};

const STANDING: &str = "SELECT state, epoch, is_leased, attempts, due_at, settled_at, webhook, \
     created_at FROM deliveries WHERE id = ?1";
const MOVE: &str = "UPDATE deliveries SET state = ?2, due_at = ?3, attempts = ?4, \
     settled_at = ?5, is_leased = 0 WHERE id = ?1";
const HAND_BACK: &str = "UPDATE deliveries SET due_at = ?2, returned = returned + 1, \
     is_leased = 0 WHERE id = ?1";
const FOR_RESEND: &str = "SELECT d.state, d.webhook, w.status, w.deleted_at IS NOT NULL, \
     d.attempts, d.created_at FROM deliveries d JOIN events e ON e.seq = d.event \
     JOIN webhooks w ON w.id = d.webhook \
     WHERE d.id = ?1 AND e.merchant = ?2";
// An attempt still running from before does not count for the new schedule: its lease ends here.
// Leases lost before are forgiven, or a delivery once taken for poison would be given up again at
// its first lease.
const RESEND: &str = "UPDATE deliveries SET state = 0, due_at = ?2, is_leased = 0, \
     returned = max(epoch - attempts, 0), attempts_before = attempts, \
     schedule_started_at = ?2, settled_at = NULL WHERE id = ?1";
const NOTE_RESEND: &str = "INSERT INTO resends (webhook, delivery, at) VALUES (?1, ?2, ?3)";

/// Settles a batch; the answers come in its order (Q9).
pub(super) fn settle(desk: &mut Desk, batch: &[Settlement]) -> Result<Vec<Settled>> {
    batch.iter().map(|settlement| settle_one(desk, settlement)).collect()
}

struct Standing {
    moving: Moving,
    epoch: u32,
    is_leased: bool,
    due_at: Timestamp,
    settled_at: Option<Timestamp>,
}

fn settle_one(desk: &mut Desk, settlement: &Settlement) -> Result<Settled> {
    let connection = &desk.connection;
    let Some(standing) = standing(connection, settlement.delivery)? else {
        return Ok(Settled::Stale);
    };
    if standing.epoch != settlement.epoch || !standing.is_leased {
        return Ok(Settled::Stale);
    }
    match &settlement.change {
        Change::HandedBack => {
            let key = settlement.delivery.to_bytes();
            let at = settlement.at.unix_millis();
            connection.prepare_cached(HAND_BACK)?.execute(params![key, at])?;
            Ok(Settled::Done)
        }
        Change::Attempted { attempt, next } => {
            attempted(desk, settlement, &standing, attempt, *next)
        }
    }
}

fn standing(connection: &Connection, delivery: DeliveryId) -> Result<Option<Standing>> {
    let mut statement = connection.prepare_cached(STANDING)?;
    first(&mut statement, params![delivery.to_bytes()], |row| {
        Ok(Standing {
            moving: Moving {
                webhook: id(row, 6)?,
                created_at: time(row, 7)?,
                state: state(row.get(0)?)?,
                attempts: row.get(3)?,
            },
            epoch: row.get(1)?,
            is_leased: row.get(2)?,
            due_at: time(row, 4)?,
            settled_at: super::rows::optional_time(row, 5)?,
        })
    })
}

fn attempted(
    desk: &mut Desk,
    settlement: &Settlement,
    standing: &Standing,
    record: &Attempt,
    next: Next,
) -> Result<Settled> {
    let Desk { connection, days, .. } = desk;
    let delivery = settlement.delivery;
    if record.number != standing.moving.attempts.saturating_add(1) {
        // Cannot happen while the epoch fences. Refused alone, so that its neighbours are not
        // (Q9); the lease runs out and the delivery is attempted anew.
        tracing::error!(%delivery, number = record.number, "an attempt has the wrong number");
        return Ok(Settled::Stale);
    }
    attempt::insert(connection, delivery, record)?;
    let (state, due_at, settled_at) = match (standing.moving.state, next) {
        (State::Canceled, Next::Retry(_) | Next::Failed) => {
            (State::Canceled, standing.due_at, standing.settled_at)
        }
        (_, Next::Success) => (State::Success, standing.due_at, Some(settlement.at)),
        (_, Next::Failed) => (State::Failed, standing.due_at, Some(settlement.at)),
        (_, Next::Retry(due_at)) => (State::Pending, due_at, None),
    };
    connection.prepare_cached(MOVE)?.execute(params![
        delivery.to_bytes(),
        state_code(state),
        due_at.unix_millis(),
        record.number,
        millis(settled_at),
    ])?;
    days.moved(standing.moving, state, record.number);
    Ok(Settled::Done)
}

/// Makes a settled delivery due now.
pub(super) fn resend(
    desk: &mut Desk,
    merchant: MerchantId,
    delivery: DeliveryId,
    stamp: &Stamp,
) -> Result<Resent> {
    let key = params![delivery.to_bytes(), merchant.to_bytes()];
    let found = first(&mut *desk.connection.prepare_cached(FOR_RESEND)?, key, |row| {
        let is_deleted: bool = row.get(3)?;
        let status = webhook::status(row.get(2)?)?;
        let is_receiving = !is_deleted && !matches!(status, Status::Disabled(_));
        let (state, webhook, created_at) = (state(row.get(0)?)?, id(row, 1)?, time(row, 5)?);
        Ok((Moving { webhook, created_at, state, attempts: row.get(4)? }, is_receiving))
    })?;
    let (moving, is_receiving) = found.ok_or(StoreError::NotFound)?;
    if moving.state == State::Pending {
        return Ok(Resent::AlreadyPending);
    }
    if !is_receiving {
        return Ok(Resent::WebhookNotReceiving);
    }
    let webhook = moving.webhook;
    make_due(desk, moving, delivery, stamp.at)?;
    audit::record(desk, stamp, Some(merchant), "delivery.resent", &delivery, "")?;
    Ok(Resent::Due { webhook })
}

/// Makes a settled delivery, which stands so, due now with a new schedule.
pub(super) fn make_due(
    desk: &mut Desk,
    moving: Moving,
    delivery: DeliveryId,
    now: Timestamp,
) -> Result<()> {
    let Desk { connection, days, .. } = desk;
    let (webhook, delivery, now) =
        (moving.webhook.to_bytes(), delivery.to_bytes(), now.unix_millis());
    connection.prepare_cached(RESEND)?.execute(params![delivery, now])?;
    connection.prepare_cached(NOTE_RESEND)?.execute(params![webhook, delivery, now])?;
    days.moved(moving, State::Pending, moving.attempts);
    Ok(())
}

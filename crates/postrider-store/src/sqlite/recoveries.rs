//! Recoveries: resending many deliveries of a webhook, a bounded number at a time.
//!
//! A move takes the next deliveries after the position, makes them due, and moves position and
//! counts, all in one transaction: a crash repeats none and loses none. The position is a delivery's
//! id, so that one which fails again lies behind it. Counting ahead reads the same deliveries in
//! slices, beside the writer.

use std::time::Duration;

use postrider_core::audit::Stamp;
use postrider_core::delivery::State;
use postrider_core::ids::{DeliveryId, MerchantId, RecoveryId, WebhookId};
use postrider_core::limits;
use postrider_core::recovery::{self, Recovery, Status, Wanted};
use postrider_core::time::Timestamp;
use postrider_core::webhook::Status as WebhookStatus;
use rusqlite::{Connection, Row, params};

use super::accounts::position;
use super::days::Moving;
use super::pages::{self, Scan};
use super::rows::recovery::{ended_code, recovery as read, status_code};
use super::rows::{collect, first, id, millis, state, state_code, time};
use super::writer::Desk;
use super::{audit, settle, webhooks};
use crate::catalog::{Page, PageAsk};
use crate::error::{Result, StoreError};
use crate::recovery::{Advanced, Begun, Recoverable, RecoveryFilter};

const CANDIDATES: &str = "SELECT id, created_at, settled_at, is_test, state, attempts \
     FROM deliveries INDEXED BY deliveries_ended \
     WHERE webhook = ?1 AND state = ?2 AND state >= 2 AND id > ?3 AND id < ?4 \
     ORDER BY id LIMIT ?5";
const ONE: &str = "SELECT id, merchant, webhook, since, until, ended, rate_per_second, status, \
     total, is_total_exact, resent, skipped, created_at, finished_at, position \
     FROM recoveries WHERE id = ?1 AND merchant = ?2";
const NEXT: &str = "SELECT id, merchant, webhook, since, until, ended, rate_per_second, status, \
     total, is_total_exact, resent, skipped, created_at, finished_at, position \
     FROM recoveries INDEXED BY recoveries_due \
     WHERE status = 0 AND due_at <= ?1 ORDER BY due_at LIMIT 1";
const DUE: &str = "SELECT due_at FROM recoveries INDEXED BY recoveries_due \
     WHERE status = 0 ORDER BY due_at LIMIT 1";
const OPEN: &str = "SELECT id FROM recoveries INDEXED BY recoveries_open \
     WHERE webhook = ?1 AND finished_at IS NULL";
const LIST: Scan = Scan {
    down: "SELECT id FROM recoveries INDEXED BY recoveries_merchant \
         WHERE merchant = ?1 AND id <= ?2 AND (?3 IS NULL OR webhook = ?3) \
         AND (?4 IS NULL OR status = ?4) ORDER BY id DESC LIMIT ?5",
    up: "SELECT id FROM recoveries INDEXED BY recoveries_merchant \
         WHERE merchant = ?1 AND id >= ?2 AND (?3 IS NULL OR webhook = ?3) \
         AND (?4 IS NULL OR status = ?4) ORDER BY id LIMIT ?5",
};
const COUNT: &str = "SELECT count(*) FILTER (WHERE finished_at IS NULL), count(*) \
     FROM recoveries INDEXED BY recoveries_merchant WHERE merchant = ?1";
const FORGET_OLDEST: &str = "DELETE FROM recoveries WHERE id = (SELECT id \
     FROM recoveries INDEXED BY recoveries_merchant \
     WHERE merchant = ?1 AND finished_at IS NOT NULL ORDER BY id LIMIT 1)";
const INSERT: &str = "INSERT INTO recoveries (id, merchant, webhook, since, until, ended, \
     rate_per_second, status, due_at, position, total, is_total_exact, resent, skipped, \
     created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 0, 0, ?9)";
const MOVE: &str = "UPDATE recoveries SET position = ?2, resent = ?3, due_at = ?4 WHERE id = ?1";
const FINISH: &str = "UPDATE recoveries SET status = ?2, skipped = ?3, finished_at = ?4 \
     WHERE id = ?1";
const FOLLOW: &str = "UPDATE recoveries INDEXED BY recoveries_open \
     SET status = ?2, due_at = max(due_at, ?3) WHERE webhook = ?1 AND finished_at IS NULL";

/// Rows in one reading while they are counted: some tens of milliseconds.
const SLICE_ROWS: usize = 20_000;
/// An id can begin with a later time than its delivery was created at, when the clock was set back
/// meanwhile; a clock that is set back by more than this is broken.
const CLOCK_SET_BACK_MAX: Duration = Duration::from_hours(24);

/// A delivery that ended, with what decides whether it is wanted.
struct Candidate {
    id: DeliveryId,
    created_at: Timestamp,
    settled_at: Timestamp,
    is_test: bool,
    state: State,
    attempts: u32,
}

impl Candidate {
    fn read(row: &Row<'_>) -> Result<Self> {
        let (created_at, settled_at) = (time(row, 1)?, time(row, 2)?);
        Ok(Self {
            id: id(row, 0)?,
            created_at,
            settled_at,
            is_test: row.get(3)?,
            state: state(row.get(4)?)?,
            attempts: row.get(5)?,
        })
    }

    fn is_wanted(&self, wanted: &Wanted) -> bool {
        wanted.takes(self.created_at, self.settled_at, self.is_test)
    }
}

/// The first `limit` deliveries after a position that may be wanted, oldest first.
fn candidates(
    connection: &Connection,
    wanted: &Wanted,
    after: DeliveryId,
    limit: usize,
) -> Result<Vec<Candidate>> {
    let ceiling = DeliveryId::from_parts(wanted.until + CLOCK_SET_BACK_MAX, 0, 0);
    let mut statement = connection.prepare_cached(CANDIDATES)?;
    let mut all = Vec::new();
    for state in wanted.ended.states() {
        let webhook = wanted.webhook.to_bytes();
        let (from, to) = (after.to_bytes(), ceiling.to_bytes());
        let key = params![webhook, state_code(*state), from, to, limit];
        all.extend(collect(&mut statement, key, Candidate::read)?);
    }
    // Each state gave its first ones, so the first ones of both are among them.
    all.sort_unstable_by_key(|candidate| candidate.id);
    all.truncate(limit);
    Ok(all)
}

/// The position before everything that is wanted: ids begin with the time they were made at, which
/// is never before `created_at`.
fn beginning(wanted: &Wanted) -> DeliveryId {
    DeliveryId::from_parts(wanted.since, 0, 0)
}

/// A counting under way, oldest delivery first.
#[derive(Debug)]
pub(super) struct Counting {
    wanted: Wanted,
    after: DeliveryId,
    room: usize,
    counted: Recoverable,
    slice_rows: usize,
}

impl Counting {
    pub(super) fn new(wanted: Wanted) -> Self {
        let counted = Recoverable { count: 0, oldest_at: None, newest_at: None, is_exact: true };
        let (after, room) = (beginning(&wanted), limits::COUNT_AHEAD_MAX);
        Self { wanted, after, room, counted, slice_rows: SLICE_ROWS }
    }

    /// Counts one slice; what was counted when it was the last.
    pub(super) fn slice(&mut self, connection: &Connection) -> Result<Option<Recoverable>> {
        let limit = self.slice_rows.min(self.room);
        let candidates = candidates(connection, &self.wanted, self.after, limit)?;
        for candidate in candidates.iter().filter(|candidate| candidate.is_wanted(&self.wanted)) {
            let Recoverable { count, oldest_at, newest_at, .. } = &mut self.counted;
            let created_at = candidate.created_at;
            *count += 1;
            *oldest_at = Some(oldest_at.map_or(created_at, |oldest| oldest.min(created_at)));
            *newest_at = (*newest_at).max(Some(created_at));
        }
        self.after = candidates.last().map_or(self.after, |candidate| candidate.id);
        self.room -= candidates.len();
        let may_have_more = candidates.len() == limit;
        self.counted.is_exact = self.room > 0 || !may_have_more;
        let is_last = !may_have_more || self.room == 0;
        Ok(is_last.then_some(self.counted))
    }
}

pub(super) fn begin(desk: &mut Desk, mut recovery: Recovery, stamp: &Stamp) -> Result<Begun> {
    let Wanted { merchant, webhook, .. } = recovery.wanted;
    let (receiver, _) = webhooks::one(&desk.connection, merchant, webhook)?;
    if let Some(open) = open(&desk.connection, webhook)? {
        return Ok(Begun::AlreadyUnderWay(open));
    }
    make_room(&desk.connection, merchant)?;
    recovery.status = standing(receiver.status);
    desk.connection.prepare_cached(INSERT)?.execute(params![
        recovery.id.to_bytes(),
        merchant.to_bytes(),
        webhook.to_bytes(),
        recovery.wanted.since.unix_millis(),
        recovery.wanted.until.unix_millis(),
        ended_code(recovery.wanted.ended),
        recovery.rate_per_second,
        status_code(recovery.status),
        recovery.created_at.unix_millis(),
        beginning(&recovery.wanted).to_bytes(),
        recovery.total,
        recovery.is_total_exact,
    ])?;
    record(desk, stamp, "recovery.created", &recovery, format!("of webhook {webhook}"))?;
    Ok(Begun::Begun(recovery))
}

/// The recovery under way for a webhook.
fn open(connection: &Connection, webhook: WebhookId) -> Result<Option<RecoveryId>> {
    first(&mut *connection.prepare_cached(OPEN)?, params![webhook.to_bytes()], |row| id(row, 0))
}

fn make_room(connection: &Connection, merchant: MerchantId) -> Result<()> {
    let key = params![merchant.to_bytes()];
    let mut statement = connection.prepare_cached(COUNT)?;
    let (running, kept): (usize, usize) =
        statement.query_row(key, |row| Ok((row.get(0)?, row.get(1)?)))?;
    let limit = limits::RECOVERIES_RUNNING_MAX;
    if running >= limit {
        return Err(StoreError::LimitReached { what: "recoveries under way", limit });
    }
    if kept >= limits::RECOVERIES_KEPT_MAX {
        connection.prepare_cached(FORGET_OLDEST)?.execute(key)?;
    }
    Ok(())
}

const fn standing(webhook: WebhookStatus) -> Status {
    match webhook {
        WebhookStatus::Disabled(_) => Status::Waiting,
        WebhookStatus::Enabled | WebhookStatus::Paused => Status::Running,
    }
}

/// A recovery and the position it has reached.
fn placed(row: &Row<'_>) -> Result<(Recovery, DeliveryId)> {
    Ok((read(row)?, id(row, 14)?))
}

pub(super) fn one(
    connection: &Connection,
    merchant: MerchantId,
    id: RecoveryId,
) -> Result<Recovery> {
    let key = params![id.to_bytes(), merchant.to_bytes()];
    first(&mut *connection.prepare_cached(ONE)?, key, read)?.ok_or(StoreError::NotFound)
}

pub(super) fn list(
    connection: &Connection,
    merchant: MerchantId,
    filter: RecoveryFilter,
    ask: PageAsk,
) -> Result<Page<Recovery>> {
    let webhook = filter.webhook.map(WebhookId::to_bytes);
    let status = filter.status.map(status_code);
    pages::page(ask, |walk, limit| {
        let mut statement = connection.prepare_cached(walk.pick(&LIST))?;
        let key = params![merchant.to_bytes(), walk.id(), webhook, status, limit];
        collect(&mut statement, key, |row| {
            let found: RecoveryId = id(row, 0)?;
            Ok((position(found.to_bytes()), one(connection, merchant, found)?))
        })
    })
}

/// When the next running recovery goes on.
pub(super) fn due(connection: &Connection) -> Result<Option<Timestamp>> {
    first(&mut *connection.prepare_cached(DUE)?, [], |row| time(row, 0))
}

/// Moves the recovery that has been due longest on by what its rate allows for a second.
pub(super) fn advance(desk: &mut Desk, stamp: &Stamp) -> Result<Option<Advanced>> {
    let connection = &desk.connection;
    let now = params![stamp.at.unix_millis()];
    let next = first(&mut *connection.prepare_cached(NEXT)?, now, placed)?;
    let Some((recovery, mut position)) = next else { return Ok(None) };
    let Recovery { wanted, rate_per_second, .. } = recovery;
    let candidates = candidates(connection, &wanted, position, limits::RECOVERY_RATE_MAX as usize)?;
    let mut resent = 0;
    for candidate in &candidates {
        if resent == rate_per_second {
            break;
        }
        position = candidate.id;
        if candidate.is_wanted(&wanted) {
            let Candidate { id, created_at, state, attempts, .. } = *candidate;
            let moving = Moving { webhook: wanted.webhook, created_at, state, attempts };
            settle::make_due(desk, moving, id, stamp.at)?;
            resent += 1;
        }
    }
    if candidates.is_empty() {
        finish(desk, &recovery, Status::Done, stamp)?;
    } else {
        let due_at = stamp.at + recovery::pause(resent, rate_per_second);
        desk.connection.prepare_cached(MOVE)?.execute(params![
            recovery.id.to_bytes(),
            position.to_bytes(),
            recovery.resent + u64::from(resent),
            due_at.unix_millis(),
        ])?;
    }
    Ok(Some(Advanced { webhook: wanted.webhook, resent }))
}

fn finish(desk: &Desk, recovery: &Recovery, status: Status, stamp: &Stamp) -> Result<()> {
    let resent = recovery.resent;
    let (action, skipped) = match status {
        Status::Canceled => ("recovery.canceled", 0),
        _ => ("recovery.finished", recovery.total.saturating_sub(resent)),
    };
    desk.connection.prepare_cached(FINISH)?.execute(params![
        recovery.id.to_bytes(),
        status_code(status),
        skipped,
        millis(Some(stamp.at)),
    ])?;
    record(desk, stamp, action, recovery, format!("{resent} deliveries were resent"))
}

/// Cancels a recovery; one that has finished stays as it is.
pub(super) fn cancel(
    desk: &mut Desk,
    merchant: MerchantId,
    id: RecoveryId,
    stamp: &Stamp,
) -> Result<Recovery> {
    let recovery = one(&desk.connection, merchant, id)?;
    if recovery.finished_at.is_some() {
        return Ok(recovery);
    }
    finish(desk, &recovery, Status::Canceled, stamp)?;
    one(&desk.connection, merchant, id)
}

/// Lets the recovery of a webhook wait while that is disabled, and go on afterwards.
pub(super) fn follow(
    connection: &Connection,
    webhook: WebhookId,
    status: WebhookStatus,
    at: Timestamp,
) -> Result<()> {
    let key = params![webhook.to_bytes(), status_code(standing(status)), at.unix_millis()];
    connection.prepare_cached(FOLLOW)?.execute(key)?;
    Ok(())
}

/// Cancels the recovery of a webhook that is being deleted.
pub(super) fn end_with_webhook(
    desk: &mut Desk,
    merchant: MerchantId,
    webhook: WebhookId,
    stamp: &Stamp,
) -> Result<()> {
    let Some(id) = open(&desk.connection, webhook)? else { return Ok(()) };
    cancel(desk, merchant, id, stamp).map(drop)
}

fn record(
    desk: &Desk,
    stamp: &Stamp,
    action: &str,
    recovery: &Recovery,
    detail: String,
) -> Result<()> {
    audit::record(desk, stamp, Some(recovery.wanted.merchant), action, &recovery.id, detail)
}

#[cfg(test)]
mod tests {
    use super::super::tests::is_a_bounded_search;
    use super::*;

    #[test]
    fn every_move_is_a_bounded_search() {
        // DUE reads the first entry of its index.
        for sql in [CANDIDATES, NEXT, OPEN, LIST.down, LIST.up, FOLLOW, FORGET_OLDEST] {
            is_a_bounded_search(sql);
        }
    }
}

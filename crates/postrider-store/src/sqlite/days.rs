//! Figures kept while deliveries move: per webhook and UTC hour of creation, and per day once two days
//! have passed.
//!
//! A job notes what it moves; what a group of jobs moved is written just before its commit, one row
//! per webhook and hour however many deliveries it was. Invariants: a job that is undone takes its
//! notes with it, so the figures are those of the rows at every commit; a figure is the sum of both
//! tables, wherever a part of it stands.

use std::collections::{BTreeMap, HashMap};
use std::ops::AddAssign;

use postrider_core::delivery::State;
use postrider_core::ids::WebhookId;
use postrider_core::time::Timestamp;
use rusqlite::{Connection, Row, Statement, params};

use super::rows::collect;
use crate::error::Result;
use crate::queue::Balance;

macro_rules! add {
    ($table:literal, $span:literal) => {
        concat!(
            "INSERT INTO ", $table, " (", $span, ", webhook, decided, pending, successful, \
             successful_retries, failed, canceled) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) \
             ON CONFLICT (", $span, ", webhook) DO UPDATE SET decided = decided + excluded.decided, \
             pending = pending + excluded.pending, successful = successful + excluded.successful, \
             successful_retries = successful_retries + excluded.successful_retries, \
             failed = failed + excluded.failed, canceled = canceled + excluded.canceled"
        )
    };
}

const ADD_TO_HOUR: &str = add!("webhook_hours", "hour");
const ADD_TO_DAY: &str = add!("webhook_days", "day");
const OF_DAY: &str = "SELECT decided, pending, successful, successful_retries, failed, canceled \
     FROM webhook_days WHERE day = ?1 AND webhook = ?2";
const OF_HOUR: &str = "SELECT decided, pending, successful, successful_retries, failed, canceled \
     FROM webhook_hours WHERE hour = ?1 AND webhook = ?2";
const LAST_DAY: &str = "SELECT day FROM webhook_days ORDER BY day DESC LIMIT 1";
const FIRST_HOUR: &str = "SELECT hour FROM webhook_hours ORDER BY hour LIMIT 1";
const LAST_HOUR: &str = "SELECT hour FROM webhook_hours ORDER BY hour DESC LIMIT 1";
const OLD_HOURS: &str = "SELECT decided, pending, successful, successful_retries, failed, canceled, \
     hour, webhook FROM webhook_hours WHERE hour < ?1 ORDER BY hour, webhook LIMIT ?2";
const REMOVE_HOUR: &str = "DELETE FROM webhook_hours WHERE hour = ?1 AND webhook = ?2";
// What was removed has been counted here too and is told apart.
const SUMS: &str = "SELECT coalesce(sum(d.decided), 0), coalesce(sum(d.pending), 0), \
     coalesce(sum(d.successful), 0) - p.success, coalesce(sum(d.failed), 0) - p.failed, \
     coalesce(sum(d.canceled), 0) - p.canceled, p.success + p.failed + p.canceled \
     FROM pruned p LEFT JOIN (SELECT decided, pending, successful, failed, canceled FROM webhook_days \
     UNION ALL SELECT decided, pending, successful, failed, canceled FROM webhook_hours) d";

const HOUR_MILLIS: i64 = 3_600_000;
const HOURS_OF_DAY: i64 = 24;
/// Hours that are told apart; a chart of a day wants half of it.
const HOURS_KEPT: i64 = 48;
/// Rows added to their days at one commit: a part of a millisecond, and far more than become old
/// between two.
const OLD_AT_ONCE: i64 = 200;
const DAY_MILLIS: i64 = 86_400_000;

/// The UTC day a moment lies in, counted from 1970.
pub(super) fn day(at: Timestamp) -> i64 {
    at.unix_millis().div_euclid(DAY_MILLIS)
}

/// The UTC hour a moment lies in, counted from 1970.
pub(super) fn hour(at: Timestamp) -> i64 {
    at.unix_millis().div_euclid(HOUR_MILLIS)
}

/// The first moment of an hour.
pub(super) fn start_of_hour(hour: i64) -> Timestamp {
    Timestamp::from_unix_millis(hour.saturating_mul(HOUR_MILLIS))
}

/// The first moment of a day.
pub(super) fn start(day: i64) -> Timestamp {
    Timestamp::from_unix_millis(day.saturating_mul(DAY_MILLIS))
}

/// Numbers of deliveries, or changes of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Figures {
    decided: i64,
    pub(super) pending: i64,
    pub(super) successful: i64,
    pub(super) successful_retries: i64,
    pub(super) failed: i64,
    canceled: i64,
}

impl Figures {
    /// One decision to deliver.
    fn of_decision() -> Self {
        Self { decided: 1, ..Self::default() }
    }

    /// `count` deliveries that stand so.
    fn of(state: State, attempts: u32, count: i64) -> Self {
        let none = Self::default();
        match state {
            State::Pending => Self { pending: count, ..none },
            State::Success => {
                let retries = if attempts > 1 { count } else { 0 };
                Self { successful: count, successful_retries: retries, ..none }
            }
            State::Failed => Self { failed: count, ..none },
            State::Canceled => Self { canceled: count, ..none },
        }
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            decided: row.get(0)?,
            pending: row.get(1)?,
            successful: row.get(2)?,
            successful_retries: row.get(3)?,
            failed: row.get(4)?,
            canceled: row.get(5)?,
        })
    }
}

impl Figures {
    /// Adds them to a row of a table.
    fn add_to(
        self,
        add: &mut Statement<'_>,
        span: i64,
        webhook: WebhookId,
    ) -> rusqlite::Result<()> {
        let Self { decided, pending, successful, successful_retries, failed, canceled } = self;
        let webhook = webhook.to_bytes();
        let all = params![
            span,
            webhook,
            decided,
            pending,
            successful,
            successful_retries,
            failed,
            canceled
        ];
        add.execute(all).map(drop)
    }
}

impl AddAssign for Figures {
    fn add_assign(&mut self, other: Self) {
        self.decided += other.decided;
        self.pending += other.pending;
        self.successful += other.successful;
        self.successful_retries += other.successful_retries;
        self.failed += other.failed;
        self.canceled += other.canceled;
    }
}

/// A delivery that moves: whose it is, when it was created, and how it stood.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moving {
    pub(super) webhook: WebhookId,
    pub(super) created_at: Timestamp,
    pub(super) state: State,
    pub(super) attempts: u32,
}

/// By the hour of creation.
type Moves = HashMap<(i64, WebhookId), Figures>;

/// What moved in the present job and in those before it in the group.
#[derive(Debug, Default)]
pub(super) struct Days {
    job: Moves,
    group: Moves,
    /// The newest hour that was written to.
    newest: i64,
}

impl Days {
    /// A decision to deliver was stored.
    pub(super) fn decided(&mut self, webhook: WebhookId, at: Timestamp) {
        self.add(webhook, at, Figures::of_decision());
    }

    /// A delivery was created, pending.
    pub(super) fn created(&mut self, webhook: WebhookId, at: Timestamp) {
        self.add(webhook, at, Figures::of(State::Pending, 0, 1));
    }

    /// A delivery moved to another state, or made another attempt.
    pub(super) fn moved(&mut self, from: Moving, state: State, attempts: u32) {
        if (from.state, from.attempts) == (state, attempts) {
            return;
        }
        let Moving { webhook, created_at, .. } = from;
        self.add(webhook, created_at, Figures::of(from.state, from.attempts, -1));
        self.add(webhook, created_at, Figures::of(state, attempts, 1));
    }

    fn add(&mut self, webhook: WebhookId, created_at: Timestamp, figures: Figures) {
        *self.job.entry((hour(created_at), webhook)).or_default() += figures;
    }

    /// The present job stands.
    pub(super) fn keep_job(&mut self) {
        for (key, figures) in self.job.drain() {
            *self.group.entry(key).or_default() += figures;
        }
    }

    /// The present job was undone.
    pub(super) fn drop_job(&mut self) {
        self.job.clear();
    }

    /// The group was undone.
    pub(super) fn drop_group(&mut self) {
        self.job.clear();
        self.group.clear();
    }

    /// Writes what the group moved, in the order of the table.
    pub(super) fn write(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        if self.group.is_empty() {
            return Ok(());
        }
        let mut moves: Vec<_> = self.group.drain().collect();
        moves.retain(|(_, figures)| *figures != Figures::default());
        moves.sort_unstable_by_key(|(key, _)| *key);
        let mut statement = connection.prepare_cached(ADD_TO_HOUR)?;
        for ((hour, webhook), figures) in moves {
            figures.add_to(&mut statement, hour, webhook)?;
            self.newest = self.newest.max(hour);
        }
        fold(connection, self.newest - HOURS_KEPT)
    }
}

/// Adds hours before `first` to their days; some of them, if there are many.
fn fold(connection: &Connection, first: i64) -> rusqlite::Result<()> {
    let mut old = connection.prepare_cached(OLD_HOURS)?;
    let mut rows = old.query(params![first, OLD_AT_ONCE])?;
    let mut folded = Vec::new();
    while let Some(row) = rows.next()? {
        let webhook: [u8; 16] = row.get(7)?;
        folded.push((Figures::read(row)?, row.get::<_, i64>(6)?, WebhookId::from_bytes(webhook)));
    }
    for (figures, hour, webhook) in folded {
        let day = hour.div_euclid(HOURS_OF_DAY);
        figures.add_to(&mut *connection.prepare_cached(ADD_TO_DAY)?, day, webhook)?;
        let key = params![hour, webhook.to_bytes()];
        connection.prepare_cached(REMOVE_HOUR)?.execute(key)?;
    }
    Ok(())
}

/// The figures of one webhook from a day on, each day that has any: one search for each day and for
/// each hour that is not added to its day yet.
pub(super) fn since(
    connection: &Connection,
    webhook: WebhookId,
    first: i64,
) -> Result<BTreeMap<i64, Figures>> {
    let mut days = BTreeMap::<i64, Figures>::new();
    let mut statement = connection.prepare_cached(OF_DAY)?;
    for day in first..=bound(connection, LAST_DAY)?.unwrap_or(i64::MIN) {
        let found = collect(&mut statement, params![day, webhook.to_bytes()], read)?;
        for figures in found {
            *days.entry(day).or_default() += figures;
        }
    }
    for (hour, figures) in hours_since(connection, webhook, first.saturating_mul(HOURS_OF_DAY))? {
        *days.entry(hour.div_euclid(HOURS_OF_DAY)).or_default() += figures;
    }
    Ok(days)
}

/// The same from an hour on, of the hours that are told apart.
pub(super) fn hours_since(
    connection: &Connection,
    webhook: WebhookId,
    first: i64,
) -> Result<Vec<(i64, Figures)>> {
    let (oldest, newest) = (bound(connection, FIRST_HOUR)?, bound(connection, LAST_HOUR)?);
    let (Some(oldest), Some(newest)) = (oldest, newest) else { return Ok(Vec::new()) };
    let mut statement = connection.prepare_cached(OF_HOUR)?;
    let mut hours = Vec::new();
    for hour in first.max(oldest)..=newest {
        let found = collect(&mut statement, params![hour, webhook.to_bytes()], read)?;
        hours.extend(found.into_iter().map(|figures| (hour, figures)));
    }
    Ok(hours)
}

/// The first or last span of a table, if it has any.
fn bound(connection: &Connection, sql: &'static str) -> Result<Option<i64>> {
    let found = collect(&mut *connection.prepare_cached(sql)?, [], |row| Ok(row.get(0)?))?;
    Ok(found.first().copied())
}

fn read(row: &Row<'_>) -> Result<Figures> {
    Ok(Figures::read(row)?)
}

/// The sums of all figures: one row is read for each webhook and day.
pub(super) fn balance(connection: &Connection) -> Result<Balance> {
    Ok(connection.query_row(SUMS, [], |row| {
        Ok(Balance {
            decided: row.get(0)?,
            pending: row.get(1)?,
            success: row.get(2)?,
            failed: row.get(3)?,
            canceled: row.get(4)?,
            pruned: row.get(5)?,
        })
    })?)
}

#[cfg(test)]
mod tests {
    use super::super::tests::is_a_bounded_search;
    use super::*;

    #[test]
    fn figures_are_found_without_reading_others() {
        for sql in [OF_DAY, OF_HOUR, OLD_HOURS] {
            is_a_bounded_search(sql);
        }
    }
}

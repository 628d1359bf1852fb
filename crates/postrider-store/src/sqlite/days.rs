//! Figures kept while deliveries move: per webhook and UTC day of creation.
//!
//! A job notes what it moves; what a group of jobs moved is written just before its commit, one row
//! per webhook and day however many deliveries it was. Invariant: a job that is undone takes its
//! notes with it, so the figures are those of the rows at every commit.

use std::collections::HashMap;
use std::ops::AddAssign;

use postrider_core::delivery::State;
use postrider_core::ids::WebhookId;
use postrider_core::time::Timestamp;
use rusqlite::{Connection, Row, params};

use super::rows::collect;
use crate::error::Result;
use crate::queue::Balance;

const ADD: &str = "INSERT INTO webhook_days (day, webhook, decided, pending, successful, \
     successful_retries, failed, canceled) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) \
     ON CONFLICT (day, webhook) DO UPDATE SET decided = decided + excluded.decided, \
     pending = pending + excluded.pending, successful = successful + excluded.successful, \
     successful_retries = successful_retries + excluded.successful_retries, \
     failed = failed + excluded.failed, canceled = canceled + excluded.canceled";
const OF_WEBHOOK: &str = "SELECT decided, pending, successful, successful_retries, failed, canceled \
     FROM webhook_days WHERE day = ?1 AND webhook = ?2";
const LAST_DAY: &str = "SELECT day FROM webhook_days ORDER BY day DESC LIMIT 1";
// What was removed has been counted here too and is told apart.
const SUMS: &str = "SELECT coalesce(sum(d.decided), 0), coalesce(sum(d.pending), 0), \
     coalesce(sum(d.successful), 0) - p.success, coalesce(sum(d.failed), 0) - p.failed, \
     coalesce(sum(d.canceled), 0) - p.canceled, p.success + p.failed + p.canceled \
     FROM pruned p LEFT JOIN webhook_days d";

const DAY_MILLIS: i64 = 86_400_000;

/// The UTC day a moment lies in, counted from 1970.
pub(super) fn day(at: Timestamp) -> i64 {
    at.unix_millis().div_euclid(DAY_MILLIS)
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

    fn read(row: &Row<'_>) -> Result<Self> {
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

type Moves = HashMap<(i64, WebhookId), Figures>;

/// What moved in the present job and in those before it in the group.
#[derive(Debug, Default)]
pub(super) struct Days {
    job: Moves,
    group: Moves,
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
        *self.job.entry((day(created_at), webhook)).or_default() += figures;
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
        let mut statement = connection.prepare_cached(ADD)?;
        for ((day, webhook), figures) in moves {
            statement.execute(params![
                day,
                webhook.to_bytes(),
                figures.decided,
                figures.pending,
                figures.successful,
                figures.successful_retries,
                figures.failed,
                figures.canceled,
            ])?;
        }
        Ok(())
    }
}

/// The figures of one webhook from a day on, each day that has any: one search for each.
pub(super) fn since(
    connection: &Connection,
    webhook: WebhookId,
    first: i64,
) -> Result<Vec<(i64, Figures)>> {
    let mut days = Vec::new();
    let last = collect(&mut *connection.prepare_cached(LAST_DAY)?, [], |row| Ok(row.get(0)?))?;
    let last: i64 = last.first().copied().unwrap_or(i64::MIN);
    let mut statement = connection.prepare_cached(OF_WEBHOOK)?;
    for day in first..=last {
        let figures = collect(&mut statement, params![day, webhook.to_bytes()], Figures::read)?;
        days.extend(figures.into_iter().map(|figures| (day, figures)));
    }
    Ok(days)
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
        is_a_bounded_search(OF_WEBHOOK);
    }
}

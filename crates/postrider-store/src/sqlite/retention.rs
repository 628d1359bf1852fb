//! Removing what is old, in small steps.
//!
//! An event goes whole, when everything of it is over (Q14): as long as it is there so are its
//! deliveries, which its decisions name. Of attempts, which can be a thousand per delivery, as many
//! go at a time as a step allows; the rest follows before the event does.
//!
//! Numbers of events, resends and runs are read as places by followers and by the search index and
//! must not be given twice. SQLite gives the next one after the highest row, so the highest stays.

use postrider_core::delivery::State;
use postrider_core::ids::{DeliveryId, WebhookId};
use postrider_core::limits;
use postrider_core::routing::Decision;
use postrider_core::time::Timestamp;
use rusqlite::{Connection, params};

use super::rows::{collect, event, first, id, optional_time, state, time};
use super::writer::Desk;
use crate::error::Result;
use crate::retention::{PruneAsk, Pruned};

const NEXT: &str = "SELECT seq, accepted_at, decisions FROM events \
     WHERE seq > ?1 AND seq < (SELECT max(seq) FROM events) ORDER BY seq LIMIT ?2";
const STANDING: &str = "SELECT state, settled_at, webhook FROM deliveries WHERE id = ?1";
const RECOVERY: &str = "SELECT 1 FROM recoveries INDEXED BY recoveries_open \
     WHERE webhook = ?1 AND finished_at IS NULL";
const DELETE_ATTEMPTS: &str = "DELETE FROM attempts WHERE delivery = ?1 AND number IN \
     (SELECT number FROM attempts WHERE delivery = ?1 ORDER BY number LIMIT ?2)";
const DELETE_DELIVERY: &str = "DELETE FROM deliveries WHERE id = ?1";
const DELETE_EVENT: &str = "DELETE FROM events WHERE seq = ?1";
const COUNT: &str = "UPDATE pruned SET events = events + ?1, attempts = attempts + ?2, \
     success = success + ?3, failed = failed + ?4, canceled = canceled + ?5 WHERE id = 1";
const DELETE_RESENDS: &str = "DELETE FROM resends WHERE seq IN \
     (SELECT seq FROM resends ORDER BY seq LIMIT ?2) \
     AND at < ?1 AND seq < (SELECT max(seq) FROM resends)";
// One search per 65,536 events there ever were and that are not all gone.
const EMPTY_RUN: &str = "SELECT run FROM search_runs r \
     WHERE run < (SELECT max(run) FROM search_runs) AND NOT EXISTS \
     (SELECT 1 FROM events WHERE seq >= r.first_seq AND seq <= r.last_seq) ORDER BY run LIMIT 1";
const DELETE_TERMS: &str = "DELETE FROM search_terms WHERE run = ?1 AND (term, event) IN \
     (SELECT term, event FROM search_terms WHERE run = ?1 ORDER BY term, event LIMIT ?2)";
const DELETE_RUN: &str = "DELETE FROM search_runs WHERE run = ?1";

/// What a step has removed, by the state it was in.
#[derive(Debug, Default)]
struct Removed {
    events: u64,
    attempts: u64,
    success: u64,
    failed: u64,
    canceled: u64,
}

impl Removed {
    fn deliveries(&self) -> u64 {
        self.success + self.failed + self.canceled
    }

    /// Rows that this step may still remove.
    fn room(&self) -> usize {
        let rows = self.events + self.deliveries() + self.attempts;
        limits::PRUNE_ROWS_MAX.saturating_sub(usize::try_from(rows).unwrap_or(usize::MAX))
    }

    fn delivery(&mut self, state: State) {
        match state {
            // Nothing that is pending comes here.
            State::Pending => {}
            State::Success => self.success += 1,
            State::Failed => self.failed += 1,
            State::Canceled => self.canceled += 1,
        }
    }
}

/// One step.
pub(super) fn prune(desk: &mut Desk, ask: PruneAsk) -> Result<Pruned> {
    let connection = &desk.connection;
    let mut removed = Removed::default();
    let next = match walk(connection, ask, &mut removed)? {
        Some(next) => Some(next),
        None => sweep(connection, ask, removed.room())?.then_some(ask.after),
    };
    let Removed { events, attempts, success, failed, canceled } = removed;
    if events + attempts > 0 {
        let counts = params![events, attempts, success, failed, canceled];
        connection.prepare_cached(COUNT)?.execute(counts)?;
    }
    Ok(Pruned { events, deliveries: removed.deliveries(), attempts, next })
}

/// Looks at the next events; where to go on, or `None` where those begin that are not old.
fn walk(connection: &Connection, ask: PruneAsk, removed: &mut Removed) -> Result<Option<u64>> {
    let mut statement = connection.prepare_cached(NEXT)?;
    let mut rows = statement.query(params![ask.after, limits::PRUNE_EVENTS_MAX])?;
    let (mut seen, mut upto) = (0, ask.after);
    while let Some(row) = rows.next()? {
        let seq: u64 = row.get(0)?;
        if time(row, 1)? >= ask.before {
            return Ok(None);
        }
        let over = over(connection, &event::decisions(row, 2)?, ask.before)?;
        if let Some(deliveries) = over
            && !remove(connection, seq, &deliveries, removed)?
        {
            return Ok(Some(upto));
        }
        (seen, upto) = (seen + 1, seq);
    }
    Ok((seen == limits::PRUNE_EVENTS_MAX).then_some(upto))
}

/// The deliveries of an event if all of them have ended before a moment and no recovery may take
/// one.
fn over(
    connection: &Connection,
    decisions: &[Decision],
    before: Timestamp,
) -> Result<Option<Vec<(DeliveryId, State)>>> {
    let mut deliveries = Vec::new();
    for delivery in decisions.iter().filter_map(Decision::delivery) {
        let mut statement = connection.prepare_cached(STANDING)?;
        let found = first(&mut statement, params![delivery.to_bytes()], |row| {
            Ok((state(row.get(0)?)?, optional_time(row, 1)?, id::<_>(row, 2)?))
        })?;
        let Some((state, settled_at, webhook)) = found else { continue };
        let is_over = state != State::Pending && settled_at.is_some_and(|at| at < before);
        if !is_over || has_recovery(connection, webhook)? {
            return Ok(None);
        }
        deliveries.push((delivery, state));
    }
    Ok(Some(deliveries))
}

fn has_recovery(connection: &Connection, webhook: WebhookId) -> Result<bool> {
    Ok(connection.prepare_cached(RECOVERY)?.exists(params![webhook.to_bytes()])?)
}

/// Removes an event with its deliveries and their attempts; `false` when there was no room for all
/// of the attempts, and the event is still there.
fn remove(
    connection: &Connection,
    seq: u64,
    deliveries: &[(DeliveryId, State)],
    removed: &mut Removed,
) -> Result<bool> {
    for (delivery, _) in deliveries {
        let room = removed.room();
        let mut statement = connection.prepare_cached(DELETE_ATTEMPTS)?;
        let gone = statement.execute(params![delivery.to_bytes(), room])?;
        removed.attempts += u64::try_from(gone).unwrap_or_default();
        if removed.room() == 0 {
            return Ok(false);
        }
    }
    for (delivery, state) in deliveries {
        connection.prepare_cached(DELETE_DELIVERY)?.execute(params![delivery.to_bytes()])?;
        removed.delivery(*state);
    }
    connection.prepare_cached(DELETE_EVENT)?.execute(params![seq])?;
    removed.events += 1;
    Ok(true)
}

/// Removes what is left of events that are gone; whether there may be more of it.
fn sweep(connection: &Connection, ask: PruneAsk, room: usize) -> Result<bool> {
    let resends = connection
        .prepare_cached(DELETE_RESENDS)?
        .execute(params![ask.before.unix_millis(), room])?;
    if resends == room {
        return Ok(true);
    }
    let mut statement = connection.prepare_cached(EMPTY_RUN)?;
    let runs = collect(&mut statement, [], |row| Ok(row.get::<_, i64>(0)?))?;
    let Some(run) = runs.first() else { return Ok(false) };
    let room = room - resends;
    let terms = connection.prepare_cached(DELETE_TERMS)?.execute(params![run, room])?;
    if terms < room {
        connection.prepare_cached(DELETE_RUN)?.execute(params![run])?;
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::super::tests::is_a_bounded_search;
    use super::*;

    #[test]
    fn a_step_searches_for_what_it_removes() {
        for sql in [NEXT, STANDING, RECOVERY, DELETE_ATTEMPTS, DELETE_DELIVERY, DELETE_EVENT] {
            is_a_bounded_search(sql);
        }
    }

    #[test]
    fn terms_go_with_the_last_event_of_their_run_and_the_newest_run_stays() {
        const EVENT: &str = "INSERT INTO events (seq, merchant, id, type, created, accepted_at, \
             is_test, decisions, data) VALUES (?1, x'01', ?1, 't', 0, 0, 0, x'', x'')";
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("p.db");
        let sealer = crate::conformance::fixture::sealer();
        let (connection, _) = super::super::schema::open(&path, &sealer).unwrap();
        for seq in [3, 9] {
            connection.execute(EVENT, params![seq]).unwrap();
        }
        for run in 1..=4 {
            let events = [2 * run - 1, 2 * run];
            let row = params![run, events[0], events[1]];
            connection.execute("INSERT INTO search_runs VALUES (?1, ?2, ?3)", row).unwrap();
            for term in 1..=5 {
                let row = params![run, term, events[0]];
                connection.execute("INSERT INTO search_terms VALUES (?1, ?2, ?3)", row).unwrap();
            }
        }
        let ask = PruneAsk { before: Timestamp::EPOCH, after: 0 };
        let mut steps = 0;
        while sweep(&connection, ask, 2).unwrap() {
            steps += 1;
        }
        assert_eq!(steps, 6, "two runs of five terms, two at a time");
        let left = |sql| {
            let mut statement = connection.prepare(sql).unwrap();
            collect(&mut statement, [], |row| Ok(row.get::<_, i64>(0)?)).unwrap()
        };
        assert_eq!(left("SELECT run FROM search_runs"), [2, 4]);
        assert_eq!(left("SELECT DISTINCT run FROM search_terms"), [2, 4]);
    }
}

//! The figures of one webhook, counted from its deliveries.
//!
//! Nothing is counted on the way in, so the cost is here: every delivery of the span is read once.
//! The counting goes down the index (webhook, id) in slices, each a reading of its own, so that a
//! large webhook holds neither a reading connection nor the write-ahead log for long, and never the
//! writer. A delivery stands in one slice only; one that moves on meanwhile is counted as it was
//! found.

use std::time::Duration;

use postrider_core::delivery::State;
use postrider_core::ids::{DeliveryId, WebhookId};
use postrider_core::limits;
use postrider_core::outcome::OutcomeKind;
use postrider_core::time::Timestamp;
use rusqlite::{Connection, Row, params};

use super::rows::{collect, first, id, state, time};
use crate::catalog::{Latency, WebhookMetrics};
use crate::error::Result;

const SLICE: &str = "SELECT id, state, attempts, created_at \
     FROM deliveries INDEXED BY deliveries_webhook \
     WHERE webhook = ?1 AND id <= ?2 AND id >= ?3 ORDER BY id DESC LIMIT ?4";
const LATENCY: &str = "SELECT total_us FROM attempts WHERE delivery = ?1 AND outcome = ?2 \
     ORDER BY number DESC LIMIT 1";

/// Deliveries in one reading: some tens of milliseconds.
const SLICE_ROWS: usize = 20_000;

/// A counting under way, newest delivery first.
#[derive(Debug)]
pub(super) struct Counting {
    webhook: WebhookId,
    since: Timestamp,
    /// The next delivery to look at has this id or a smaller one.
    from: [u8; 16],
    metrics: WebhookMetrics,
    latencies: Vec<Duration>,
    slice_rows: usize,
}

impl Counting {
    /// Begins to count the deliveries created at or after `since`.
    pub(super) fn new(webhook: WebhookId, since: Timestamp) -> Self {
        Self {
            webhook,
            since,
            from: [u8::MAX; 16],
            metrics: WebhookMetrics::default(),
            latencies: Vec::new(),
            slice_rows: SLICE_ROWS,
        }
    }

    /// Counts one slice; whether there may be more.
    pub(super) fn slice(&mut self, connection: &Connection) -> Result<bool> {
        // Ids begin with the time they were made at, which is never before `created_at`.
        let floor = DeliveryId::from_parts(self.since, 0, 0).to_bytes();
        let key = params![self.webhook.to_bytes(), self.from, floor, self.slice_rows];
        let rows = collect(&mut *connection.prepare_cached(SLICE)?, key, Counted::read)?;
        let since = self.since;
        for row in rows.iter().filter(|row| row.created_at >= since) {
            self.count(connection, row)?;
        }
        let last = rows.last().map(|row| u128::from_be_bytes(row.id.to_bytes()));
        let Some(next) = last.and_then(|last| last.checked_sub(1)) else { return Ok(false) };
        self.from = next.to_be_bytes();
        Ok(rows.len() == self.slice_rows)
    }

    fn count(&mut self, connection: &Connection, row: &Counted) -> Result<()> {
        let metrics = &mut self.metrics;
        match row.state {
            State::Pending => metrics.pending += 1,
            State::Failed => metrics.failed += 1,
            State::Canceled => {}
            State::Success => {
                metrics.successful += 1;
                metrics.successful_retries += u64::from(row.attempts > 1);
                if self.latencies.len() < limits::LATENCY_SAMPLES_MAX {
                    self.latencies.extend(latency(connection, row.id)?);
                }
            }
        }
        Ok(())
    }

    /// The figures.
    pub(super) fn done(mut self) -> WebhookMetrics {
        WebhookMetrics { latency: Latency::of(&mut self.latencies), ..self.metrics }
    }
}

struct Counted {
    id: DeliveryId,
    state: State,
    attempts: u32,
    created_at: Timestamp,
}

impl Counted {
    fn read(row: &Row<'_>) -> Result<Self> {
        let state = state(row.get(1)?)?;
        Ok(Self { id: id(row, 0)?, state, attempts: row.get(2)?, created_at: time(row, 3)? })
    }
}

/// How long the attempt took that ended a delivery well.
fn latency(connection: &Connection, delivery: DeliveryId) -> Result<Option<Duration>> {
    let key = params![delivery.to_bytes(), OutcomeKind::Success.as_str()];
    let mut statement = connection.prepare_cached(LATENCY)?;
    first(&mut statement, key, |row| Ok(Duration::from_micros(row.get(0)?)))
}

#[cfg(test)]
mod tests {
    use super::super::tests::is_a_bounded_search;
    use super::super::{Sqlite, readers::Readers};
    use super::*;
    use crate::Queue;
    use crate::conformance::fixture::{at, merchant, minted, sealer, stamp, webhook, webhook_id};
    use crate::queue::Append;

    #[test]
    fn a_slice_is_a_bounded_search() {
        is_a_bounded_search(SLICE);
        is_a_bounded_search(LATENCY);
    }

    #[tokio::test]
    async fn slices_count_every_delivery_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("p.db");
        let store = Sqlite::open(path.clone(), sealer(), at(0)).await.unwrap();
        let add = |desk: &mut super::super::Desk| {
            let id = merchant(1);
            let tenant = crate::catalog::Merchant { id, name: "m".into(), created_at: at(0) };
            super::super::accounts::create_merchant(desk, &tenant, &stamp(0))?;
            let key = crate::conformance::fixture::key(1);
            super::super::webhooks::create(desk, &webhook(1, 1), &key, &stamp(0))
        };
        store.writer.run(add).await.unwrap();
        let events = (1..=7).map(|n| minted(n, 0).to(n, 1).into()).collect();
        let batch = vec![Append { routing_version: 3, events }];
        store.append(batch).await.unwrap().remove(0).unwrap();
        let readers = Readers::open(&path).unwrap();
        for slice_rows in [1, 2, 7, 100] {
            let counting = Counting { slice_rows, ..Counting::new(webhook_id(1), at(0)) };
            let counted = readers.run(move |reader| {
                let mut counting = counting;
                while counting.slice(reader)? {}
                Ok(counting.done())
            });
            assert_eq!(counted.await.unwrap().pending, 7, "{slice_rows}");
        }
    }
}

//! The figures of one webhook: sums of what was counted day by day, and percentiles of a sample.

use std::time::Duration;

use postrider_core::delivery::State;
use postrider_core::ids::{DeliveryId, WebhookId};
use postrider_core::limits;
use postrider_core::outcome::OutcomeKind;
use postrider_core::time::Timestamp;
use rusqlite::{Connection, params};

use super::days::{self, Figures};
use super::rows::{collect, first, id, state_code};
use crate::catalog::{Latency, SpanFigures, WebhookMetrics};
use crate::error::Result;

/// The successes among the newest deliveries of a webhook.
const NEWEST: &str = "SELECT id FROM (SELECT id FROM deliveries INDEXED BY deliveries_webhook \
     WHERE webhook = ?1 AND id >= ?2 ORDER BY id DESC LIMIT ?3) AS newest \
     CROSS JOIN deliveries USING (id) WHERE state = ?4 ORDER BY id DESC LIMIT ?5";
const LATENCY: &str = "SELECT total_us FROM attempts WHERE delivery = ?1 AND outcome = ?2 \
     ORDER BY number DESC LIMIT 1";

/// The figures of the deliveries created on the day of `since` or later.
pub(super) fn of(
    connection: &Connection,
    webhook: WebhookId,
    since: Timestamp,
) -> Result<WebhookMetrics> {
    let first_day = days::day(since);
    let by_day = days::since(connection, webhook, first_day)?;
    let mut sum = Figures::default();
    for figures in by_day.values() {
        sum += *figures;
    }
    Ok(WebhookMetrics {
        failed: count(sum.failed),
        successful: count(sum.successful),
        successful_retries: count(sum.successful_retries),
        pending: count(sum.pending),
        latency: Latency::of(&mut latencies(connection, webhook, days::start(first_day))?),
        days: by_day.iter().map(|(day, sums)| of_span(days::start(*day), sums)).collect(),
    })
}

/// The figures of the deliveries created in the hour of `since` or later, hour by hour.
pub(super) fn by_hour(
    connection: &Connection,
    webhook: WebhookId,
    since: Timestamp,
) -> Result<Vec<SpanFigures>> {
    let hours = days::hours_since(connection, webhook, days::hour(since))?;
    Ok(hours.iter().map(|(hour, sums)| of_span(days::start_of_hour(*hour), sums)).collect())
}

fn of_span(begins_at: Timestamp, figures: &Figures) -> SpanFigures {
    SpanFigures {
        begins_at,
        failed: count(figures.failed),
        successful: count(figures.successful),
        pending: count(figures.pending),
    }
}

fn count(figure: i64) -> u64 {
    u64::try_from(figure).unwrap_or_default()
}

fn latencies(
    connection: &Connection,
    webhook: WebhookId,
    since: Timestamp,
) -> Result<Vec<Duration>> {
    // Ids begin with the time they were made at, which is never before `created_at`.
    let floor = DeliveryId::from_parts(since, 0, 0).to_bytes();
    let key = params![
        webhook.to_bytes(),
        floor,
        limits::LATENCY_EFFORT_MAX,
        state_code(State::Success),
        limits::LATENCY_SAMPLES_MAX,
    ];
    let newest = collect(&mut *connection.prepare_cached(NEWEST)?, key, |row| id(row, 0))?;
    let mut found = Vec::with_capacity(newest.len());
    for delivery in newest {
        found.extend(latency(connection, delivery)?);
    }
    Ok(found)
}

/// How long the attempt took that ended a delivery well.
fn latency(connection: &Connection, delivery: DeliveryId) -> Result<Option<Duration>> {
    let key = params![delivery.to_bytes(), OutcomeKind::Success.as_str()];
    let mut statement = connection.prepare_cached(LATENCY)?;
    first(&mut statement, key, |row| Ok(Duration::from_micros(row.get(0)?)))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{is_a_bounded_search, plan};
    use super::*;

    #[test]
    fn a_sample_is_a_bounded_search() {
        is_a_bounded_search(LATENCY);
        let plan = plan(NEWEST);
        let searches = plan.iter().filter(|line| line.starts_with("SEARCH")).count();
        assert!(searches == 2 && plan.iter().all(|line| !line.contains("B-TREE")), "{plan:#?}");
    }
}

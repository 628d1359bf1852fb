//! What came of the deliveries: read back over the API, counted, and printed as a table.

use anyhow::Context as _;
use postrider_core::delivery::State;
use postrider_core::time::Timestamp;
use postrider_store::queue::Tally;
use serde_json::Value;

use super::cast::{Cast, Part, Role, Seen, text};
use crate::api::Api;

/// One delivery as the API shows it.
#[derive(Debug, Clone)]
pub(super) struct Delivered {
    pub(super) id: String,
    pub(super) state: State,
    pub(super) attempts: u64,
    /// From accepted to settled.
    pub(super) took_ms: Option<u64>,
}

/// What became of one webhook's deliveries.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) role: Role,
    pub(super) deliveries: Vec<Delivered>,
    pub(super) seen: Vec<Seen>,
}

/// All figures.
#[derive(Debug)]
pub(super) struct Figures {
    pub(super) rows: Vec<Row>,
    /// The store's own count.
    pub(super) tally: Tally,
}

const HEADS: [&str; 10] = [
    "webhook",
    "delivered",
    "failed",
    "canceled",
    "pending",
    "attempts",
    "retries",
    "p50 ms",
    "p99 ms",
    "signatures verified",
];

impl Figures {
    /// Reads every delivery over the API.
    pub(super) async fn gather(api: &Api, cast: &Cast, tally: Tally) -> anyhow::Result<Self> {
        let mut rows = Vec::new();
        for part in &cast.parts {
            rows.push(gather_one(api, part).await?);
        }
        Ok(Self { rows, tally })
    }

    /// The closing table.
    pub(super) fn table(&self) -> String {
        let whole = |rows: &[&Row]| {
            let deliveries: Vec<_> = rows.iter().flat_map(|row| row.deliveries.clone()).collect();
            let seen: Vec<_> = rows.iter().flat_map(|row| row.seen.clone()).collect();
            (deliveries, seen)
        };
        let mut lines = vec![HEADS.map(str::to_owned)];
        for row in &self.rows {
            lines.push(cells(row.role.name(), &row.deliveries, &row.seen));
        }
        let (deliveries, seen) = whole(&self.rows.iter().collect::<Vec<_>>());
        lines.push(cells("all", &deliveries, &seen));
        let width = |column: usize| {
            lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default()
        };
        let widths: Vec<_> = (0..HEADS.len()).map(width).collect();
        let print = |line: &[String; HEADS.len()]| {
            let cells: Vec<_> = line
                .iter()
                .zip(&widths)
                .enumerate()
                .map(|(column, (cell, width))| {
                    if column == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
                })
                .collect();
            cells.join("  ")
        };
        let printed: Vec<_> = lines.iter().map(print).collect();
        format!(
            "\n{}\n{} events accepted; p50 and p99 are from accepted to delivered, with waits for \
             retries\n",
            printed.join("\n"),
            self.tally.events
        )
    }
}

async fn gather_one(api: &Api, part: &Part) -> anyhow::Result<Row> {
    let path = format!("/api/v1/deliveries?webhook={}&page_size=100", part.webhook);
    let listed = api.list(&path).await?;
    let deliveries: anyhow::Result<Vec<_>> = listed.iter().map(read).collect();
    Ok(Row { role: part.role, deliveries: deliveries?, seen: part.ledger.seen() })
}

fn read(delivery: &Value) -> anyhow::Result<Delivered> {
    let at = |field: &str| delivery[field].as_str().and_then(Timestamp::parse_rfc3339);
    let took = at("created_at").zip(at("settled_at")).map(|(from, to)| to.since(from));
    Ok(Delivered {
        id: text(delivery, "id")?,
        state: State::parse(&text(delivery, "status")?).context("an unknown status")?,
        attempts: delivery["attempts_count"].as_u64().context("no attempts_count")?,
        took_ms: took.and_then(|took| u64::try_from(took.as_millis()).ok()),
    })
}

fn cells(name: &str, deliveries: &[Delivered], seen: &[Seen]) -> [String; HEADS.len()] {
    let count = |state| deliveries.iter().filter(|one| one.state == state).count().to_string();
    let attempts: u64 = deliveries.iter().map(|one| one.attempts).sum();
    let delivered = deliveries.iter().filter(|one| one.state == State::Success);
    let mut took: Vec<_> = delivered.filter_map(|one| one.took_ms).collect();
    took.sort_unstable();
    let percentile =
        |percent| at_percentile(&took, percent).map_or("-".to_owned(), |ms| ms.to_string());
    let verified = seen.iter().filter(|one| one.is_verified).count();
    [
        name.to_owned(),
        count(State::Success),
        count(State::Failed),
        count(State::Canceled),
        count(State::Pending),
        attempts.to_string(),
        retries(deliveries).to_string(),
        percentile(50),
        percentile(99),
        format!("{verified} of {}", seen.len()),
    ]
}

/// Attempts beyond the first of each delivery.
pub(super) fn retries(deliveries: &[Delivered]) -> u64 {
    deliveries.iter().map(|one| one.attempts.saturating_sub(1)).sum()
}

/// The smallest value that at least `percent` of `sorted` do not exceed.
fn at_percentile(sorted: &[u64], percent: usize) -> Option<u64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let hundred: Vec<u64> = (1..=100).collect();
        assert_eq!(at_percentile(&hundred, 50), Some(50));
        assert_eq!(at_percentile(&hundred, 99), Some(99));
        assert_eq!(at_percentile(&[7], 99), Some(7));
        assert_eq!(at_percentile(&[], 50), None);
    }
}

//! What a bench prints: named numbers, over several runs, as a table and as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

/// Named numbers of one run of one scenario. A number that could not be had is not in it.
pub(super) type Figures = BTreeMap<&'static str, f64>;

/// A column of the table, and the figure it shows.
struct Column {
    figure: &'static str,
    heading: &'static str,
    digits: usize,
}

const fn column(figure: &'static str, heading: &'static str, digits: usize) -> Column {
    Column { figure, heading, digits }
}

/// Figures of a scenario.
const RESULTS: [Column; 18] = [
    column("accepted_per_second", "accepted/s", 0),
    column("delivered_per_second", "delivered/s", 0),
    column("accept_p50_ms", "accept p50", 2),
    column("accept_p95_ms", "p95", 2),
    column("accept_p99_ms", "p99 ms", 2),
    column("delivery_p50_ms", "delivery p50", 2),
    column("delivery_p95_ms", "p95", 2),
    column("delivery_p99_ms", "p99 ms", 2),
    column("cpu_micros_per_delivery", "CPU µs", 1),
    column("written_bytes_per_delivery", "B written", 0),
    column("peak_memory_mib", "peak MiB", 1),
    column("ready_seconds", "ready s", 2),
    column("page_slowest_ms", "page ms", 1),
    column("lost", "lost", 0),
    column("duplicates", "duplicates", 0),
    column("refused", "refused", 0),
    column("delivered_to_floor", "rate/floor", 2),
    column("cpu_to_floor", "CPU/floor", 1),
];

/// Figures of the floor.
const FLOOR: [Column; 8] = [
    column("posts_per_second", "posts/s", 0),
    column("post_cpu_micros", "CPU µs", 1),
    column("post_p50_ms", "post p50", 2),
    column("post_p99_ms", "p99 ms", 2),
    column("syncs_per_second", "syncs/s", 0),
    column("sync_p50_ms", "sync p50", 2),
    column("sync_p99_ms", "p99 ms", 2),
    column("posts_per_second_with_syncs", "posts/s beside syncs", 0),
];

/// The middle, the least and the most of several runs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) min: f64,
    pub(super) max: f64,
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let upper = *values.get(middle)?;
        let is_even = values.len().is_multiple_of(2);
        let lower = if is_even { *values.get(middle.checked_sub(1)?)? } else { upper };
        Some(Self { median: f64::midpoint(lower, upper), min, max })
    }
}

/// All runs of one scenario.
#[derive(Debug, Default, Serialize)]
pub(super) struct Summary {
    pub(super) scenario: String,
    pub(super) figures: BTreeMap<&'static str, Spread>,
}

impl Summary {
    /// Puts runs together, each of which may lack a figure.
    pub(super) fn of(scenario: String, runs: &[Figures]) -> Self {
        let names = runs.iter().flat_map(|run| run.keys().copied());
        let spread =
            |name| Spread::of(runs.iter().filter_map(|run| run.get(name)).copied().collect());
        let figures = names.filter_map(|name| Some((name, spread(name)?))).collect();
        Self { scenario, figures }
    }
}

/// The scenarios as a table; with `with_spread` the least and the most beneath each median.
pub(super) fn results_table(summaries: &[Summary], with_spread: bool) -> String {
    table(&RESULTS, summaries, with_spread)
}

/// The floor as a table.
pub(super) fn floor_table(floor: &Summary, with_spread: bool) -> String {
    table(&FLOOR, std::slice::from_ref(floor), with_spread)
}

fn table(columns: &[Column], summaries: &[Summary], with_spread: bool) -> String {
    type Pick = fn(&Spread) -> f64;
    let picks: [(&str, Pick); 3] =
        [("", |it| it.median), ("min", |it| it.min), ("max", |it| it.max)];
    let picks = picks.iter().take(if with_spread { 3 } else { 1 });
    let mut rows = vec![columns.iter().map(|it| it.heading.to_owned()).collect::<Vec<_>>()];
    let mut names = vec![String::new()];
    for summary in summaries {
        for (name, pick) in picks.clone() {
            names.push(if name.is_empty() {
                summary.scenario.clone()
            } else {
                format!("  {name}")
            });
            let cell = |column: &Column| match summary.figures.get(column.figure) {
                Some(spread) => format!("{:.*}", column.digits, pick(spread)),
                None => "-".to_owned(),
            };
            rows.push(columns.iter().map(cell).collect());
        }
    }
    let wide = |cells: &mut dyn Iterator<Item = &String>| cells.map(|it| it.chars().count()).max();
    let first = wide(&mut names.iter()).unwrap_or_default();
    let mut text = String::new();
    for (name, row) in names.iter().zip(&rows) {
        let _ = write!(text, "{name:first$}");
        for (at, cell) in row.iter().enumerate() {
            let width = wide(&mut rows.iter().filter_map(|row| row.get(at))).unwrap_or_default();
            let _ = write!(text, "  {cell:>width$}");
        }
        text.push('\n');
    }
    text
}

/// A count as a figure; exact up to 2^53.
#[expect(clippy::cast_precision_loss, reason = "counts and microseconds are far below 2^53")]
pub(super) const fn number(count: u64) -> f64 {
    count as f64
}

/// One number for each of another; `None` when there are none.
pub(super) fn each(amount: u64, of: u64) -> Option<f64> {
    (of > 0).then(|| number(amount) / number(of))
}

/// So many in these microseconds, for a second.
pub(super) fn per_second(count: u64, micros: u64) -> Option<f64> {
    each(count, micros).map(|rate| rate * 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_put_together_by_their_middle_and_their_ends() {
        let spread = |values: &[f64]| Spread::of(values.to_vec());
        let of = |median, min, max| Some(Spread { median, min, max });
        assert_eq!(spread(&[3.0, 1.0, 2.0]), of(2.0, 1.0, 3.0));
        assert_eq!(spread(&[4.0, 1.0]), of(2.5, 1.0, 4.0));
        assert_eq!(spread(&[]), None);
    }

    #[test]
    fn the_table_shows_what_there_is_and_a_dash_for_what_there_is_not() {
        let runs = [Figures::from([("lost", 0.0)]), Figures::from([("lost", 2.0)])];
        let summary = Summary::of("burst".to_owned(), &runs);
        let table = results_table(&[summary], true);
        let lines: Vec<_> = table.lines().collect();
        assert_eq!(lines.len(), 4, "{table}");
        assert!(lines[0].contains("lost") && lines[1].starts_with("burst"), "{table}");
        assert!(lines[1].contains("  1 ") && lines[3].contains("  2 ") && lines[1].contains('-'));
        let widths: Vec<_> = lines.iter().map(|line| line.chars().count()).collect();
        assert!(widths.iter().all(|width| *width == widths[0]), "{table}");
    }
}

//! What a bench says at its end, for people and for programs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::cases::Case;
use super::figures::{Figures, Summary, floor_table, results_table};
use crate::cli::{Backend, BenchArgs};

/// Said instead of a number nobody can vouch for.
const SYNCS: &str = "not measured: the kernel counts no syncs for a process, and tracing them would need rights \
     and slow it down";
/// A percentile is too high by less than this part of it (`histogram`).
const PERCENTILE_ERROR: f64 = 1.0 / 128.0;

/// Everything measured so far.
#[derive(Debug)]
pub(super) struct Report {
    runs: u32,
    seconds: u32,
    sender: String,
    floor: Vec<Figures>,
    /// In the order in which they are measured.
    order: Vec<String>,
    results: BTreeMap<String, Vec<Figures>>,
}

/// The report as JSON.
#[derive(Serialize)]
struct Printed<'a> {
    postrider: &'static str,
    sender: &'a str,
    cores: usize,
    runs: u32,
    seconds: u32,
    percentile_error: f64,
    syncs: &'static str,
    floor: Summary,
    results: Vec<Summary>,
}

impl Report {
    pub(super) fn new(args: &BenchArgs, cases: &[Case]) -> Self {
        let own = match args.database {
            Backend::Sqlite => "postrider on sqlite",
        };
        Self {
            runs: args.runs,
            seconds: args.seconds,
            sender: args.url.clone().unwrap_or_else(|| own.to_owned()),
            floor: Vec::new(),
            order: cases.iter().map(|case| case.name.clone()).collect(),
            results: BTreeMap::new(),
        }
    }

    pub(super) fn add(&mut self, scenario: &str, figures: Figures) {
        self.results.entry(scenario.to_owned()).or_default().push(figures);
    }

    pub(super) fn add_floor(&mut self, figures: Figures) {
        self.floor.push(figures);
    }

    /// Whether everything that was accepted was delivered, in every run.
    pub(super) fn is_whole(&self) -> bool {
        let some = |name: &str, figures: &Figures| figures.get(name).is_some_and(|it| *it > 0.0);
        let mut runs = self.results.values().flatten();
        runs.all(|figures| some("delivered", figures) && !some("lost", figures))
    }

    /// The tables, and what is to be said about them.
    pub(super) fn text(&self) -> String {
        let with_spread = self.runs > 1;
        let (floor, results) = (self.floor(), self.results());
        let mut text = format!(
            "\n{}, {} cores, {} s each, {}\n\n{}\n{}",
            self.sender,
            cores(),
            self.seconds,
            if with_spread { format!("median of {} runs", self.runs) } else { "1 run".to_owned() },
            floor_table(&floor, with_spread),
            results_table(&results, with_spread),
        );
        for summary in &results {
            let to_alone = |name: &str| summary.figures.get(name).map(|it| it.median);
            let both = to_alone("delivery_p50_to_alone").zip(to_alone("delivery_p99_to_alone"));
            if let Some((p50, p99)) = both {
                let name = &summary.scenario;
                let _ = write!(
                    text,
                    "\n{name}: delivery p50 is {p50:.2} × and p99 {p99:.2} × what it is alone"
                );
            }
        }
        let _ = writeln!(text, "\nsyncs: {SYNCS}");
        text.push_str(if self.is_whole() {
            "every accepted event was delivered to every healthy target"
        } else {
            "FAILED: not every accepted event was delivered; see the column lost"
        });
        text
    }

    pub(super) fn json(&self) -> anyhow::Result<String> {
        let printed = Printed {
            postrider: env!("CARGO_PKG_VERSION"),
            sender: &self.sender,
            cores: cores(),
            runs: self.runs,
            seconds: self.seconds,
            percentile_error: PERCENTILE_ERROR,
            syncs: SYNCS,
            floor: self.floor(),
            results: self.results(),
        };
        Ok(serde_json::to_string_pretty(&printed)?)
    }

    fn floor(&self) -> Summary {
        Summary::of("floor".to_owned(), &self.floor)
    }

    fn results(&self) -> Vec<Summary> {
        let runs = |name: &String| self.results.get(name).map_or(&[][..], Vec::as_slice);
        self.order.iter().map(|name| Summary::of(name.clone(), runs(name))).collect()
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get)
}

//! `postrider bench`: what this program, or another sender, does on this machine.
//!
//! Owns the order: for each run the floor, then every scenario. What the scenarios are is in
//! `cases`, one of them is played in `play`, its processes are `receiver`, `generator` and `disk`,
//! and the program itself as `serve`, each started through `part`.
//!
//! Invariant: whatever ends the bench, nothing it started goes on, and its directory is removed.

mod answer;
mod cases;
mod disk;
mod figures;
mod floor;
mod generator;
mod histogram;
mod kernel;
mod mark;
mod pages;
mod part;
mod play;
mod post;
mod receiver;
mod report;
mod seen;
mod server;
mod template;
mod tls;

use std::collections::BTreeMap;
use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use hyper::header::{HeaderName, HeaderValue};
use postrider_engine::Clock;

pub(crate) use cases::Scenario;
use cases::{Case, Shape};
use figures::Figures;
use play::{Foreign, Stage};
use report::Report;
use template::{TEMPLATE_BYTES_MAX, Template};

use crate::cli::{BenchArgs, PartArgs, PartKind};
use crate::failure::Failure;
use crate::output::say;
use crate::signals::Signals;

/// Longest time each part of the floor is measured.
const FLOOR_TIME_MAX: Duration = Duration::from_secs(5);

pub(crate) async fn run(args: BenchArgs) -> Result<ExitCode, Failure> {
    let cases = cases(&args)?;
    let foreign = foreign(&args)?;
    let mut signals = Signals::listen().context("cannot listen for signals")?;
    let directory = match &args.directory {
        Some(directory) => tempfile::tempdir_in(directory),
        None => tempfile::tempdir(),
    };
    let directory = directory.map_err(|error| {
        Failure::usage(format!("cannot make a directory for the bench: {error}"))
    })?;
    let folder = directory.path().to_owned();
    let mut stage = Stage { folder, foreign, loads: 0, clock: Clock::system() };
    let report = tokio::select! {
        report = measure(&mut stage, &cases, &args) => report?,
        signal = signals.stop() => {
            return Err(Failure::Failed(anyhow!("stopped by {signal} before all was measured")));
        }
    };
    let is_to_stdout = args.json.as_deref() == Some(Path::new("-"));
    if !is_to_stdout {
        say(&report.text());
    }
    match &args.json {
        Some(_) if is_to_stdout => say(&report.json()?),
        Some(file) => {
            let written = std::fs::write(file, report.json()?);
            written.with_context(|| format!("cannot write {}", file.display()))?;
        }
        None => {}
    }
    Ok(if report.is_whole() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A process of a bench.
pub(crate) async fn run_part(args: PartArgs) -> Result<ExitCode, Failure> {
    part::begin(args.parent)?;
    let folder = std::env::current_dir().context("cannot tell the directory")?;
    match args.part {
        PartKind::Program { arguments } => {
            let program = std::env::current_exe().context("cannot tell where the program is")?;
            // Only returns when it cannot.
            let error = std::process::Command::new(program).args(arguments).exec();
            return Err(anyhow!(error).context("cannot start the program").into());
        }
        PartKind::Receiver { listen, tls } => receiver::run(listen, &folder, tls).await?,
        PartKind::Generator => generator::run().await?,
        PartKind::Disk { millis } => disk::run(&folder, Duration::from_millis(millis))?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn measure(stage: &mut Stage, cases: &[Case], args: &BenchArgs) -> anyhow::Result<Report> {
    let is_quiet = args.json.as_deref() == Some(Path::new("-"));
    let tell = |text: String| {
        if !is_quiet {
            say(&text);
        }
    };
    let floor_time = FLOOR_TIME_MAX.min(Duration::from_secs(args.seconds.into()));
    let mut report = Report::new(args, cases);
    for run in 1..=args.runs {
        tell(format!("run {run} of {}: floor", args.runs));
        let floor = stage.floor(floor_time).await?;
        let mut medians = BTreeMap::new();
        for case in cases {
            tell(format!("run {run} of {}: {}", args.runs, case.name));
            let (mut figures, complaints) = stage.play(case).await?;
            for complaint in complaints {
                tell(format!("  not accepted: {complaint}"));
            }
            floor::compare(&mut figures, &floor, targets(stage, case));
            let alone = case.alone.as_ref().and_then(|name| medians.get(name));
            compare_alone(&mut figures, alone);
            medians.insert(case.name.clone(), figures.clone());
            report.add(&case.name, figures);
        }
        report.add_floor(floor);
    }
    Ok(report)
}

/// Targets at which each event arrives.
fn targets(stage: &Stage, case: &Case) -> u64 {
    let own = case.traffic.first().map_or(0, |traffic| traffic.targets);
    stage.foreign.as_ref().map_or(own, |foreign| foreign.targets)
}

/// How much slower healthy targets are than without the bad ones.
fn compare_alone(figures: &mut Figures, alone: Option<&Figures>) {
    let pairs = [
        ("delivery_p50_ms", "delivery_p50_to_alone"),
        ("delivery_p99_ms", "delivery_p99_to_alone"),
    ];
    for (figure, compared) in pairs {
        let both = figures.get(figure).zip(alone.and_then(|alone| alone.get(figure)));
        let quotient = both.filter(|(_, alone)| **alone > 0.0).map(|(own, alone)| own / alone);
        figures.extend(quotient.map(|quotient| (compared, quotient)));
    }
}

/// What to measure, in order, each once.
fn cases(args: &BenchArgs) -> Result<Vec<Case>, Failure> {
    let usual = match args.url {
        None => Scenario::USUAL.to_vec(),
        Some(_) => vec![Scenario::Burst, Scenario::Steady],
    };
    let mut scenarios = Vec::new();
    for scenario in if args.scenarios.is_empty() { &usual } else { &args.scenarios } {
        if args.url.is_some() && !scenario.is_for_any_sender() {
            return Err(Failure::usage(
                "--url goes with --scenario burst and steady; the others set up webhooks, which \
                 is done here for Postrider only",
            ));
        }
        if !scenarios.contains(scenario) {
            scenarios.push(*scenario);
        }
    }
    let shape = Shape {
        seconds: args.seconds,
        events: args.events,
        backlog: args.backlog,
        rates: args.rates.clone(),
    };
    Ok(scenarios.into_iter().flat_map(|scenario| scenario.cases(&shape)).collect())
}

/// The sender to measure instead of Postrider.
fn foreign(args: &BenchArgs) -> Result<Option<Foreign>, Failure> {
    let (Some(url), Some(body), Some(receiver)) = (&args.url, &args.body, args.receiver) else {
        return Ok(None);
    };
    post::Target::parse(url).map_err(|error| Failure::usage(format!("--url: {error:#}")))?;
    let headers = args.headers.iter().map(|text| header(text)).collect::<Result<_, _>>()?;
    let problem = |problem: String| Failure::usage(format!("--body {}: {problem}", body.display()));
    let mut text = String::new();
    let file = std::fs::File::open(body).map_err(|error| problem(error.to_string()))?;
    let read = file.take(TEMPLATE_BYTES_MAX as u64 + 1).read_to_string(&mut text);
    read.map_err(|error| problem(error.to_string()))?;
    if text.len() > TEMPLATE_BYTES_MAX {
        return Err(problem(format!("it is longer than {TEMPLATE_BYTES_MAX} bytes")));
    }
    let body = Template::parse(text.trim_end()).map_err(problem)?;
    if !body.names_the_event() {
        return Err(Failure::usage(
            "--body: {{event}} is not in it, so no delivery could be told from another",
        ));
    }
    let (url, targets, processes) = (url.clone(), args.targets, args.processes.clone());
    Ok(Some(Foreign { url, headers, body, receiver, targets, processes }))
}

fn header(text: &str) -> Result<(String, String), Failure> {
    let (name, value) = text.split_once(':').unwrap_or_default();
    let (name, value) = (name.trim(), value.trim());
    if HeaderName::try_from(name).is_err() || HeaderValue::try_from(value).is_err() {
        // The value may be a key, so it is not shown.
        return Err(Failure::usage("--header must be like \"name: value\""));
    }
    Ok((name.to_owned(), value.to_owned()))
}

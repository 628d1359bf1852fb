//! Q10: what was answered survives a killed process.
//!
//! This program is its own victim: run with `child PATH ROUND` it appends and settles as fast as it
//! can and prints what was answered; run without, it starts such a child again and again on one
//! database, kills it in the middle, and then looks for everything that was printed. Invariant: a
//! line is printed only after the store answered, so every line is a promise.

#![expect(
    clippy::unwrap_used,
    reason = "a test without libtest: a child must be able to be itself"
)]
#![expect(clippy::print_stdout, reason = "the child's answers go to its parent by standard output")]

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use postrider_core::delivery::{Next, State};
use postrider_core::routing::Decision;
use postrider_store::conformance::fixture::{delivery_id, event_id, merchant, named, sealer};
use postrider_store::conformance::{Harness, fixture};
use postrider_store::queue::Append;
use postrider_store::{OpenOptions, open};

/// Processes killed, each after some number of answers.
const KILLS: [usize; 8] = [1, 40, 7, 200, 90, 3, 400, 150];
const CALLERS: u64 = 6;
const DELIVERIES_PER_ROUND: u64 = 1_000_000;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    match &arguments[1..] {
        [child, path, round] if child == "child" => {
            runtime.block_on(work(path.clone(), round.parse().unwrap()));
        }
        _ => {
            runtime.block_on(q10_what_was_answered_survives_a_killed_process());
            println!("q10_what_was_answered_survives_a_killed_process ... ok");
        }
    }
}

async fn harness(path: &Path) -> Harness {
    let url = format!("sqlite:{}", path.display());
    Harness::new(move |now| Box::pin(open(OpenOptions { url: url.clone(), sealer: sealer(), now })))
        .await
}

async fn q10_what_was_answered_survives_a_killed_process() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("p.db");
    drop(harness(&path).await.with_webhooks(2).await);
    let mut appended = BTreeSet::new();
    let mut settled = BTreeSet::new();
    for (round, answers) in KILLS.into_iter().enumerate() {
        let lines = kill_in_the_middle(&path, round, answers);
        assert!(lines.len() >= answers, "the child worked until it was killed");
        for line in lines {
            let (what, number) = line.split_once(' ').unwrap();
            let number: u64 = number.parse().unwrap();
            assert!(if what == "appended" { &mut appended } else { &mut settled }.insert(number));
        }
        check(&path, &appended, &settled).await;
    }
}

/// Starts a child, waits for some answers, kills it with SIGKILL and reads what it still printed.
fn kill_in_the_middle(path: &Path, round: usize, answers: usize) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .arg("child")
        .arg(path)
        .arg(round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut lines = Vec::new();
    let mut line = String::new();
    while output.read_line(&mut line).unwrap() > 0 {
        // A line without its end was cut off by the kill: no promise.
        if let Some(whole) = line.strip_suffix('\n') {
            lines.push(whole.to_owned());
        }
        if lines.len() == answers {
            child.kill().unwrap();
        }
        line.clear();
    }
    child.wait().unwrap();
    lines
}

async fn check(path: &Path, appended: &BTreeSet<u64>, settled: &BTreeSet<u64>) {
    let connection = rusqlite::Connection::open(path).unwrap();
    let integrity: String =
        connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(integrity, "ok");
    drop(connection);
    let harness = harness(path).await;
    for number in appended {
        let stored = harness.event(merchant(1), event_id(&format!("e{number}"))).await.unwrap();
        let deliveries: Vec<_> = stored.decisions.iter().filter_map(Decision::delivery).collect();
        assert_eq!(deliveries, [*number, number + 1].map(delivery_id));
        for number in [*number, number + 1] {
            let detail = harness.detail(number).await;
            let is_settled = settled.contains(&number);
            assert!(!is_settled || detail.delivery.state == State::Success, "{number}");
            assert_eq!(usize::try_from(detail.delivery.attempts), Ok(detail.attempts.len()));
        }
    }
    // Q1: what was stored without an answer is whole as well.
    let tally = harness.tally().await.unwrap();
    let deliveries = tally.pending + tally.success + tally.failed + tally.canceled;
    assert_eq!((tally.events * 2, tally.success), (deliveries, tally.attempts));
    assert!(tally.events >= u64::try_from(appended.len()).unwrap());
}

/// The child: several callers at once, so that the kill falls into groups of commits too.
async fn work(path: String, round: u64) {
    let harness = Arc::new(harness(Path::new(&path)).await);
    let routing_version = harness.version().await;
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..CALLERS {
        let harness = Arc::clone(&harness);
        callers.spawn(async move {
            for n in 0.. {
                let number = 1 + round * DELIVERIES_PER_ROUND + (n * CALLERS + caller) * 2;
                let event = named(&format!("e{number}"), 1, 0).to(number, 1).to(number + 1, 2);
                let request = Append { routing_version, events: vec![event.into()] };
                harness.append(vec![request]).await.unwrap()[0].as_ref().unwrap();
                promise("appended", number);
                settle_some(&harness, caller % 2 + 1).await;
            }
        });
    }
    callers.join_all().await;
}

async fn settle_some(harness: &Harness, webhook: u64) {
    for leased in harness.lease_of(webhook, 2, 1).await.deliveries {
        harness.settle_one(&leased, Next::Success, 1).await;
        promise("settled", fixture::delivery_number(leased.id));
    }
}

fn promise(what: &str, number: u64) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{what} {number}").unwrap();
    out.flush().unwrap();
}

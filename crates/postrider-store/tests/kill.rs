//! Q10: what was answered survives a killed process; and another secret key is in place whole or not
//! at all.
//!
//! This program is its own victim: run with `child PATH ROUND` it appends and settles as fast as it
//! can and prints what was answered; run without, it starts such a child again and again on one
//! database, kills it in the middle, and then looks for everything that was printed. Invariant: a
//! line is printed only after the store answered, so every line is a promise. Run with
//! `reseal PATH SEALS` it dies in the middle of sealing all keys again, after that many.

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
use std::sync::atomic::{AtomicUsize, Ordering};

use postrider_core::delivery::{Next, State};
use postrider_core::routing::Decision;
use postrider_core::seal::Sealer;
use postrider_store::conformance::fixture::{
    at, delivery_id, event_id, key, merchant, named, sealer, stamp, webhook_id,
};
use postrider_store::conformance::{Harness, fixture};
use postrider_store::open::reseal;
use postrider_store::queue::Append;
use postrider_store::{OpenOptions, StoreError, open};

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
        [child, path, seals] if child == "reseal" => {
            SEALS_LEFT.store(seals.parse().unwrap(), Ordering::Relaxed);
            let reseal = reseal(options(Path::new(path)), other_sealer(), stamp(1));
            runtime.block_on(reseal).unwrap();
        }
        _ => {
            runtime.block_on(q10_what_was_answered_survives_a_killed_process());
            println!("q10_what_was_answered_survives_a_killed_process ... ok");
            runtime.block_on(another_secret_key_is_in_place_whole_or_not_at_all());
            println!("another_secret_key_is_in_place_whole_or_not_at_all ... ok");
        }
    }
}

fn options(path: &Path) -> OpenOptions {
    OpenOptions { url: format!("sqlite:{}", path.display()), sealer: sealer(), now: at(0) }
}

async fn harness(path: &Path) -> Harness {
    let options = options(path);
    Harness::new(move |now| Box::pin(open(OpenOptions { now, ..options.clone() }))).await
}

/// Seals the child makes before it dies.
static SEALS_LEFT: AtomicUsize = AtomicUsize::new(usize::MAX);

/// Another secret key than the fixture's, which counts its seals.
fn other_sealer() -> Sealer {
    Sealer::new(&[8; 32], |nonce| {
        nonce.fill(1);
        if SEALS_LEFT.fetch_sub(1, Ordering::Relaxed) == 0 {
            std::process::abort();
        }
    })
}

async fn another_secret_key_is_in_place_whole_or_not_at_all() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("p.db");
    let before = harness(&path).await.with_webhooks(3).await;
    before.rotate_key(merchant(1), webhook_id(2), key(9), stamp(0)).await.unwrap();
    let mut expected = Vec::new();
    for n in 1..=3 {
        expected.push(before.verification_keys(merchant(1), webhook_id(n)).await.unwrap());
    }
    drop(before);
    // Three keys, one that expires, and the canary; with one more the child comes to its end.
    for seals in 0..=5 {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.arg("reseal").arg(&path).arg(seals.to_string());
        let died = !child.status().unwrap().success();
        assert_eq!(died, seals < 5, "after {seals}");
        let old = options(&path);
        let new = OpenOptions { sealer: other_sealer(), ..old.clone() };
        let (fits, fits_not) = if died { (old, new) } else { (new, old) };
        let refused = open(fits_not).await;
        assert!(matches!(refused, Err(StoreError::Refused(_))), "after {seals}");
        let store = open(fits).await.unwrap();
        for (n, keys) in (1..=3).zip(&expected) {
            let read = store.verification_keys(merchant(1), webhook_id(n)).await;
            assert_eq!(&read.unwrap(), keys, "after {seals}");
        }
        assert_eq!(store.verify_audit_log().await.unwrap().first_altered, None);
    }
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

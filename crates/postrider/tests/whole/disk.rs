//! The promise on a disk that fails (reliability.md D3, D4), with faults put under the real program.
//!
//! A full disk: what cannot be stored is answered 507 with Retry-After and nothing else, reading goes
//! on, and posting goes on by itself when there is space. A failed sync: the process acknowledges
//! nothing any more, says that it is not ready, and another start goes on. Either way whatever was
//! acknowledged arrives. The control acknowledges before the commit and must lose.

use std::collections::HashSet;
use std::sync::mpsc;
use std::time::Duration;

use postrider_engine::MachineClock;
use serde_json::json;

use crate::crash::{judge, line, lost};
use crate::support::disk::{Disk, Fault};
use crate::support::ledger::Ledger;
use crate::support::program::Server;
use crate::support::{Client, Installation, Receiver, create_webhook};

/// Connections that post at the same time.
const POSTERS: usize = 4;
const BATCH: usize = 10;
/// Bytes of an event's record: a full disk is felt when the write-ahead log is to grow, so a log of
/// 16 MiB that begins anew must be filled first.
const EVENT_BYTES: usize = 4_000;
/// Refusals seen in each round before the fault ends.
const REFUSALS: usize = 20;
/// Longest wait for a refusal or an answer; only a program that hangs meets it.
const WAIT_MAX: Duration = Duration::from_mins(1);
/// From when there is space to the first acknowledgement, at most.
const BACK_MAX: Duration = Duration::from_secs(30);

/// How many times the disk fails, and how many events are posted in each round.
#[derive(Debug, Clone, Copy)]
struct Rounds {
    rounds: usize,
    events: usize,
}

impl Rounds {
    fn or_long(self, long: Self) -> Self {
        if std::env::var_os("POSTRIDER_LONG_TESTS").is_some() { long } else { self }
    }
}

/// A post that was refused.
#[derive(Debug)]
struct Refusal {
    /// The number of the start that refused it.
    start: usize,
    /// How long the answer took.
    micros: u64,
}

/// A program on a disk that can fail, and everything around it.
struct Stage {
    installation: Installation,
    disk: Disk,
    receiver: Receiver,
    ledger: Ledger,
}

impl Stage {
    fn set(events: usize) -> (Self, Server) {
        let stage = Self {
            installation: Installation::fresh(),
            disk: Disk::sound(),
            receiver: Receiver::start(),
            ledger: Ledger::of(events),
        };
        let server = stage.serve();
        let more = json!({"timeout_seconds": 1});
        create_webhook(&mut stage.installation.client(&server), &stage.receiver, &more);
        (stage, server)
    }

    fn serve(&self) -> Server {
        let server = self.installation.serve_with(&self.disk.environment());
        self.ledger.started(server.address);
        server
    }

    /// Posts batches until all are acknowledged. A refusal is told with the number of the start that
    /// refused, and must be `status`: 507 is asked again at once, 503 after the next start.
    fn post(&self, status: u16, refused: &mpsc::Sender<Refusal>) {
        let key = &self.installation.api_key;
        let padding = "x".repeat(EVENT_BYTES);
        let (mut start, address) = self.ledger.start_after(0, "the program");
        let mut client = Client::connect(address, key).unwrap();
        while let Some(ids) = self.ledger.next_batch(BATCH) {
            let lines: Vec<_> = ids.iter().map(|id| line(id, &padding)).collect();
            let lines = lines.concat();
            loop {
                let began = MachineClock::micros();
                match client.post_lines(lines.as_bytes()) {
                    Ok(answer) if answer.status == 202 => break,
                    Ok(answer) => {
                        assert!(answer.retry_after.is_some(), "{answer}");
                        answer.expect(status);
                        let micros = MachineClock::micros() - began;
                        // Nobody listens any more when enough have come.
                        let _ = refused.send(Refusal { start, micros });
                    }
                    // Killed after its disk failed.
                    Err(error) => assert_eq!(status, 503, "{error}"),
                }
                if status == 503 {
                    let address;
                    (start, address) = self.ledger.start_after(start, "the next start");
                    client = Client::connect(address, key).unwrap();
                }
            }
            self.ledger.acknowledge(ids);
        }
    }

    /// Whatever was acknowledged has arrived, and nothing else.
    fn judge(&self, rounds: Rounds) -> usize {
        let acknowledged = self.ledger.acknowledged();
        assert_eq!(acknowledged.len(), rounds.rounds * rounds.events, "all in the end");
        let lost = lost(&acknowledged, &self.receiver);
        assert!(lost.is_empty(), "acknowledged but never delivered: {lost:?}");
        let messages = self.receiver.messages();
        messages.len() - judge(&messages, &self.ledger)
    }
}

#[test]
fn a_full_disk_refuses_loses_nothing_and_is_back_by_itself() {
    let rounds = Rounds { rounds: 2, events: 6_000 };
    let rounds = rounds.or_long(Rounds { rounds: 20, events: 5_000 });
    let (stage, server) = Stage::set(rounds.rounds * rounds.events);
    let (tell, refusals) = mpsc::channel();
    let (mut answered, mut back) = (Vec::new(), Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..POSTERS {
            let (tell, stage) = (tell.clone(), &stage);
            scope.spawn(move || stage.post(507, &tell));
        }
        for round in 0..rounds.rounds {
            stage.ledger.wait_for(round * rounds.events + rounds.events / 8);
            stage.disk.begin(Fault::Full);
            for _ in 0..REFUSALS {
                answered.push(refusals.recv_timeout(WAIT_MAX).unwrap().micros);
            }
            let mut reader = stage.installation.client(&server);
            reader.get("/api/v1/deliveries").expect(200);
            let before = stage.ledger.acknowledged().len();
            let began = MachineClock::micros();
            stage.disk.end(Fault::Full);
            stage.ledger.wait_for(before + 1);
            back.push(MachineClock::micros() - began);
        }
    });
    let repeats = stage.judge(rounds);
    answered.sort_unstable();
    let slowest = Duration::from_micros(*back.iter().max().unwrap());
    println!(
        "acknowledged {}, lost 0, unexpected 0, duplicates {repeats}, rounds {}, refused in {} ms \
         (median) to {} ms, back within {} ms",
        rounds.rounds * rounds.events,
        rounds.rounds,
        answered[answered.len() / 2] / 1_000,
        answered.last().unwrap() / 1_000,
        slowest.as_millis()
    );
    assert!(slowest <= BACK_MAX, "accepting again took {slowest:?}");
}

#[test]
fn after_a_failed_sync_nothing_is_acknowledged_until_a_restart() {
    let rounds = Rounds { rounds: 3, events: 1_000 };
    let rounds = rounds.or_long(Rounds { rounds: 100, events: 1_000 });
    let (stage, mut server) = Stage::set(rounds.rounds * rounds.events);
    let (tell, refusals) = mpsc::channel();
    let _last = std::thread::scope(|scope| {
        for _ in 0..POSTERS {
            let (tell, stage) = (tell.clone(), &stage);
            scope.spawn(move || stage.post(503, &tell));
        }
        for round in 0..rounds.rounds {
            // At another sync of another round each time.
            stage.ledger.wait_for(round * rounds.events + (round * 7) % 100 + 1);
            stage.disk.begin(Fault::Broken);
            // One of an earlier start may still be on its way.
            while refusals.recv_timeout(WAIT_MAX).unwrap().start != round + 1 {}
            stage.disk.end(Fault::Broken);
            let mut client = stage.installation.client(&server);
            let probe = line("e-0", "");
            for _ in 0..REFUSALS {
                client.post_lines(probe.as_bytes()).unwrap().expect(503);
            }
            client.get("/readyz").expect(503);
            server.kill();
            server = stage.serve();
        }
        server
    });
    let repeats = stage.judge(rounds);
    println!(
        "acknowledged {}, lost 0, unexpected 0, duplicates {repeats}, failed syncs {}",
        rounds.rounds * rounds.events,
        rounds.rounds
    );
}

#[cfg(debug_assertions)]
#[test]
fn the_control_that_acknowledges_before_the_commit_loses_on_either() {
    for fault in [Fault::Full, Fault::Broken] {
        let (stage, server) = Stage::set(0);
        drop(server);
        let mut environment = stage.disk.environment().to_vec();
        environment.push(crate::crash::SABOTAGE);
        let server = stage.installation.serve_with(&environment);
        stage.disk.begin(fault);
        let mut client = stage.installation.client(&server);
        let ids: Vec<_> = (0..1_000).map(|number| format!("e-{number}")).collect();
        for ids in ids.chunks(100) {
            let lines: Vec<_> = ids.iter().map(|id| line(id, "")).collect();
            client.post_lines(lines.concat().as_bytes()).unwrap().expect(202);
        }
        server.kill();
        stage.disk.end(fault);
        let server = stage.serve();
        let mut client = stage.installation.client(&server);
        let gone: HashSet<_> = ids
            .iter()
            .filter(|id| client.get(&format!("/api/v1/events/{id}")).status == 404)
            .collect();
        println!("control, {fault:?}: acknowledged {}, lost {}", ids.len(), gone.len());
        assert!(!gone.is_empty(), "the control lost nothing: this test proves nothing");
    }
}

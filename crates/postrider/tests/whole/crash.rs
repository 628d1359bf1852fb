//! The promise, seen from outside: whatever was answered with 2xx reaches the receiver although the
//! process is killed again and again, and repeats carry the same delivery id.
//!
//! Moments of the kills are counted in acknowledgements and arrivals, drawn from a seed; never in
//! time. The control is the same program told to acknowledge before the commit: it must lose.

use std::collections::{HashMap, HashSet};
use std::io;
use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::support::chance::Dice;
use crate::support::ledger::Ledger;
use crate::support::program::Server;
use crate::support::{Client, Installation, Message, Receiver, create_webhook};

const SEED: u64 = 0x0dd5_eed5;
/// Connections that post at the same time.
const POSTERS: usize = 4;
/// Events in one post. Small, so that kills meet many posts on their way.
const BATCH: usize = 10;
/// Arrivals after a restart within which a kill that is counted in arrivals comes.
const ARRIVALS_MAX: usize = 100;

/// How much is posted, and how often the program is ended meanwhile.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    pub events: usize,
    pub ends: usize,
}

impl Load {
    /// `self`, or `long` when the long forms were asked for (`scripts/reliability`).
    pub fn or_long(self, long: Self) -> Self {
        if std::env::var_os("POSTRIDER_LONG_TESTS").is_some() { long } else { self }
    }
}

#[test]
fn nothing_acknowledged_is_lost_over_many_kills() {
    let load = Load { events: 5_000, ends: 20 }.or_long(Load { events: 100_000, ends: 300 });
    let (acknowledged, lost, repeats) = account(load, Server::kill);
    println!(
        "acknowledged {acknowledged}, lost {}, unexpected 0, duplicates {repeats}, kills {}, seed {SEED:#x}",
        lost.len(),
        load.ends
    );
    assert!(lost.is_empty(), "acknowledged but never delivered: {lost:?}");
}

/// Posts events while the program is ended and started again and again. Answers how many were
/// acknowledged, which of them never arrived, and how many arrivals were repeats.
pub fn account(load: Load, end: impl Fn(Server)) -> (usize, HashSet<String>, usize) {
    let installation = Installation::fresh();
    let receiver = Receiver::start();
    let ledger = Ledger::of(load.events);
    let mut server = installation.serve();
    // The shortest timeout gives the shortest leases: what a killed process had leased is due
    // again when they run out.
    let more = json!({"timeout_seconds": 1});
    create_webhook(&mut installation.client(&server), &receiver, &more);
    ledger.started(server.address);

    let mut dice = Dice::new(SEED);
    let _last = std::thread::scope(|scope| {
        for _ in 0..POSTERS {
            scope.spawn(|| post(&ledger, &installation.api_key));
        }
        for number in 0..load.ends {
            wait_for_moment(load, number, &mut dice, &ledger, &receiver);
            end(server);
            server = installation.serve();
            ledger.started(server.address);
        }
        server
    });

    let acknowledged = ledger.acknowledged();
    assert_eq!(acknowledged.len(), load.events, "every event was acknowledged in the end");
    let lost = lost(&acknowledged, &receiver);
    let messages = receiver.messages();
    let deliveries = judge(&messages, &ledger);
    (acknowledged.len(), lost, messages.len() - deliveries)
}

/// What the sabotage of the control is called; debug builds alone know it.
#[cfg(debug_assertions)]
pub const SABOTAGE: (&str, &str) = ("POSTRIDER_SABOTAGE", "ack-before-commit");

#[cfg(debug_assertions)]
#[test]
fn the_control_that_acknowledges_before_the_commit_loses_some() {
    /// A kill right after an acknowledgement nearly always comes before the commit.
    const ROUNDS_MAX: usize = 10;

    let installation = Installation::fresh();
    for round in 1..=ROUNDS_MAX {
        // The same kill costs an honest program nothing.
        assert_eq!(lost_right_after_the_answer(&installation, &format!("honest-{round}"), &[]), 0);
        let lost =
            lost_right_after_the_answer(&installation, &format!("control-{round}"), &[SABOTAGE]);
        println!("control, round {round}: acknowledged {LARGE_BATCH}, lost {lost}");
        if lost > 0 {
            return;
        }
    }
    panic!("the control lost nothing in {ROUNDS_MAX} rounds: this test proves nothing");
}

/// As many events as one request may hold, so that the commit takes long compared with a kill.
#[cfg(debug_assertions)]
const LARGE_BATCH: usize = 1_000;

/// Posts one large batch, kills the program as soon as it has acknowledged it, and answers how many
/// of the events the next start does not know.
#[cfg(debug_assertions)]
fn lost_right_after_the_answer(
    installation: &Installation,
    name: &str,
    environment: &[(&str, &str)],
) -> usize {
    let ids: Vec<_> = (0..LARGE_BATCH).map(|number| format!("{name}-{number}")).collect();
    let padding = "x".repeat(700);
    let lines: Vec<_> = ids.iter().map(|id| line(id, &padding)).collect();
    let lines = lines.concat();

    let server = installation.serve_with(environment);
    let mut client = installation.client(&server);
    let answer = client.post_lines(lines.as_bytes());
    server.kill();
    answer.unwrap().expect(202);

    let server = installation.serve();
    let mut client = installation.client(&server);
    let status = |id: &String| client.get(&format!("/api/v1/events/{id}")).status;
    ids.iter().map(status).filter(|status| *status == 404).count()
}

/// Posts batches until all are acknowledged, over a new connection whenever the program died.
fn post(ledger: &Ledger, key: &str) {
    let (mut start, address) = ledger.start_after(0, "the program");
    let mut connection = Client::connect(address, key);
    while let Some(ids) = ledger.next_batch(BATCH) {
        let lines: Vec<_> = ids.iter().map(|id| line(id, "")).collect();
        let lines = lines.concat();
        // An error leaves the outcome unknown; it is due to a kill, so a restart must follow.
        while let Err(error) = post_once(&mut connection, lines.as_bytes()) {
            let address: SocketAddr;
            (start, address) = ledger.start_after(start, &format!("a restart after {error}"));
            connection = Client::connect(address, key);
        }
        ledger.acknowledge(ids);
    }
}

fn post_once(connection: &mut io::Result<Client>, lines: &[u8]) -> io::Result<()> {
    let connection = connection.as_mut().map_err(|error| io::Error::from(error.kind()))?;
    connection.post_lines(lines)?.expect(202);
    Ok(())
}

pub fn line(id: &str, padding: &str) -> String {
    let data = json!({"object": {"type": "order", "public_id": id, "note": padding}});
    format!("{}\n", json!({"id": id, "type": "order.create", "data": data}))
}

/// Waits for the moment of one kill. Even ones come somewhere in their share of the
/// acknowledgements, odd ones a few arrivals after the restart, in the middle of attempts.
fn wait_for_moment(load: Load, kill: usize, dice: &mut Dice, ledger: &Ledger, receiver: &Receiver) {
    let share = load.events / (load.ends + 1);
    let drawn = (dice.below(share), 1 + dice.below(ARRIVALS_MAX));
    if kill.is_multiple_of(2) {
        ledger.wait_for(kill * share + drawn.0);
    } else {
        let wanted = receiver.messages().len() + drawn.1;
        let came = receiver.wait_until(|messages| messages.len() >= wanted);
        assert!(came, "deliveries stopped after a restart");
    }
}

/// Waits until everything acknowledged has arrived; answers what has not when nothing more comes.
pub fn lost(acknowledged: &HashSet<String>, receiver: &Receiver) -> HashSet<String> {
    let mut missing = acknowledged.clone();
    let mut read = 0;
    receiver.wait_until(|messages| {
        for message in &messages[read..] {
            missing.remove(&event_id(message));
        }
        read = messages.len();
        missing.is_empty()
    });
    missing
}

/// Checks that nothing unexpected arrived and that ids tell repeats: one delivery id stands for one
/// event and one body, and an event has one delivery. Answers the number of deliveries.
pub fn judge(messages: &[Message], ledger: &Ledger) -> usize {
    let mut deliveries: HashMap<&str, &Message> = HashMap::new();
    let mut events = HashSet::new();
    for message in messages {
        let event = event_id(message);
        assert!(ledger.knows(&event), "an event that nobody posted: {event}");
        let delivery = message.header("postrider-delivery").unwrap();
        match deliveries.insert(delivery, message) {
            Some(earlier) => assert_eq!(earlier.body, message.body, "a repeat of {delivery}"),
            None => assert!(events.insert(event), "two delivery ids for one event: {delivery}"),
        }
    }
    deliveries.len()
}

fn event_id(message: &Message) -> String {
    let body: Value = serde_json::from_slice(&message.body).unwrap();
    body["id"].as_str().unwrap().to_owned()
}

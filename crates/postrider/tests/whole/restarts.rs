//! Restarts in order, under load (reliability.md D11): SIGTERM ends with status 0, nothing
//! acknowledged is lost, and a receiver that answers in time gets nothing twice. The control is the
//! same run ended by SIGKILL, which must show repeats.

use crate::crash::{Load, account};
use crate::support::program::Server;

#[test]
fn restarts_lose_nothing_and_send_nothing_twice() {
    let load = Load { events: 4_000, ends: 12 }.or_long(Load { events: 25_000, ends: 50 });
    let (acknowledged, lost, repeats) = account(load, Server::stop);
    println!(
        "acknowledged {acknowledged}, lost {}, duplicates {repeats}, restarts {}",
        lost.len(),
        load.ends
    );
    assert!(lost.is_empty(), "acknowledged but never delivered: {lost:?}");
    assert_eq!(repeats, 0, "sent again although it was answered in time");
}

#[test]
fn the_control_that_kills_sends_some_twice() {
    let (_, lost, repeats) = account(Load { events: 4_000, ends: 12 }, Server::kill);
    assert!(lost.is_empty() && repeats > 0, "a restart could not be told from a kill");
}

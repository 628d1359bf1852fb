//! Runs on disk and the tail together find every event, also after a crash in the middle of a run.

use postrider_core::ids::MerchantId;
use postrider_core::terms::Term;

use super::super::tests::is_a_bounded_search;
use super::super::{Sqlite, accounts};
use super::*;
use crate::Queue;
use crate::conformance::fixture::{at, merchant, minted, sealer, stamp};
use crate::queue::{Append, NewEvent};

const RUN: i64 = 10;

#[test]
fn a_trail_reads_only_what_it_shows() {
    for sql in [NEW_EVENTS, LAST_EVENT, DOWN, UP] {
        is_a_bounded_search(sql);
    }
}

fn owner() -> MerchantId {
    merchant(1)
}

/// A store with events 1 to `count`, each of object `n % 3`.
async fn store(directory: &tempfile::TempDir, count: u64) -> Sqlite {
    let path = directory.path().join("p.db");
    let store = Sqlite::open(path, sealer(), at(0)).await.unwrap();
    let add = |desk: &mut super::super::Desk| {
        let (id, created_at) = (owner(), at(0));
        let tenant = crate::catalog::Merchant { id, name: "m".into(), created_at };
        accounts::create_merchant(desk, &tenant, &stamp(0))
    };
    store.writer.run(add).await.unwrap();
    let event = |n: u64| {
        let mut new = NewEvent::from(minted(n, 0));
        new.event.data = format!(r#"{{"object":{{"public_id":"{}"}}}}"#, n % 3).into();
        new
    };
    let batch = vec![Append { routing_version: 2, events: (1..=count).map(event).collect() }];
    store.append(batch).await.unwrap().remove(0).unwrap();
    store
}

/// Every event of object 1 in both directions, in pages of `size`.
async fn found(store: &Sqlite, search: &Arc<Search>, size: usize) -> Vec<u128> {
    let search = Arc::clone(search);
    let walk = move |reader: &Connection| {
        let trail = search.trail(reader, Term::object("1").hash(owner()))?;
        let all = |mut walk: Walk| {
            let mut all = Vec::new();
            loop {
                let page = trail.next(walk, size)?;
                all.extend(page.iter().copied());
                let Some(next) = page.last().and_then(|last| walk.beyond(*last)) else {
                    return Ok::<_, crate::StoreError>(all);
                };
                walk = next;
            }
        };
        let (down, mut up) = (all(Walk::Down(u128::MAX))?, all(Walk::Up(0))?);
        up.reverse();
        assert_eq!(down, up);
        Ok(down)
    };
    store.readers.run(walk).await.unwrap()
}

fn expected(count: u128) -> Vec<u128> {
    (1..=count).rev().filter(|n| n % 3 == 1).collect()
}

async fn runs(store: &Sqlite) -> i64 {
    let count = |reader: &Connection| {
        Ok(reader.query_row("SELECT count(*) FROM search_runs", [], |row| row.get(0))?)
    };
    store.readers.run(count).await.unwrap()
}

/// Reads and writes what a builder would until there is nothing left to do.
async fn build(store: &Sqlite, search: &Arc<Search>) {
    let work = builder::Work::new(Arc::clone(search), store.writer.jobs().unwrap());
    tokio::task::spawn_blocking(move || while work.turn().unwrap() {}).await.unwrap();
}

#[tokio::test]
async fn events_are_found_in_runs_and_in_the_tail() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(&directory, 38).await;
    let search = Search::open(&directory.path().join("p.db"), RUN).unwrap();
    build(&store, &search).await;
    assert_eq!(runs(&store).await, 3);
    for size in [1, 2, 5, 100] {
        assert_eq!(found(&store, &search, size).await, expected(38), "pages of {size}");
    }
    // After a restart the tail is read again, the runs are not.
    let again = Search::open(&directory.path().join("p.db"), RUN).unwrap();
    assert_eq!(again.lock().tail.upto(), 30);
    assert_eq!(found(&store, &again, 4).await, expected(38));
}

#[tokio::test]
async fn a_run_broken_off_in_the_middle_is_written_again() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(&directory, 15).await;
    let path = directory.path().join("p.db");
    let broken = Search::open(&path, RUN).unwrap();
    while broken.catch_up().unwrap() {}
    let sealed = broken.oldest_sealed().unwrap();
    // Rows without their run, and a hint that leads nowhere.
    let half = move |desk: &mut super::super::Desk| {
        let half = sealed.entries.get(..7).unwrap();
        builder::insert(desk, sealed.run, half)?;
        builder::insert(desk, sealed.run, &[(Term::object("1").hash(owner()), 5)])
    };
    store.writer.run(half).await.unwrap();
    let search = Search::open(&path, RUN).unwrap();
    while search.catch_up().unwrap() {}
    assert_eq!(found(&store, &search, 3).await, expected(15));
    build(&store, &search).await;
    assert_eq!(runs(&store).await, 1);
    let mut found = found(&store, &search, 3).await;
    found.retain(|event| *event != 5);
    assert_eq!(found, expected(15));
}

#[tokio::test]
async fn a_search_far_behind_says_so_instead_of_waiting() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(&directory, 25).await;
    let search = Search::open(&directory.path().join("p.db"), RUN).unwrap();
    let behind = Arc::clone(&search);
    let trail = store.readers.run(move |reader| behind.trail(reader, 1).map(drop)).await;
    assert!(matches!(trail, Err(crate::StoreError::Unavailable(_))), "{trail:?}");
    build(&store, &search).await;
    assert_eq!(found(&store, &search, 9).await, expected(25));
}

//! What the traits cannot show: how groups of jobs end, what a sick disk does, which plans SQLite
//! makes, and that the write-ahead log stays small.

use std::sync::Arc;
use std::sync::mpsc;

use rusqlite::{Connection, ErrorCode, ffi};

use super::{Desk, Sqlite, schema};
use crate::conformance::fixture::{at, merchant, sealer, stamp, webhook};
use crate::error::{Result, StoreError};
use crate::{Catalog, Queue};

/// The lines of SQLite's plan for a statement over our tables.
pub(super) fn plan(sql: &str) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let (connection, _) = schema::open(&directory.path().join("p.db"), &sealer()).unwrap();
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let parameters = vec![None::<i64>; statement.parameter_count()];
    let rows =
        statement.query_map(rusqlite::params_from_iter(parameters), |row| row.get::<_, String>(3));
    rows.unwrap().collect::<rusqlite::Result<_>>().unwrap()
}

/// Fails when a statement would read a whole table or sort what it found.
#[track_caller]
pub(super) fn is_a_bounded_search(sql: &str) {
    let plan = plan(sql);
    assert!(!plan.is_empty());
    for line in &plan {
        assert!(!line.starts_with("SCAN") && !line.contains("TEMP B-TREE"), "{sql}\n{plan:#?}");
    }
}

async fn store() -> (tempfile::TempDir, Arc<Sqlite>) {
    let directory = tempfile::tempdir().unwrap();
    let store = Sqlite::open(directory.path().join("p.db"), sealer(), at(0)).await.unwrap();
    (directory, Arc::new(store))
}

fn add_merchant(desk: &mut Desk, n: u64) -> Result<()> {
    let merchant =
        crate::catalog::Merchant { id: merchant(n), name: "m".into(), created_at: at(0) };
    super::accounts::create_merchant(desk, &merchant, &stamp(0))
}

/// Breaks the rule of a foreign key in a way that SQLite notices at the commit only.
fn break_commit(desk: &mut Desk) -> Result<()> {
    desk.connection.execute_batch(
        "PRAGMA defer_foreign_keys = ON;
         INSERT INTO portal_links VALUES (x'01', x'ff', 'a', 'b', x'02', 0, 0);",
    )?;
    Ok(())
}

type Work = fn(&mut Desk) -> Result<()>;

/// Runs several jobs in one group: the first holds the writer until all others wait.
async fn in_one_group(store: &Arc<Sqlite>, jobs: Vec<Work>) -> Vec<Result<()>> {
    let (release, held) = mpsc::channel::<()>();
    let (started, has_started) = tokio::sync::oneshot::channel();
    let gate = Arc::clone(store);
    let mut running = tokio::task::JoinSet::new();
    running.spawn(async move {
        let hold = move |_: &mut Desk| {
            started.send(()).unwrap();
            held.recv().unwrap();
            Ok(())
        };
        (usize::MAX, gate.writer.run(hold).await)
    });
    has_started.await.unwrap();
    for (place, job) in jobs.into_iter().enumerate() {
        let store = Arc::clone(store);
        running.spawn(async move { (place, store.writer.run(job).await) });
        // On this single-threaded runtime, one turn is what the task needs to hand in its job.
        tokio::task::yield_now().await;
    }
    release.send(()).unwrap();
    let mut results = running.join_all().await;
    results.sort_by_key(|(place, _)| *place);
    results.into_iter().map(|(_, result)| result).collect()
}

#[tokio::test]
async fn q9_a_failing_job_spoils_only_itself() {
    let (_directory, store) = store().await;
    let results = in_one_group(
        &store,
        vec![
            |desk| add_merchant(desk, 1),
            |desk| {
                add_merchant(desk, 2)?;
                Err(StoreError::Conflict)
            },
            |desk| add_merchant(desk, 3),
        ],
    )
    .await;
    assert!(results[0].is_ok() && results[2].is_ok() && results[3].is_ok());
    assert!(matches!(results[1], Err(StoreError::Conflict)));
    let known = [1, 2, 3].map(merchant).map(|id| store.merchant(id));
    let mut found = Vec::new();
    for merchant in known {
        found.push(merchant.await.is_ok());
    }
    assert_eq!(found, [true, false, true]);
    // The version of the undone one is not in the count: 1 at the start, and two merchants.
    assert_eq!(store.routes_since(0).await.unwrap().version, 3);
}

#[tokio::test]
async fn when_the_commit_fails_nobody_hears_of_success() {
    let (_directory, store) = store().await;
    let jobs: Vec<Work> =
        vec![|desk| add_merchant(desk, 1), break_commit, |desk| add_merchant(desk, 2)];
    for result in in_one_group(&store, jobs).await {
        assert!(matches!(result, Err(StoreError::Unavailable(_))), "{result:?}");
    }
    assert!(store.merchant(merchant(1)).await.is_err());
    // Nothing is broken by it: the writer's version went back with the transaction.
    store.writer.run(|desk| add_merchant(desk, 3)).await.unwrap();
    assert_eq!(store.routes_since(0).await.unwrap().version, 2);
    store.check().await.unwrap();
}

#[tokio::test]
async fn a_full_disk_is_said_and_gets_better() {
    let (_directory, store) = store().await;
    let limit = |pages: i64| {
        store.writer.run(move |desk| {
            let sql = format!("PRAGMA max_page_count = {pages}");
            desk.connection.query_row(&sql, [], |_| Ok(()))?;
            Ok(())
        })
    };
    store.writer.run(|desk| add_merchant(desk, 1)).await.unwrap();
    limit(1).await.unwrap();
    let mut full = webhook(1, 1);
    full.name = "x".repeat(100_000);
    let key = crate::conformance::fixture::key(1);
    let refused = store.create_webhook(full.clone(), key.clone(), stamp(0)).await;
    assert!(matches!(refused, Err(StoreError::StorageFull)), "{refused:?}");
    assert_eq!(store.routes_since(0).await.unwrap().version, 2);
    store.check().await.unwrap();
    limit(1_000_000).await.unwrap();
    store.create_webhook(full, key, stamp(0)).await.unwrap();
}

#[tokio::test]
async fn after_a_disk_error_nothing_more_is_stored() {
    let (_directory, store) = store().await;
    store.writer.run(|desk| add_merchant(desk, 1)).await.unwrap();
    let fail: Work = |_| {
        let error = ffi::Error::new(ffi::SQLITE_IOERR_FSYNC);
        Err(rusqlite::Error::SqliteFailure(error, None).into())
    };
    let results = in_one_group(
        &store,
        vec![|desk| add_merchant(desk, 2), fail, |desk| add_merchant(desk, 3)],
    )
    .await;
    for result in &results {
        assert!(matches!(result, Err(StoreError::Unavailable(_))), "{result:?}");
    }
    let later = store.writer.run(|desk| add_merchant(desk, 4)).await;
    assert!(later.unwrap_err().to_string().contains("not available"));
    assert!(store.check().await.is_err() && store.writer.is_broken());
    let lists = store.merchants(crate::conformance::fixture::ask(9, None)).await.unwrap();
    assert_eq!(lists.rows.len(), 1, "what was answered before can still be read");
}

#[tokio::test]
async fn the_write_ahead_log_is_merged_and_begun_anew() {
    let (directory, store) = store().await;
    store
        .writer
        .run(|desk| Ok(desk.connection.execute_batch("CREATE TABLE filler (a BLOB) STRICT")?))
        .await
        .unwrap();
    for _ in 0..40 {
        let fill = |desk: &mut Desk| {
            desk.connection.execute_batch(
                "INSERT INTO filler SELECT randomblob(4000) FROM pragma_function_list LIMIT 500",
            )?;
            Ok(())
        };
        store.writer.run(fill).await.unwrap();
    }
    let log = directory.path().join("p.db-wal");
    let pages = std::fs::metadata(log).unwrap().len() / 4096;
    assert!((4_000..6_000).contains(&pages), "{pages} pages");
}

#[tokio::test]
async fn a_reader_cannot_write() {
    let (_directory, store) = store().await;
    let write = |reader: &Connection| Ok(reader.execute_batch("DELETE FROM meta")?);
    let error = store.readers.run(write).await.unwrap_err();
    let StoreError::Unavailable(source) = error else { panic!("{error}") };
    let code = source.downcast_ref::<rusqlite::Error>().unwrap().sqlite_error_code();
    assert_eq!(code, Some(ErrorCode::ReadOnly));
    assert_eq!(store.tally().await.unwrap(), crate::queue::Tally::default());
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_is_named() {
    let error = Sqlite::open("/proc/p.db".into(), sealer(), at(0)).await.unwrap_err();
    assert!(error.to_string().contains("cannot write /proc/p.db.lock"), "{error}");
}

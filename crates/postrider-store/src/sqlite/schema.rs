//! The database file: whose it is, which version it has, and that it keeps what it is told.
//!
//! Migrations are plain SQL, embedded, forward only; `user_version` counts those applied. The
//! sealed canary tells a wrong secret key at the start rather than at the first delivery.

use std::path::Path;

use postrider_core::ids::{MerchantId, WebhookId};
use postrider_core::key::VerificationKey;
use postrider_core::seal::{KeyPlace, Sealer};
use postrider_core::time::Timestamp;
use rusqlite::{Connection, ErrorCode, OpenFlags, params};

use super::ground::refuse;
use crate::error::{Result, StoreError};

/// "Post" in ASCII, in the header of the file.
const APPLICATION_ID: i64 = 0x506f_7374;
const MIGRATIONS: [&str; 9] = [
    include_str!("../../migrations/sqlite/0001_init.sql"),
    include_str!("../../migrations/sqlite/0002_audit.sql"),
    include_str!("../../migrations/sqlite/0003_filters.sql"),
    include_str!("../../migrations/sqlite/0004_accounts.sql"),
    include_str!("../../migrations/sqlite/0005_recoveries.sql"),
    include_str!("../../migrations/sqlite/0006_search.sql"),
    include_str!("../../migrations/sqlite/0007_rehearsals.sql"),
    include_str!("../../migrations/sqlite/0009_retention.sql"),
    include_str!("../../migrations/sqlite/0010_hours.sql"),
];

const SETTINGS: &str = "
    PRAGMA busy_timeout = 5000;
    PRAGMA foreign_keys = ON;
    PRAGMA cache_size = -32768;
    PRAGMA temp_store = MEMORY;
    PRAGMA wal_autocheckpoint = 0;
";
const TABLES: &str = "SELECT count(*) FROM sqlite_schema";
const INSERT_META: &str = "INSERT INTO meta (id, catalog_version, canary) VALUES (1, 1, ?1)";
const SET_CANARY: &str = "UPDATE meta SET canary = ?1 WHERE id = 1";
const META: &str = "SELECT catalog_version, canary FROM meta WHERE id = 1";
// Reads the index alone: a fifth of a second for a million pending rows, and nothing is paid for
// it while deliveries are leased and settled.
const LEASED: &str = "SELECT id FROM deliveries INDEXED BY deliveries_queue \
     WHERE state = 0 AND is_leased = 1";
const RETURN_LEASE: &str = "UPDATE deliveries SET due_at = ?2, is_leased = 0 WHERE id = ?1";

const CANARY: &str = "postrider";

/// Opens the writing connection of a database that is ours, up to date and durable; creates it if
/// there is none. Answers the catalog version too.
pub(super) fn open(path: &Path, sealer: &Sealer) -> Result<(Connection, u64)> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = Connection::open_with_flags(path, flags).and_then(|connection| {
        let is_ours = check_owner(path, &connection)?;
        Ok((connection, is_ours))
    });
    let (mut connection, is_ours) = opened.map_err(|error| unreadable(path, error))?;
    is_ours?;
    connection.execute_batch(SETTINGS)?;
    connection.set_prepared_statement_cache_capacity(128);
    check_durability(&connection)?;
    migrate(&mut connection, sealer)?;
    let (version, canary) = connection
        .query_row(META, [], |row| Ok((row.get::<_, u64>(0)?, row.get::<_, Vec<u8>>(1)?)))?;
    check_canary(path, sealer, &canary)?;
    Ok((connection, version))
}

fn unreadable(path: &Path, error: rusqlite::Error) -> StoreError {
    let path = path.display();
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => StoreError::Refused(format!(
            "{path} is not an SQLite database; name another file or move it away"
        )),
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            StoreError::Refused(format!(
                "cannot open the database {path}: {error}; let the user Postrider runs as read and \
                 write it"
            ))
        }
        _ => error.into(),
    }
}

/// Whether the file is new, or ours and not newer than this program.
pub(super) fn check_owner(path: &Path, connection: &Connection) -> rusqlite::Result<Result<()>> {
    let application = connection.pragma_query_value(None, "application_id", integer)?;
    let version = connection.pragma_query_value(None, "user_version", integer)?;
    let tables: i64 = connection.query_row(TABLES, [], integer)?;
    let path = path.display();
    let is_new = application == 0 && version == 0 && tables == 0;
    if application != APPLICATION_ID && !is_new {
        return Ok(refuse(format!("{path} is a database of another program; name another file")));
    }
    if version > known_version() {
        return Ok(refuse(format!(
            "{path} was written by a newer Postrider (schema {version}, this one knows {}); start \
             that version or restore a backup",
            known_version()
        )));
    }
    Ok(Ok(()))
}

fn integer(row: &rusqlite::Row<'_>) -> rusqlite::Result<i64> {
    row.get(0)
}

fn known_version() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// Asks for a write-ahead log that is synced at each commit, and believes only what is read back.
fn check_durability(connection: &Connection) -> Result<()> {
    let journal: String =
        connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if !journal.eq_ignore_ascii_case("wal") {
        return refuse(format!(
            "SQLite keeps a {journal:?} journal here instead of a write-ahead log; put the \
             database on a local disk"
        ));
    }
    connection.execute_batch("PRAGMA synchronous = FULL")?;
    let level = connection.pragma_query_value(None, "synchronous", integer)?;
    check_synchronous(level)
}

fn check_synchronous(level: i64) -> Result<()> {
    if level >= 2 {
        return Ok(());
    }
    refuse(format!(
        "SQLite stays at synchronous={level}, which can lose accepted events at a power cut; use \
         the SQLite that Postrider bundles"
    ))
}

fn migrate(connection: &mut Connection, sealer: &Sealer) -> Result<()> {
    let version = connection.pragma_query_value(None, "user_version", integer)?;
    let applied = usize::try_from(version).unwrap_or(0);
    for (index, sql) in MIGRATIONS.iter().enumerate().skip(applied) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(sql)?;
        if index == 0 {
            transaction.execute(INSERT_META, params![seal_canary(sealer)])?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        }
        transaction.pragma_update(None, "user_version", index + 1)?;
        transaction.commit()?;
    }
    Ok(())
}

fn seal_canary(sealer: &Sealer) -> Vec<u8> {
    let key = VerificationKey::restored(CANARY);
    sealer.seal(MerchantId::from_bits(0), WebhookId::from_bits(0), KeyPlace::New, &key)
}

/// Makes `sealer` the one that opens this database.
pub(super) fn set_canary(connection: &Connection, sealer: &Sealer) -> Result<()> {
    connection.execute(SET_CANARY, params![seal_canary(sealer)])?;
    Ok(())
}

fn check_canary(path: &Path, sealer: &Sealer, sealed: &[u8]) -> Result<()> {
    let (nobody, none) = (MerchantId::from_bits(0), WebhookId::from_bits(0));
    if sealer.open(nobody, none, KeyPlace::New, sealed).is_ok() {
        return Ok(());
    }
    refuse(format!(
        "wrong secret key: the verification keys in {} were sealed with another one; start with \
         that one",
        path.display()
    ))
}

/// Makes deliveries due at `now` that were leased when their process ended: the lock on the file
/// proves that nobody holds these leases any more. Answers how many.
pub(super) fn return_leases(connection: &mut Connection, now: Timestamp) -> Result<usize> {
    let transaction = connection.transaction()?;
    let leased = {
        let mut statement = transaction.prepare(LEASED)?;
        let rows = statement.query_map([], |row| row.get::<_, [u8; 16]>(0))?;
        rows.collect::<rusqlite::Result<Vec<_>>>()?
    };
    {
        let mut statement = transaction.prepare(RETURN_LEASE)?;
        for id in &leased {
            statement.execute(params![id, now.unix_millis()])?;
        }
    }
    transaction.commit()?;
    Ok(leased.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(secret: u8) -> Sealer {
        Sealer::new(&[secret; 32], |nonce| nonce.fill(5))
    }

    fn refusal(path: &Path, secret: u8) -> String {
        match open(path, &sealer(secret)) {
            Err(StoreError::Refused(text)) => text,
            other => panic!("not refused: {:?}", other.map(drop)),
        }
    }

    fn database() -> (tempfile::TempDir, std::path::PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("p.db");
        (directory, path)
    }

    #[test]
    fn a_database_opens_again_with_its_own_key_only() {
        let (_directory, path) = database();
        assert_eq!(open(&path, &sealer(1)).unwrap().1, 1);
        assert_eq!(open(&path, &sealer(1)).unwrap().1, 1);
        assert!(refusal(&path, 2).starts_with("wrong secret key"));
    }

    #[test]
    fn a_newer_database_is_refused() {
        let (_directory, path) = database();
        let (connection, _) = open(&path, &sealer(1)).unwrap();
        connection.pragma_update(None, "user_version", MIGRATIONS.len() + 1).unwrap();
        drop(connection);
        assert!(refusal(&path, 1).contains("newer Postrider"));
    }

    #[test]
    fn what_is_not_ours_is_refused_and_left_as_it_is() {
        let (_directory, path) = database();
        let other = Connection::open(&path).unwrap();
        other.execute_batch("CREATE TABLE theirs (a)").unwrap();
        drop(other);
        let before = std::fs::read(&path).unwrap();
        assert!(refusal(&path, 1).contains("another program"));
        assert_eq!(std::fs::read(&path).unwrap(), before);
        std::fs::write(&path, "a shopping list, longer than the header of a database".repeat(9))
            .unwrap();
        assert!(refusal(&path, 1).contains("not an SQLite database"));
    }

    #[test]
    fn a_database_without_a_durable_log_is_refused() {
        let memory = Connection::open_in_memory().unwrap();
        let error = check_durability(&memory).unwrap_err();
        assert!(error.to_string().contains("instead of a write-ahead log"), "{error}");
        for level in [0, 1] {
            assert!(check_synchronous(level).unwrap_err().to_string().contains("power cut"));
        }
        assert!(check_synchronous(2).is_ok() && check_synchronous(3).is_ok());
    }

    #[test]
    fn figures_of_older_deliveries_are_counted_by_the_migration() {
        const DELIVERY: &str = "INSERT INTO deliveries (id, event, webhook, choice, state, \
             is_test, is_leased, epoch, due_at, attempts, attempts_before, returned, \
             schedule_started_at, created_at) VALUES (?1, 1, x'07', 0, ?2, 0, 0, 0, 0, ?3, 0, 0, 0, ?4)";
        const SEARCH: &str = include_str!("../../migrations/sqlite/0006_search.sql");
        let memory = Connection::open_in_memory().unwrap();
        for sql in MIGRATIONS.iter().take_while(|sql| **sql != SEARCH) {
            memory.execute_batch(sql).unwrap();
        }
        let day = 86_400_000_i64;
        for (id, state, attempts, created_at) in [
            (1_u8, 0, 0, day),
            (2, 1, 1, day),
            (3, 1, 2, day + 5),
            (4, 2, 9, day),
            (5, 3, 0, 2 * day),
        ] {
            memory.execute(DELIVERY, params![[id], state, attempts, created_at]).unwrap();
        }
        memory.execute_batch(SEARCH).unwrap();
        let mut statement = memory.prepare("SELECT * FROM webhook_days").unwrap();
        let figures = statement.query_map([], |row| {
            let numbers = [0, 2, 3, 4, 5, 6, 7].map(|column| row.get_unwrap::<_, i64>(column));
            assert_eq!(row.get_unwrap::<_, Vec<u8>>(1), [7]);
            Ok(numbers)
        });
        let figures: Vec<_> = figures.unwrap().map(|row| row.unwrap()).collect();
        assert_eq!(figures, [[1, 4, 1, 2, 1, 1, 0], [2, 1, 0, 0, 0, 0, 1]]);
    }

    #[test]
    fn every_commit_is_synced() {
        let (_directory, path) = database();
        let (connection, _) = open(&path, &sealer(1)).unwrap();
        assert_eq!(connection.pragma_query_value(None, "synchronous", integer).unwrap(), 2);
        assert_eq!(
            connection.pragma_query_value(None, "journal_mode", |row| row.get::<_, String>(0)),
            Ok("wal".to_owned())
        );
    }
}

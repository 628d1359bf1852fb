//! A copy of the database while another process works with it (reliability.md D13).
//!
//! `VACUUM INTO` reads in one transaction: the copy is the database as of one moment, and nobody who
//! writes waits for it; the write-ahead log grows meanwhile. The copy is written beside its name,
//! synced and checked, and gets the name last: a file of that name is a whole backup.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, params};

use super::ground::refuse;
use super::{ground, schema};
use crate::error::{Result, StoreError};
use crate::open::Backup;

const COPY: &str = "VACUUM INTO ?1";
const CHECK: &str = "PRAGMA quick_check(1)";
const COUNTS: &str = "SELECT (SELECT count(*) FROM events), \
     (SELECT count(*) FROM deliveries INDEXED BY deliveries_queue WHERE state = 0)";

/// Copies the database at `path` to `into`, which must not be there yet.
pub(crate) fn backup(path: &Path, into: &Path) -> Result<Backup> {
    ground::check_library(rusqlite::version_number())?;
    if !path.exists() {
        return refuse(format!("there is no database {}; name the right one", path.display()));
    }
    if into.exists() {
        return refuse(format!("{} is there already; name another file", into.display()));
    }
    let partial = Partial::make(into)?;
    copy(path, &partial.path)?;
    let backup = examine(&partial.path)?;
    partial.publish(into)?;
    Ok(backup)
}

fn copy(path: &Path, into: &Path) -> Result<()> {
    // Not the readers' settings: they forbid every statement that writes, this one too.
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.execute_batch("PRAGMA busy_timeout = 5000")?;
    schema::check_owner(path, &connection)??;
    let Some(into) = into.to_str() else {
        return refuse(format!("{} is not UTF-8; name another file", into.display()));
    };
    connection.execute(COPY, params![into])?;
    Ok(())
}

/// Whether the copy is sound, and what is in it.
fn examine(copy: &Path) -> Result<Backup> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(copy, flags)?;
    let verdict: String = connection.query_row(CHECK, [], |row| row.get(0))?;
    if verdict != "ok" {
        return Err(StoreError::Corrupt("the copy is damaged, and so may be the database"));
    }
    let (events, pending) =
        connection.query_row(COUNTS, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let bytes = std::fs::metadata(copy).map_err(disk)?.len();
    Ok(Backup { bytes, events, pending })
}

/// The file that becomes the backup; removed unless it did.
struct Partial {
    path: PathBuf,
}

impl Partial {
    fn make(into: &Path) -> Result<Self> {
        let mut name = into.as_os_str().to_owned();
        name.push(".partial");
        let path = PathBuf::from(name);
        // What is in it is for the one who runs Postrider only.
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        match made {
            Ok(_) => Ok(Self { path }),
            Err(error) => refuse(format!(
                "cannot write {}: {error}; remove it if it is left from a backup that broke off",
                path.display()
            )),
        }
    }

    /// Gives the copy its name, on disk.
    fn publish(self, into: &Path) -> Result<()> {
        File::open(&self.path).and_then(|copy| copy.sync_all()).map_err(disk)?;
        // Unlike a rename, this never replaces a file that came meanwhile.
        std::fs::hard_link(&self.path, into).map_err(disk)?;
        let directory = match into.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        File::open(directory).and_then(|directory| directory.sync_all()).map_err(disk)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // At worst it stays, and the next backup says so.
        drop(std::fs::remove_file(&self.path));
    }
}

fn disk(error: std::io::Error) -> StoreError {
    match error.kind() {
        std::io::ErrorKind::StorageFull => StoreError::StorageFull,
        _ => StoreError::Unavailable(Box::new(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_never_written_over_and_nothing_half_is_left() {
        let directory = tempfile::tempdir().unwrap();
        let of = |name: &str| directory.path().join(name);
        let refusal = |from: &str, into: &str| match backup(&of(from), &of(into)) {
            Err(StoreError::Refused(text)) => text,
            other => panic!("not refused: {other:?}"),
        };
        assert!(refusal("none.db", "copy.db").starts_with("there is no database"));
        let other = Connection::open(of("other.db")).unwrap();
        other.execute_batch("CREATE TABLE theirs (a)").unwrap();
        assert!(refusal("other.db", "copy.db").contains("another program"));
        std::fs::write(of("copy.db"), "dear").unwrap();
        assert!(refusal("other.db", "copy.db").contains("is there already"));
        assert_eq!(std::fs::read(of("copy.db")).unwrap(), b"dear");
        assert!(!of("copy.db.partial").exists());
        std::fs::write(of("new.db.partial"), "left").unwrap();
        assert!(refusal("other.db", "new.db").contains("remove it"));
    }
}

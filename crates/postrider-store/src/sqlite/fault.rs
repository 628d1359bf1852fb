//! What SQLite says went wrong, in the words of [`StoreError`].
//!
//! Invariant: an error that leaves it unknown what the disk holds is recognised by
//! [`is_io_failure`], and the writer stops for good on it (reliability.md D3).

use std::sync::Arc;

use rusqlite::{ErrorCode, ffi};

use crate::error::StoreError;

/// An earlier failure forbids any further work.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stopped {
    /// A write or a sync failed: the kernel may have dropped what it could not write.
    #[error("an earlier disk error left it unknown what was kept; restart Postrider")]
    DiskError,
    /// Events from before an upgrade are still being indexed.
    #[error("the search index is being prepared; ask again in some seconds")]
    Preparing,
    /// The writer's thread has ended.
    #[error("the database was closed")]
    Closed,
    /// Another call in the same transaction met an error that undid all of it.
    #[error("the transaction was undone by an error of another call in it")]
    Neighbour,
}

impl From<Stopped> for StoreError {
    fn from(stopped: Stopped) -> Self {
        Self::Unavailable(Box::new(stopped))
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match &error {
            rusqlite::Error::SqliteFailure(failure, _) if is_full(*failure) => Self::StorageFull,
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::IntegralValueOutOfRange(..) => {
                Self::Corrupt("a column holds a value of another kind")
            }
            _ => Self::Unavailable(Box::new(error)),
        }
    }
}

/// Whether the disk is full. SQLite reports a full disk under its shared memory file as an I/O
/// error; nothing durable is lost by it.
fn is_full(failure: ffi::Error) -> bool {
    failure.code == ErrorCode::DiskFull || failure.extended_code == ffi::SQLITE_IOERR_SHMSIZE
}

/// Whether what the disk holds is now unknown.
pub(super) fn is_io_failure(error: &StoreError) -> bool {
    let StoreError::Unavailable(source) = error else { return false };
    let source = source.downcast_ref::<rusqlite::Error>();
    source.and_then(rusqlite::Error::sqlite_error_code) == Some(ErrorCode::SystemIoFailure)
}

/// Whether a row with the same key exists.
pub(super) fn is_taken(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|failure| failure.extended_code);
    matches!(code, Some(ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY))
}

/// Why a whole group of jobs was not committed; told to each of them.
#[derive(Debug, Clone)]
pub(super) enum Lost {
    /// The disk is full.
    Full,
    /// Another job's error undid the transaction.
    Neighbour,
    /// Beginning or committing failed.
    Commit(Arc<rusqlite::Error>),
}

impl Lost {
    /// From the failure of `BEGIN` or `COMMIT`.
    pub(super) fn of_commit(error: rusqlite::Error) -> Self {
        match &error {
            rusqlite::Error::SqliteFailure(failure, _) if is_full(*failure) => Self::Full,
            _ => Self::Commit(Arc::new(error)),
        }
    }

    /// From the error of a job that undid its whole group.
    pub(super) fn of_job(error: &StoreError) -> Self {
        if matches!(error, StoreError::StorageFull) { Self::Full } else { Self::Neighbour }
    }

    /// Whether what the disk holds is now unknown.
    pub(super) fn is_io_failure(&self) -> bool {
        let Self::Commit(error) = self else { return false };
        error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure)
    }

    /// What one caller hears.
    pub(super) fn to_error(&self) -> StoreError {
        match self {
            Self::Full => StoreError::StorageFull,
            Self::Neighbour => Stopped::Neighbour.into(),
            Self::Commit(error) => StoreError::Unavailable(Box::new(Arc::clone(error))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(extended_code: i32) -> rusqlite::Error {
        rusqlite::Error::SqliteFailure(ffi::Error::new(extended_code), None)
    }

    #[test]
    fn a_full_disk_is_told_apart_from_a_broken_one() {
        for code in [ffi::SQLITE_FULL, ffi::SQLITE_IOERR_SHMSIZE] {
            assert!(matches!(StoreError::from(failure(code)), StoreError::StorageFull));
            assert!(matches!(Lost::of_commit(failure(code)), Lost::Full));
        }
        for code in [ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_IOERR_WRITE, ffi::SQLITE_IOERR_DIR_FSYNC]
        {
            assert!(is_io_failure(&failure(code).into()), "{code}");
            assert!(Lost::of_commit(failure(code)).is_io_failure(), "{code}");
        }
        assert!(!is_io_failure(&failure(ffi::SQLITE_BUSY).into()));
        assert!(!Lost::of_commit(failure(ffi::SQLITE_BUSY)).is_io_failure());
    }

    #[test]
    fn only_a_taken_key_is_a_conflict() {
        assert!(is_taken(&failure(ffi::SQLITE_CONSTRAINT_UNIQUE)));
        assert!(!is_taken(&failure(ffi::SQLITE_CONSTRAINT_NOTNULL)));
    }
}

//! The stored form of every value: column by column to and from the core's types.
//!
//! Times are Unix milliseconds, states and statuses small integers that are never renumbered, ids
//! 16 bytes. Readers take columns by position, in the order of the SQL next to them. A value that
//! cannot be read back is [`StoreError::Corrupt`]; nothing is guessed.

pub(super) mod accounts;
pub(super) mod attempt;
pub(super) mod delivery;
pub(super) mod event;
pub(super) mod people;
pub(super) mod recovery;
pub(super) mod webhook;

use std::time::Duration;

use postrider_core::delivery::State;
use postrider_core::ids::Id;
use postrider_core::time::Timestamp;
use rusqlite::Row;

use crate::error::{Result, StoreError};

pub(super) fn id<K>(row: &Row<'_>, column: usize) -> Result<Id<K>> {
    Ok(Id::from_bytes(row.get(column)?))
}

pub(super) fn optional_id<K>(row: &Row<'_>, column: usize) -> Result<Option<Id<K>>> {
    Ok(row.get::<_, Option<[u8; 16]>>(column)?.map(Id::from_bytes))
}

pub(super) fn time(row: &Row<'_>, column: usize) -> Result<Timestamp> {
    Ok(Timestamp::from_unix_millis(row.get(column)?))
}

pub(super) fn optional_time(row: &Row<'_>, column: usize) -> Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_unix_millis))
}

pub(super) fn millis(at: Option<Timestamp>) -> Option<i64> {
    at.map(Timestamp::unix_millis)
}

pub(super) fn duration_millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

pub(super) const fn state_code(state: State) -> i64 {
    match state {
        State::Pending => 0,
        State::Success => 1,
        State::Failed => 2,
        State::Canceled => 3,
    }
}

pub(super) fn state(code: i64) -> Result<State> {
    State::ALL
        .into_iter()
        .find(|state| state_code(*state) == code)
        .ok_or(StoreError::Corrupt("deliveries.state"))
}

/// Runs a query whose rows are read by a function that can find them corrupt.
pub(super) fn collect<T>(
    statement: &mut rusqlite::Statement<'_>,
    params: impl rusqlite::Params,
    mut read: impl FnMut(&Row<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    let mut rows = statement.query(params)?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push(read(row)?);
    }
    Ok(all)
}

/// The first row, if there is one.
pub(super) fn first<T>(
    statement: &mut rusqlite::Statement<'_>,
    params: impl rusqlite::Params,
    read: impl FnOnce(&Row<'_>) -> Result<T>,
) -> Result<Option<T>> {
    let mut rows = statement.query(params)?;
    rows.next()?.map(read).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_read_back_and_never_renumbered() {
        assert_eq!(State::ALL.map(state_code), [0, 1, 2, 3]);
        for each in State::ALL {
            assert_eq!(state(state_code(each)).unwrap(), each);
        }
        assert!(state(4).is_err());
    }
}

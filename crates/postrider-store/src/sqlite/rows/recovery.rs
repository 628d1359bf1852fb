//! Recoveries as rows.

use postrider_core::recovery::{Ended, Recovery, Status, Wanted};
use rusqlite::Row;

use super::{id, optional_time, time};
use crate::error::{Result, StoreError};

/// Reads `id, merchant, webhook, since, until, ended, rate_per_second, status, total,
/// is_total_exact, resent, skipped, created_at, finished_at`.
pub(in crate::sqlite) fn recovery(row: &Row<'_>) -> Result<Recovery> {
    let created_at = time(row, 12)?;
    Ok(Recovery {
        id: id(row, 0)?,
        wanted: Wanted {
            merchant: id(row, 1)?,
            webhook: id(row, 2)?,
            since: time(row, 3)?,
            until: time(row, 4)?,
            ended: ended(row.get(5)?)?,
            ended_by: created_at,
        },
        rate_per_second: row.get(6)?,
        status: status(row.get(7)?)?,
        total: row.get(8)?,
        is_total_exact: row.get(9)?,
        resent: row.get(10)?,
        skipped: row.get(11)?,
        created_at,
        finished_at: optional_time(row, 13)?,
    })
}

pub(in crate::sqlite) const fn status_code(status: Status) -> i64 {
    match status {
        Status::Running => 0,
        Status::Waiting => 1,
        Status::Done => 2,
        Status::Canceled => 3,
    }
}

fn status(code: i64) -> Result<Status> {
    let mut all = Status::ALL.into_iter();
    all.find(|status| status_code(*status) == code).ok_or(StoreError::Corrupt("recoveries.status"))
}

pub(in crate::sqlite) const fn ended_code(ended: Ended) -> i64 {
    match ended {
        Ended::Failed => 1,
        Ended::Canceled => 2,
        Ended::FailedOrCanceled => 3,
    }
}

fn ended(code: i64) -> Result<Ended> {
    let mut all = [Ended::Failed, Ended::Canceled, Ended::FailedOrCanceled].into_iter();
    all.find(|ended| ended_code(*ended) == code).ok_or(StoreError::Corrupt("recoveries.ended"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_back_and_never_renumbered() {
        assert_eq!(Status::ALL.map(status_code), [0, 1, 2, 3]);
        for each in Status::ALL {
            assert_eq!(status(status_code(each)).unwrap(), each);
        }
        for (code, states) in [(1, Ended::Failed), (2, Ended::Canceled)] {
            assert_eq!((ended(code).unwrap(), ended_code(states)), (states, code));
        }
        assert_eq!(ended(3).unwrap(), Ended::FailedOrCanceled);
        assert!(status(4).is_err() && ended(0).is_err());
    }
}

//! Dates as records write them: days, and moments without a zone, from Unix seconds.

use time::OffsetDateTime;

pub(super) const SECONDS_PER_DAY: i64 = 86_400;

/// Early in the year 9990: dates before it stay writable with four digits after any distance.
pub(super) const UNIX_SECONDS_MAX: i64 = 253_090_000_000;

/// `YYYY-MM-DD`.
pub(super) fn day(unix_seconds: i64) -> String {
    let at = calendar(unix_seconds);
    format!("{:04}-{:02}-{:02}", at.year(), u8::from(at.month()), at.day())
}

/// `YYYY-MM-DD HH:MM:SS`.
pub(super) fn moment(unix_seconds: i64) -> String {
    let at = calendar(unix_seconds);
    format!("{} {:02}:{:02}:{:02}", day(unix_seconds), at.hour(), at.minute(), at.second())
}

/// The year.
pub(super) fn year(unix_seconds: i64) -> i32 {
    calendar(unix_seconds).year()
}

fn calendar(unix_seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(unix_seconds.clamp(0, UNIX_SECONDS_MAX))
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

//! Attempts as rows: append-only, phases in microseconds, outcomes by their stable name.

use std::time::Duration;

use bytes::Bytes;
use postrider_core::attempt::{Attempt, Phases};
use postrider_core::ids::DeliveryId;
use postrider_core::outcome::{Outcome, OutcomeKind};
use rusqlite::{Connection, Row, params};

use super::{collect, duration_millis, time};
use crate::error::{Result, StoreError};

const INSERT_ATTEMPT: &str = "INSERT INTO attempts (delivery, number, started_at, outcome, \
     status_code, retry_after_ms, queue_us, dns_us, connect_us, tls_us, first_byte_us, total_us, \
     configuration_version, is_response_truncated, note, request_headers, response_headers, \
     response_body) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)";
const ATTEMPTS: &str = "SELECT number, started_at, outcome, status_code, retry_after_ms, \
     queue_us, dns_us, connect_us, tls_us, first_byte_us, total_us, configuration_version, \
     is_response_truncated, note, request_headers, response_headers, response_body \
     FROM attempts WHERE delivery = ?1 ORDER BY number";

/// Writes one attempt.
pub(in crate::sqlite) fn insert(
    connection: &Connection,
    delivery: DeliveryId,
    attempt: &Attempt,
) -> Result<()> {
    let Attempt { outcome, phases, .. } = attempt;
    connection.prepare_cached(INSERT_ATTEMPT)?.execute(params![
        delivery.to_bytes(),
        attempt.number,
        attempt.started_at.unix_millis(),
        outcome.kind.as_str(),
        outcome.status_code,
        outcome.retry_after.map(duration_millis),
        micros(phases.queue),
        phases.dns.map(micros),
        phases.connect.map(micros),
        phases.tls.map(micros),
        phases.first_byte.map(micros),
        micros(phases.total),
        attempt.configuration_version,
        attempt.is_response_truncated,
        attempt.note,
        attempt.request_headers,
        attempt.response_headers,
        &attempt.response_body[..],
    ])?;
    Ok(())
}

/// The attempts of a delivery, oldest first.
pub(in crate::sqlite) fn of(connection: &Connection, delivery: DeliveryId) -> Result<Vec<Attempt>> {
    let mut statement = connection.prepare_cached(ATTEMPTS)?;
    collect(&mut statement, params![delivery.to_bytes()], read)
}

fn read(row: &Row<'_>) -> Result<Attempt> {
    let kind = row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?;
    let kind = OutcomeKind::parse(kind).ok_or(StoreError::Corrupt("attempts.outcome"))?;
    let retry_after = row.get::<_, Option<u64>>(4)?.map(Duration::from_millis);
    Ok(Attempt {
        number: row.get(0)?,
        started_at: time(row, 1)?,
        outcome: Outcome { kind, status_code: row.get(3)?, retry_after },
        phases: Phases {
            queue: Duration::from_micros(row.get(5)?),
            dns: phase(row, 6)?,
            connect: phase(row, 7)?,
            tls: phase(row, 8)?,
            first_byte: phase(row, 9)?,
            total: Duration::from_micros(row.get(10)?),
        },
        configuration_version: row.get(11)?,
        is_response_truncated: row.get(12)?,
        note: row.get(13)?,
        request_headers: row.get(14)?,
        response_headers: row.get(15)?,
        response_body: Bytes::from(row.get::<_, Vec<u8>>(16)?),
    })
}

fn phase(row: &Row<'_>, column: usize) -> Result<Option<Duration>> {
    Ok(row.get::<_, Option<u64>>(column)?.map(Duration::from_micros))
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

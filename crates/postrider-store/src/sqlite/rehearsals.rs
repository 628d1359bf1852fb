//! Rehearsals of rotations, kept as evidence; a bounded number per webhook.

use std::fmt::Write as _;
use std::time::Duration;

use postrider_core::audit::Stamp;
use postrider_core::event::EventType;
use postrider_core::ids::{MerchantId, WebhookId};
use postrider_core::limits;
use postrider_core::outcome::OutcomeKind;
use postrider_core::rehearsal::{Probe, Probed, Rehearsal};
use rusqlite::{Connection, Row, params};

use super::accounts::position;
use super::pages::{self, Scan};
use super::rows::{collect, duration_millis, id, time};
use super::writer::Desk;
use super::{audit, webhooks};
use crate::catalog::{Page, PageAsk};
use crate::error::{Result, StoreError};

const INSERT: &str = "INSERT INTO rehearsals (id, webhook, event_type, configuration_version, \
     is_rotating, started_at, ended_at, probes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
const FORGET_OLDEST: &str = "DELETE FROM rehearsals WHERE id IN \
     (SELECT id FROM rehearsals WHERE webhook = ?1 ORDER BY id DESC LIMIT -1 OFFSET ?2)";
const FORGET: &str = "DELETE FROM rehearsals WHERE webhook = ?1";
const LIST: Scan = Scan {
    down: "SELECT id, webhook, event_type, configuration_version, is_rotating, started_at, \
         ended_at, probes FROM rehearsals \
         WHERE webhook = ?1 AND id <= ?2 ORDER BY id DESC LIMIT ?3",
    up: "SELECT id, webhook, event_type, configuration_version, is_rotating, started_at, \
         ended_at, probes FROM rehearsals \
         WHERE webhook = ?1 AND id >= ?2 ORDER BY id LIMIT ?3",
};

pub(super) fn keep(
    desk: &mut Desk,
    merchant: MerchantId,
    rehearsal: &Rehearsal,
    stamp: &Stamp,
) -> Result<()> {
    let webhook = rehearsal.webhook;
    let (stored, _) = webhooks::one(&desk.connection, merchant, webhook)?;
    if stored.configuration_version != rehearsal.configuration_version {
        return Err(StoreError::Conflict);
    }
    desk.connection.prepare_cached(INSERT)?.execute(params![
        rehearsal.id.to_bytes(),
        webhook.to_bytes(),
        rehearsal.event_type.as_str(),
        rehearsal.configuration_version,
        rehearsal.is_rotating,
        rehearsal.started_at.unix_millis(),
        rehearsal.ended_at.unix_millis(),
        probes_text(&rehearsal.probes),
    ])?;
    let kept = params![webhook.to_bytes(), limits::REHEARSALS_KEPT_MAX];
    desk.connection.prepare_cached(FORGET_OLDEST)?.execute(kept)?;
    let verdict = rehearsal.verdict().as_str();
    audit::record(desk, stamp, Some(merchant), "webhook.rehearsed", &webhook, verdict)
}

/// Forgets those of a webhook that is deleted.
pub(super) fn forget(connection: &Connection, webhook: WebhookId) -> Result<()> {
    connection.prepare_cached(FORGET)?.execute(params![webhook.to_bytes()])?;
    Ok(())
}

pub(super) fn list(
    connection: &Connection,
    merchant: MerchantId,
    webhook: WebhookId,
    ask: PageAsk,
) -> Result<Page<Rehearsal>> {
    webhooks::one(connection, merchant, webhook)?;
    pages::page(ask, |walk, limit| {
        let mut statement = connection.prepare_cached(walk.pick(&LIST))?;
        collect(&mut statement, params![webhook.to_bytes(), walk.id(), limit], |row| {
            let found = read(row)?;
            Ok((position(found.id.to_bytes()), found))
        })
    })
}

fn read(row: &Row<'_>) -> Result<Rehearsal> {
    let corrupt = |column| move || StoreError::Corrupt(column);
    let event_type: String = row.get(2)?;
    let probes: String = row.get(7)?;
    let probes: Option<_> = probes.lines().map(probed).collect();
    Ok(Rehearsal {
        id: id(row, 0)?,
        webhook: id(row, 1)?,
        event_type: EventType::parse(&event_type).ok_or_else(corrupt("rehearsals.event_type"))?,
        configuration_version: row.get(3)?,
        is_rotating: row.get(4)?,
        started_at: time(row, 5)?,
        ended_at: time(row, 6)?,
        probes: probes.ok_or_else(corrupt("rehearsals.probes"))?,
    })
}

fn probes_text(probes: &[Probed]) -> String {
    let mut text = String::new();
    for Probed { probe, outcome, status_code, duration } in probes {
        let status_code = status_code.map_or_else(|| "-".to_owned(), |code| code.to_string());
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{} {} {status_code} {}",
            probe.as_str(),
            outcome.as_str(),
            duration_millis(*duration)
        );
    }
    text
}

fn probed(line: &str) -> Option<Probed> {
    let mut words = line.split(' ');
    let probe = Probe::parse(words.next()?)?;
    let outcome = OutcomeKind::parse(words.next()?)?;
    let status_code = match words.next()? {
        "-" => None,
        code => Some(code.parse().ok()?),
    };
    let duration = Duration::from_millis(words.next()?.parse().ok()?);
    words.next().is_none().then_some(Probed { probe, outcome, status_code, duration })
}

#[cfg(test)]
mod tests {
    use super::super::tests::is_a_bounded_search;
    use super::*;

    #[test]
    fn every_statement_is_a_bounded_search() {
        for sql in [LIST.down, LIST.up, FORGET, FORGET_OLDEST] {
            is_a_bounded_search(sql);
        }
    }

    #[test]
    fn what_is_no_probe_is_no_probe() {
        for line in ["", "new", "new success", "new success 200", "new success 200 1 2"] {
            assert_eq!(probed(line), None, "{line}");
        }
        for line in
            ["newest success 200 1", "new won 200 1", "new success x 1", "new success 200 x"]
        {
            assert_eq!(probed(line), None, "{line}");
        }
        assert!(probed("new success 200 1").is_some());
    }
}

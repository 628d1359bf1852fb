//! Sealing all verification keys with another secret key (reliability.md K9).
//!
//! One transaction over every key and the canary, under the lock that keeps other processes out: the
//! database opens with the old secret key or with the new one, never with neither. What was sealed
//! with the old one is overwritten, not only forgotten.

use std::path::Path;

use postrider_core::audit::Stamp;
use postrider_core::ids::{MerchantId, WebhookId};
use postrider_core::seal::{KeyPlace, Sealer};
use rusqlite::params;

use super::rows::{collect, id};
use super::writer::Desk;
use super::{audit, ground, schema};
use crate::error::{Result, StoreError};

const BEGIN: &str = "PRAGMA secure_delete = ON; BEGIN IMMEDIATE";
/// The log may still hold pages as they were before.
const COMMIT: &str = "COMMIT; PRAGMA wal_checkpoint(TRUNCATE)";
const SEALED: &str = "SELECT id, merchant, key_new, key_expiring FROM webhooks \
     WHERE key_new IS NOT NULL AND id > ?1 ORDER BY id LIMIT ?2";
const SET_SEALED: &str = "UPDATE webhooks SET key_new = ?2, key_expiring = ?3 WHERE id = ?1";

/// Webhooks read at once: a few hundred bytes each.
const SLICE_ROWS: usize = 1_000;

struct Sealed {
    webhook: WebhookId,
    merchant: MerchantId,
    new: Vec<u8>,
    expiring: Option<Vec<u8>>,
}

/// Opens the database with `old` and leaves it so that it opens with `new`. Answers of how many
/// webhooks it sealed the keys again.
pub(super) fn reseal(path: &Path, old: Sealer, new: &Sealer, stamp: &Stamp) -> Result<u64> {
    ground::check_library(rusqlite::version_number())?;
    ground::check_directory(path)?;
    let _lock = ground::lock(path)?;
    let (connection, catalog_version) = schema::open(path, &old)?;
    let desk = Desk::new(connection, old, catalog_version);
    desk.connection.execute_batch(BEGIN)?;
    // A transaction that is not committed is undone when the connection closes.
    let count = reseal_all(&desk, new)?;
    schema::set_canary(&desk.connection, new)?;
    let detail = format!("the keys of {count} webhooks were sealed again");
    audit::record(&desk, stamp, None, "secret_key.rotated", &"secret_key", detail)?;
    desk.connection.execute_batch(COMMIT)?;
    Ok(count)
}

fn reseal_all(desk: &Desk, sealer: &Sealer) -> Result<u64> {
    let (mut count, mut last) = (0, WebhookId::from_bits(0));
    loop {
        let slice = read_slice(desk, last)?;
        let Some(end) = slice.last() else { return Ok(count) };
        last = end.webhook;
        for Sealed { webhook, merchant, new, expiring } in slice {
            let again = |place, sealed: &[u8]| {
                let opened = desk.sealer.open(merchant, webhook, place, sealed);
                let key = opened.map_err(|_| StoreError::Corrupt("webhooks.key does not open"))?;
                Ok::<_, StoreError>(sealer.seal(merchant, webhook, place, &key))
            };
            let new = again(KeyPlace::New, &new)?;
            let expiring = expiring.map(|key| again(KeyPlace::Expiring, &key)).transpose()?;
            let keys = params![webhook.to_bytes(), new, expiring];
            desk.connection.prepare_cached(SET_SEALED)?.execute(keys)?;
            count += 1;
        }
    }
}

fn read_slice(desk: &Desk, after: WebhookId) -> Result<Vec<Sealed>> {
    let mut statement = desk.connection.prepare_cached(SEALED)?;
    collect(&mut statement, params![after.to_bytes(), SLICE_ROWS], |row| {
        Ok(Sealed {
            webhook: id(row, 0)?,
            merchant: id(row, 1)?,
            new: row.get(2)?,
            expiring: row.get(3)?,
        })
    })
}

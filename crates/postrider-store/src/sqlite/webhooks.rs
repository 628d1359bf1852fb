//! Webhooks: configuration, status, health, keys.
//!
//! Every change of what the hot path must know moves the catalog version and the row's
//! `changed_in` in one transaction. Deleting or disabling cancels what waits in that same
//! transaction; an attempt in flight keeps its epoch and can still be recorded.

use postrider_core::audit::Stamp;
use postrider_core::ids::{MerchantId, WebhookId};
use postrider_core::key::{VerificationKey, VerificationKeys};
use postrider_core::limits;
use postrider_core::seal::{KeyPlace, Sealer};
use postrider_core::time::Timestamp;
use postrider_core::webhook::{Health, Status, Webhook};
use rusqlite::{Connection, params};

use super::accounts::{merchant, position, taken_is_conflict};
use super::pages::{self, Scan};
use super::rows::{collect, duration_millis, first, millis, webhook as rows};
use super::writer::Desk;
use super::{audit, backlog, filters, recoveries, rehearsals, version};
use crate::catalog::{Backlog, Page, PageAsk, StatusChange, StatusChanged};
use crate::error::{Result, StoreError};

const INSERT: &str = "INSERT INTO webhooks (id, merchant, name, target, event_types, \
     additional_data, status, signature, retry_policy, timeout_ms, headers, max_in_flight, \
     rate_limit_per_second, created_at, updated_at, configuration_version, key_new, changed_in) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)";
const COUNT: &str = "SELECT count(*) FROM webhooks WHERE merchant = ?1 AND deleted_at IS NULL";
const ONE: &str = "SELECT id, merchant, name, target, event_types, additional_data, status, \
     signature, retry_policy, timeout_ms, headers, max_in_flight, rate_limit_per_second, \
     created_at, updated_at, configuration_version, consecutive_failures, failing_since, \
     probing_since, next_probe_at \
     FROM webhooks WHERE id = ?1 AND merchant = ?2 AND deleted_at IS NULL";
const LIST: Scan = Scan {
    down: "SELECT id, merchant, name, target, event_types, additional_data, status, signature, \
         retry_policy, timeout_ms, headers, max_in_flight, rate_limit_per_second, created_at, \
         updated_at, configuration_version, consecutive_failures, failing_since, probing_since, \
         next_probe_at FROM webhooks \
         WHERE merchant = ?1 AND id <= ?2 AND deleted_at IS NULL ORDER BY id DESC LIMIT ?3",
    up: "SELECT id, merchant, name, target, event_types, additional_data, status, signature, \
         retry_policy, timeout_ms, headers, max_in_flight, rate_limit_per_second, created_at, \
         updated_at, configuration_version, consecutive_failures, failing_since, probing_since, \
         next_probe_at FROM webhooks \
         WHERE merchant = ?1 AND id >= ?2 AND deleted_at IS NULL ORDER BY id LIMIT ?3",
};
const UPDATE: &str = "UPDATE webhooks SET name = ?2, target = ?3, event_types = ?4, \
     additional_data = ?5, signature = ?6, retry_policy = ?7, timeout_ms = ?8, headers = ?9, \
     max_in_flight = ?10, rate_limit_per_second = ?11, updated_at = ?12, \
     configuration_version = ?13, changed_in = ?14 WHERE id = ?1";
const SET_STATUS: &str = "UPDATE webhooks SET status = ?2, changed_in = ?3 WHERE id = ?1";
const SET_HEALTH: &str = "UPDATE webhooks SET consecutive_failures = ?2, failing_since = ?3, \
     probing_since = ?4, next_probe_at = ?5 WHERE id = ?1";
const DELETE: &str = "UPDATE webhooks SET deleted_at = ?2, changed_in = ?3, key_new = NULL, \
     key_expiring = NULL, key_expires_at = NULL WHERE id = ?1";
const KEYS: &str = "SELECT key_new, key_expiring, key_expires_at FROM webhooks \
     WHERE id = ?1 AND merchant = ?2 AND deleted_at IS NULL";
const SET_KEYS: &str = "UPDATE webhooks SET key_new = ?2, key_expiring = ?3, \
     key_expires_at = ?4, updated_at = ?5, configuration_version = configuration_version + 1, \
     changed_in = ?6 WHERE id = ?1";

pub(super) fn create(
    desk: &mut Desk,
    webhook: &Webhook,
    key: &VerificationKey,
    stamp: &Stamp,
) -> Result<()> {
    merchant(&desk.connection, webhook.merchant)?;
    let owner = webhook.merchant.to_bytes();
    let mut statement = desk.connection.prepare_cached(COUNT)?;
    let count: usize = statement.query_row(params![owner], |row| row.get(0))?;
    drop(statement);
    let limit = limits::WEBHOOKS_PER_MERCHANT_MAX;
    if count >= limit {
        return Err(StoreError::LimitReached { what: "webhooks", limit });
    }
    let version = version::advance(desk)?;
    let sealed = desk.sealer.seal(webhook.merchant, webhook.id, KeyPlace::New, key);
    let inserted = desk.connection.prepare_cached(INSERT)?.execute(params![
        webhook.id.to_bytes(),
        owner,
        webhook.name,
        webhook.target.as_str(),
        rows::patterns_text(&webhook.event_types),
        webhook.additional_data.to_bytes(),
        rows::status_code(webhook.status),
        webhook.signature.as_str(),
        rows::retry_policy_text(&webhook.retry_policy),
        duration_millis(webhook.timeout),
        rows::headers_text(&webhook.headers),
        webhook.max_in_flight,
        webhook.rate_limit_per_second,
        webhook.created_at.unix_millis(),
        webhook.updated_at.unix_millis(),
        webhook.configuration_version,
        sealed,
        version,
    ]);
    taken_is_conflict(inserted)?;
    record(desk, stamp, webhook.merchant, "webhook.created", webhook.id, webhook.name.as_str())
}

pub(super) fn one(
    connection: &Connection,
    merchant: MerchantId,
    id: WebhookId,
) -> Result<(Webhook, Health)> {
    let key = params![id.to_bytes(), merchant.to_bytes()];
    first(&mut *connection.prepare_cached(ONE)?, key, rows::webhook_and_health)?
        .ok_or(StoreError::NotFound)
}

pub(super) fn list(
    connection: &Connection,
    merchant: MerchantId,
    ask: PageAsk,
) -> Result<Page<(Webhook, Health)>> {
    pages::page(ask, |walk, limit| {
        let mut statement = connection.prepare_cached(walk.pick(&LIST))?;
        collect(&mut statement, params![merchant.to_bytes(), walk.id(), limit], |row| {
            let found = rows::webhook_and_health(row)?;
            Ok((position(found.0.id.to_bytes()), found))
        })
    })
}

pub(super) fn update(desk: &mut Desk, mut webhook: Webhook, stamp: &Stamp) -> Result<Webhook> {
    let (stored, _) = one(&desk.connection, webhook.merchant, webhook.id)?;
    if stored.configuration_version != webhook.configuration_version {
        return Err(StoreError::Conflict);
    }
    webhook.configuration_version += 1;
    webhook.status = stored.status;
    webhook.created_at = stored.created_at;
    let version = version::advance(desk)?;
    desk.connection.prepare_cached(UPDATE)?.execute(params![
        webhook.id.to_bytes(),
        webhook.name,
        webhook.target.as_str(),
        rows::patterns_text(&webhook.event_types),
        webhook.additional_data.to_bytes(),
        webhook.signature.as_str(),
        rows::retry_policy_text(&webhook.retry_policy),
        duration_millis(webhook.timeout),
        rows::headers_text(&webhook.headers),
        webhook.max_in_flight,
        webhook.rate_limit_per_second,
        webhook.updated_at.unix_millis(),
        webhook.configuration_version,
        version,
    ])?;
    let changed = webhook.changed_fields(&stored).join(", ");
    record(desk, stamp, webhook.merchant, "webhook.updated", webhook.id, changed)?;
    Ok(webhook)
}

pub(super) fn change_status(
    desk: &mut Desk,
    merchant: MerchantId,
    id: WebhookId,
    change: StatusChange,
    stamp: &Stamp,
) -> Result<StatusChanged> {
    let (mut webhook, mut health) = one(&desk.connection, merchant, id)?;
    let before = webhook.status;
    let was_disabled = matches!(before, Status::Disabled(_));
    let is_disabled = matches!(change.status, Status::Disabled(_));
    webhook.status = change.status;
    let version = version::advance(desk)?;
    let status = params![id.to_bytes(), rows::status_code(change.status), version];
    desk.connection.prepare_cached(SET_STATUS)?.execute(status)?;
    // Also on the way over "paused": with its old health it would be disabled again at once.
    if was_disabled && !is_disabled {
        health = Health::OK;
        set_health(&desk.connection, id, &health)?;
    }
    recoveries::follow(&desk.connection, id, change.status, stamp.at)?;
    let backlog = if is_disabled { Backlog::Cancel } else { change.backlog };
    let canceled = match backlog {
        Backlog::Keep => 0,
        Backlog::Latest => backlog::cancel_superseded(desk, id, stamp.at)?,
        Backlog::Cancel => backlog::cancel_all(desk, id, stamp.at)?,
    };
    let canceled_words = format!("{canceled} pending deliveries became canceled");
    record(desk, stamp, merchant, moved(before, change.status), id, canceled_words)?;
    Ok(StatusChanged { webhook, health, canceled })
}

pub(super) fn delete(
    desk: &mut Desk,
    merchant: MerchantId,
    id: WebhookId,
    stamp: &Stamp,
) -> Result<()> {
    let (webhook, _) = one(&desk.connection, merchant, id)?;
    let version = version::advance(desk)?;
    let deleted = params![id.to_bytes(), stamp.at.unix_millis(), version];
    desk.connection.prepare_cached(DELETE)?.execute(deleted)?;
    filters::forget(&desk.connection, id)?;
    rehearsals::forget(&desk.connection, id)?;
    backlog::cancel_all(desk, id, stamp.at)?;
    recoveries::end_with_webhook(desk, merchant, id, stamp)?;
    record(desk, stamp, merchant, "webhook.deleted", id, webhook.name)
}

fn record(
    desk: &Desk,
    stamp: &Stamp,
    merchant: MerchantId,
    action: &str,
    id: WebhookId,
    detail: impl Into<String>,
) -> Result<()> {
    audit::record(desk, stamp, Some(merchant), action, &id, detail)
}

/// The name of a change of status in the audit log.
const fn moved(from: Status, to: Status) -> &'static str {
    match (from, to) {
        (_, Status::Disabled(_)) => "webhook.disabled",
        (_, Status::Paused) => "webhook.paused",
        (Status::Paused, Status::Enabled) => "webhook.resumed",
        (_, Status::Enabled) => "webhook.enabled",
    }
}

pub(super) fn note_health(desk: &mut Desk, notes: &[(WebhookId, Health)]) -> Result<()> {
    notes.iter().try_for_each(|(webhook, health)| set_health(&desk.connection, *webhook, health))
}

fn set_health(connection: &Connection, webhook: WebhookId, health: &Health) -> Result<()> {
    connection.prepare_cached(SET_HEALTH)?.execute(params![
        webhook.to_bytes(),
        health.consecutive_failures,
        millis(health.failing_since),
        millis(health.probing_since),
        millis(health.next_probe_at),
    ])?;
    Ok(())
}

pub(super) fn keys(
    connection: &Connection,
    sealer: &Sealer,
    merchant: MerchantId,
    id: WebhookId,
) -> Result<VerificationKeys> {
    let key = params![id.to_bytes(), merchant.to_bytes()];
    first(&mut *connection.prepare_cached(KEYS)?, key, |row| {
        rows::keys(row, 0, sealer, (merchant, id))
    })?
    .ok_or(StoreError::NotFound)
}

pub(super) fn rotate_key(
    desk: &mut Desk,
    merchant: MerchantId,
    id: WebhookId,
    new: VerificationKey,
    stamp: &Stamp,
) -> Result<VerificationKeys> {
    let rotated = keys(&desk.connection, &desk.sealer, merchant, id)?.rotated(new, stamp.at);
    set_keys(desk, merchant, id, &rotated, stamp.at)?;
    record(desk, stamp, merchant, "verification_key.rotated", id, "")?;
    Ok(rotated)
}

pub(super) fn replace_key(
    desk: &mut Desk,
    merchant: MerchantId,
    id: WebhookId,
    new: VerificationKey,
    stamp: &Stamp,
) -> Result<VerificationKeys> {
    one(&desk.connection, merchant, id)?;
    let replaced = VerificationKeys::replaced(new);
    set_keys(desk, merchant, id, &replaced, stamp.at)?;
    record(desk, stamp, merchant, "verification_key.replaced", id, "without overlap")?;
    Ok(replaced)
}

fn set_keys(
    desk: &mut Desk,
    merchant: MerchantId,
    id: WebhookId,
    keys: &VerificationKeys,
    at: Timestamp,
) -> Result<()> {
    let version = version::advance(desk)?;
    let seal = |place, key| desk.sealer.seal(merchant, id, place, key);
    let expiring = keys.expiring.as_ref();
    desk.connection.prepare_cached(SET_KEYS)?.execute(params![
        id.to_bytes(),
        seal(KeyPlace::New, &keys.new),
        expiring.map(|expiring| seal(KeyPlace::Expiring, &expiring.key)),
        expiring.map(|expiring| expiring.expires_at.unix_millis()),
        at.unix_millis(),
        version,
    ])?;
    Ok(())
}

//! The catalog version, and what changed since one.
//!
//! Invariant: the version moves in the transaction of the change it stands for, and the writer's
//! copy moves back when that is undone. So an append judged by the copy is judged by the truth.

use std::sync::Arc;

use postrider_core::routing::{Route, RouteChanges};
use postrider_core::seal::Sealer;
use rusqlite::{Connection, params};

use super::rows::{collect, id, webhook};
use super::writer::Desk;
use crate::error::Result;

const VERSION: &str = "SELECT catalog_version FROM meta WHERE id = 1";
const SET_VERSION: &str = "UPDATE meta SET catalog_version = ?1 WHERE id = 1";
const CHANGED_WEBHOOKS: &str = "SELECT id, merchant, name, target, event_types, \
     additional_data, status, signature, retry_policy, timeout_ms, headers, max_in_flight, \
     rate_limit_per_second, created_at, updated_at, configuration_version, \
     consecutive_failures, failing_since, probing_since, next_probe_at, \
     key_new, key_expiring, key_expires_at \
     FROM webhooks WHERE changed_in > ?1 AND deleted_at IS NULL";
const DELETED_WEBHOOKS: &str =
    "SELECT id FROM webhooks WHERE changed_in > ?1 AND deleted_at IS NOT NULL";
const NEW_MERCHANTS: &str = "SELECT id FROM merchants WHERE changed_in > ?1";

/// Moves the version on and answers the new one.
pub(super) fn advance(desk: &mut Desk) -> Result<u64> {
    let version = desk.catalog_version + 1;
    desk.connection.prepare_cached(SET_VERSION)?.execute(params![version])?;
    desk.catalog_version = version;
    Ok(version)
}

/// Whether the database can be read.
pub(super) fn check(connection: &Connection) -> Result<()> {
    connection.prepare_cached(VERSION)?.query_row([], |row| row.get::<_, u64>(0))?;
    Ok(())
}

/// What changed since `since`. From 0, a table begins that has nothing to forget.
pub(super) fn routes_since(
    connection: &Connection,
    sealer: &Sealer,
    since: u64,
) -> Result<RouteChanges> {
    let version = connection.prepare_cached(VERSION)?.query_row([], |row| row.get(0))?;
    let mut changes = RouteChanges { version, ..RouteChanges::default() };
    if since == version {
        return Ok(changes);
    }
    let mut statement = connection.prepare_cached(CHANGED_WEBHOOKS)?;
    changes.routes = collect(&mut statement, params![since], |row| {
        let (webhook, health) = webhook::webhook_and_health(row)?;
        let keys = webhook::keys(row, 20, sealer, (webhook.merchant, webhook.id))?;
        Ok(Arc::new(Route::new(webhook, &keys, health)))
    })?;
    if since > 0 {
        let mut statement = connection.prepare_cached(DELETED_WEBHOOKS)?;
        changes.deleted = collect(&mut statement, params![since], |row| id(row, 0))?;
    }
    let mut statement = connection.prepare_cached(NEW_MERCHANTS)?;
    changes.merchants = collect(&mut statement, params![since], |row| id(row, 0))?;
    Ok(changes)
}

//! Filters of the older API, beside the webhooks whose event types they say.
//!
//! They are written in one transaction with their webhook, all of them at once: there are few, and
//! their order is part of what is kept. What another way of writing a webhook leaves behind here is
//! put right when they are read (`core::filter::reconciled`).

use postrider_core::audit::Stamp;
use postrider_core::filter::{self, Filter};
use postrider_core::ids::{MerchantId, ShortId, WebhookId};
use postrider_core::webhook::Webhook;
use rusqlite::{Connection, Row, params};

use super::rows::{collect, time};
use super::webhooks;
use super::writer::Desk;
use crate::error::{Result, StoreError};

const LIST: &str =
    "SELECT id, pattern, created_at FROM webhook_filters WHERE webhook = ?1 ORDER BY position";
const INSERT: &str = "INSERT INTO webhook_filters (webhook, position, id, pattern, created_at) \
     VALUES (?1, ?2, ?3, ?4, ?5)";
const DELETE: &str = "DELETE FROM webhook_filters WHERE webhook = ?1";

pub(super) fn of(
    connection: &Connection,
    merchant: MerchantId,
    id: WebhookId,
) -> Result<(Webhook, Vec<Filter>)> {
    let (webhook, _) = webhooks::one(connection, merchant, id)?;
    let mut statement = connection.prepare_cached(LIST)?;
    Ok((webhook, collect(&mut statement, params![id.to_bytes()], filter)?))
}

fn filter(row: &Row<'_>) -> Result<Filter> {
    let broken = |_| StoreError::Corrupt("webhook_filters.pattern");
    let alternatives = filter::parse(&row.get::<_, String>(1)?).map_err(broken)?;
    Ok(Filter { id: ShortId::from_bytes(row.get(0)?), alternatives, created_at: time(row, 2)? })
}

pub(super) fn update(
    desk: &mut Desk,
    webhook: Webhook,
    filters: &[Filter],
    stamp: &Stamp,
) -> Result<Webhook> {
    let updated = webhooks::update(desk, webhook, stamp)?;
    forget(&desk.connection, updated.id)?;
    let mut insert = desk.connection.prepare_cached(INSERT)?;
    for (position, filter) in filters.iter().enumerate() {
        insert.execute(params![
            updated.id.to_bytes(),
            position,
            filter.id.to_bytes(),
            filter.pattern(),
            filter.created_at.unix_millis(),
        ])?;
    }
    Ok(updated)
}

/// Takes away all filters of a webhook.
pub(super) fn forget(connection: &Connection, webhook: WebhookId) -> Result<()> {
    connection.prepare_cached(DELETE)?.execute(params![webhook.to_bytes()])?;
    Ok(())
}

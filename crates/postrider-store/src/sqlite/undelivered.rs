//! What could not be delivered, grouped by webhook and cause.
//!
//! Failed deliveries have an index of their own, newest at its end. Each one looked at is two
//! searches, so their number is bounded: in all, and of one webhook so that a dead one does not hide
//! the others.

use std::collections::HashMap;

use postrider_core::delivery::State;
use postrider_core::ids::{DeliveryId, MerchantId, WebhookId};
use postrider_core::limits;
use postrider_core::outcome::OutcomeKind;
use rusqlite::{Connection, params};

use super::lanes::{self, FAILED};
use super::rows::delivery::{Glimpse, glimpse};
use super::rows::{collect, first, id};
use crate::catalog::{Undelivered, UndeliveredGroup};
use crate::error::{Result, StoreError};

const LAST_OUTCOME: &str = "SELECT outcome FROM attempts WHERE delivery = ?1 \
     ORDER BY number DESC LIMIT 1";

/// The failed deliveries of a merchant, or of one of its webhooks.
pub(super) fn of(
    connection: &Connection,
    merchant: MerchantId,
    webhook: Option<WebhookId>,
) -> Result<Undelivered> {
    let webhooks = lanes::webhooks(connection, merchant, webhook)?;
    let mut failed = Vec::new();
    for webhook in webhooks {
        if !newest_failed(connection, webhook, 1)?.is_empty() {
            failed.push(webhook);
        }
    }
    let share = limits::UNDELIVERED_MAX / failed.len().max(1);
    let share = share.clamp(1, limits::UNDELIVERED_PER_WEBHOOK_MAX);
    let mut all = Undelivered { groups: Vec::new(), is_complete: true };
    for webhook in failed {
        let mut newest = newest_failed(connection, webhook, share + 1)?;
        all.is_complete &= newest.len() <= share;
        newest.truncate(share);
        let mut groups: Vec<_> = grouped(connection, webhook, &newest)?.into_values().collect();
        groups.sort_unstable_by_key(|group| (std::cmp::Reverse(group.count), group.example));
        all.groups.append(&mut groups);
    }
    Ok(all)
}

fn newest_failed(
    connection: &Connection,
    webhook: WebhookId,
    limit: usize,
) -> Result<Vec<DeliveryId>> {
    let key = params![webhook.to_bytes(), [u8::MAX; 16], limit];
    collect(&mut *connection.prepare_cached(FAILED.down)?, key, |row| id(row, 0))
}

fn grouped(
    connection: &Connection,
    webhook: WebhookId,
    newest_first: &[DeliveryId],
) -> Result<HashMap<Option<OutcomeKind>, UndeliveredGroup>> {
    let mut groups = HashMap::new();
    for delivery in newest_first {
        let Glimpse { state, is_test, created_at, .. } = glimpse(connection, delivery.to_bytes())?;
        if state != State::Failed || is_test {
            continue;
        }
        let outcome = last_outcome(connection, *delivery)?;
        let group = groups.entry(outcome).or_insert(UndeliveredGroup {
            webhook,
            outcome,
            count: 0,
            oldest: created_at,
            newest: created_at,
            example: *delivery,
        });
        group.count += 1;
        group.oldest = group.oldest.min(created_at);
        group.newest = group.newest.max(created_at);
    }
    Ok(groups)
}

fn last_outcome(connection: &Connection, delivery: DeliveryId) -> Result<Option<OutcomeKind>> {
    let mut statement = connection.prepare_cached(LAST_OUTCOME)?;
    first(&mut statement, params![delivery.to_bytes()], |row| {
        let name = row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
        OutcomeKind::parse(name).ok_or(StoreError::Corrupt("attempts.outcome"))
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::is_a_bounded_search;
    use super::*;

    #[test]
    fn a_cause_is_a_bounded_search() {
        is_a_bounded_search(LAST_OUTCOME);
    }
}

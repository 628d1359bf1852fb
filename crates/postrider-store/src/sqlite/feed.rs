//! What a follower of one webhook sees: new deliveries and resends, in the order of commits.
//!
//! Ids are minted before the commit, so their order is not that of commits and a follower by id
//! could miss one. Events are numbered by the only writer as it stores them: what has a number above
//! a position was committed after it.

use postrider_core::ids::{DeliveryId, MerchantId, WebhookId};
use postrider_core::limits;
use postrider_core::snapshot::Choice;
use rusqlite::{Connection, params};

use super::rows::delivery::{DELIVERY, listed};
use super::rows::{collect, event, first, id};
use super::webhooks;
use crate::catalog::{DeliveryDetail, FeedPage, FeedPosition, FeedRow};
use crate::error::Result;

const LAST_EVENT: &str = "SELECT coalesce(max(seq), 0) FROM events";
const LAST_RESEND: &str = "SELECT coalesce(max(seq), 0) FROM resends";
const NEW_EVENTS: &str = "SELECT seq, decisions FROM events WHERE merchant = ?1 AND seq > ?2 \
     ORDER BY seq LIMIT ?3";
const NEW_RESENDS: &str = "SELECT seq, delivery FROM resends WHERE webhook = ?1 AND seq > ?2 \
     ORDER BY seq LIMIT ?3";

/// The deliveries after a place.
pub(super) fn page(
    connection: &Connection,
    merchant: MerchantId,
    webhook: WebhookId,
    after: Option<FeedPosition>,
) -> Result<FeedPage> {
    webhooks::one(connection, merchant, webhook)?;
    let last = |sql| connection.prepare_cached(sql)?.query_row([], |row| row.get::<_, u64>(0));
    let end = FeedPosition { event: last(LAST_EVENT)?, resend: last(LAST_RESEND)? };
    let mut feed = Feed { connection, rows: Vec::new(), bytes: 0 };
    let Some(mut next) = after else {
        return Ok(FeedPage { rows: feed.rows, next: end, is_at_end: true });
    };
    // Bounded like a page of a list: events of other webhooks are passed over.
    let key = params![merchant.to_bytes(), next.event, limits::PAGE_EFFORT_MAX];
    let events = collect(&mut *connection.prepare_cached(NEW_EVENTS)?, key, |row| {
        Ok((row.get::<_, u64>(0)?, event::decisions(row, 1)?))
    })?;
    let mut is_at_end = events.len() < limits::PAGE_EFFORT_MAX;
    for (seq, decisions) in events {
        if feed.is_full() {
            is_at_end = false;
            break;
        }
        let of_webhook = decisions.iter().filter(|decision| decision.webhook == webhook);
        for delivery in of_webhook.filter_map(postrider_core::routing::Decision::delivery) {
            feed.add(delivery, false, FeedPosition { event: seq, ..next })?;
        }
        next.event = seq;
    }
    if is_at_end {
        next.event = next.event.max(end.event);
    }
    let key = params![webhook.to_bytes(), next.resend, limits::FEED_ROWS_MAX + 1];
    let resends = collect(&mut *connection.prepare_cached(NEW_RESENDS)?, key, |row| {
        Ok((row.get::<_, u64>(0)?, id(row, 1)?))
    })?;
    for (seq, delivery) in resends {
        if feed.is_full() {
            is_at_end = false;
            break;
        }
        next.resend = seq;
        feed.add(delivery, true, next)?;
    }
    Ok(FeedPage { rows: feed.rows, next, is_at_end })
}

struct Feed<'a> {
    connection: &'a Connection,
    rows: Vec<FeedRow>,
    bytes: usize,
}

impl Feed<'_> {
    fn is_full(&self) -> bool {
        self.rows.len() >= limits::FEED_ROWS_MAX || self.bytes >= limits::FEED_BYTES_MAX
    }

    fn add(&mut self, delivery: DeliveryId, is_resend: bool, after: FeedPosition) -> Result<()> {
        let mut statement = self.connection.prepare_cached(DELIVERY)?;
        let found = first(&mut statement, params![delivery.to_bytes()], |row| {
            Ok((listed(row)?, Choice::from_bits(row.get(10)?), row.get::<_, i64>(11)?))
        })?;
        if let Some((delivery, choice, seq)) = found {
            let event = event::by_seq(self.connection, seq)?;
            self.bytes += event.payload_bytes();
            let entry = DeliveryDetail { delivery, event, choice, attempts: Vec::new() };
            self.rows.push(FeedRow { entry, is_resend, after });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::is_a_bounded_search;
    use super::*;

    #[test]
    fn only_what_is_new_is_read() {
        for sql in [LAST_EVENT, LAST_RESEND, NEW_EVENTS, NEW_RESENDS] {
            is_a_bounded_search(sql);
        }
    }
}

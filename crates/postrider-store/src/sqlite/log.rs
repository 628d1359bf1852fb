//! The log: events and deliveries as people look at them, newest first.
//!
//! A merchant's deliveries are the deliveries of its webhooks, so its list is a merge of theirs:
//! one index (webhook, id) serves both, and only one is paid for on the way in. Each page costs
//! one search for each webhook and then the rows it shows, however long the log is; rows that a
//! filter passes over are read, except that failed, canceled and pending ones have their own index.

use std::collections::{BinaryHeap, VecDeque};

use postrider_core::delivery::State;
use postrider_core::event::EventType;
use postrider_core::ids::{DeliveryId, EventId, MerchantId, WebhookId};
use postrider_core::routing::Decision;
use postrider_core::snapshot::Choice;
use rusqlite::{Connection, params};

use super::pages::{self, Placed, Scan, Walk};
use super::rows::delivery::{DELIVERY, listed};
use super::rows::{attempt, collect, event, first, id, millis, state_code};
use crate::catalog::{
    Delivery, DeliveryDetail, DeliveryFilter, ListedEvent, Page, PageAsk, StoredEvent,
};
use crate::error::{Result, StoreError};
use crate::queue::Tally;

const EVENTS: Scan = Scan {
    down: "SELECT id, type, created, accepted_at, is_test, decisions, seq FROM events \
         WHERE merchant = ?1 AND seq <= ?2 ORDER BY seq DESC LIMIT ?3",
    up: "SELECT id, type, created, accepted_at, is_test, decisions, seq FROM events \
         WHERE merchant = ?1 AND seq >= ?2 ORDER BY seq LIMIT ?3",
};
const EVENT: &str = "SELECT id, merchant, type, created, accepted_at, data, context, snapshot, \
     is_test, decisions FROM events WHERE id = ?1 AND merchant = ?2";
const WEBHOOKS: &str = "SELECT id FROM webhooks WHERE merchant = ?1";

/// The deliveries of one webhook by id.
const BY_ID: Scan = Scan {
    down: "SELECT id FROM deliveries AS d INDEXED BY deliveries_webhook \
         WHERE webhook = ?1 AND id <= ?2 AND (?3 IS NULL OR state = ?3) \
         AND (?4 IS NULL OR is_test = ?4) AND (?5 IS NULL OR created_at >= ?5) \
         AND (?6 IS NULL OR created_at < ?6) \
         AND (?7 IS NULL OR (SELECT type FROM events WHERE seq = d.event) = ?7) \
         ORDER BY id DESC LIMIT ?8",
    up: "SELECT id FROM deliveries AS d INDEXED BY deliveries_webhook \
         WHERE webhook = ?1 AND id >= ?2 AND (?3 IS NULL OR state = ?3) \
         AND (?4 IS NULL OR is_test = ?4) AND (?5 IS NULL OR created_at >= ?5) \
         AND (?6 IS NULL OR created_at < ?6) \
         AND (?7 IS NULL OR (SELECT type FROM events WHERE seq = d.event) = ?7) \
         ORDER BY id LIMIT ?8",
};
/// The failed or canceled deliveries of one webhook by id.
const ENDED: Scan = Scan {
    down: "SELECT id FROM deliveries AS d INDEXED BY deliveries_ended \
         WHERE webhook = ?1 AND id <= ?2 AND state = ?3 AND state >= 2 \
         AND (?4 IS NULL OR is_test = ?4) AND (?5 IS NULL OR created_at >= ?5) \
         AND (?6 IS NULL OR created_at < ?6) \
         AND (?7 IS NULL OR (SELECT type FROM events WHERE seq = d.event) = ?7) \
         ORDER BY id DESC LIMIT ?8",
    up: "SELECT id FROM deliveries AS d INDEXED BY deliveries_ended \
         WHERE webhook = ?1 AND id >= ?2 AND state = ?3 AND state >= 2 \
         AND (?4 IS NULL OR is_test = ?4) AND (?5 IS NULL OR created_at >= ?5) \
         AND (?6 IS NULL OR created_at < ?6) \
         AND (?7 IS NULL OR (SELECT type FROM events WHERE seq = d.event) = ?7) \
         ORDER BY id LIMIT ?8",
};
/// The pending deliveries of one webhook, sorted by id; for webhooks with few of them.
const WAITING: Scan = Scan {
    down: "SELECT id FROM deliveries AS d INDEXED BY deliveries_queue \
         WHERE webhook = ?1 AND id <= ?2 AND state = 0 AND ?3 = 0 \
         AND (?4 IS NULL OR is_test = ?4) AND (?5 IS NULL OR created_at >= ?5) \
         AND (?6 IS NULL OR created_at < ?6) \
         AND (?7 IS NULL OR (SELECT type FROM events WHERE seq = d.event) = ?7) \
         ORDER BY id DESC LIMIT ?8",
    up: "SELECT id FROM deliveries AS d INDEXED BY deliveries_queue \
         WHERE webhook = ?1 AND id >= ?2 AND state = 0 AND ?3 = 0 \
         AND (?4 IS NULL OR is_test = ?4) AND (?5 IS NULL OR created_at >= ?5) \
         AND (?6 IS NULL OR created_at < ?6) \
         AND (?7 IS NULL OR (SELECT type FROM events WHERE seq = d.event) = ?7) \
         ORDER BY id LIMIT ?8",
};
const WAITING_COUNT: &str = "SELECT count(*) FROM (SELECT 1 FROM deliveries \
     INDEXED BY deliveries_queue WHERE webhook = ?1 AND state = 0 LIMIT ?2)";
/// Above this, pending rows are met soon enough among the newest ones.
const FEW_WAITING: i64 = 1_000;

const COUNT_EVENTS: &str = "SELECT count(*) FROM events";
const COUNT_STATES: &str = "SELECT count(*) FILTER (WHERE state = 0), \
     count(*) FILTER (WHERE state = 1), count(*) FILTER (WHERE state = 2), \
     count(*) FILTER (WHERE state = 3) FROM deliveries";
const COUNT_ATTEMPTS: &str = "SELECT count(*) FROM attempts";

pub(super) fn events(
    connection: &Connection,
    merchant: MerchantId,
    ask: PageAsk,
) -> Result<Page<ListedEvent>> {
    pages::page(ask, |walk, limit| {
        let mut statement = connection.prepare_cached(walk.pick(&EVENTS))?;
        collect(&mut statement, params![merchant.to_bytes(), walk.seq(), limit], |row| {
            let position: u64 = row.get(6)?;
            Ok((u128::from(position), event::listed(row)?))
        })
    })
}

pub(super) fn event(
    connection: &Connection,
    merchant: MerchantId,
    id: &EventId,
) -> Result<StoredEvent> {
    let mut statement = connection.prepare_cached(EVENT)?;
    first(&mut statement, params![id.as_str(), merchant.to_bytes()], event::stored_event)?
        .ok_or(StoreError::NotFound)
}

pub(super) fn deliveries(
    connection: &Connection,
    merchant: MerchantId,
    filter: &DeliveryFilter,
    ask: PageAsk,
) -> Result<Page<Delivery>> {
    if let Some(event) = &filter.event {
        return of_event(connection, merchant, event, filter, ask);
    }
    let mut statement = connection.prepare_cached(WEBHOOKS)?;
    let webhooks = collect(&mut statement, params![merchant.to_bytes()], |row| id(row, 0))?;
    let is_wanted = |webhook: &WebhookId| filter.webhook.is_none_or(|wanted| wanted == *webhook);
    let lanes = webhooks
        .into_iter()
        .filter(is_wanted)
        .map(|webhook| Ok((webhook, scan(connection, webhook, filter)?)))
        .collect::<Result<Vec<_>>>()?;
    pages::page(ask, |walk, limit| {
        let ids = merge(lanes.len(), walk, limit, |lane, walk, limit| {
            let Some((webhook, scan)) = lanes.get(lane) else { return Ok(Vec::new()) };
            ids(connection, *webhook, filter, walk.pick(scan), walk, limit)
        })?;
        ids.into_iter().map(|position| placed(connection, position)).collect()
    })
}

fn scan(connection: &Connection, webhook: WebhookId, filter: &DeliveryFilter) -> Result<Scan> {
    Ok(match filter.state {
        Some(State::Failed | State::Canceled) => ENDED,
        Some(State::Pending) => {
            let mut statement = connection.prepare_cached(WAITING_COUNT)?;
            let key = params![webhook.to_bytes(), FEW_WAITING];
            let waiting: i64 = statement.query_row(key, |row| row.get(0))?;
            if waiting < FEW_WAITING { WAITING } else { BY_ID }
        }
        Some(State::Success) | None => BY_ID,
    })
}

fn ids(
    connection: &Connection,
    webhook: WebhookId,
    filter: &DeliveryFilter,
    sql: &str,
    walk: Walk,
    limit: usize,
) -> Result<Vec<u128>> {
    let key = params![
        webhook.to_bytes(),
        walk.id(),
        filter.state.map(state_code),
        filter.is_test,
        millis(filter.created_after),
        millis(filter.created_before),
        filter.event_type.as_ref().map(EventType::as_str),
        limit,
    ];
    let mut statement = connection.prepare_cached(sql)?;
    collect(&mut statement, key, |row| Ok(u128::from_be_bytes(row.get(0)?)))
}

fn placed(connection: &Connection, position: u128) -> Result<Placed<Delivery>> {
    let mut statement = connection.prepare_cached(DELIVERY)?;
    let delivery = first(&mut statement, params![position.to_be_bytes()], listed)?;
    Ok((position, delivery.ok_or(StoreError::Corrupt("deliveries.event"))?))
}

/// The first `limit` positions of several lanes, each in the order of the walk, in that order.
fn merge(
    lanes: usize,
    walk: Walk,
    limit: usize,
    mut fetch: impl FnMut(usize, Walk, usize) -> Result<Vec<u128>>,
) -> Result<Vec<u128>> {
    // With the order turned round for "up", the greatest key is always the next one.
    let key = |position: u128| if matches!(walk, Walk::Down(_)) { position } else { !position };
    let share = limit.div_ceil(lanes.max(1));
    let mut waiting: Vec<VecDeque<u128>> = Vec::with_capacity(lanes);
    let mut heads = BinaryHeap::with_capacity(lanes);
    for lane in 0..lanes {
        let mut found = VecDeque::from(fetch(lane, walk, share)?);
        heads.extend(found.pop_front().map(|position| (key(position), lane)));
        waiting.push(found);
    }
    let mut merged = Vec::with_capacity(limit);
    while let Some((greatest, lane)) = heads.pop() {
        let position = key(greatest);
        merged.push(position);
        if merged.len() == limit {
            break;
        }
        let Some(found) = waiting.get_mut(lane) else { continue };
        if found.is_empty() {
            let on = match walk {
                Walk::Down(_) => position.checked_sub(1).map(Walk::Down),
                Walk::Up(_) => position.checked_add(1).map(Walk::Up),
            };
            if let Some(on) = on {
                found.extend(fetch(lane, on, share)?);
            }
        }
        heads.extend(found.pop_front().map(|position| (key(position), lane)));
    }
    Ok(merged)
}

/// The deliveries of one event: its decisions name them, so they are few and need no index.
fn of_event(
    connection: &Connection,
    merchant: MerchantId,
    event_id: &EventId,
    filter: &DeliveryFilter,
    ask: PageAsk,
) -> Result<Page<Delivery>> {
    let decisions = match event(connection, merchant, event_id) {
        Ok(event) => event.decisions,
        Err(StoreError::NotFound) => Vec::new(),
        Err(error) => return Err(error),
    };
    let mut all = Vec::new();
    for id in decisions.iter().filter_map(Decision::delivery) {
        let found = placed(connection, u128::from_be_bytes(id.to_bytes()))?;
        if holds(filter, &found.1) {
            all.push(found);
        }
    }
    all.sort_unstable_by_key(|(position, _)| *position);
    pages::page(ask, |walk, limit| {
        let on_the_way: Vec<_> = match walk {
            Walk::Down(from) => all.iter().rev().filter(|(at, _)| *at <= from).collect(),
            Walk::Up(from) => all.iter().filter(|(at, _)| *at >= from).collect(),
        };
        Ok(on_the_way.into_iter().take(limit).cloned().collect())
    })
}

fn holds(filter: &DeliveryFilter, delivery: &Delivery) -> bool {
    filter.webhook.is_none_or(|webhook| webhook == delivery.webhook)
        && filter.state.is_none_or(|state| state == delivery.state)
        && filter.event_type.as_ref().is_none_or(|wanted| *wanted == delivery.event_type)
        && filter.is_test.is_none_or(|is_test| is_test == delivery.is_test)
        && filter.created_after.is_none_or(|after| delivery.created_at >= after)
        && filter.created_before.is_none_or(|before| delivery.created_at < before)
}

pub(super) fn delivery(
    connection: &Connection,
    merchant: MerchantId,
    id: DeliveryId,
) -> Result<DeliveryDetail> {
    let mut statement = connection.prepare_cached(DELIVERY)?;
    let found = first(&mut statement, params![id.to_bytes()], |row| {
        let choice = Choice::from_bits(row.get(10)?);
        let owner: MerchantId = super::rows::id(row, 12)?;
        Ok((listed(row)?, choice, row.get::<_, i64>(11)?, owner))
    })?;
    let (delivery, choice, seq, owner) = found.ok_or(StoreError::NotFound)?;
    if owner != merchant {
        return Err(StoreError::NotFound);
    }
    Ok(DeliveryDetail {
        delivery,
        event: event::by_seq(connection, seq)?,
        choice,
        attempts: attempt::of(connection, id)?,
    })
}

/// Counts everything. Reads every row: for tests and for people who ask.
pub(super) fn tally(connection: &Connection) -> Result<Tally> {
    let count = |sql| connection.query_row(sql, [], |row| row.get::<_, u64>(0));
    let mut tally = connection.query_row(COUNT_STATES, [], |row| {
        Ok(Tally {
            pending: row.get(0)?,
            success: row.get(1)?,
            failed: row.get(2)?,
            canceled: row.get(3)?,
            ..Tally::default()
        })
    })?;
    tally.events = count(COUNT_EVENTS)?;
    tally.attempts = count(COUNT_ATTEMPTS)?;
    Ok(tally)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{is_a_bounded_search, plan};
    use super::*;

    #[test]
    fn q12_every_page_is_a_bounded_search() {
        for scan in [EVENTS, BY_ID, ENDED] {
            is_a_bounded_search(scan.down);
            is_a_bounded_search(scan.up);
        }
        is_a_bounded_search(EVENT);
        is_a_bounded_search(WEBHOOKS);
        is_a_bounded_search(DELIVERY);
        // Sorts, but no more than a bounded number of rows.
        assert!(plan(WAITING.down)[0].contains("INDEX deliveries_queue"));
    }

    #[test]
    fn lanes_are_merged_in_the_order_of_the_walk() {
        let lanes: [&[u128]; 4] = [&[1, 4, 9, 10], &[], &[2, 3, 11], &[5]];
        let fetch = |lane: usize, walk, limit| {
            let all = lanes[lane].iter().copied();
            Ok(match walk {
                Walk::Down(from) => all.rev().filter(|n| *n <= from).take(limit).collect(),
                Walk::Up(from) => all.filter(|n| *n >= from).take(limit).collect::<Vec<_>>(),
            })
        };
        let down = |from, limit| merge(4, Walk::Down(from), limit, fetch).unwrap();
        let up = |from, limit| merge(4, Walk::Up(from), limit, fetch).unwrap();
        assert_eq!(down(u128::MAX, 20), [11, 10, 9, 5, 4, 3, 2, 1]);
        assert_eq!(down(9, 3), [9, 5, 4]);
        assert_eq!(up(0, 20), [1, 2, 3, 4, 5, 9, 10, 11]);
        assert_eq!(up(4, 2), [4, 5]);
        assert_eq!(merge(0, Walk::Up(0), 5, |_, _, _| Ok(vec![1])).unwrap(), []);
    }
}

//! The log of several webhooks as one list: each is a lane in the order of ids, and they are merged.
//!
//! One index (webhook, id) serves a webhook's list and its merchant's, and only one is paid for on
//! the way in. Failed and canceled deliveries have an index of their own; pending ones are collected
//! and sorted where they are few.

use std::collections::{BinaryHeap, VecDeque};

use postrider_core::delivery::State;
use postrider_core::ids::{MerchantId, WebhookId};
use rusqlite::{Connection, params};

use super::pages::{Scan, Walk};
use super::rows::{collect, id};
use crate::catalog::DeliveryFilter;
use crate::error::Result;

const WEBHOOKS: &str = "SELECT id FROM webhooks WHERE merchant = ?1";
/// The deliveries of one webhook by id.
const BY_ID: Scan = Scan {
    down: "SELECT id FROM deliveries INDEXED BY deliveries_webhook \
         WHERE webhook = ?1 AND id <= ?2 ORDER BY id DESC LIMIT ?3",
    up: "SELECT id FROM deliveries INDEXED BY deliveries_webhook \
         WHERE webhook = ?1 AND id >= ?2 ORDER BY id LIMIT ?3",
};
/// The failed deliveries of one webhook by id.
pub(super) const FAILED: Scan = Scan {
    down: "SELECT id FROM deliveries INDEXED BY deliveries_ended \
         WHERE webhook = ?1 AND state = 2 AND state >= 2 AND id <= ?2 ORDER BY id DESC LIMIT ?3",
    up: "SELECT id FROM deliveries INDEXED BY deliveries_ended \
         WHERE webhook = ?1 AND state = 2 AND state >= 2 AND id >= ?2 ORDER BY id LIMIT ?3",
};
/// The canceled deliveries of one webhook by id.
const CANCELED: Scan = Scan {
    down: "SELECT id FROM deliveries INDEXED BY deliveries_ended \
         WHERE webhook = ?1 AND state = 3 AND state >= 2 AND id <= ?2 ORDER BY id DESC LIMIT ?3",
    up: "SELECT id FROM deliveries INDEXED BY deliveries_ended \
         WHERE webhook = ?1 AND state = 3 AND state >= 2 AND id >= ?2 ORDER BY id LIMIT ?3",
};
/// Pending deliveries of one webhook, earliest due first.
const WAITING: &str = "SELECT id FROM deliveries INDEXED BY deliveries_queue \
     WHERE webhook = ?1 AND state = 0 LIMIT ?2";
/// Pending deliveries collected for one page, of one webhook and of all. A webhook with more is read
/// in the order of ids like any other.
const FEW_WAITING: usize = 1_000;
const WAITING_MAX: usize = 4_000;

/// The webhooks of a merchant, deleted ones included, because their log stays.
pub(super) fn webhooks(
    connection: &Connection,
    merchant: MerchantId,
    only: Option<WebhookId>,
) -> Result<Vec<WebhookId>> {
    let mut statement = connection.prepare_cached(WEBHOOKS)?;
    let mut all = collect(&mut statement, params![merchant.to_bytes()], |row| id(row, 0))?;
    all.retain(|webhook| only.is_none_or(|only| only == *webhook));
    Ok(all)
}

/// Where candidates for a list come from.
pub(super) struct Lanes<'a> {
    connection: &'a Connection,
    scans: Vec<(WebhookId, Scan)>,
    /// Collected ones, ascending.
    held: Vec<u128>,
}

impl<'a> Lanes<'a> {
    /// The lanes in which every delivery of `filter` stands, and as few others as indexes allow.
    pub(super) fn open(
        connection: &'a Connection,
        merchant: MerchantId,
        filter: &DeliveryFilter,
    ) -> Result<Self> {
        let webhooks = webhooks(connection, merchant, filter.webhook)?;
        let mut lanes = Self { connection, scans: Vec::new(), held: Vec::new() };
        for webhook in webhooks {
            match filter.state {
                Some(State::Failed) => lanes.scans.push((webhook, FAILED)),
                Some(State::Canceled) => lanes.scans.push((webhook, CANCELED)),
                Some(State::Pending) => lanes.add_waiting(webhook)?,
                Some(State::Success) | None => lanes.scans.push((webhook, BY_ID)),
            }
        }
        lanes.held.sort_unstable();
        Ok(lanes)
    }

    fn add_waiting(&mut self, webhook: WebhookId) -> Result<()> {
        let room = WAITING_MAX.saturating_sub(self.held.len()).min(FEW_WAITING);
        let mut statement = self.connection.prepare_cached(WAITING)?;
        let few = collect(&mut statement, params![webhook.to_bytes(), room + 1], position)?;
        if few.len() > room {
            self.scans.push((webhook, BY_ID));
        } else {
            self.held.extend(few);
        }
        Ok(())
    }

    /// At most `limit` deliveries in the order of the walk.
    pub(super) fn next(&self, walk: Walk, limit: usize) -> Result<Vec<u128>> {
        merge(self.scans.len() + 1, walk, limit, |lane, walk, limit| {
            let Some((webhook, scan)) = self.scans.get(lane) else {
                return Ok(held(&self.held, walk, limit));
            };
            let mut statement = self.connection.prepare_cached(walk.pick(scan))?;
            collect(&mut statement, params![webhook.to_bytes(), walk.id(), limit], position)
        })
    }
}

fn position(row: &rusqlite::Row<'_>) -> Result<u128> {
    Ok(u128::from_be_bytes(row.get(0)?))
}

fn held(all: &[u128], walk: Walk, limit: usize) -> Vec<u128> {
    match walk {
        Walk::Down(from) => {
            let end = all.partition_point(|position| *position <= from);
            all.get(..end).unwrap_or_default().iter().rev().take(limit).copied().collect()
        }
        Walk::Up(from) => {
            let start = all.partition_point(|position| *position < from);
            all.get(start..).unwrap_or_default().iter().take(limit).copied().collect()
        }
    }
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

#[cfg(test)]
mod tests {
    use super::super::tests::is_a_bounded_search;
    use super::*;

    #[test]
    fn q12_every_lane_is_a_bounded_search() {
        for scan in [BY_ID, FAILED, CANCELED] {
            is_a_bounded_search(scan.down);
            is_a_bounded_search(scan.up);
        }
        is_a_bounded_search(WEBHOOKS);
        is_a_bounded_search(WAITING);
    }

    #[test]
    fn held_ones_are_walked_like_others() {
        let all = [2, 4, 6];
        assert_eq!(held(&all, Walk::Down(5), 9), [4, 2]);
        assert_eq!(held(&all, Walk::Down(u128::MAX), 2), [6, 4]);
        assert_eq!(held(&all, Walk::Up(4), 9), [4, 6]);
        assert!(held(&all, Walk::Up(7), 9).is_empty());
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

//! The log: events and deliveries as people look at them, newest first.
//!
//! Candidates come from the index that fits the filter best: the terms of the search index, the
//! lanes of webhooks, or the places of events. What no index says is checked row by row, with bounded
//! effort (`sift`), so a page costs the same however long the log is.

use std::ops::RangeInclusive;

use postrider_core::delivery::State;
use postrider_core::ids::{DeliveryId, EventId, MerchantId};
use postrider_core::limits;
use postrider_core::routing::Decision;
use postrider_core::snapshot::Choice;
use postrider_core::terms::{self, Kind, Term};
use postrider_core::time::Timestamp;
use rusqlite::{Connection, params};

use super::lanes::Lanes;
use super::pages::{self, Placed, Scan, Walk};
use super::rows::delivery::{DELIVERY, glimpse, listed};
use super::rows::{attempt, collect, event, first, id};
use super::search::Search;
use super::sift::{Sifted, sift};
use crate::catalog::{
    Delivery, DeliveryDetail, DeliveryFilter, EventFilter, ListedEvent, Page, PageAsk, StoredEvent,
};
use crate::error::{Result, StoreError};
use crate::queue::Tally;

/// The places of a merchant's events.
const EVENTS: Scan = Scan {
    down: "SELECT seq FROM events WHERE merchant = ?1 AND seq <= ?2 ORDER BY seq DESC LIMIT ?3",
    up: "SELECT seq FROM events WHERE merchant = ?1 AND seq >= ?2 ORDER BY seq LIMIT ?3",
};
const LISTED: &str = "SELECT id, type, created, accepted_at, is_test, decisions, merchant \
     FROM events WHERE seq = ?1";
const EVENT: &str = "SELECT id, merchant, type, created, accepted_at, data, context, snapshot, \
     is_test, decisions FROM events WHERE id = ?1 AND merchant = ?2";
const LAST_EVENT: &str = "SELECT coalesce(max(seq), 0) FROM events";
const TIME_AT: &str = "SELECT seq, accepted_at FROM events WHERE seq >= ?1 ORDER BY seq LIMIT 1";

const COUNT_EVENTS: &str = "SELECT count(*) FROM events";
const COUNT_STATES: &str = "SELECT count(*) FILTER (WHERE state = 0), \
     count(*) FILTER (WHERE state = 1), count(*) FILTER (WHERE state = 2), \
     count(*) FILTER (WHERE state = 3) FROM deliveries";
const COUNT_ATTEMPTS: &str = "SELECT count(*) FROM attempts";

/// What an event costs to find, in deliveries: it has a page of its own.
const EVENT_EFFORT: usize = 3;
/// Payload bytes whose reading costs as much as a delivery.
const BYTES_PER_EFFORT: usize = 4 * 1024;

pub(super) fn events(
    connection: &Connection,
    search: &Search,
    merchant: MerchantId,
    filter: &EventFilter,
    ask: PageAsk,
) -> Result<Page<ListedEvent>> {
    let trail = match leading(filter) {
        Some(term) => Some(search.trail(connection, term.hash(merchant))?),
        None => None,
    };
    let bounds = places(connection, filter.created_after, filter.created_before)?;
    let judge = |position: u128, rows: &mut Vec<Placed<ListedEvent>>| {
        let (found, effort) = wanted(connection, position, merchant, filter)?;
        rows.extend(found.map(|event| (position, event)));
        Ok(effort)
    };
    pages::page(ask, |walk, limit| {
        let candidates = |walk: Walk, limit| match &trail {
            Some(trail) => trail.next(walk, limit),
            None => events_of(connection, merchant, walk, limit),
        };
        sift(walk, &bounds, limit, candidates, judge)
    })
}

fn events_of(
    connection: &Connection,
    merchant: MerchantId,
    walk: Walk,
    limit: usize,
) -> Result<Vec<u128>> {
    let mut statement = connection.prepare_cached(walk.pick(&EVENTS))?;
    let key = params![merchant.to_bytes(), walk.seq(), limit];
    collect(&mut statement, key, |row| Ok(u128::from(row.get::<_, u64>(0)?)))
}

/// The term that is likely to find the fewest events.
fn leading(filter: &EventFilter) -> Option<Term> {
    let few = || (filter.is_test == Some(true)).then(Term::test);
    let many = || filter.event_type.as_ref().map(Term::event_type);
    filter.terms.iter().max_by_key(|term| term.kind()).cloned().or_else(few).or_else(many)
}

/// An event if it holds, and what it cost to know.
fn wanted(
    connection: &Connection,
    position: u128,
    merchant: MerchantId,
    filter: &EventFilter,
) -> Result<(Option<ListedEvent>, usize)> {
    let seq = i64::try_from(position).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(LISTED)?;
    let found = first(&mut statement, params![seq], |row| Ok((event::listed(row)?, id(row, 6)?)))?;
    let Some((event, owner)) = found else { return Ok((None, EVENT_EFFORT)) };
    let is_wanted = owner == merchant
        && filter.event_type.as_ref().is_none_or(|wanted| *wanted == event.event_type)
        && filter.is_test.is_none_or(|is_test| is_test == event.is_test)
        && filter.created_after.is_none_or(|after| event.accepted_at >= after)
        && filter.created_before.is_none_or(|before| event.accepted_at < before);
    if !is_wanted || filter.terms.is_empty() {
        return Ok((is_wanted.then_some(event), EVENT_EFFORT));
    }
    let full = event::by_seq(connection, seq)?;
    let bytes = full.payload_bytes();
    let has_all = has_terms(&full, &filter.terms);
    Ok((has_all.then_some(event), EVENT_EFFORT + 1 + bytes / BYTES_PER_EFFORT))
}

fn has_terms(event: &postrider_core::event::Event, wanted: &[Term]) -> bool {
    let terms = if wanted.is_empty() { Vec::new() } else { terms::of(event) };
    wanted.iter().all(|term| terms.contains(term))
}

/// Between which places the events lie that were accepted in a time. They are numbered in the order
/// of commits, which is that of time but for `limits::CLOCK_SLACK`.
fn places(
    connection: &Connection,
    after: Option<Timestamp>,
    before: Option<Timestamp>,
) -> Result<RangeInclusive<u128>> {
    let place = |at: Timestamp| -> Result<u64> {
        let last: u64 = connection.prepare_cached(LAST_EVENT)?.query_row([], |row| row.get(0))?;
        let (mut low, mut high) = (1, last + 1);
        let mut statement = connection.prepare_cached(TIME_AT)?;
        while low < high {
            let middle = low.midpoint(high);
            let found = first(&mut statement, params![middle], |row| {
                Ok((row.get::<_, u64>(0)?, super::rows::time(row, 1)?))
            })?;
            match found {
                Some((seq, accepted_at)) if accepted_at < at => low = seq + 1,
                _ => high = middle,
            }
        }
        Ok(low)
    };
    let low = after.map_or(Ok(0), |after| place(after - limits::CLOCK_SLACK))?;
    let high = before.map_or(Ok(u64::MAX), |before| place(before + limits::CLOCK_SLACK))?;
    Ok(u128::from(low)..=u128::from(high))
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
    search: &Search,
    merchant: MerchantId,
    filter: &DeliveryFilter,
    ask: PageAsk,
) -> Result<Page<Delivery>> {
    if let Some(event) = &filter.event {
        return of_event(connection, merchant, event, filter, ask);
    }
    let of_event = EventFilter {
        event_type: filter.event_type.clone(),
        terms: filter.terms.clone(),
        is_test: filter.is_test,
        created_after: filter.created_after,
        created_before: filter.created_before,
    };
    // The few that failed are found sooner than all of a type.
    let has_lanes = filter.state.is_some_and(|state| state != State::Success);
    match leading(&of_event).filter(|term| !has_lanes || term.kind() != Kind::Type) {
        Some(term) => by_term(connection, search, merchant, (filter, &of_event), &term, ask),
        None => by_lanes(connection, merchant, filter, ask),
    }
}

/// The deliveries of events with a term. A position is an event's place, then the delivery's rank
/// among those of its event.
fn by_term(
    connection: &Connection,
    search: &Search,
    merchant: MerchantId,
    (filter, of_event): (&DeliveryFilter, &EventFilter),
    term: &Term,
    ask: PageAsk,
) -> Result<Page<Delivery>> {
    let trail = search.trail(connection, term.hash(merchant))?;
    let bounds = places(connection, filter.created_after, filter.created_before)?;
    pages::page(ask, |walk, limit| {
        let judge = |seq: u128, rows: &mut Vec<Placed<Delivery>>| {
            let (found, mut effort) = wanted(connection, seq, merchant, of_event)?;
            let mut ranked: Vec<_> = found.iter().flat_map(|event| &event.decisions).collect();
            ranked.retain(|decision| decision.delivery().is_some());
            ranked.sort_unstable_by_key(|decision| decision.delivery());
            let mut ranked: Vec<_> = (0..).zip(ranked).collect();
            if matches!(walk, Walk::Down(_)) {
                ranked.reverse();
            }
            effort += ranked.len();
            rows.extend(of_ranked(connection, filter, walk, seq, &ranked)?);
            Ok(effort)
        };
        let Sifted { rows, stopped } =
            sift(walk.of_events(), &bounds, limit, |walk, limit| trail.next(walk, limit), judge)?;
        Ok(Sifted { rows, stopped: stopped.map(|seq| walk.past_event(seq)) })
    })
}

/// Those of one event's deliveries that lie on the way and hold.
fn of_ranked(
    connection: &Connection,
    filter: &DeliveryFilter,
    walk: Walk,
    seq: u128,
    ranked: &[(u64, &Decision)],
) -> Result<Vec<Placed<Delivery>>> {
    let mut rows = Vec::new();
    for (rank, decision) in ranked {
        let position = (seq << 64) | u128::from(*rank);
        let is_of_webhook = filter.webhook.is_none_or(|wanted| wanted == decision.webhook);
        let delivery = decision.delivery().filter(|_| is_of_webhook && walk.meets(position));
        if let Some(delivery) = delivery {
            let found = held(connection, filter, delivery.to_bytes())?.0;
            rows.extend(found.map(|found| (position, found)));
        }
    }
    Ok(rows)
}

/// The deliveries of webhooks by id.
fn by_lanes(
    connection: &Connection,
    merchant: MerchantId,
    filter: &DeliveryFilter,
    ask: PageAsk,
) -> Result<Page<Delivery>> {
    let lanes = Lanes::open(connection, merchant, filter)?;
    // Ids begin with the time they were made at: never before `created_at`, and soon after it.
    let id = |at, sequence, random| {
        u128::from_be_bytes(DeliveryId::from_parts(at, sequence, random).to_bytes())
    };
    let low = filter.created_after.map_or(0, |after| id(after, 0, 0));
    let high = filter
        .created_before
        .map_or(u128::MAX, |before| id(before + limits::CLOCK_SLACK, u16::MAX, u64::MAX));
    let judge = |position: u128, rows: &mut Vec<Placed<Delivery>>| {
        let (found, effort) = held(connection, filter, position.to_be_bytes())?;
        rows.extend(found.map(|found| (position, found)));
        Ok(effort)
    };
    pages::page(ask, |walk, limit| {
        sift(walk, &(low..=high), limit, |walk, limit| lanes.next(walk, limit), judge)
    })
}

/// A delivery if it holds, and what it cost to know: its event is read last.
fn held(
    connection: &Connection,
    filter: &DeliveryFilter,
    id: [u8; 16],
) -> Result<(Option<Delivery>, usize)> {
    let own = glimpse(connection, id)?;
    let is_likely = filter.webhook.is_none_or(|webhook| webhook == own.webhook)
        && filter.state.is_none_or(|state| state == own.state)
        && filter.is_test.is_none_or(|is_test| is_test == own.is_test)
        && filter.created_after.is_none_or(|after| own.created_at >= after)
        && filter.created_before.is_none_or(|before| own.created_at < before);
    if !is_likely {
        return Ok((None, 1));
    }
    let mut statement = connection.prepare_cached(DELIVERY)?;
    let found = first(&mut statement, params![id], listed)?;
    let found = found.ok_or(StoreError::Corrupt("deliveries.event"))?;
    let is_wanted = filter.event_type.as_ref().is_none_or(|wanted| *wanted == found.event_type);
    Ok((is_wanted.then_some(found), 1 + EVENT_EFFORT))
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
        Ok(found) if has_terms(&found.event, &filter.terms) => found.decisions,
        Ok(_) | Err(StoreError::NotFound) => Vec::new(),
        Err(error) => return Err(error),
    };
    let mut all = Vec::new();
    for id in decisions.iter().filter_map(Decision::delivery) {
        let found = held(connection, filter, id.to_bytes())?.0;
        all.extend(found.map(|found| (u128::from_be_bytes(id.to_bytes()), found)));
    }
    all.sort_unstable_by_key(|(position, _)| *position);
    pages::page(ask, |walk, limit| {
        let on_the_way: Vec<_> = match walk {
            Walk::Down(from) => all.iter().rev().filter(|(at, _)| *at <= from).collect(),
            Walk::Up(from) => all.iter().filter(|(at, _)| *at >= from).collect(),
        };
        Ok(on_the_way.into_iter().take(limit).cloned().collect::<Vec<_>>())
    })
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
    use super::super::rows::delivery::GLIMPSE;
    use super::super::tests::is_a_bounded_search;
    use super::*;

    #[test]
    fn q12_every_page_is_a_bounded_search() {
        for sql in [EVENTS.down, EVENTS.up, EVENT, LISTED, LAST_EVENT, TIME_AT] {
            is_a_bounded_search(sql);
        }
        is_a_bounded_search(DELIVERY);
        is_a_bounded_search(GLIMPSE);
    }
}

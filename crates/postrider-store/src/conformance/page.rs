//! Lists: Q12 pages are stable, in both directions; filters; the log of what is gone.

use std::future::Future;

use postrider_core::delivery::{Next, State};
use postrider_core::event::EventType;
use postrider_core::webhook::{DisabledBy, Status};

use super::Harness;
use super::fixture::{
    api_key, ask, at, delivery_id, delivery_number, event_id, merchant, minted, named, stamp, user,
    webhook_id,
};
use crate::Result;
use crate::catalog::{
    Backlog, Cursor, DeliveryFilter, EventFilter, ListedEvent, Page, PageAsk, StatusChange,
};

/// Walks a list from its newest row to its oldest and back.
async fn walk<T, F>(
    size: u32,
    expected: &[String],
    list: impl Fn(PageAsk) -> F,
    name: fn(&T) -> String,
) where
    F: Future<Output = Result<Page<T>>>,
{
    let mut all = Vec::new();
    let mut pages = Vec::new();
    let mut page = list(ask(size, None)).await.unwrap();
    assert_eq!(page.previous, None, "nothing is newer than the newest");
    loop {
        assert!(page.rows.len() <= usize::try_from(size).unwrap());
        let names: Vec<_> = page.rows.iter().map(name).collect();
        all.extend(names.clone());
        pages.push(names);
        let Some(next) = page.next else { break };
        page = list(ask(size, Some(next))).await.unwrap();
        assert!(page.previous.is_some(), "what was just shown is newer");
    }
    assert_eq!(all, expected);
    while let Some(previous) = page.previous {
        pages.pop();
        page = list(ask(size, Some(previous))).await.unwrap();
        let names: Vec<_> = page.rows.iter().map(name).collect();
        assert_eq!(Some(&names), pages.last(), "the way back shows the same pages");
        assert!(page.next.is_some());
    }
    assert_eq!(pages.len(), 1, "the way back ends at the newest page");
}

fn event_name(listed: &ListedEvent) -> String {
    listed.id.to_string()
}

async fn delivery_numbers(harness: &Harness, filter: &DeliveryFilter) -> Vec<u64> {
    let mut found = Vec::new();
    let mut cursor = None;
    loop {
        let page = harness.deliveries(merchant(1), filter.clone(), ask(3, cursor)).await.unwrap();
        for row in page.rows {
            found.push(delivery_number(row.id));
        }
        cursor = page.next;
        if cursor.is_none() {
            return found;
        }
    }
}

pub async fn q12_pages_of_events_are_stable_while_rows_are_added(harness: Harness) {
    let harness = harness.with_webhooks(1).await;
    // Names in no order: events are listed as they came.
    for n in [5, 3, 9, 1, 7] {
        harness.post(vec![named(&format!("e{n}"), 1, 0).into()]).await.unwrap();
    }
    let list = |cursor| harness.events(merchant(1), EventFilter::default(), ask(2, cursor));
    let names = |page: &Page<ListedEvent>| page.rows.iter().map(event_name).collect::<Vec<_>>();
    let first = list(None).await.unwrap();
    assert_eq!(names(&first), ["e7", "e1"]);
    harness.post(vec![named("e0", 1, 0).into(), named("e8", 1, 0).into()]).await.unwrap();
    let second = list(first.next).await.unwrap();
    assert_eq!(names(&second), ["e9", "e3"]);
    let back = list(second.previous).await.unwrap();
    assert_eq!((names(&back), names(&first)), (names(&first), names(&back)));
    let newer = list(back.previous).await.unwrap();
    assert_eq!((names(&newer), newer.previous), (vec!["e8".to_owned(), "e0".to_owned()], None));
    let third = list(second.next).await.unwrap();
    assert_eq!((names(&third), third.next), (vec!["e5".to_owned()], None));
}

pub async fn q12_pages_of_deliveries_are_stable_while_rows_are_added(harness: Harness) {
    let harness = harness.with_webhooks(3).await;
    for n in 1..=7 {
        harness.post_one(n * 10, n % 3 + 1, 0).await;
    }
    let list = |cursor| harness.deliveries(merchant(1), DeliveryFilter::default(), ask(2, cursor));
    let first = list(None).await.unwrap();
    let ids = |page: &Page<crate::catalog::Delivery>| {
        page.rows.iter().map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(&first), [70, 60].map(delivery_id));
    for n in [80, 90] {
        harness.post_one(n, 1, 0).await;
    }
    let second = list(first.next).await.unwrap();
    assert_eq!(ids(&second), [50, 40].map(delivery_id));
    let leased = harness.lease_of(1, 9, 0).await.deliveries;
    for leased in &leased {
        harness.settle_one(leased, Next::Success, 0).await;
    }
    let third = list(second.next).await.unwrap();
    assert_eq!(ids(&third), [30, 20].map(delivery_id));
    let back = list(list(second.previous).await.unwrap().previous).await.unwrap();
    assert_eq!((ids(&back), back.previous), ([90, 80].map(delivery_id).into(), None));
}

pub async fn q12_pages_go_back_the_way_they_came(harness: Harness) {
    let harness = harness.with_webhooks(5).await;
    for n in 1..=23 {
        harness.post_one(n, n * 7 % 5 + 1, 0).await;
    }
    let expected: Vec<_> = (1..=23).rev().map(|n| delivery_id(n).to_string()).collect();
    for size in [1, 2, 5, 23, 24, 100] {
        let list = |page| harness.deliveries(merchant(1), DeliveryFilter::default(), page);
        walk(size, &expected, list, |row| row.id.to_string()).await;
    }
    // An empty page past either end leads back.
    let list =
        |cursor| harness.deliveries(merchant(1), DeliveryFilter::default(), ask(30, Some(cursor)));
    let below = list(Cursor::Older(0)).await.unwrap();
    assert!(below.rows.is_empty() && below.next.is_none());
    let above = list(Cursor::Newer(u128::MAX - 1)).await.unwrap();
    assert!(above.rows.is_empty() && above.previous.is_none());
    assert_eq!(list(above.next.unwrap()).await.unwrap().rows.len(), 23);
}

pub async fn q12_every_list_pages_in_both_directions(harness: Harness) {
    let harness = harness.with_webhooks(7).await;
    for n in 2..=7 {
        harness.add_merchant(n).await;
        harness.create_api_key(api_key(Some(1), n), stamp(0)).await.unwrap();
        harness.create_api_key(api_key(None, n + 100), stamp(0)).await.unwrap();
        harness.create_user(user(1, n), None, stamp(0)).await.unwrap();
        harness.create_user(user(n, n + 100), None, stamp(0)).await.unwrap();
        harness.post(vec![minted(n, 0).into()]).await.unwrap();
    }
    harness.delete_webhook(merchant(1), webhook_id(4), stamp(1)).await.unwrap();
    let names = |numbers: &[u64], name: fn(u64) -> String| {
        numbers.iter().copied().map(name).collect::<Vec<_>>()
    };
    for size in [1, 3, 6, 100] {
        let expected = names(&[7, 6, 5, 4, 3, 2, 1], |n| merchant(n).to_string());
        walk(size, &expected, |page| harness.merchants(page), |row| row.id.to_string()).await;
        let expected = names(&[7, 6, 5, 3, 2, 1], |n| webhook_id(n).to_string());
        let list = |page| harness.webhooks(merchant(1), page);
        walk(size, &expected, list, |row| row.0.id.to_string()).await;
        let expected = names(&[7, 6, 5, 4, 3, 2], |n| api_key(None, n).id.to_string());
        let list = |page| harness.api_keys(Some(merchant(1)), page);
        walk(size, &expected, list, |row| row.id.to_string()).await;
        let expected = names(&[107, 106, 105, 104, 103, 102], |n| api_key(None, n).id.to_string());
        let list = |page| harness.api_keys(None, page);
        walk(size, &expected, list, |row| row.id.to_string()).await;
        let expected = names(&[7, 6, 5, 4, 3, 2], |n| user(1, n).id.to_string());
        let list = |page| harness.users(merchant(1), page);
        walk(size, &expected, list, |row| row.id.to_string()).await;
        let expected = names(&[7, 6, 5, 4, 3, 2], |n| {
            crate::queue::NewEvent::from(minted(n, 0)).event.id.to_string()
        });
        walk(
            size,
            &expected,
            |page| harness.events(merchant(1), EventFilter::default(), page),
            event_name,
        )
        .await;
    }
}

pub async fn filters_hold_together(harness: Harness) {
    let harness = harness.with_webhooks(3).await;
    for n in 1..=12 {
        let draft = named(&format!("e{n}"), 1, i64::try_from(n).unwrap() * 10);
        // Ids hold the time they were minted at, in milliseconds.
        let draft = draft.to(n * 10_000, n % 2 + 1).to(n * 10_000 + 100, 3);
        let draft = if n % 3 == 0 { draft.typed("item.create") } else { draft };
        let draft = if n % 4 == 0 { draft.as_test() } else { draft };
        harness.post(vec![draft.into()]).await.unwrap();
    }
    let none = DeliveryFilter::default;
    let webhook = Some(webhook_id(1));
    let items = EventType::parse("item.create");
    for (filter, expected) in [
        (
            DeliveryFilter { webhook, ..none() },
            vec![120_000, 100_000, 80_000, 60_000, 40_000, 20_000],
        ),
        (DeliveryFilter { webhook, event_type: items.clone(), ..none() }, vec![120_000, 60_000]),
        (DeliveryFilter { webhook, is_test: Some(true), ..none() }, vec![120_000, 80_000, 40_000]),
        (DeliveryFilter { webhook, is_test: Some(false), ..none() }, vec![100_000, 60_000, 20_000]),
        (DeliveryFilter { event: Some(event_id("e7")), ..none() }, vec![70_100, 70_000]),
        (DeliveryFilter { event: Some(event_id("e7")), webhook, ..none() }, vec![]),
        (
            DeliveryFilter { created_after: Some(at(30)), created_before: Some(at(60)), ..none() },
            vec![50_100, 50_000, 40_100, 40_000, 30_100, 30_000],
        ),
        (
            DeliveryFilter {
                event_type: items,
                is_test: Some(true),
                state: Some(State::Pending),
                ..none()
            },
            vec![120_100, 120_000],
        ),
        (DeliveryFilter { event: Some(event_id("nothing")), ..none() }, vec![]),
        (DeliveryFilter { webhook: Some(webhook_id(99)), ..none() }, vec![]),
    ] {
        assert_eq!(delivery_numbers(&harness, &filter).await, expected, "{filter:?}");
    }
}

pub async fn states_are_found_among_many_others(harness: Harness) {
    let harness = harness.with_webhooks(3).await;
    let events = (1..=90).map(|n| minted(n, 0).to(n, n % 2 + 1).into()).collect();
    harness.post(events).await.unwrap();
    let mut expected =
        [(State::Success, vec![]), (State::Failed, vec![]), (State::Pending, vec![])];
    for webhook in 1..=2 {
        for leased in harness.lease_of(webhook, 100, 0).await.deliveries {
            let n = delivery_number(leased.id);
            let (place, next) = match n % 10 {
                0 => (1, Next::Failed),
                7 => (2, Next::Retry(at(300))),
                _ => (0, Next::Success),
            };
            harness.settle_one(&leased, next, 1).await;
            expected[place].1.push(n);
        }
    }
    for n in 101..=104 {
        harness.post_one(n, 3, 0).await;
    }
    let change =
        StatusChange { status: Status::Disabled(DisabledBy::Gone), backlog: Backlog::Keep };
    harness.change_status(merchant(1), webhook_id(3), change, stamp(2)).await.unwrap();
    let canceled = (State::Canceled, vec![101, 102, 103, 104]);
    for (state, mut numbers) in expected.into_iter().chain([canceled]) {
        numbers.sort_unstable_by(|a, b| b.cmp(a));
        let filter = DeliveryFilter { state: Some(state), ..DeliveryFilter::default() };
        assert_eq!(delivery_numbers(&harness, &filter).await, numbers, "{state:?}");
        let names: Vec<_> = numbers.iter().map(|n| delivery_id(*n).to_string()).collect();
        let list = |page| harness.deliveries(merchant(1), filter.clone(), page);
        walk(4, &names, list, |row| row.id.to_string()).await;
    }
}

pub async fn the_log_of_a_deleted_webhook_stays(harness: Harness) {
    let harness = harness.with_webhooks(2).await;
    harness.post_one(1, 1, 0).await;
    harness.post_one(2, 2, 0).await;
    harness.delete_webhook(merchant(1), webhook_id(1), stamp(5)).await.unwrap();
    let none = DeliveryFilter::default();
    assert_eq!(delivery_numbers(&harness, &none).await, [2, 1]);
    let filter = DeliveryFilter { webhook: Some(webhook_id(1)), ..none };
    assert_eq!(delivery_numbers(&harness, &filter).await, [1]);
    let detail = harness.detail(1).await;
    assert_eq!(detail.delivery.state, State::Canceled);
    assert_eq!(detail.delivery.settled_at, Some(at(5)));
}

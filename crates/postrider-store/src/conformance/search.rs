//! Finding events and deliveries by the words of their events, with bounded effort.

use postrider_core::delivery::{Next, State};
use postrider_core::event::EventType;
use postrider_core::limits;
use postrider_core::terms::Term;

use super::Harness;
use super::fixture::{
    ask, at, delivery_id, delivery_number, event_id, merchant, minted, named, stamp, webhook_id,
};
use crate::catalog::{Cursor, DeliveryFilter, EventFilter, FeedPage, FeedPosition, PageAsk};
use crate::queue::NewEvent;

/// An event of an order of a customer.
fn order(n: u64, customer: &str, webhooks: &[u64]) -> NewEvent {
    let draft = named(&format!("e{n}"), 1, i64::try_from(n).unwrap());
    let draft = webhooks.iter().fold(draft, |draft, w| draft.to(n * 10 + w, *w));
    let mut new = NewEvent::from(draft);
    let data = format!(r#"{{"object":{{"public_id":"o{n}","customer":"{customer}"}}}}"#);
    new.event.data = data.into();
    let snapshot = format!(r#"{{"customer":{{"email":"{customer}@Example.com"}}}}"#);
    new.event.snapshot = Some(snapshot.into());
    new
}

/// What a filter finds, in pages of `size` from the newest to the oldest.
async fn deliveries(harness: &Harness, filter: &DeliveryFilter, size: u32) -> Vec<u64> {
    let (mut found, mut cursor) = (Vec::new(), None);
    loop {
        let page = harness.deliveries(merchant(1), filter.clone(), ask(size, cursor)).await;
        let page = page.unwrap();
        found.extend(page.rows.iter().map(|row| delivery_number(row.id)));
        cursor = page.next;
        if cursor.is_none() {
            return found;
        }
    }
}

async fn events(harness: &Harness, filter: &EventFilter, size: u32) -> Vec<String> {
    let (mut found, mut cursor) = (Vec::new(), None);
    loop {
        let page = harness.events(merchant(1), filter.clone(), ask(size, cursor)).await.unwrap();
        found.extend(page.rows.iter().map(|row| row.id.to_string()));
        cursor = page.next;
        if cursor.is_none() {
            return found;
        }
    }
}

pub async fn deliveries_are_found_by_the_words_of_their_events(harness: Harness) {
    let mut harness = harness.with_webhooks(2).await;
    for n in 1..=9 {
        let customer = if n % 3 == 0 { "ann" } else { "bob" };
        harness.post(vec![order(n, customer, &[1, 2])]).await.unwrap();
    }
    let none = DeliveryFilter::default;
    let customer = |name: &str| vec![Term::customer(name)];
    for is_restarted in [false, true] {
        for (filter, expected) in [
            (DeliveryFilter { terms: customer("ann"), ..none() }, vec![92, 91, 62, 61, 32, 31]),
            (
                DeliveryFilter { terms: vec![Term::email("ANN@example.com")], ..none() },
                vec![92, 91, 62, 61, 32, 31],
            ),
            (DeliveryFilter { terms: vec![Term::object("o4")], ..none() }, vec![42, 41]),
            (
                DeliveryFilter {
                    terms: customer("ann"),
                    webhook: Some(webhook_id(2)),
                    created_before: Some(at(9)),
                    ..none()
                },
                vec![62, 32],
            ),
            (
                DeliveryFilter { terms: vec![Term::object("o6"), Term::customer("ann")], ..none() },
                vec![62, 61],
            ),
            (
                DeliveryFilter { terms: vec![Term::object("o6"), Term::customer("bob")], ..none() },
                vec![],
            ),
            (
                DeliveryFilter { terms: customer("ann"), event: Some(event_id("e3")), ..none() },
                vec![32, 31],
            ),
            (
                DeliveryFilter { terms: customer("bob"), event: Some(event_id("e3")), ..none() },
                vec![],
            ),
            (
                DeliveryFilter { terms: customer("bob"), state: Some(State::Failed), ..none() },
                vec![],
            ),
            (DeliveryFilter { terms: customer("carl"), ..none() }, vec![]),
            // The kinds are kept apart.
            (DeliveryFilter { terms: vec![Term::object("ann")], ..none() }, vec![]),
        ] {
            for size in [1, 3, 100] {
                assert_eq!(deliveries(&harness, &filter, size).await, expected, "{filter:?}");
            }
        }
        if !is_restarted {
            harness.restart(at(99)).await;
        }
    }
}

pub async fn events_are_found_by_their_words_and_properties(harness: Harness) {
    let harness = harness.with_webhooks(1).await;
    for n in 1..=6 {
        let customer = if n % 2 == 0 { "ann" } else { "bob" };
        let mut new = order(n, customer, &[]);
        new.is_test = n == 4;
        if n >= 5 {
            new.event.event_type = EventType::parse("order.cancel").unwrap();
        }
        harness.post(vec![new]).await.unwrap();
    }
    let none = EventFilter::default;
    let canceled = EventType::parse("order.cancel");
    for (filter, expected) in [
        (none(), vec!["e6", "e5", "e4", "e3", "e2", "e1"]),
        (EventFilter { terms: vec![Term::customer("ann")], ..none() }, vec!["e6", "e4", "e2"]),
        (EventFilter { terms: vec![Term::object("o3")], ..none() }, vec!["e3"]),
        (EventFilter { event_type: canceled.clone(), ..none() }, vec!["e6", "e5"]),
        (
            EventFilter {
                event_type: canceled,
                terms: vec![Term::email("ann@example.com")],
                ..none()
            },
            vec!["e6"],
        ),
        (EventFilter { is_test: Some(true), ..none() }, vec!["e4"]),
        (
            EventFilter { created_after: Some(at(2)), created_before: Some(at(4)), ..none() },
            vec!["e3", "e2"],
        ),
        (EventFilter { created_after: Some(at(600)), ..none() }, vec![]),
        (EventFilter { created_before: Some(at(-600)), ..none() }, vec![]),
    ] {
        for size in [1, 2, 100] {
            assert_eq!(events(&harness, &filter, size).await, expected, "{filter:?}");
        }
    }
}

pub async fn found_pages_go_back_the_way_they_came(harness: Harness) {
    let harness = harness.with_webhooks(3).await;
    for n in 1..=7 {
        harness.post(vec![order(n, "ann", &[1, 2, 3])]).await.unwrap();
    }
    let filter = DeliveryFilter { terms: vec![Term::customer("ann")], ..DeliveryFilter::default() };
    let list = |page: PageAsk| harness.deliveries(merchant(1), filter.clone(), page);
    for size in [1, 2, 4, 5, 20] {
        let mut pages = vec![list(ask(size, None)).await.unwrap()];
        while let Some(next) = pages.last().unwrap().next {
            pages.push(list(ask(size, Some(next))).await.unwrap());
        }
        let shown: usize = pages.iter().map(|page| page.rows.len()).sum();
        assert_eq!(shown, 21);
        // What is added meanwhile moves nothing.
        let mut page = pages.pop().unwrap();
        while let Some(previous) = page.previous {
            page = list(ask(size, Some(previous))).await.unwrap();
            assert_eq!(page.rows, pages.pop().unwrap().rows, "pages of {size}");
        }
        assert!(pages.is_empty());
    }
}

pub async fn another_merchants_words_find_nothing(harness: Harness) {
    let harness = harness.with_webhooks(1).await;
    harness.add_merchant(2).await;
    harness.post(vec![order(1, "ann", &[1])]).await.unwrap();
    let terms = vec![Term::customer("ann")];
    let filter = DeliveryFilter { terms: terms.clone(), ..DeliveryFilter::default() };
    let page = harness.deliveries(merchant(2), filter, ask(9, None)).await.unwrap();
    assert!(page.rows.is_empty() && page.next.is_none());
    let filter = EventFilter { terms, ..EventFilter::default() };
    let page = harness.events(merchant(2), filter, ask(9, None)).await.unwrap();
    assert!(page.rows.is_empty() && page.next.is_none());
}

pub async fn a_search_in_vain_ends_soon_and_goes_on_where_it_stopped(harness: Harness) {
    let harness = harness.with_webhooks(1).await;
    let many = u64::try_from(limits::PAGE_EFFORT_MAX).unwrap() + 50;
    let of_x = |n| {
        let mut new = NewEvent::from(minted(n, 0).to(n, 1));
        new.event.data = r#"{"object":{"public_id":"x"}}"#.into();
        new
    };
    for first in (1..=many).step_by(500) {
        let last = (first + 499).min(many);
        let events = (first..=last).map(of_x).collect();
        harness.post(events).await.unwrap();
    }
    let leased = harness.lease_of(1, 1, 0).await.deliveries.remove(0);
    assert_eq!(leased.id, delivery_id(1), "the oldest is the only success");
    harness.settle_one(&leased, Next::Success, 0).await;
    let filter = DeliveryFilter { state: Some(State::Success), ..DeliveryFilter::default() };
    let list = |cursor| harness.deliveries(merchant(1), filter.clone(), ask(5, cursor));
    let first = list(None).await.unwrap();
    assert!(first.rows.is_empty() && first.next.is_some());
    let second = list(first.next).await.unwrap();
    assert_eq!(second.rows.len(), 1);
    assert_eq!((second.rows[0].id, second.next), (delivery_id(1), None));
    let terms = vec![Term::object("x")];
    let filter = EventFilter { is_test: Some(true), terms, ..EventFilter::default() };
    let page = harness.events(merchant(1), filter.clone(), ask(5, None)).await.unwrap();
    assert!(page.rows.is_empty() && matches!(page.next, Some(Cursor::Older(_))));
    assert_eq!(events(&harness, &filter, 5).await, Vec::<String>::new());
}

pub async fn what_was_not_delivered_is_grouped_by_webhook_and_cause(harness: Harness) {
    let harness = harness.with_webhooks(3).await;
    for n in 1..=5 {
        harness.post_one(n, 1, i64::try_from(n).unwrap()).await;
    }
    harness.post(vec![minted(6, 6).to(6, 2).into()]).await.unwrap();
    harness.post(vec![minted(7, 7).to(7, 2).as_test().into()]).await.unwrap();
    for webhook in [1, 2] {
        for leased in harness.lease_of(webhook, 9, 10).await.deliveries {
            let is_fine = delivery_number(leased.id) == 5;
            let next = if is_fine { Next::Success } else { Next::Failed };
            harness.settle_one(&leased, next, 11).await;
        }
    }
    harness.resend(merchant(1), delivery_id(4), stamp(12)).await.unwrap();
    let all = harness.undelivered(merchant(1), None).await.unwrap();
    let shown: Vec<_> = all.groups.iter().map(|g| (g.webhook, g.count, g.example)).collect();
    assert_eq!(shown, [(webhook_id(1), 3, delivery_id(3)), (webhook_id(2), 1, delivery_id(6))]);
    let group = all.groups[0];
    assert_eq!((group.oldest, group.newest, all.is_complete), (at(1), at(3), true));
    assert_eq!(group.outcome.unwrap().as_str(), "http_error");
    let one = harness.undelivered(merchant(1), Some(webhook_id(2))).await.unwrap();
    assert_eq!(one.groups, all.groups[1..]);
    let other = harness.undelivered(merchant(9), Some(webhook_id(2))).await.unwrap();
    assert!(other.groups.is_empty() && other.is_complete);
}

fn shown(page: &FeedPage) -> Vec<(u64, bool)> {
    let row =
        |row: &crate::catalog::FeedRow| (delivery_number(row.entry.delivery.id), row.is_resend);
    page.rows.iter().map(row).collect()
}

pub async fn a_feed_shows_what_was_committed_after_its_place(harness: Harness) {
    let mut harness = harness.with_webhooks(2).await;
    harness.post_one(50, 1, 0).await;
    let (owner, webhook) = (merchant(1), webhook_id(1));
    let begun = harness.feed(owner, webhook, None).await.unwrap();
    assert!(begun.rows.is_empty() && begun.is_at_end);
    // Ids in no order: a feed follows the commits.
    for n in [70, 60, 90] {
        harness.post_one(n, 1, 0).await;
        harness.post_one(n + 1, 2, 0).await;
    }
    let page = harness.feed(owner, webhook, Some(begun.next)).await.unwrap();
    assert_eq!((shown(&page), page.is_at_end), (vec![(70, false), (60, false), (90, false)], true));
    assert_eq!(page.rows[0].entry.event.data, NewEvent::from(minted(70, 0)).event.data);
    for leased in harness.lease_of(1, 9, 0).await.deliveries {
        harness.settle_one(&leased, Next::Success, 1).await;
    }
    for n in [60, 50] {
        harness.resend(owner, delivery_id(n), stamp(2)).await.unwrap();
    }
    harness.restart(at(3)).await;
    let resent = harness.feed(owner, webhook, Some(page.next)).await.unwrap();
    assert_eq!(shown(&resent), [(60, true), (50, true)]);
    for (row, rest) in [(&page.rows[0], vec![(60, false), (90, false)]), (&page.rows[2], vec![])] {
        let rest = rest.into_iter().chain([(60, true), (50, true)]);
        let page = harness.feed(owner, webhook, Some(row.after)).await.unwrap();
        assert!(shown(&page).into_iter().eq(rest), "each row tells where to go on");
    }
    let after_first = harness.feed(owner, webhook, Some(resent.rows[0].after)).await.unwrap();
    assert_eq!(shown(&after_first), [(50, true)]);
    let rest = harness.feed(owner, webhook, Some(resent.next)).await.unwrap();
    assert!(rest.rows.is_empty() && rest.is_at_end && rest.next == resent.next);
    let other = harness.feed(merchant(2), webhook, None).await;
    assert!(matches!(other, Err(crate::StoreError::NotFound)));
}

pub async fn a_feed_comes_in_bounded_pages_and_skips_nothing(harness: Harness) {
    let harness = harness.with_webhooks(2).await;
    let many = u64::try_from(limits::FEED_ROWS_MAX).unwrap() + 20;
    let events = (1..=many).map(|n| minted(n, 0).to(n, 1).into()).collect();
    harness.post(events).await.unwrap();
    let passed_over = u64::try_from(limits::PAGE_EFFORT_MAX).unwrap() + many;
    for first in (many + 1..=passed_over).step_by(500) {
        let last = (first + 499).min(passed_over);
        let events = (first..=last).map(|n| minted(n, 0).to(n, 2).into()).collect();
        harness.post(events).await.unwrap();
    }
    harness.post_one(passed_over + 1, 1, 0).await;
    let mut place = FeedPosition { event: 0, resend: 0 };
    let (mut all, mut pages) = (Vec::new(), 0);
    loop {
        let page = harness.feed(merchant(1), webhook_id(1), Some(place)).await.unwrap();
        assert!(page.rows.len() <= limits::FEED_ROWS_MAX);
        all.extend(shown(&page).into_iter().map(|(n, _)| n));
        (place, pages) = (page.next, pages + 1);
        if page.is_at_end {
            break;
        }
    }
    assert!(all.iter().copied().eq((1..=many).chain([passed_over + 1])) && pages > 2);
}

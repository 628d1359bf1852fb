//! The lanes: turns, windows, probing, rates, and a property that anything at all keeps the invariants.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use postrider_core::address::AddressPolicy;
use postrider_core::event::{Event, EventType};
use postrider_core::ids::{DeliveryId, EventId, MerchantId};
use postrider_core::key::{VerificationKey, VerificationKeys};
use postrider_core::pattern::Pattern;
use postrider_core::retry::RetryPolicy;
use postrider_core::sign::Scheme;
use postrider_core::snapshot::{AdditionalData, Choice};
use postrider_core::target::{TargetRules, TargetUrl};
use postrider_core::webhook::Webhook;
use proptest::prelude::*;

use super::*;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_unix_millis(1_000_000 + millis)
}

fn route(id: u128, merchant: u128, change: impl FnOnce(&mut Webhook)) -> Arc<Route> {
    let rules = TargetRules { allow_http: false, addresses: Arc::new(AddressPolicy::default()) };
    let mut webhook = Webhook {
        id: WebhookId::from_bits(id),
        merchant: MerchantId::from_bits(merchant),
        name: "w".to_owned(),
        target: TargetUrl::parse("https://example.com/", &rules).unwrap(),
        event_types: vec![Pattern::All],
        additional_data: AdditionalData::default(),
        status: Status::Enabled,
        signature: Scheme::Ordergroove,
        retry_policy: RetryPolicy::FiveMinutes,
        timeout: Duration::from_secs(5),
        headers: vec![],
        max_in_flight: 4,
        rate_limit_per_second: None,
        created_at: at(0),
        updated_at: at(0),
        configuration_version: 1,
    };
    change(&mut webhook);
    let keys = VerificationKeys::of(VerificationKey::from_random([1; 32]));
    Arc::new(Route::new(webhook, &keys, Health::OK))
}

fn lanes_of(routes: Vec<Arc<Route>>) -> Lanes {
    let lanes = Lanes::new();
    lanes.apply(&RouteChanges { version: 1, routes, ..RouteChanges::default() }, at(0), true);
    lanes
}

fn ready(webhook: u128, id: u128) -> Ready {
    let event = Event {
        id: EventId::parse("e").unwrap(),
        merchant: MerchantId::from_bits(1),
        event_type: EventType::parse("order.create").unwrap(),
        created: 0,
        accepted_at: at(0),
        data: Bytes::from_static(b"{}"),
        context: None,
        snapshot: None,
    };
    let leased = LeasedDelivery {
        id: DeliveryId::from_bits(id),
        webhook: WebhookId::from_bits(webhook),
        event: Arc::new(event),
        choice: Choice::NONE,
        is_test: false,
        epoch: 1,
        due_at: at(0),
        leased_until: at(30_000),
        attempts: 0,
        attempts_before: 0,
        schedule_started_at: at(0),
        returned: 0,
    };
    Ready { leased, body: Bytes::from_static(b"body"), reserved_bytes: 4 }
}

/// Reserves and pushes `count` deliveries, as intake does; how many found a place.
fn push(lanes: &Lanes, webhook: u128, count: usize) -> usize {
    let wanted = (0..count).map(|_| (WebhookId::from_bits(webhook), 4, false));
    let places = lanes.reserve(wanted, at(0)).into_iter().flatten().count();
    lanes.push((0..places).map(|n| ready(webhook, n as u128)).collect());
    places
}

fn take(lanes: &Lanes, now: Timestamp) -> Option<u128> {
    let (ready, _, _) = lanes.take(now)?;
    Some(u128::from_be_bytes(ready.leased.webhook.to_bytes()))
}

fn end(lanes: &Lanes, webhook: u128, result: EndedAs, now: Timestamp) -> Aftermath {
    let duration = Duration::from_millis(1);
    // These tests count places in all; which pool gets one back is of no matter to them.
    let pool = lanes.state.lock().turns.in_use().unwrap_or(Pool::Slow);
    let ended = Ended { result, pool, reserved_bytes: 4, now, duration };
    lanes.ended(WebhookId::from_bits(webhook), ended)
}

fn failure(retry_at: Timestamp) -> EndedAs {
    EndedAs::Failure { retry_at, asks_for_less: false }
}

#[test]
fn turns_go_round_merchants_and_then_webhooks() {
    let lanes = lanes_of(vec![route(1, 1, |_| {}), route(2, 1, |_| {}), route(3, 2, |_| {})]);
    for webhook in [1, 2, 3] {
        assert_eq!(push(&lanes, webhook, 4), 4);
    }
    let order: Vec<_> = std::iter::from_fn(|| take(&lanes, at(0))).take(6).collect();
    assert_eq!(order, [1, 3, 2, 3, 1, 3], "merchant 2 gets every second turn");
}

#[test]
fn no_more_start_than_are_allowed_and_an_end_makes_room() {
    let lanes = lanes_of(vec![route(1, 1, |w| w.max_in_flight = 2)]);
    push(&lanes, 1, 5);
    assert_eq!(std::iter::from_fn(|| take(&lanes, at(0))).count(), 2);
    end(&lanes, 1, EndedAs::Success, at(1));
    assert_eq!(std::iter::from_fn(|| take(&lanes, at(1))).count(), 1);
}

#[test]
fn a_lane_holds_what_it_can_start_while_leases_last_and_the_rest_waits_in_the_store() {
    let lanes = lanes_of(vec![route(1, 1, |_| {})]);
    let admitted = push(&lanes, 1, 10_000);
    assert!(admitted <= limits::LANE_WINDOW);
    lanes.note_due(WebhookId::from_bits(1), at(0), true);
    while take(&lanes, at(0)).is_some() {
        end(&lanes, 1, EndedAs::Success, at(0));
    }
    assert_eq!(push(&lanes, 1, 1), 0, "newer ones queue behind those in the store");
    let asks = lanes.asks(at(0));
    assert_eq!(asks.len(), 1);
    assert!(lanes.asks(at(0)).is_empty(), "one lease at a time");
    let empty = LaneState { webhook: asks[0].webhook, next_due: None };
    lanes.leased(vec![], &[empty], at(0));
    assert_eq!(push(&lanes, 1, 1), 1);
}

#[test]
fn probing_sends_one_request_at_the_retry_time_and_hands_back_the_rest() {
    let lanes = lanes_of(vec![route(1, 1, |w| w.max_in_flight = 1)]);
    push(&lanes, 1, 20);
    let mut handed_back = 0;
    for n in 0..5 {
        assert!(take(&lanes, at(n)).is_some());
        handed_back += end(&lanes, 1, failure(at(300_000)), at(n)).hand_back.len();
    }
    assert_eq!(handed_back, 15);
    lanes.note_due(WebhookId::from_bits(1), at(5), true);
    assert_eq!(push(&lanes, 1, 1), 0);
    assert_eq!((take(&lanes, at(6)), lanes.asks(at(6)).len()), (None, 0));
    assert_eq!(lanes.next_due(), Some(at(300_000)));
    let asks = lanes.asks(at(300_000));
    assert_eq!((asks.len(), asks[0].limit), (1, 1));
    let more = LaneState { webhook: asks[0].webhook, next_due: Some(at(5)) };
    lanes.leased(vec![ready(1, 99)], &[more], at(300_000));
    assert!(take(&lanes, at(300_000)).is_some());
    assert_eq!(lanes.asks(at(300_000)).len(), 0, "one probe at a time");
    let aftermath = end(&lanes, 1, EndedAs::Success, at(300_100));
    assert_eq!(aftermath.note, Some(Health::OK));
    assert_eq!(lanes.asks(at(300_100)).len(), 1, "the backlog follows at once");
}

#[test]
fn a_corrected_target_is_probed_at_once() {
    let lanes = lanes_of(vec![route(1, 1, |w| w.max_in_flight = 1)]);
    push(&lanes, 1, 5);
    for n in 0..5 {
        assert!(take(&lanes, at(n)).is_some());
        end(&lanes, 1, failure(at(300_000)), at(n));
    }
    lanes.note_due(WebhookId::from_bits(1), at(5), false);
    let changed = |target: &str| {
        let target = TargetUrl::restored(target).unwrap();
        let routes = vec![route(1, 1, |w| w.target = target)];
        lanes.apply(&RouteChanges { version: 2, routes, ..RouteChanges::default() }, at(6), false);
        lanes.next_due()
    };
    assert_eq!(changed("https://example.com/"), Some(at(300_000)));
    assert_eq!(changed("https://example.com/right"), Some(at(6)));
}

#[test]
fn a_rate_limit_gives_shares_of_time() {
    let lanes = lanes_of(vec![route(1, 1, |w| w.rate_limit_per_second = Some(1))]);
    assert_eq!(push(&lanes, 1, 9), 5, "no more than it can start in the horizon");
    assert_eq!((take(&lanes, at(0)), take(&lanes, at(0))), (Some(1), None));
    assert_eq!(lanes.next_due(), Some(at(1_000)));
    assert!(lanes.asks(at(1_000)).is_empty());
    assert_eq!(take(&lanes, at(1_000)), Some(1));
}

#[test]
fn a_webhook_that_stops_receiving_gives_back_what_waited() {
    let lanes = lanes_of(vec![route(1, 1, |_| {}), route(2, 1, |_| {})]);
    push(&lanes, 1, 3);
    let paused = route(1, 1, |w| w.status = Status::Paused);
    let changes = RouteChanges { version: 2, routes: vec![paused], ..RouteChanges::default() };
    assert_eq!(lanes.apply(&changes, at(1), false).len(), 3);
    assert_eq!((take(&lanes, at(1)), push(&lanes, 1, 1)), (None, 0));
    let back =
        RouteChanges { version: 3, routes: vec![route(1, 1, |_| {})], ..RouteChanges::default() };
    lanes.apply(&back, at(2), false);
    assert_eq!(lanes.asks(at(2)).len(), 1, "it looks at the store at once");
}

#[test]
fn no_lease_is_asked_for_while_memory_is_full() {
    let lanes = lanes_of(vec![route(1, 1, |_| {}), route(2, 1, |_| {})]);
    let place = std::iter::once((WebhookId::from_bits(1), limits::LANES_BYTES_MAX, false));
    assert_eq!(lanes.reserve(place, at(0)).into_iter().flatten().count(), 1);
    lanes.note_due(WebhookId::from_bits(2), at(0), true);
    assert_eq!((push(&lanes, 1, 1), lanes.asks(at(1)).len(), lanes.has_work(at(1))), (0, 0, false));
    assert_eq!(lanes.next_due(), None);
    lanes.give_up(WebhookId::from_bits(1), limits::LANES_BYTES_MAX);
    assert_eq!(lanes.asks(at(1)).len(), 1);
}

#[test]
fn a_stop_gives_everything_back_and_nothing_starts() {
    let lanes = lanes_of(vec![route(1, 1, |_| {})]);
    push(&lanes, 1, 3);
    assert_eq!(lanes.stop().len(), 3);
    assert_eq!((take(&lanes, at(1)), push(&lanes, 1, 1), lanes.has_work(at(1))), (None, 0, false));
}

/// One attempt at each of these webhooks ends as a success after `duration`.
fn acquaint(lanes: &Lanes, webhooks: impl Iterator<Item = u128>, duration: Duration) {
    for webhook in webhooks {
        push(lanes, webhook, 1);
        let (_, _, pool) = lanes.take(at(0)).unwrap();
        let ended =
            Ended { result: EndedAs::Success, pool, reserved_bytes: 4, now: at(0), duration };
        lanes.ended(WebhookId::from_bits(webhook), ended);
    }
}

#[test]
fn receivers_that_hang_fill_their_own_pool_only() {
    let webhooks = 1..=200_u128;
    let lanes = lanes_of(webhooks.clone().map(|id| route(id, id, |_| {})).collect());
    acquaint(&lanes, std::iter::once(200), Duration::from_millis(20));
    for webhook in webhooks.clone().filter(|id| *id < 200) {
        assert_eq!(push(&lanes, webhook, 4), 4);
    }
    let taken = std::iter::from_fn(|| take(&lanes, at(0))).count();
    assert_eq!(taken, limits::IN_FLIGHT_SLOW_MAX, "none of them has answered yet");
    push(&lanes, 200, 2);
    assert_eq!(take(&lanes, at(0)), Some(200), "who answers has places of its own");
    push(&lanes, 200, 2);
    assert_eq!(take(&lanes, at(5_000)), None, "until nothing came back for a while");
}

#[test]
fn a_receiver_that_answers_slowly_is_slow() {
    let lanes = lanes_of(vec![route(1, 1, |_| {}), route(2, 1, |_| {})]);
    acquaint(&lanes, std::iter::once(1), Duration::from_secs(3));
    acquaint(&lanes, std::iter::once(2), Duration::from_millis(3));
    push(&lanes, 1, 1);
    push(&lanes, 2, 1);
    let pools: Vec<_> = std::iter::from_fn(|| lanes.take(at(0))).map(|(_, _, pool)| pool).collect();
    assert_eq!(pools, [Pool::Quick, Pool::Slow]);
}

#[test]
fn first_attempts_go_before_retries_which_get_every_fifth_turn() {
    let lanes = lanes_of(vec![route(1, 1, |w| w.max_in_flight = 1)]);
    acquaint(&lanes, std::iter::once(1), Duration::from_millis(3));
    let retry = |id| {
        let mut ready = ready(1, id);
        ready.leased.attempts = 1;
        ready
    };
    lanes.leased((100..110).map(retry).collect(), &[], at(0));
    push(&lanes, 1, 12);
    let mut order = Vec::new();
    while let Some((ready, _, pool)) = lanes.take(at(0)) {
        order.push((ready.leased.attempts, pool));
        end(&lanes, 1, EndedAs::Success, at(0));
    }
    let retries: Vec<_> = order.iter().map(|(attempts, _)| *attempts).collect();
    assert_eq!(retries[..10], [0, 0, 0, 1, 0, 0, 0, 0, 1, 0]);
    assert_eq!(order.last(), Some(&(1, Pool::Retry)), "when they are alone, they have a pool");
    assert_eq!(retries.len(), 22);
}

#[test]
fn retries_fill_their_own_pool_only() {
    let webhooks = 1..=100_u128;
    let lanes = lanes_of(webhooks.clone().map(|id| route(id, id, |_| {})).collect());
    acquaint(&lanes, webhooks.clone(), Duration::from_millis(20));
    let retries = webhooks.flat_map(|webhook| (0..4).map(move |id| ready(webhook, id)));
    let retries = retries.map(|mut ready| {
        ready.leased.attempts = 3;
        ready
    });
    lanes.leased(retries.collect(), &[], at(0));
    let taken = std::iter::from_fn(|| take(&lanes, at(0))).count();
    assert_eq!(taken, limits::IN_FLIGHT_RETRY_MAX);
    push(&lanes, 100, 1);
    assert_eq!(take(&lanes, at(0)), Some(100), "a first attempt does not wait for them");
}

/// Anything that can happen to the lanes.
#[derive(Debug, Clone)]
enum Step {
    Push(u128, usize),
    Take,
    End(bool),
    Due(u128, i64),
    Lease(usize),
    Toggle(u128),
    Pass(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (1..4_u128, 1..20_usize).prop_map(|(w, n)| Step::Push(w, n)),
        Just(Step::Take),
        any::<bool>().prop_map(Step::End),
        (1..4_u128, 0..1_000_i64).prop_map(|(w, t)| Step::Due(w, t)),
        (0..5_usize).prop_map(Step::Lease),
        (1..4_u128).prop_map(Step::Toggle),
        (0..500_i64).prop_map(Step::Pass),
    ]
}

fn check_invariants(lanes: &Lanes, in_flight: &[u128]) {
    let state = lanes.state.lock();
    assert_eq!(state.turns.in_flight(), in_flight.len());
    for (webhook, lane) in &state.lanes {
        assert_eq!(state.turns.places_in_line(*webhook), lane.turn.into_iter().collect::<Vec<_>>());
        let listed = state.due.iter().find(|(_, other)| other == webhook).map(|(at, _)| *at);
        assert_eq!(lane.listed_at, listed);
        assert_eq!(lane.wants_at(), listed);
    }
    let held: usize = state.lanes.values().flat_map(Lane::waiting).map(|r| r.reserved_bytes).sum();
    assert_eq!(state.bytes, held + 4 * in_flight.len());
    assert!(state.turns.is_orderly());
}

proptest! {
    #[test]
    fn the_invariants_hold_whatever_happens(steps in prop::collection::vec(step(), 1..200)) {
        let with = |webhook: u128, status| route(webhook, webhook % 2, |w| {
            w.status = status;
            w.rate_limit_per_second = (webhook == 3).then_some(5);
        });
        let lanes = lanes_of((1..4).map(|webhook| with(webhook, Status::Enabled)).collect());
        let (mut now, mut in_flight, mut paused, mut version) = (0, Vec::new(), Vec::new(), 1);
        for step in steps {
            match step {
                Step::Push(webhook, count) => { push(&lanes, webhook, count); }
                Step::Take => in_flight.extend(take(&lanes, at(now))),
                Step::End(success) => if let Some(webhook) = in_flight.pop() {
                    let result = if success { EndedAs::Success } else { failure(at(now + 100)) };
                    end(&lanes, webhook, result, at(now));
                },
                Step::Due(webhook, wait) => {
                    lanes.note_due(WebhookId::from_bits(webhook), at(now + wait), wait == 0);
                }
                Step::Lease(count) => {
                    let asks = lanes.asks(at(now));
                    let bring = |ask: &LaneAsk| (0..count.min(ask.limit as usize))
                        .map(|_| ready(u128::from_be_bytes(ask.webhook.to_bytes()), 7))
                        .collect::<Vec<_>>();
                    let answer = |ask: &LaneAsk| LaneState { webhook: ask.webhook, next_due: None };
                    let answers: Vec<_> = asks.iter().map(answer).collect();
                    lanes.leased(asks.iter().flat_map(bring).collect(), &answers, at(now));
                }
                Step::Toggle(webhook) => {
                    version += 1;
                    let was_paused = paused.iter().position(|other| *other == webhook);
                    let status = if let Some(index) = was_paused {
                        paused.remove(index);
                        Status::Enabled
                    } else {
                        paused.push(webhook);
                        Status::Paused
                    };
                    let routes = vec![with(webhook, status)];
                    let changes = RouteChanges { version, routes, ..RouteChanges::default() };
                    lanes.apply(&changes, at(now), false);
                }
                Step::Pass(time) => now += time,
            }
            check_invariants(&lanes, &in_flight);
        }
    }
}

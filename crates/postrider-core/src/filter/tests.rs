//! Whatever the two APIs write in turn, filters and event types say the same.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;
use crate::event::EventType;
use crate::retry::RetryPolicy;
use crate::sign::Scheme;
use crate::snapshot::AdditionalData;
use crate::target::TargetUrl;
use crate::webhook::Status;

fn webhook(event_types: Vec<Pattern>) -> Webhook {
    let at = Timestamp::from_unix_seconds(1);
    Webhook {
        id: WebhookId::from_bits(7),
        merchant: crate::ids::MerchantId::from_bits(1),
        name: "w".into(),
        target: TargetUrl::restored("https://receiver.example/").unwrap(),
        event_types,
        additional_data: AdditionalData::default(),
        status: Status::Enabled,
        signature: Scheme::default(),
        retry_policy: RetryPolicy::default(),
        timeout: limits::TIMEOUT_DEFAULT,
        headers: Vec::new(),
        max_in_flight: 1,
        rate_limit_per_second: None,
        created_at: at,
        updated_at: at,
        configuration_version: 1,
    }
}

fn filter(n: u8, pattern: &str) -> Filter {
    let created_at = Timestamp::from_unix_seconds(i64::from(n));
    Filter { id: ShortId::from_bytes([n; 12]), alternatives: parse(pattern).unwrap(), created_at }
}

fn patterns(texts: &[&str]) -> Vec<Pattern> {
    texts.iter().map(|text| Pattern::parse(text).unwrap()).collect()
}

fn shown(filters: &[Filter]) -> Vec<String> {
    filters.iter().map(Filter::pattern).collect()
}

#[test]
fn alternatives_match_whole_types_and_anything_else_is_refused() {
    for good in ["*", "order.*", "order.create", "subscription.*|order.*", "order.create|*"] {
        assert_eq!(filter(1, good).pattern(), good);
    }
    for bad in ["", "|", "order.*|", "|order.*", "order", "order.cre*", ".*", "order.*||item.*"] {
        assert_eq!(parse(bad).unwrap_err().field, "pattern", "{bad}");
    }
    for bad in ["^order.*$", "(order|item).*", "order\\..*", "order.create |item.*", "Order.*"] {
        assert_eq!(parse(bad).unwrap_err().code, "invalid_event_type", "{bad}");
    }
    let long = vec!["*"; limits::PATTERNS_PER_WEBHOOK_MAX + 1].join("|");
    assert!(parse(&long).is_err());
}

#[test]
fn a_filter_stays_while_all_of_it_is_wanted_and_what_no_filter_says_appears() {
    let kept = [filter(1, "order.create|item.*"), filter(2, "order.*")];
    let of = |texts: &[&str]| reconciled(&webhook(patterns(texts)), &kept);
    let whole = of(&["order.create", "item.*", "order.*"]);
    assert_eq!(whole, kept);
    let part = of(&["item.*", "order.*", "subscriber.create"]);
    assert_eq!(shown(&part), ["order.*", "item.*", "subscriber.create"]);
    assert_eq!(part, of(&["item.*", "order.*", "subscriber.create"]), "at every reading");
    assert!(of(&[]).is_empty());
}

#[test]
fn an_id_that_is_taken_is_not_given_twice() {
    let derived = reconciled(&webhook(patterns(&["order.*"])), &[]).remove(0);
    let changed = Filter { alternatives: patterns(&["item.*"]), ..derived.clone() };
    let both = reconciled(&webhook(patterns(&["item.*", "order.*"])), &[changed]);
    assert_eq!(shown(&both), ["item.*", "order.*"]);
    assert_eq!(both[0].id, derived.id);
    assert_ne!(both[1].id, derived.id);
}

#[test]
fn all_filters_together_are_bounded() {
    let of = |from: u16, to: u16| {
        let texts: Vec<_> = (from..to).map(|n| format!("order.a{n}")).collect();
        filter(u8::try_from(from).unwrap(), &texts.join("|"))
    };
    assert_eq!(event_types(&[of(0, 100), of(72, 128)], &[]).unwrap().len(), 128);
    let refusal = event_types(&[of(0, 100), of(100, 129)], &[]).unwrap_err();
    assert_eq!(refusal.field, "pattern");
}

fn any_pattern() -> impl Strategy<Value = Pattern> {
    let exact = "[ab]\\.[ab]".prop_map(|text| Pattern::Exact(EventType::parse(&text).unwrap()));
    let family = "[ab]".prop_map(|text| Pattern::Family(text.into()));
    prop_oneof![Just(Pattern::All), family, exact]
}

/// What either API may do.
#[derive(Debug, Clone)]
enum Step {
    /// The newer API writes the list.
    Select(Vec<Pattern>),
    /// The older API adds a filter.
    Add(Vec<Pattern>),
    /// It changes the filter at this place.
    Change(usize, Vec<Pattern>),
    /// It removes the filter at this place.
    Remove(usize),
}

fn any_step() -> impl Strategy<Value = Step> {
    let some = || prop::collection::vec(any_pattern(), 1..4);
    prop_oneof![
        prop::collection::vec(any_pattern(), 0..5).prop_map(Step::Select),
        some().prop_map(Step::Add),
        (0..6_usize, some()).prop_map(|(place, some)| Step::Change(place, some)),
        (0..6_usize).prop_map(Step::Remove),
    ]
}

proptest! {
    #[test]
    fn a_pattern_prints_as_it_was_read(alternatives in prop::collection::vec(any_pattern(), 1..6)) {
        let made = Filter { alternatives: alternatives.clone(), ..filter(1, "*") };
        prop_assert_eq!(parse(&made.pattern()).unwrap(), alternatives);
    }

    #[test]
    fn filters_and_event_types_always_say_the_same(
        steps in prop::collection::vec(any_step(), 1..24),
    ) {
        let mut webhook = webhook(Vec::new());
        let mut kept: Vec<Filter> = Vec::new();
        for (step, n) in steps.into_iter().zip(1_u8..) {
            let mut filters = reconciled(&webhook, &kept);
            match step {
                Step::Select(list) => {
                    webhook.event_types = list;
                    webhook.event_types.dedup();
                    filters = reconciled(&webhook, &kept);
                }
                Step::Add(alternatives) => {
                    filters.push(Filter { alternatives, ..filter(n, "*") });
                    webhook.event_types = event_types(&filters, &webhook.event_types).unwrap();
                    kept = filters.clone();
                }
                Step::Change(place, alternatives) if place < filters.len() => {
                    filters[place].alternatives = alternatives;
                    webhook.event_types = event_types(&filters, &webhook.event_types).unwrap();
                    kept = filters.clone();
                }
                Step::Remove(place) if place < filters.len() => {
                    filters.remove(place);
                    webhook.event_types = event_types(&filters, &webhook.event_types).unwrap();
                    kept = filters.clone();
                }
                Step::Change(..) | Step::Remove(_) => {}
            }
            let read = reconciled(&webhook, &kept);
            prop_assert_eq!(&read, &filters, "reading again changes nothing");
            let wanted: HashSet<_> = webhook.event_types.iter().collect();
            let said: HashSet<_> = read.iter().flat_map(|filter| &filter.alternatives).collect();
            prop_assert_eq!(wanted, said);
            let ids: HashSet<_> = read.iter().map(|filter| filter.id).collect();
            prop_assert_eq!(ids.len(), read.len(), "no id twice");
        }
    }
}

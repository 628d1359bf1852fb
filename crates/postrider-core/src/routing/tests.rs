//! Matching, changes of the table, and the stored form of decisions.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::address::AddressPolicy;
use crate::key::VerificationKey;
use crate::pattern::Pattern;
use crate::retry::RetryPolicy;
use crate::sign::Scheme;
use crate::snapshot::AdditionalData;
use crate::target::{TargetRules, TargetUrl};
use crate::time::Timestamp;
use crate::webhook::DisabledBy;

fn route(id: u128, merchant: u128, pattern: &str, status: Status) -> Arc<Route> {
    let rules = TargetRules { allow_http: false, addresses: Arc::new(AddressPolicy::default()) };
    let webhook = Webhook {
        id: WebhookId::from_bits(id),
        merchant: MerchantId::from_bits(merchant),
        name: "w".to_owned(),
        target: TargetUrl::parse("https://example.com/hook", &rules).unwrap(),
        event_types: vec![Pattern::parse(pattern).unwrap()],
        additional_data: AdditionalData::default(),
        status,
        signature: Scheme::Ordergroove,
        retry_policy: RetryPolicy::default(),
        timeout: Duration::from_secs(5),
        headers: vec![],
        max_in_flight: 1,
        rate_limit_per_second: None,
        created_at: Timestamp::EPOCH,
        updated_at: Timestamp::EPOCH,
        configuration_version: 1,
    };
    let keys = VerificationKeys::of(VerificationKey::from_random([1; 32]));
    Arc::new(Route::new(webhook, &keys, Health::OK))
}

fn table() -> RoutingTable {
    RoutingTable::default().with(RouteChanges {
        version: 7,
        routes: vec![
            route(3, 1, "order.*", Status::Disabled(DisabledBy::Request)),
            route(1, 1, "order.*", Status::Enabled),
            route(2, 1, "item.create", Status::Enabled),
            route(4, 1, "*", Status::Paused),
            route(5, 2, "*", Status::Enabled),
        ],
        deleted: vec![],
        merchants: vec![MerchantId::from_bits(1), MerchantId::from_bits(2)],
    })
}

fn verdicts(table: &RoutingTable, merchant: u128) -> Vec<(WebhookId, Verdict)> {
    let event_type = EventType::parse("order.create").unwrap();
    let decided =
        table.decide(MerchantId::from_bits(merchant), &event_type, || DeliveryId::from_bits(9));
    decided.into_iter().map(|d| (d.webhook, d.verdict)).collect()
}

#[test]
fn every_webhook_of_the_merchant_and_no_other_decides() {
    let deliver = Verdict::Deliver { delivery: DeliveryId::from_bits(9), choice: Choice::NONE };
    assert_eq!(
        verdicts(&table(), 1),
        [
            (WebhookId::from_bits(1), deliver),
            (WebhookId::from_bits(2), Verdict::NotSelected),
            (WebhookId::from_bits(3), Verdict::Disabled),
            (WebhookId::from_bits(4), deliver),
        ]
    );
    assert_eq!(verdicts(&table(), 3), []);
}

#[test]
fn a_change_replaces_and_a_deletion_removes() {
    let next = table().with(RouteChanges {
        version: 8,
        routes: vec![route(1, 1, "item.*", Status::Enabled)],
        deleted: vec![WebhookId::from_bits(4)],
        merchants: vec![],
    });
    assert_eq!(next.version(), 8);
    assert_eq!(verdicts(&next, 1)[0].1, Verdict::NotSelected);
    assert_eq!(verdicts(&next, 1).len(), 3);
    assert!(next.route(WebhookId::from_bits(4)).is_none());
    assert!(next.knows_merchant(MerchantId::from_bits(2)));
}

#[test]
fn decisions_survive_storage_and_damage_is_noticed() {
    let verdicts = [
        Verdict::Deliver { delivery: DeliveryId::from_bits(77), choice: Choice::from_bits(5) },
        Verdict::NotSelected,
        Verdict::Disabled,
    ];
    let decisions =
        verdicts.map(|verdict| Decision { webhook: WebhookId::from_bits(3), verdict }).to_vec();
    let stored = Decision::encode(&decisions);
    assert_eq!(Decision::decode(&stored), Some(decisions));
    assert_eq!(Decision::decode(&stored[1..]), None);
    assert_eq!(Decision::decode(&[0; DECISION_BYTES]), None);
}

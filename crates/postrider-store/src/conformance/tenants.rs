//! Every verb that names a merchant answers for another's rows as for none at all.

use std::fmt::Debug;

use postrider_core::ids::{ApiKeyId, DeliveryId, MerchantId, WebhookId};
use postrider_core::webhook::{DisabledBy, Status};

use super::Harness;
use super::fixture::{
    api_key, ask, at, delivery_id, event_id, key, merchant, named, stamp, webhook, webhook_id,
};
use crate::catalog::{Backlog, DeliveryFilter, EventFilter, StatusChange};
use crate::{Result, StoreError};

#[track_caller]
fn not_found<T: Debug>(result: &Result<T>) {
    assert!(matches!(result, Err(StoreError::NotFound)), "{result:?}");
}

/// Merchant 1 with webhook 1, event `mine` and delivery 1; merchant 2 with nothing.
async fn two_merchants(harness: Harness) -> Harness {
    let harness = harness.with_webhooks(1).await;
    harness.add_merchant(2).await;
    harness.post(vec![named("mine", 1, 0).to(1, 1).into()]).await.unwrap();
    harness
}

async fn check_webhook_verbs(harness: &Harness, owner: u64, id: WebhookId) {
    let owner_id = merchant(owner);
    not_found(&harness.webhook(owner_id, id).await);
    not_found(&harness.verification_keys(owner_id, id).await);
    not_found(&harness.webhook_metrics(owner_id, id, at(0)).await);
    not_found(&harness.feed(owner_id, id, None).await);
    not_found(&harness.rotate_key(owner_id, id, key(9), stamp(1)).await);
    not_found(&harness.replace_key(owner_id, id, key(9), stamp(1)).await);
    not_found(&harness.delete_webhook(owner_id, id, stamp(1)).await);
    let status = Status::Disabled(DisabledBy::Request);
    let change = StatusChange { status, backlog: Backlog::Cancel };
    not_found(&harness.change_status(owner_id, id, change, stamp(1)).await);
    let mut theirs = webhook(owner, 1);
    theirs.id = id;
    not_found(&harness.update_webhook(theirs.clone(), stamp(0)).await);
    not_found(&harness.update_filters(theirs, Vec::new(), stamp(0)).await);
    not_found(&harness.webhook_filters(owner_id, id).await);
}

async fn check_log_verbs(harness: &Harness, owner: MerchantId, id: DeliveryId) {
    not_found(&harness.delivery(owner, id).await);
    not_found(&harness.event(owner, event_id("mine")).await);
    not_found(&harness.resend(owner, id, stamp(1)).await);
    let events = harness.events(owner, EventFilter::default(), ask(9, None)).await.unwrap();
    assert!(events.rows.is_empty());
    for filter in [
        DeliveryFilter::default(),
        DeliveryFilter { webhook: Some(webhook_id(1)), ..DeliveryFilter::default() },
        DeliveryFilter { event: Some(event_id("mine")), ..DeliveryFilter::default() },
    ] {
        let page = harness.deliveries(owner, filter, ask(9, None)).await.unwrap();
        assert!(page.rows.is_empty() && page.next.is_none() && page.previous.is_none());
    }
}

pub async fn another_merchants_webhook_is_not_found(harness: Harness) {
    let harness = two_merchants(harness).await;
    let before = harness.webhook(merchant(1), webhook_id(1)).await.unwrap();
    let version = harness.version().await;
    check_webhook_verbs(&harness, 2, webhook_id(1)).await;
    assert!(harness.webhooks(merchant(2), ask(9, None)).await.unwrap().rows.is_empty());
    assert_eq!(harness.webhook(merchant(1), webhook_id(1)).await.unwrap(), before);
    assert_eq!(harness.version().await, version);
}

pub async fn another_merchants_log_is_not_found(harness: Harness) {
    let harness = two_merchants(harness).await;
    check_log_verbs(&harness, merchant(2), delivery_id(1)).await;
    let page = harness.deliveries(merchant(1), DeliveryFilter::default(), ask(9, None)).await;
    assert_eq!(page.unwrap().rows.len(), 1);
}

pub async fn another_merchants_keys_are_not_found(harness: Harness) {
    let harness = two_merchants(harness).await;
    harness.create_api_key(api_key(Some(1), 1), stamp(0)).await.unwrap();
    harness.create_api_key(api_key(None, 2), stamp(0)).await.unwrap();
    let id = |n| api_key(None, n).id;
    for (owner, key) in
        [(Some(merchant(2)), 1), (None, 1), (Some(merchant(1)), 2), (Some(merchant(2)), 2)]
    {
        not_found(&harness.revoke_api_key(owner, id(key), stamp(1)).await);
    }
    assert!(harness.api_keys(Some(merchant(2)), ask(9, None)).await.unwrap().rows.is_empty());
    for (owner, key) in [(Some(merchant(1)), 1), (None, 2)] {
        let rows = harness.api_keys(owner, ask(9, None)).await.unwrap().rows;
        assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), [id(key)]);
        assert_eq!(rows[0].revoked_at, None);
    }
}

pub async fn what_does_not_exist_is_not_found(harness: Harness) {
    let harness = two_merchants(harness).await;
    check_webhook_verbs(&harness, 1, webhook_id(99)).await;
    harness.delete_webhook(merchant(1), webhook_id(1), stamp(1)).await.unwrap();
    // A deleted one is as if it had never been.
    check_webhook_verbs(&harness, 1, webhook_id(1)).await;
    not_found(&harness.merchant(merchant(99)).await);
    not_found(&harness.event(merchant(1), event_id("nothing")).await);
    not_found(&harness.delivery(merchant(1), delivery_id(99)).await);
    not_found(&harness.resend(merchant(1), delivery_id(99), stamp(1)).await);
    not_found(&harness.api_key_by_digest([9; 32]).await);
    not_found(&harness.revoke_api_key(None, ApiKeyId::from_bits(9), stamp(1)).await);
    check_log_verbs(&harness, merchant(99), delivery_id(1)).await;
}

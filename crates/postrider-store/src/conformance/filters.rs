//! Filters of the older API: kept with their webhook, written with it or not at all.

use postrider_core::filter::{self, Filter};
use postrider_core::ids::ShortId;
use postrider_core::pattern::Pattern;
use postrider_core::webhook::Webhook;

use super::Harness;
use super::fixture::{at, merchant, stamp, webhook_id};
use crate::StoreError;

fn filter(n: u8, pattern: &str) -> Filter {
    let alternatives = filter::parse(pattern).unwrap();
    Filter { id: ShortId::from_bytes([n; 12]), alternatives, created_at: at(i64::from(n)) }
}

async fn stored(harness: &Harness, n: u64) -> (Webhook, Vec<Filter>) {
    harness.webhook_filters(merchant(1), webhook_id(n)).await.unwrap()
}

/// The webhook wanting what these filters say.
fn wanting(webhook: &Webhook, filters: &[Filter]) -> Webhook {
    let event_types = filter::event_types(filters, &[]).unwrap();
    Webhook { event_types, updated_at: at(7), ..webhook.clone() }
}

pub async fn filters_are_kept_in_their_order_with_their_webhook(harness: Harness) {
    let mut harness = harness.with_webhooks(2).await;
    let (webhook, none) = stored(&harness, 1).await;
    assert!(none.is_empty());
    let filters = vec![filter(9, "order.*|item.create"), filter(1, "*"), filter(5, "item.create")];
    let version = harness.version().await;
    let asked = wanting(&webhook, &filters);
    let updated = harness.update_filters(asked.clone(), filters.clone(), stamp(7)).await.unwrap();
    let configuration_version = webhook.configuration_version + 1;
    assert_eq!(updated, Webhook { configuration_version, ..asked });
    assert_eq!(stored(&harness, 1).await, (updated.clone(), filters.clone()));
    assert_eq!(harness.version().await, version + 1, "appends see the new event types");
    harness.restart(at(8)).await;
    assert_eq!(stored(&harness, 1).await, (updated.clone(), filters.clone()));
    assert!(stored(&harness, 2).await.1.is_empty());
    // Another way of writing the webhook leaves them as they are.
    let list = vec![Pattern::parse("order.create").unwrap()];
    let listed =
        harness.update_webhook(Webhook { event_types: list, ..updated }, stamp(7)).await.unwrap();
    assert_eq!(stored(&harness, 1).await, (listed.clone(), filters.clone()));
    // A webhook may want nothing, and all filters may go.
    let emptied =
        harness.update_filters(wanting(&listed, &[]), Vec::new(), stamp(7)).await.unwrap();
    assert!(emptied.event_types.is_empty());
    assert_eq!(stored(&harness, 1).await, (emptied, Vec::new()));
}

pub async fn filters_of_an_old_version_change_nothing(harness: Harness) {
    let harness = harness.with_webhooks(1).await;
    let (webhook, _) = stored(&harness, 1).await;
    let first = vec![filter(1, "order.*")];
    harness.update_filters(wanting(&webhook, &first), first.clone(), stamp(7)).await.unwrap();
    let (before, version) = (stored(&harness, 1).await, harness.version().await);
    let late = vec![filter(2, "item.*")];
    let refused = harness.update_filters(wanting(&webhook, &late), late, stamp(7)).await;
    assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
    assert_eq!((stored(&harness, 1).await, harness.version().await), (before, version));
}

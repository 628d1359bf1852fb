//! Q13: every change has its entry in the audit log, and the chain of entries shows tampering.

use postrider_core::audit::Entry;
use postrider_core::delivery::Next;
use postrider_core::webhook::{DisabledBy, Status, Webhook};

use super::Harness;
use super::fixture::{api_key, ask, delivery_id, key, merchant, stamp, webhook, webhook_id};
use crate::catalog::{AuditFilter, Audited, Backlog, Note, StatusChange};
use crate::error::StoreError;

async fn actions(harness: &Harness, filter: AuditFilter) -> Vec<String> {
    let page = harness.audit_log(filter, ask(100, None)).await.unwrap();
    page.rows.into_iter().rev().map(|entry| entry.action).collect()
}

fn of(n: u64) -> AuditFilter {
    AuditFilter { merchant: Some(merchant(n)), object: None }
}

pub async fn q13_every_change_has_its_entry(harness: Harness) {
    let harness = harness.with_webhooks(2).await;
    // Ids of tests are small numbers, so that those of different kinds are the same.
    let id = webhook_id(2);
    let read = harness.webhook(merchant(1), id).await.unwrap().0;
    let renamed = Webhook { name: "y".into(), max_in_flight: 9, ..read };
    harness.update_webhook(renamed, stamp(1)).await.unwrap();
    for status in [Status::Paused, Status::Enabled, Status::Disabled(DisabledBy::Request)] {
        let change = StatusChange { status, backlog: Backlog::Keep };
        harness.change_status(merchant(1), id, change, stamp(2)).await.unwrap();
    }
    harness.rotate_key(merchant(1), id, key(2), stamp(3)).await.unwrap();
    harness.delete_webhook(merchant(1), id, stamp(4)).await.unwrap();
    harness.create_api_key(api_key(Some(1), 9), stamp(5)).await.unwrap();
    for _ in 0..2 {
        let id = api_key(Some(1), 9).id;
        harness.revoke_api_key(Some(merchant(1)), id, stamp(6)).await.unwrap();
    }
    let all = [
        "merchant.created",
        "webhook.created",
        "webhook.created",
        "webhook.updated",
        "webhook.paused",
        "webhook.resumed",
        "webhook.disabled",
        "verification_key.rotated",
        "webhook.deleted",
        "api_key.created",
        "api_key.revoked",
    ];
    assert_eq!(actions(&harness, of(1)).await, all);
    let about = AuditFilter { object: Some(id.to_string()), ..of(1) };
    assert_eq!(actions(&harness, about.clone()).await, all[2..9]);
    let page = harness.audit_log(about, ask(100, None)).await.unwrap();
    let updated: &Entry = &page.rows[page.rows.len() - 2];
    assert_eq!(updated.detail, "name, max_in_flight");
    assert_eq!(updated.stamp, stamp(1));
    assert!(actions(&harness, of(2)).await.is_empty());
}

pub async fn q13_what_is_refused_has_no_entry(harness: Harness) {
    let harness = harness.with_webhooks(1).await;
    let before = harness.verify_audit_log().await.unwrap();
    let again = harness.create_webhook(webhook(1, 1), key(1), stamp(1)).await;
    assert!(matches!(again, Err(StoreError::Conflict)));
    let others = harness.delete_webhook(merchant(2), webhook_id(1), stamp(1)).await;
    assert!(matches!(others, Err(StoreError::NotFound)));
    assert_eq!(harness.verify_audit_log().await.unwrap(), before);
}

pub async fn q13_a_resend_has_its_entry(harness: Harness) {
    let harness = harness.with_webhooks(1).await;
    harness.post_one(5, 1, 0).await;
    assert!(harness.resend(merchant(1), delivery_id(5), stamp(1)).await.is_ok());
    let about = AuditFilter { object: Some(delivery_id(5).to_string()), ..of(1) };
    assert!(actions(&harness, about.clone()).await.is_empty(), "it was pending already");
    let leased = harness.lease_one(1, 1).await;
    harness.settle_one(&leased, Next::Failed, 2).await;
    harness.resend(merchant(1), delivery_id(5), stamp(900)).await.unwrap();
    assert_eq!(actions(&harness, about).await, ["delivery.resent"]);
}

pub async fn the_chain_counts_its_entries(harness: Harness) {
    let harness = harness.with_webhooks(1).await;
    let entries = harness.verify_audit_log().await.unwrap().entries;
    for n in 0..5_000_u64 {
        let note = Note {
            merchant: None,
            action: "verification_key.shown".to_owned(),
            object: n.to_string(),
            detail: String::new(),
        };
        harness.note(note, stamp(1)).await.unwrap();
    }
    let audited = harness.verify_audit_log().await.unwrap();
    assert_eq!(audited, Audited { entries: entries + 5_000, first_altered: None });
}

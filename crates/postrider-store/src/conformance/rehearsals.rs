//! Rehearsals, kept as evidence.

use std::time::Duration;

use postrider_core::event::EventType;
use postrider_core::ids::RehearsalId;
use postrider_core::limits;
use postrider_core::outcome::{Outcome, OutcomeKind};
use postrider_core::rehearsal::{Probe, Probed, Rehearsal};

use super::Harness;
use super::fixture::{ask, at, key, merchant, stamp, webhook_id};
use crate::StoreError;
use crate::catalog::{AuditFilter, Cursor};

fn rehearsal(n: u64, webhook: u64) -> Rehearsal {
    let answered = Outcome::of_response(401, None);
    let unanswered = Outcome::without_response(OutcomeKind::Timeout);
    Rehearsal {
        id: RehearsalId::from_bits(u128::from(n)),
        webhook: webhook_id(webhook),
        event_type: EventType::parse("order.create").unwrap(),
        configuration_version: 1,
        is_rotating: n.is_multiple_of(2),
        started_at: at(3),
        ended_at: at(4),
        probes: vec![
            Probed::new(Probe::New, answered, Duration::from_millis(12)),
            Probed::new(Probe::Random, unanswered, Duration::ZERO),
        ],
    }
}

async fn keep(harness: &Harness, rehearsal: Rehearsal) {
    harness.keep_rehearsal(merchant(1), rehearsal, stamp(4)).await.unwrap();
}

pub async fn every_field_of_a_rehearsal_is_kept(harness: Harness) {
    let harness = harness.with_webhooks(2).await;
    let given = [rehearsal(3, 1), rehearsal(2, 1), Rehearsal { probes: vec![], ..rehearsal(1, 1) }];
    for each in given.iter().rev() {
        keep(&harness, each.clone()).await;
    }
    keep(&harness, rehearsal(9, 2)).await;
    let read = |cursor| harness.rehearsals(merchant(1), webhook_id(1), ask(2, cursor));
    let first = read(None).await.unwrap();
    assert_eq!((&first.rows[..], first.next), (&given[..2], Some(Cursor::Older(2))));
    let second = read(first.next).await.unwrap();
    assert_eq!((&second.rows[..], second.next), (&given[2..], None));
    assert_eq!(read(second.previous).await.unwrap().rows, given[..2]);
    let log = harness.audit_log(AuditFilter::default(), ask(1, None)).await.unwrap().rows;
    assert_eq!((&*log[0].action, &*log[0].detail), ("webhook.rehearsed", "no_conclusion"));
}

pub async fn only_the_newest_rehearsals_are_kept(harness: Harness) {
    let harness = harness.with_webhooks(2).await;
    keep(&harness, rehearsal(1, 2)).await;
    let most = u64::from(limits::REHEARSALS_KEPT_MAX);
    for n in 2..=most + 3 {
        keep(&harness, rehearsal(n, 1)).await;
    }
    let size = limits::PAGE_SIZE_MAX;
    let kept = harness.rehearsals(merchant(1), webhook_id(1), ask(size, None)).await.unwrap();
    let mut ids: Vec<_> = kept.rows.iter().map(|row| row.id).collect();
    let mut next = kept.next;
    while let Some(cursor) = next {
        let page = harness.rehearsals(merchant(1), webhook_id(1), ask(size, Some(cursor))).await;
        let page = page.unwrap();
        ids.extend(page.rows.iter().map(|row| row.id));
        next = page.next;
    }
    assert_eq!(ids.len() as u64, most);
    assert_eq!(ids.last(), Some(&RehearsalId::from_bits(4)));
    let other = harness.rehearsals(merchant(1), webhook_id(2), ask(9, None)).await.unwrap();
    assert_eq!(other.rows.len(), 1, "another webhook's stay");
}

pub async fn a_rehearsal_of_another_configuration_is_not_kept(harness: Harness) {
    let harness = harness.with_webhooks(1).await;
    harness.rotate_key(merchant(1), webhook_id(1), key(2), stamp(1)).await.unwrap();
    let before = harness.verify_audit_log().await.unwrap();
    let late = harness.keep_rehearsal(merchant(1), rehearsal(1, 1), stamp(4)).await;
    assert!(matches!(late, Err(StoreError::Conflict)), "its probes had the old keys");
    let list = harness.rehearsals(merchant(1), webhook_id(1), ask(9, None)).await.unwrap();
    assert!(list.rows.is_empty());
    assert_eq!(harness.verify_audit_log().await.unwrap(), before);
    keep(&harness, Rehearsal { configuration_version: 2, ..rehearsal(1, 1) }).await;
}

pub async fn rehearsals_go_with_their_webhook_and_belong_to_its_merchant(harness: Harness) {
    let harness = harness.with_webhooks(1).await;
    harness.add_merchant(2).await;
    keep(&harness, rehearsal(1, 1)).await;
    let list = |owner| harness.rehearsals(merchant(owner), webhook_id(1), ask(9, None));
    assert!(matches!(list(2).await, Err(StoreError::NotFound)));
    let theirs = harness.keep_rehearsal(merchant(2), rehearsal(2, 1), stamp(4)).await;
    assert!(matches!(theirs, Err(StoreError::NotFound)));
    assert_eq!(list(1).await.unwrap().rows.len(), 1);
    harness.delete_webhook(merchant(1), webhook_id(1), stamp(5)).await.unwrap();
    assert!(matches!(list(1).await, Err(StoreError::NotFound)));
    let late = harness.keep_rehearsal(merchant(1), rehearsal(3, 1), stamp(6)).await;
    assert!(matches!(late, Err(StoreError::NotFound)));
}

//! Webhooks, keys and what moves the catalog version.

use std::time::Duration;

use postrider_core::catalogue::{Entity, Family};
use postrider_core::delivery::{Next, State};
use postrider_core::limits;
use postrider_core::pattern::Pattern;
use postrider_core::retry::RetryPolicy;
use postrider_core::sign::Scheme;
use postrider_core::target::TargetUrl;
use postrider_core::time::Timestamp;
use postrider_core::webhook::{DisabledBy, Health, Status, Webhook};

use super::Harness;
use super::fixture::{api_key, ask, at, key, merchant, minted, stamp, user, webhook, webhook_id};
use crate::StoreError;
use crate::accounts::User;
use crate::catalog::{Backlog, Merchant, StatusChange, StatusChanged};
use crate::queue::{Append, AppendRefusal};

async fn change(harness: &Harness, status: Status, backlog: Backlog) -> StatusChanged {
    let change = StatusChange { status, backlog };
    harness.change_status(merchant(1), webhook_id(1), change, stamp(9)).await.unwrap()
}

async fn stored(harness: &Harness) -> (Webhook, Health) {
    harness.webhook(merchant(1), webhook_id(1)).await.unwrap()
}

pub async fn every_field_of_a_webhook_is_kept(harness: Harness) {
    harness.add_merchant(1).await;
    let mut full = webhook(1, 1);
    full.name = "'; DROP TABLE webhooks; -- ☃".into();
    full.event_types = ["order.*", "item.create"].map(|text| Pattern::parse(text).unwrap()).into();
    full.additional_data.choose(Family::Order, Entity::Customer).unwrap();
    let mut bare = webhook(1, 2);
    bare.status = Status::Disabled(DisabledBy::Failing);
    bare.signature = Scheme::Ordergroove;
    bare.retry_policy = RetryPolicy::FiveMinutes;
    bare.headers.clear();
    bare.rate_limit_per_second = None;
    for given in [full, bare] {
        harness.create_webhook(given.clone(), key(1), stamp(0)).await.unwrap();
        let (read, health) = harness.webhook(merchant(1), given.id).await.unwrap();
        assert_eq!((read, health), (given, Health::OK));
    }
}

pub async fn an_update_counts_versions_and_keeps_the_status(harness: Harness) {
    let harness = harness.with_webhooks(1).await;
    change(&harness, Status::Paused, Backlog::Keep).await;
    let (read, _) = stored(&harness).await;
    let mut asked = read.clone();
    asked.name = "new".into();
    asked.target = TargetUrl::restored("https://elsewhere.example/").unwrap();
    asked.timeout = Duration::from_secs(30);
    asked.headers.clear();
    asked.updated_at = at(50);
    asked.status = Status::Enabled;
    asked.created_at = Timestamp::EPOCH;
    let answer = harness.update_webhook(asked.clone(), stamp(0)).await.unwrap();
    let expected = Webhook {
        status: Status::Paused,
        created_at: read.created_at,
        configuration_version: read.configuration_version + 1,
        ..asked.clone()
    };
    assert_eq!((&answer, &stored(&harness).await.0), (&expected, &expected));
    // Whoever read it before would undo this change.
    assert!(matches!(harness.update_webhook(asked, stamp(0)).await, Err(StoreError::Conflict)));
    assert_eq!(stored(&harness).await.0, expected);
}

pub async fn disabling_cancels_what_waits(harness: Harness) {
    let harness = harness.with_webhooks(2).await;
    for (delivery, target) in [(1, 1), (2, 1), (3, 1), (4, 2)] {
        harness.post_one(delivery, target, 0).await;
    }
    let leased = harness.lease_of(1, 2, 0).await.deliveries;
    harness.settle_one(&leased[0], Next::Success, 1).await;
    let changed = change(&harness, Status::Disabled(DisabledBy::Gone), Backlog::Keep).await;
    assert_eq!((changed.webhook.status, changed.canceled), (Status::Disabled(DisabledBy::Gone), 2));
    assert_eq!(stored(&harness).await.0, changed.webhook);
    let tally = harness.tally().await.unwrap();
    assert_eq!((tally.pending, tally.success, tally.canceled), (1, 1, 2));
    assert_eq!(harness.detail(3).await.delivery.settled_at, Some(at(9)));
    assert_eq!(harness.backlog().await.unwrap().len(), 1);
}

pub async fn pausing_keeps_what_waits_unless_asked(harness: Harness) {
    let harness = harness.with_webhooks(1).await;
    harness.post_one(1, 1, 0).await;
    assert_eq!(change(&harness, Status::Paused, Backlog::Keep).await.canceled, 0);
    assert_eq!(harness.state(1).await, State::Pending);
    assert_eq!(change(&harness, Status::Enabled, Backlog::Cancel).await.canceled, 1);
    assert_eq!(harness.state(1).await, State::Canceled);
    assert_eq!(change(&harness, Status::Enabled, Backlog::Cancel).await.canceled, 0);
}

pub async fn enabling_again_forgets_the_health(harness: Harness) {
    let harness = harness.with_webhooks(1).await;
    let ill = Health::OK.after_failure(at(1), at(2));
    harness.note_health(vec![(webhook_id(1), ill)]).await.unwrap();
    assert_eq!(change(&harness, Status::Paused, Backlog::Keep).await.health, ill);
    assert_eq!(change(&harness, Status::Enabled, Backlog::Keep).await.health, ill);
    let disabled = Status::Disabled(DisabledBy::Failing);
    assert_eq!(change(&harness, disabled, Backlog::Keep).await.health, ill);
    assert_eq!(change(&harness, Status::Enabled, Backlog::Keep).await.health, Health::OK);
    assert_eq!(stored(&harness).await.1, Health::OK);
    // On the way over "paused" it must not come back as ill as it was.
    harness.note_health(vec![(webhook_id(1), ill)]).await.unwrap();
    change(&harness, disabled, Backlog::Keep).await;
    change(&harness, Status::Paused, Backlog::Keep).await;
    assert_eq!(change(&harness, Status::Enabled, Backlog::Keep).await.health, Health::OK);
}

pub async fn health_is_remembered_and_unknown_webhooks_are_passed_over(harness: Harness) {
    let harness = harness.with_webhooks(2).await;
    let mut ill = Health::OK;
    for n in 1..=6 {
        ill = ill.after_failure(at(n), at(n + 300));
    }
    let version = harness.version().await;
    let notes = vec![(webhook_id(9), ill), (webhook_id(1), ill)];
    harness.note_health(notes).await.unwrap();
    assert_eq!(stored(&harness).await.1, ill);
    let routes = harness.routes_since(0).await.unwrap();
    let told = routes.routes.iter().find(|route| route.webhook.id == webhook_id(1)).unwrap();
    assert_eq!((told.health, routes.version), (ill, version));
}

pub async fn a_replaced_key_leaves_no_other(harness: Harness) {
    let harness = harness.with_webhooks(1).await;
    let (owner, id) = (merchant(1), webhook_id(1));
    harness.rotate_key(owner, id, key(2), stamp(1)).await.unwrap();
    let keys = harness.replace_key(owner, id, key(3), stamp(2)).await.unwrap();
    assert!(keys.new == key(3) && keys.expiring.is_none());
    assert!(harness.verification_keys(owner, id).await.unwrap() == keys);
    let others = harness.replace_key(merchant(2), id, key(4), stamp(3)).await;
    assert!(matches!(others, Err(StoreError::NotFound)));
}

pub async fn a_rotation_keeps_the_old_key_for_a_day(harness: Harness) {
    let harness = harness.with_webhooks(1).await;
    let before = stored(&harness).await.0;
    let rotate =
        |n, seconds| harness.rotate_key(merchant(1), webhook_id(1), key(n), stamp(seconds));
    let keys = rotate(2, 0).await.unwrap();
    let expiring = keys.expiring.as_ref().unwrap();
    assert_eq!((&keys.new, &expiring.key), (&key(2), &key(1)));
    assert_eq!(expiring.expires_at, at(0) + limits::ROTATION_WINDOW);
    let stored_keys = harness.verification_keys(merchant(1), webhook_id(1)).await.unwrap();
    assert_eq!(stored_keys, keys);
    // Inside the window the original and its end stay.
    let keys = rotate(3, 3_600).await.unwrap();
    assert_eq!((&keys.new, &keys.expiring.unwrap().key), (&key(3), &key(1)));
    let keys = rotate(4, 90_000).await.unwrap();
    assert_eq!(keys.expiring.unwrap().key, key(3));
    let after = stored(&harness).await.0;
    assert_eq!(after.configuration_version, before.configuration_version + 3);
    assert_eq!(after.updated_at, at(90_000));
}

pub async fn routes_tell_only_what_changed(harness: Harness) {
    let harness = harness.with_webhooks(3).await;
    let all = harness.routes_since(0).await.unwrap();
    assert_eq!((all.routes.len(), &all.merchants[..]), (3, &[merchant(1)][..]));
    let nothing = harness.routes_since(all.version).await.unwrap();
    assert_eq!((nothing.version, nothing.routes.len()), (all.version, 0));
    assert!(nothing.merchants.is_empty() && nothing.deleted.is_empty());

    harness.add_merchant(2).await;
    harness.delete_webhook(merchant(1), webhook_id(2), stamp(1)).await.unwrap();
    let paused = harness.webhook(merchant(1), webhook_id(3)).await.unwrap().0;
    harness.update_webhook(Webhook { name: "x".into(), ..paused }, stamp(0)).await.unwrap();
    harness.rotate_key(merchant(1), webhook_id(3), key(9), stamp(1)).await.unwrap();
    let some = harness.routes_since(all.version).await.unwrap();
    assert_eq!(
        (&some.merchants[..], &some.deleted[..]),
        (&[merchant(2)][..], &[webhook_id(2)][..])
    );
    let changed: Vec<_> = some.routes.iter().map(|route| &*route.webhook.name).collect();
    assert_eq!(changed, ["x"]);
    let anew = harness.routes_since(0).await.unwrap();
    assert_eq!((anew.routes.len(), anew.deleted.len(), anew.merchants.len()), (2, 0, 2));
}

pub async fn changes_move_the_catalog_version(harness: Harness) {
    let harness = harness.with_webhooks(2).await;
    let mut version = harness.version().await;
    assert!(version > 0, "an empty routing table is never true");
    let mut moved = async |what: &str| {
        // An append decided before the change is refused; one decided after it is taken.
        let event = |n| Append { routing_version: version, events: vec![minted(n, 0).into()] };
        let answers = harness.append(vec![event(version)]).await.unwrap();
        assert_eq!(answers, [Err(AppendRefusal::RoutingMoved)], "{what}");
        version = harness.version().await;
        let event = Append { routing_version: version, events: vec![minted(version, 0).into()] };
        assert!(harness.append(vec![event]).await.unwrap()[0].is_ok(), "{what}");
    };
    harness.add_merchant(2).await;
    moved("a new merchant").await;
    harness.add_webhook(2, 3).await;
    moved("a new webhook").await;
    let (read, _) = stored(&harness).await;
    harness.update_webhook(read, stamp(0)).await.unwrap();
    moved("an update").await;
    change(&harness, Status::Paused, Backlog::Keep).await;
    moved("a status").await;
    harness.rotate_key(merchant(1), webhook_id(1), key(5), stamp(1)).await.unwrap();
    moved("a rotation").await;
    harness.delete_webhook(merchant(1), webhook_id(2), stamp(1)).await.unwrap();
    moved("a deletion").await;
    harness.create_api_key(api_key(Some(1), 1), stamp(0)).await.unwrap();
    harness.revoke_api_key(Some(merchant(1)), api_key(None, 1).id, stamp(1)).await.unwrap();
    moved("a revoked key").await;
}

pub async fn api_keys_live_until_they_are_revoked(harness: Harness) {
    let harness = harness.with_webhooks(0).await;
    for owner in [Some(1), None] {
        let given = api_key(owner, owner.unwrap_or(2));
        harness.create_api_key(given.clone(), stamp(0)).await.unwrap();
        assert_eq!(harness.api_key_by_digest(given.digest).await.unwrap(), given);
        let id = given.merchant;
        let revoked = harness.revoke_api_key(id, given.id, stamp(5)).await.unwrap();
        assert_eq!(revoked.revoked_at, Some(at(5)));
        let again = harness.revoke_api_key(id, given.id, stamp(9)).await.unwrap();
        assert_eq!(again.revoked_at, Some(at(5)), "the first time stays");
        let gone = harness.api_key_by_digest(given.digest).await;
        assert!(matches!(gone, Err(StoreError::NotFound)));
        assert_eq!(harness.api_keys(id, ask(10, None)).await.unwrap().rows, [again]);
    }
}

pub async fn names_are_taken_once(harness: Harness) {
    let harness = harness.with_webhooks(1).await;
    let version = harness.version().await;
    harness.create_user(user(1, 1), None, stamp(0)).await.unwrap();
    let same_address = User { email: user(1, 1).email, ..user(1, 2) };
    let taken = [
        harness.create_user(same_address, None, stamp(0)).await,
        harness.create_webhook(webhook(1, 1), key(1), stamp(0)).await,
        harness
            .create_merchant(
                Merchant { id: merchant(1), name: "m".into(), created_at: at(0) },
                stamp(0),
            )
            .await,
    ];
    for result in taken {
        assert!(matches!(result, Err(StoreError::Conflict)), "{result:?}");
    }
    let orphans = [
        harness.create_user(user(7, 3), None, stamp(0)).await,
        harness.create_webhook(webhook(7, 7), key(7), stamp(0)).await,
        harness.create_api_key(api_key(Some(7), 7), stamp(0)).await,
    ];
    for result in orphans {
        assert!(matches!(result, Err(StoreError::NotFound)), "{result:?}");
    }
    assert_eq!(harness.version().await, version, "what was refused moved nothing");
    harness.post_one(1, 1, 0).await;
}

pub async fn the_numbers_of_webhooks_and_keys_are_bounded(harness: Harness) {
    let harness = harness.with_webhooks(0).await;
    let most = u64::try_from(limits::WEBHOOKS_PER_MERCHANT_MAX).unwrap();
    for n in 1..=most {
        harness.add_webhook(1, n).await;
    }
    let refused = harness.create_webhook(webhook(1, most + 1), key(1), stamp(0)).await;
    let limit = limits::WEBHOOKS_PER_MERCHANT_MAX;
    assert!(matches!(refused, Err(StoreError::LimitReached { limit: l, .. }) if l == limit));
    harness.delete_webhook(merchant(1), webhook_id(1), stamp(1)).await.unwrap();
    harness.add_webhook(1, most + 1).await;
    harness.add_merchant(2).await;
    harness.add_webhook(2, most + 2).await;

    let most = u64::try_from(limits::API_KEYS_PER_MERCHANT_MAX).unwrap();
    for n in 1..=most {
        harness.create_api_key(api_key(Some(1), n), stamp(0)).await.unwrap();
    }
    let refused = harness.create_api_key(api_key(Some(1), most + 1), stamp(0)).await;
    let limit = limits::API_KEYS_PER_MERCHANT_MAX;
    assert!(matches!(refused, Err(StoreError::LimitReached { limit: l, .. }) if l == limit));
    harness.revoke_api_key(Some(merchant(1)), api_key(None, 1).id, stamp(1)).await.unwrap();
    harness.create_api_key(api_key(Some(1), most + 1), stamp(0)).await.unwrap();
    harness.create_api_key(api_key(Some(2), most + 2), stamp(0)).await.unwrap();
    harness.check().await.unwrap();
}

pub async fn the_tally_adds_up(harness: Harness) {
    let harness = harness.with_webhooks(2).await;
    for n in 1..=6 {
        harness.post(vec![minted(n, 0).to(n, 1).to(n + 10, 2).into()]).await.unwrap();
    }
    let leased = harness.lease_of(1, 3, 0).await.deliveries;
    for (leased, next) in leased.iter().zip([Next::Success, Next::Failed, Next::Retry(at(60))]) {
        harness.settle_one(leased, next, 1).await;
    }
    harness.delete_webhook(merchant(1), webhook_id(2), stamp(2)).await.unwrap();
    let tally = harness.tally().await.unwrap();
    assert_eq!((tally.events, tally.attempts), (6, 3));
    let states = (tally.pending, tally.success, tally.failed, tally.canceled);
    assert_eq!(states, (4, 1, 1, 6));
}

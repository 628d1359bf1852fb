//! Users, sessions and portal links.

use std::fmt::Debug;
use std::time::Duration;

use postrider_core::account::Role;
use postrider_core::ids::{PortalLinkId, SessionId};
use postrider_core::limits;
use postrider_core::password::PasswordHash;

use super::Harness;
use super::fixture::{ask, at, merchant, stamp, user};
use crate::accounts::{Digest, Entry, Invitation, PortalLink, Session, User, UserChange};
use crate::{Result, StoreError};

#[track_caller]
fn not_found<T: Debug>(result: &Result<T>) {
    assert!(matches!(result, Err(StoreError::NotFound)), "{result:?}");
}

/// The digest of a made-up token.
fn digest(n: u64) -> Digest {
    let mut digest = [5; 32];
    digest.iter_mut().zip(n.to_le_bytes()).for_each(|(byte, part)| *byte = part);
    digest
}

fn session(n: u64, user: &User, seconds: i64) -> Session {
    Session {
        id: SessionId::from_bits(n.into()),
        merchant: user.merchant,
        user: Some(user.id),
        role: user.role,
        email: Some(user.email.clone()),
        digest: digest(n),
        created_at: at(seconds),
        used_at: at(seconds),
    }
}

fn link(n: u64, owner: u64) -> PortalLink {
    PortalLink {
        id: PortalLinkId::from_bits(n.into()),
        merchant: merchant(owner),
        role: Role::Developer,
        email: Some("someone@example.com".into()),
        digest: digest(n),
        created_at: at(0),
        expires_at: at(60),
    }
}

fn entry(n: u64, seconds: i64) -> Entry {
    Entry { id: SessionId::from_bits(n.into()), digest: digest(n), at: at(seconds), request: None }
}

fn hash(text: &str) -> PasswordHash {
    PasswordHash::restored(text)
}

fn to_role(role: Role) -> UserChange {
    UserChange { role: Some(role), ..UserChange::default() }
}

fn disabled() -> UserChange {
    UserChange { is_disabled: Some(true), ..UserChange::default() }
}

async fn is_live(harness: &Harness, n: u64, seconds: i64) -> bool {
    match harness.session_by_digest(digest(n), at(seconds)).await {
        Ok(found) => {
            assert_eq!(found.id, SessionId::from_bits(n.into()));
            true
        }
        Err(StoreError::NotFound) => false,
        Err(error) => panic!("{error}"),
    }
}

pub async fn every_field_of_a_user_is_kept(harness: Harness) {
    harness.add_merchant(1).await;
    let full = User {
        name: "'; DROP TABLE users; -- ☃".into(),
        role: Role::Viewer,
        last_signed_in_at: Some(at(3)),
        disabled_at: Some(at(4)),
        credentials_version: 9,
        ..user(1, 1)
    };
    let bare = User { password_hash: None, ..user(1, 2) };
    for given in [full, bare] {
        harness.create_user(given.clone(), None, stamp(0)).await.unwrap();
        assert_eq!(harness.user(merchant(1), given.id).await.unwrap(), given);
        assert_eq!(harness.user_by_email(given.email.clone()).await.unwrap(), given);
    }
    let change = UserChange { name: Some("Ann".into()), ..disabled() };
    let changed = harness.update_user(merchant(1), user(1, 2).id, change, stamp(1)).await.unwrap();
    assert_eq!((changed.name.as_str(), changed.disabled_at), ("Ann", Some(at(1))));
    let again = harness.update_user(merchant(1), changed.id, disabled(), stamp(8)).await.unwrap();
    assert_eq!(again, changed, "the first time stays");
    let enabled = UserChange { is_disabled: Some(false), ..UserChange::default() };
    let enabled = harness.update_user(merchant(1), changed.id, enabled, stamp(1)).await.unwrap();
    assert_eq!(enabled.disabled_at, None);
    assert_eq!(harness.user(merchant(1), changed.id).await.unwrap(), enabled);
    not_found(&harness.user_by_email("nobody@example.com".into()).await);
}

pub async fn a_change_of_credentials_ends_sessions_and_sign_ins_under_way(harness: Harness) {
    harness.add_merchant(1).await;
    harness.create_user(user(1, 1), None, stamp(0)).await.unwrap();
    harness.create_user(user(1, 2), None, stamp(0)).await.unwrap();
    let bystander = user(1, 2);
    harness.begin_session(session(100, &bystander, 0), 1, stamp(0)).await.unwrap();
    let mut next = 0;
    let mut check = async |what: &str, changing: &dyn Fn(User) -> Change| {
        let read = harness.user(merchant(1), user(1, 1).id).await.unwrap();
        next += 1;
        let begun = session(next, &read, 0);
        harness.begin_session(begun, read.credentials_version, stamp(0)).await.unwrap();
        assert!(is_live(&harness, next, 1).await);
        match changing(read.clone()) {
            Change::Of(change) => {
                harness.update_user(merchant(1), read.id, change, stamp(1)).await.unwrap();
            }
            Change::Password(keep) => {
                harness.set_password(&read, hash(what), keep, stamp(1)).await.unwrap();
            }
        }
        assert!(!is_live(&harness, next, 1).await, "{what}");
        let late = session(1_000, &read, 0);
        let late = harness.begin_session(late, read.credentials_version, stamp(0)).await;
        assert!(matches!(late, Err(StoreError::Conflict)), "{what}: {late:?}");
    };
    check("a role", &|_| Change::Of(to_role(Role::Viewer))).await;
    check("a password", &|_| Change::Password(None)).await;
    check("disabling", &|_| Change::Of(disabled())).await;
    assert!(is_live(&harness, 100, 1).await, "another's session goes on");

    let kept = SessionId::from_bits(100);
    harness.begin_session(session(101, &bystander, 0), 1, stamp(0)).await.unwrap();
    harness.set_password(&bystander, hash("new"), Some(kept), stamp(1)).await.unwrap();
    assert!(is_live(&harness, 100, 1).await && !is_live(&harness, 101, 1).await);
    let stale = harness.set_password(&bystander, hash("newer"), None, stamp(1)).await;
    assert!(matches!(stale, Err(StoreError::Conflict)), "{stale:?}");
    let named = UserChange { name: Some("Bea".into()), ..UserChange::default() };
    harness.update_user(merchant(1), bystander.id, named, stamp(1)).await.unwrap();
    assert!(is_live(&harness, 100, 1).await, "a name is no credential");
    let read = harness.user(merchant(1), bystander.id).await.unwrap();
    assert_eq!(read.last_signed_in_at, Some(at(0)));
}

enum Change {
    Of(UserChange),
    Password(Option<SessionId>),
}

pub async fn the_last_owner_who_can_sign_in_stays(harness: Harness) {
    harness.add_merchant(1).await;
    harness.add_merchant(2).await;
    harness.create_user(user(1, 1), None, stamp(0)).await.unwrap();
    // None of these could take over.
    harness.create_user(User { password_hash: None, ..user(1, 2) }, None, stamp(0)).await.unwrap();
    harness
        .create_user(User { disabled_at: Some(at(0)), ..user(1, 3) }, None, stamp(0))
        .await
        .unwrap();
    harness
        .create_user(User { role: Role::Developer, ..user(1, 4) }, None, stamp(0))
        .await
        .unwrap();
    harness.create_user(user(2, 5), None, stamp(0)).await.unwrap();
    let (owner, last) = (merchant(1), user(1, 1).id);
    harness.begin_session(session(1, &user(1, 1), 0), 1, stamp(0)).await.unwrap();
    let refused = [
        harness.update_user(owner, last, to_role(Role::Developer), stamp(1)).await.map(drop),
        harness.update_user(owner, last, disabled(), stamp(1)).await.map(drop),
        harness.delete_user(owner, last, stamp(1)).await,
    ];
    for result in refused {
        assert!(matches!(result, Err(StoreError::LastOwner)), "{result:?}");
    }
    assert!(is_live(&harness, 1, 1).await, "what was refused ended nothing");
    harness.update_user(owner, user(1, 4).id, to_role(Role::Owner), stamp(1)).await.unwrap();
    harness.delete_user(owner, last, stamp(1)).await.unwrap();
    assert!(!is_live(&harness, 1, 1).await, "a deleted user's session has ended");
    for n in [2, 3] {
        harness.delete_user(owner, user(1, n).id, stamp(1)).await.unwrap();
    }
    let left = harness.users(owner, ask(9, None)).await.unwrap().rows;
    assert_eq!(left.iter().map(|user| user.id).collect::<Vec<_>>(), [user(1, 4).id]);
}

pub async fn an_invitation_is_redeemed_once_and_in_time(harness: Harness) {
    harness.add_merchant(1).await;
    let invited = User { password_hash: None, ..user(1, 1) };
    let invitation = |n| Invitation { digest: digest(n), expires_at: at(60) };
    harness.create_user(invited.clone(), Some(invitation(1)), stamp(0)).await.unwrap();
    assert_eq!(harness.invited_user(digest(1), at(59)).await.unwrap(), invited);
    not_found(&harness.invited_user(digest(1), at(60)).await);
    not_found(&harness.redeem_invitation(digest(1), hash("late"), stamp(60)).await);
    harness.invite_user(merchant(1), invited.id, invitation(2), stamp(0)).await.unwrap();
    not_found(&harness.invited_user(digest(1), at(1)).await);
    let redeemed = harness.redeem_invitation(digest(2), hash("h"), stamp(1)).await.unwrap();
    assert_eq!(redeemed.password_hash, Some(hash("h")));
    assert_eq!(redeemed.credentials_version, 2);
    not_found(&harness.redeem_invitation(digest(2), hash("again"), stamp(1)).await);

    harness.create_user(user(1, 2), None, stamp(0)).await.unwrap();
    harness.invite_user(merchant(1), redeemed.id, invitation(3), stamp(0)).await.unwrap();
    harness.begin_session(session(1, &redeemed, 0), 2, stamp(0)).await.unwrap();
    harness.update_user(merchant(1), redeemed.id, disabled(), stamp(1)).await.unwrap();
    not_found(&harness.redeem_invitation(digest(3), hash("disabled"), stamp(1)).await);
}

pub async fn a_session_ends_when_idle_and_at_its_age(harness: Harness) {
    harness.add_merchant(1).await;
    harness.create_user(user(1, 1), None, stamp(0)).await.unwrap();
    let given = session(1, &user(1, 1), 0);
    harness.begin_session(given.clone(), 1, stamp(0)).await.unwrap();
    assert_eq!(harness.session_by_digest(digest(1), at(0)).await.unwrap(), given);
    let seconds = |span: Duration| i64::try_from(span.as_secs()).unwrap();
    let (idle, life) = (seconds(limits::SESSION_IDLE_MAX), seconds(limits::SESSION_LIFE));
    assert!(is_live(&harness, 1, idle - 1).await && !is_live(&harness, 1, idle).await);
    let mut used = 0;
    while used < life {
        harness.touch_session(given.id, at(used)).await.unwrap();
        assert!(is_live(&harness, 1, used).await);
        used += idle - 1;
    }
    assert!(is_live(&harness, 1, life - 1).await && !is_live(&harness, 1, life).await);

    harness.begin_session(session(2, &user(1, 1), 0), 1, stamp(0)).await.unwrap();
    harness.touch_session(SessionId::from_bits(2), at(50)).await.unwrap();
    harness.touch_session(SessionId::from_bits(2), at(40)).await.unwrap();
    let kept = harness.session_by_digest(digest(2), at(50)).await.unwrap();
    assert_eq!(kept.used_at, at(50), "a clock set back takes nothing away");
    for _ in 0..2 {
        harness.end_session(SessionId::from_bits(2), stamp(0)).await.unwrap();
        assert!(!is_live(&harness, 2, 50).await);
    }
    harness.touch_session(SessionId::from_bits(2), at(60)).await.unwrap();
    assert!(!is_live(&harness, 2, 60).await);
}

pub async fn a_further_session_ends_the_oldest(harness: Harness) {
    harness.add_merchant(1).await;
    for n in [1, 2] {
        harness.create_user(user(1, n), None, stamp(0)).await.unwrap();
    }
    harness.begin_session(session(1_000, &user(1, 2), 0), 1, stamp(0)).await.unwrap();
    let most = u64::try_from(limits::SESSIONS_PER_USER_MAX).unwrap();
    for n in 1..=most + 1 {
        harness.begin_session(session(n, &user(1, 1), 0), 1, stamp(0)).await.unwrap();
    }
    assert!(!is_live(&harness, 1, 0).await && is_live(&harness, 2, 0).await);
    assert!(is_live(&harness, most + 1, 0).await && is_live(&harness, 1_000, 0).await);
}

pub async fn a_portal_link_is_followed_once_and_in_time(harness: Harness) {
    harness.add_merchant(1).await;
    for n in [1, 2] {
        harness.create_portal_link(link(n, 1), stamp(0)).await.unwrap();
    }
    let opened = harness.redeem_portal_link(digest(1), entry(11, 59)).await.unwrap();
    let expected = Session {
        id: SessionId::from_bits(11),
        merchant: merchant(1),
        user: None,
        role: Role::Developer,
        email: link(1, 1).email,
        digest: digest(11),
        created_at: at(59),
        used_at: at(59),
    };
    assert_eq!(opened, expected);
    assert_eq!(harness.session_by_digest(digest(11), at(60)).await.unwrap(), expected);
    not_found(&harness.redeem_portal_link(digest(1), entry(12, 59)).await);
    not_found(&harness.redeem_portal_link(digest(2), entry(13, 60)).await);
    not_found(&harness.redeem_portal_link(digest(3), entry(14, 0)).await);
    for n in [12, 13, 14] {
        assert!(!is_live(&harness, n, 60).await);
    }
}

pub async fn the_numbers_of_users_and_links_are_bounded(harness: Harness) {
    for n in [1, 2] {
        harness.add_merchant(n).await;
    }
    let most = u64::try_from(limits::USERS_PER_MERCHANT_MAX).unwrap();
    for n in 1..=most {
        harness.create_user(user(1, n), None, stamp(0)).await.unwrap();
    }
    let refused = harness.create_user(user(1, most + 1), None, stamp(0)).await;
    let limit = limits::USERS_PER_MERCHANT_MAX;
    assert!(matches!(refused, Err(StoreError::LimitReached { limit: l, .. }) if l == limit));
    harness.delete_user(merchant(1), user(1, 1).id, stamp(1)).await.unwrap();
    harness.create_user(user(1, most + 1), None, stamp(0)).await.unwrap();
    harness.create_user(user(2, most + 2), None, stamp(0)).await.unwrap();

    let most = u64::try_from(limits::PORTAL_LINKS_PER_MERCHANT_MAX).unwrap();
    for n in 1..=most {
        harness.create_portal_link(link(n, 1), stamp(0)).await.unwrap();
    }
    let refused = harness.create_portal_link(link(most + 1, 1), stamp(0)).await;
    let limit = limits::PORTAL_LINKS_PER_MERCHANT_MAX;
    assert!(matches!(refused, Err(StoreError::LimitReached { limit: l, .. }) if l == limit));
    harness.create_portal_link(link(most + 2, 2), stamp(0)).await.unwrap();
    // Those that have expired make room.
    let later = PortalLink { created_at: at(60), expires_at: at(90), ..link(most + 3, 1) };
    harness.create_portal_link(later, stamp(0)).await.unwrap();
}

pub async fn another_merchants_users_are_not_found(harness: Harness) {
    for n in [1, 2] {
        harness.add_merchant(n).await;
    }
    harness.create_user(user(1, 1), None, stamp(0)).await.unwrap();
    harness.create_user(user(1, 2), None, stamp(0)).await.unwrap();
    let (other, id) = (merchant(2), user(1, 1).id);
    not_found(&harness.user(other, id).await);
    not_found(&harness.update_user(other, id, to_role(Role::Viewer), stamp(1)).await);
    not_found(&harness.delete_user(other, id, stamp(1)).await);
    let invitation = Invitation { digest: digest(1), expires_at: at(60) };
    not_found(&harness.invite_user(other, id, invitation, stamp(0)).await);
    not_found(&harness.invited_user(digest(1), at(0)).await);
    assert!(harness.users(other, ask(9, None)).await.unwrap().rows.is_empty());
    assert_eq!(harness.user(merchant(1), id).await.unwrap(), user(1, 1));
    not_found(&harness.create_user(user(9, 3), None, stamp(0)).await);
    not_found(&harness.create_portal_link(link(1, 9), stamp(0)).await);
}

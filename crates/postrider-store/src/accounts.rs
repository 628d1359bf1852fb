//! People: users, the sessions they sign in to, and the links that lead others in.
//!
//! Every verb that touches a merchant's rows takes the merchant, and answers
//! [`StoreError::NotFound`](crate::StoreError::NotFound) for another's as for none at all. Tokens
//! are known by their digests only.
//!
//! Invariants:
//! - a change of a user's password, role or disabling ends the user's sessions in the same
//!   transaction, and moves the user's `credentials_version`, so that a sign-in which began before
//!   it does not succeed after it;
//! - every verb that changes something adds to the audit log in the same transaction (Q13);
//! - an invitation and a portal link are used once;
//! - a merchant that has an owner who can sign in keeps one.

use async_trait::async_trait;
use postrider_core::account::{Role, session_end};
use postrider_core::audit::{Actor, ActorKind, Stamp};
use postrider_core::ids::{Id, MerchantId, PortalLinkId, SessionId, UserId};
use postrider_core::password::PasswordHash;
use postrider_core::time::Timestamp;

use crate::catalog::{Page, PageAsk};
use crate::error::Result;

/// SHA-256 of a token; all that is kept of one.
pub type Digest = [u8; 32];

/// The people of a store.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// Adds a user; `Conflict` when the e-mail address is taken, `LimitReached` per merchant.
    async fn create_user(
        &self,
        user: User,
        invitation: Option<Invitation>,
        stamp: Stamp,
    ) -> Result<()>;
    /// One user.
    async fn user(&self, merchant: MerchantId, id: UserId) -> Result<User>;
    /// The user of this e-mail address, whosever it is: for signing in.
    async fn user_by_email(&self, email: String) -> Result<User>;
    /// A merchant's users, newest first.
    async fn users(&self, merchant: MerchantId, ask: PageAsk) -> Result<Page<User>>;
    /// Changes a user; `LastOwner` when the merchant would be left without one.
    async fn update_user(
        &self,
        merchant: MerchantId,
        id: UserId,
        change: UserChange,
        stamp: Stamp,
    ) -> Result<User>;
    /// Deletes a user with its sessions; `LastOwner` as above.
    async fn delete_user(&self, merchant: MerchantId, id: UserId, stamp: Stamp) -> Result<()>;
    /// Gives a user a new password; ends all sessions but `keep`. `Conflict` when its
    /// `credentials_version` has moved since it was read.
    async fn set_password(
        &self,
        user: &User,
        hash: PasswordHash,
        keep: Option<SessionId>,
        stamp: Stamp,
    ) -> Result<()>;

    /// Replaces a user's invitation.
    async fn invite_user(
        &self,
        merchant: MerchantId,
        id: UserId,
        invitation: Invitation,
        stamp: Stamp,
    ) -> Result<User>;
    /// The user an invitation is for, unless it has expired.
    async fn invited_user(&self, token: Digest, now: Timestamp) -> Result<User>;
    /// Uses an invitation up: its user has this password from now on, and no session.
    async fn redeem_invitation(
        &self,
        token: Digest,
        hash: PasswordHash,
        stamp: Stamp,
    ) -> Result<User>;

    /// Begins a session of a user as it was read; `Conflict` when its `credentials_version` has
    /// moved. Beyond the bound on a user's sessions, the oldest end.
    async fn begin_session(
        &self,
        session: Session,
        credentials_version: u64,
        stamp: Stamp,
    ) -> Result<()>;
    /// The session with this token, unless it has ended.
    async fn session_by_digest(&self, token: Digest, now: Timestamp) -> Result<Session>;
    /// Remembers that a session was used; one that has ended stays so.
    async fn touch_session(&self, id: SessionId, now: Timestamp) -> Result<()>;
    /// Ends a session; again is no error.
    async fn end_session(&self, id: SessionId, stamp: Stamp) -> Result<()>;

    /// Adds a portal link; `LimitReached` for those of a merchant that still work.
    async fn create_portal_link(&self, link: PortalLink, stamp: Stamp) -> Result<()>;
    /// Uses a portal link up: begins a session with its merchant and role.
    async fn redeem_portal_link(&self, link: Digest, entry: Entry) -> Result<Session>;
}

/// A person who may sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// The merchant it belongs to.
    pub merchant: MerchantId,
    /// Its e-mail address, lower-cased, unique in the whole store.
    pub email: String,
    /// A name for people.
    pub name: String,
    /// Its password; `None` before the first invitation is redeemed.
    pub password_hash: Option<PasswordHash>,
    /// What it may do.
    pub role: Role,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it signed in last.
    pub last_signed_in_at: Option<Timestamp>,
    /// Since when it may not sign in.
    pub disabled_at: Option<Timestamp>,
    /// Moved by each change of password, role or disabling.
    pub credentials_version: u64,
}

impl User {
    /// Who this is, for the audit log.
    pub fn actor(&self) -> Actor {
        let (id, name) = (Some(self.id.to_string()), self.email.clone());
        Actor { kind: ActorKind::User, id, name }
    }

    /// Whether signing in is possible at all.
    pub const fn can_sign_in(&self) -> bool {
        self.password_hash.is_some() && self.disabled_at.is_none()
    }
}

/// What is to become of a user; `None` stays as it is.
#[derive(Debug, Clone, Default)]
pub struct UserChange {
    /// Another name.
    pub name: Option<String>,
    /// Another role.
    pub role: Option<Role>,
    /// Disabled, or no longer.
    pub is_disabled: Option<bool>,
}

/// A token that lets a user choose a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invitation {
    /// The token's digest.
    pub digest: Digest,
    /// Until when it works.
    pub expires_at: Timestamp,
}

/// Somebody is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Whose rows it opens.
    pub merchant: MerchantId,
    /// Who signed in; `None` for whoever followed a portal link.
    pub user: Option<UserId>,
    /// What it may do.
    pub role: Role,
    /// The user's e-mail address, or what the portal link said.
    pub email: Option<String>,
    /// The token's digest.
    pub digest: Digest,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was used last, as far as was written down.
    pub used_at: Timestamp,
}

impl Session {
    /// When it ends, unless it is used before.
    pub fn expires_at(&self) -> Timestamp {
        session_end(self.created_at, self.used_at)
    }

    /// Who this is, for the audit log: a user, or whoever came through a portal link.
    pub fn actor(&self) -> Actor {
        let id = self.user.map_or_else(|| self.id.to_string(), |user| user.to_string());
        let name = self.email.clone().unwrap_or_else(|| "portal link".to_owned());
        Actor { kind: ActorKind::User, id: Some(id), name }
    }
}

/// A way into the admin that a platform gives to somebody it knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortalLink {
    /// Its id.
    pub id: PortalLinkId,
    /// Whose rows it leads to.
    pub merchant: MerchantId,
    /// What whoever follows it may do.
    pub role: Role,
    /// Who that is, as the platform says.
    pub email: Option<String>,
    /// The token's digest.
    pub digest: Digest,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it works.
    pub expires_at: Timestamp,
}

/// What the session of a portal link gets beside what the link says.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// Its id.
    pub id: SessionId,
    /// Its token's digest.
    pub digest: Digest,
    /// The present time.
    pub at: Timestamp,
    /// The request it came with.
    pub request: Option<Id<()>>,
}

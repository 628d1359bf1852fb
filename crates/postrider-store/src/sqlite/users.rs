//! Users and their invitations.
//!
//! Invariant: what changes a password, a role or disabling moves `credentials_version` and ends the
//! user's sessions, in one statement each and one transaction.

use postrider_core::account::Role;
use postrider_core::audit::Stamp;
use postrider_core::ids::{MerchantId, SessionId, UserId};
use postrider_core::limits;
use postrider_core::password::PasswordHash;
use postrider_core::time::Timestamp;
use rusqlite::{Connection, params};

use super::accounts::{merchant, position, taken_is_conflict};
use super::audit;
use super::pages::{self, Scan};
use super::rows::{collect, first, millis, people};
use super::sessions;
use super::writer::Desk;
use crate::accounts::{Digest, Invitation, User, UserChange};
use crate::catalog::{Page, PageAsk};
use crate::error::{Result, StoreError};

const INSERT: &str = "INSERT INTO users (id, merchant, email, name, password_hash, role, \
     created_at, last_signed_in_at, disabled_at, credentials_version, invitation_digest, \
     invitation_expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
const COUNT: &str = "SELECT count(*) FROM users WHERE merchant = ?1";
const ONE: &str = "SELECT id, merchant, email, name, password_hash, role, created_at, \
     last_signed_in_at, disabled_at, credentials_version FROM users WHERE id = ?1 AND merchant = ?2";
const BY_EMAIL: &str = "SELECT id, merchant, email, name, password_hash, role, created_at, \
     last_signed_in_at, disabled_at, credentials_version FROM users WHERE email = ?1";
const BY_INVITATION: &str = "SELECT id, merchant, email, name, password_hash, role, created_at, \
     last_signed_in_at, disabled_at, credentials_version FROM users \
     WHERE invitation_digest = ?1 AND invitation_expires_at > ?2 AND disabled_at IS NULL";
const LIST: Scan = Scan {
    down: "SELECT id, merchant, email, name, password_hash, role, created_at, \
         last_signed_in_at, disabled_at, credentials_version \
         FROM users WHERE merchant = ?1 AND id <= ?2 ORDER BY id DESC LIMIT ?3",
    up: "SELECT id, merchant, email, name, password_hash, role, created_at, \
         last_signed_in_at, disabled_at, credentials_version \
         FROM users WHERE merchant = ?1 AND id >= ?2 ORDER BY id LIMIT ?3",
};
const OTHER_OWNERS: &str = "SELECT count(*) FROM users WHERE merchant = ?1 AND id <> ?2 \
     AND role = ?3 AND disabled_at IS NULL AND password_hash IS NOT NULL";
const UPDATE: &str = "UPDATE users SET name = ?2, role = ?3, disabled_at = ?4, \
     credentials_version = ?5 WHERE id = ?1";
const SET_PASSWORD: &str = "UPDATE users SET password_hash = ?3, \
     credentials_version = credentials_version + 1, invitation_digest = NULL, \
     invitation_expires_at = NULL WHERE id = ?1 AND credentials_version = ?2";
const INVITE: &str =
    "UPDATE users SET invitation_digest = ?2, invitation_expires_at = ?3 WHERE id = ?1";
// Its sessions go with it: see the table.
const DELETE: &str = "DELETE FROM users WHERE id = ?1";

pub(super) fn create(
    desk: &mut Desk,
    user: &User,
    invitation: Option<Invitation>,
    stamp: &Stamp,
) -> Result<()> {
    merchant(&desk.connection, user.merchant)?;
    let owner = user.merchant.to_bytes();
    let mut statement = desk.connection.prepare_cached(COUNT)?;
    let count: usize = statement.query_row(params![owner], |row| row.get(0))?;
    let limit = limits::USERS_PER_MERCHANT_MAX;
    if count >= limit {
        return Err(StoreError::LimitReached { what: "users", limit });
    }
    let inserted = desk.connection.prepare_cached(INSERT)?.execute(params![
        user.id.to_bytes(),
        owner,
        user.email,
        user.name,
        user.password_hash.as_ref().map(PasswordHash::reveal),
        user.role.as_str(),
        user.created_at.unix_millis(),
        millis(user.last_signed_in_at),
        millis(user.disabled_at),
        user.credentials_version,
        invitation.map(|invitation| invitation.digest),
        millis(invitation.map(|invitation| invitation.expires_at)),
    ]);
    taken_is_conflict(inserted)?;
    record(desk, stamp, user, "user.created", &user.email)
}

/// Notes what was done to a user.
fn record(desk: &Desk, stamp: &Stamp, user: &User, action: &str, detail: &str) -> Result<()> {
    audit::record(desk, stamp, Some(user.merchant), action, &user.id, detail)
}

pub(super) fn one(connection: &Connection, merchant: MerchantId, id: UserId) -> Result<User> {
    let mut statement = connection.prepare_cached(ONE)?;
    let found = first(&mut statement, params![id.to_bytes(), merchant.to_bytes()], people::user)?;
    found.ok_or(StoreError::NotFound)
}

pub(super) fn by_email(connection: &Connection, email: &str) -> Result<User> {
    let mut statement = connection.prepare_cached(BY_EMAIL)?;
    first(&mut statement, params![email], people::user)?.ok_or(StoreError::NotFound)
}

pub(super) fn list(
    connection: &Connection,
    merchant: MerchantId,
    ask: PageAsk,
) -> Result<Page<User>> {
    pages::page(ask, |walk, limit| {
        let mut statement = connection.prepare_cached(walk.pick(&LIST))?;
        collect(&mut statement, params![merchant.to_bytes(), walk.id(), limit], |row| {
            let user = people::user(row)?;
            Ok((position(user.id.to_bytes()), user))
        })
    })
}

pub(super) fn update(
    desk: &mut Desk,
    merchant: MerchantId,
    id: UserId,
    change: UserChange,
    stamp: &Stamp,
) -> Result<User> {
    let before = one(&desk.connection, merchant, id)?;
    let mut after = before.clone();
    if let Some(name) = change.name {
        after.name = name;
    }
    if let Some(role) = change.role {
        after.role = role;
    }
    if let Some(is_disabled) = change.is_disabled {
        // Disabling again does not move the time.
        after.disabled_at = is_disabled.then(|| before.disabled_at.unwrap_or(stamp.at));
    }
    if after == before {
        return Ok(after);
    }
    let has_moved = (before.role, before.disabled_at) != (after.role, after.disabled_at);
    if has_moved {
        keep_an_owner(desk, &before, is_working_owner(&after))?;
        after.credentials_version += 1;
        sessions::end_all(desk, id, None)?;
    }
    desk.connection.prepare_cached(UPDATE)?.execute(params![
        id.to_bytes(),
        after.name,
        after.role.as_str(),
        millis(after.disabled_at),
        after.credentials_version,
    ])?;
    record(desk, stamp, &after, "user.updated", &changes(&before, &after).join(", "))?;
    Ok(after)
}

/// What the audit log tells of a change: a role with its value, which is what people look for.
fn changes(before: &User, after: &User) -> Vec<String> {
    let mut changes = Vec::new();
    if before.name != after.name {
        changes.push("name".to_owned());
    }
    if before.role != after.role {
        changes.push(format!("role: {} to {}", before.role.as_str(), after.role.as_str()));
    }
    match (before.disabled_at, after.disabled_at) {
        (None, Some(_)) => changes.push("disabled".to_owned()),
        (Some(_), None) => changes.push("no longer disabled".to_owned()),
        _ => {}
    }
    changes
}

pub(super) fn delete(
    desk: &mut Desk,
    merchant: MerchantId,
    id: UserId,
    stamp: &Stamp,
) -> Result<()> {
    let user = one(&desk.connection, merchant, id)?;
    keep_an_owner(desk, &user, false)?;
    desk.connection.prepare_cached(DELETE)?.execute(params![id.to_bytes()])?;
    record(desk, stamp, &user, "user.deleted", &user.email)
}

fn is_working_owner(user: &User) -> bool {
    user.role == Role::Owner && user.can_sign_in()
}

/// Refuses to lose the only owner who can sign in.
fn keep_an_owner(desk: &Desk, before: &User, stays: bool) -> Result<()> {
    if stays || !is_working_owner(before) {
        return Ok(());
    }
    let mut statement = desk.connection.prepare_cached(OTHER_OWNERS)?;
    let others: u64 = statement.query_row(
        params![before.merchant.to_bytes(), before.id.to_bytes(), Role::Owner.as_str()],
        |row| row.get(0),
    )?;
    if others == 0 { Err(StoreError::LastOwner) } else { Ok(()) }
}

pub(super) fn set_password(
    desk: &mut Desk,
    user: &User,
    hash: &PasswordHash,
    keep: Option<SessionId>,
    stamp: &Stamp,
) -> Result<()> {
    replace_password(desk, user, hash, keep)?;
    record(desk, stamp, user, "user.password_changed", "")
}

fn replace_password(
    desk: &mut Desk,
    user: &User,
    hash: &PasswordHash,
    keep: Option<SessionId>,
) -> Result<()> {
    let mut statement = desk.connection.prepare_cached(SET_PASSWORD)?;
    let key = params![user.id.to_bytes(), user.credentials_version, hash.reveal()];
    if statement.execute(key)? == 0 {
        return Err(StoreError::Conflict);
    }
    drop(statement);
    sessions::end_all(desk, user.id, keep)
}

pub(super) fn invite(
    desk: &mut Desk,
    merchant: MerchantId,
    id: UserId,
    invitation: Invitation,
    stamp: &Stamp,
) -> Result<User> {
    let user = one(&desk.connection, merchant, id)?;
    let invited = desk.connection.prepare_cached(INVITE)?.execute(params![
        id.to_bytes(),
        invitation.digest,
        invitation.expires_at.unix_millis(),
    ]);
    taken_is_conflict(invited)?;
    record(desk, stamp, &user, "user.invited", &user.email)?;
    Ok(user)
}

pub(super) fn invited(connection: &Connection, token: Digest, now: Timestamp) -> Result<User> {
    let mut statement = connection.prepare_cached(BY_INVITATION)?;
    let found = first(&mut statement, params![token, now.unix_millis()], people::user)?;
    found.ok_or(StoreError::NotFound)
}

pub(super) fn redeem_invitation(
    desk: &mut Desk,
    token: Digest,
    hash: &PasswordHash,
    stamp: &Stamp,
) -> Result<User> {
    let user = invited(&desk.connection, token, stamp.at)?;
    replace_password(desk, &user, hash, None)?;
    record(desk, stamp, &user, "user.invitation_redeemed", "")?;
    one(&desk.connection, user.merchant, user.id)
}

#[cfg(test)]
mod tests {
    use super::super::tests::is_a_bounded_search;
    use super::*;

    #[test]
    fn every_look_is_a_bounded_search() {
        for sql in [LIST.down, LIST.up, ONE, BY_EMAIL, BY_INVITATION, COUNT, OTHER_OWNERS] {
            is_a_bounded_search(sql);
        }
    }
}

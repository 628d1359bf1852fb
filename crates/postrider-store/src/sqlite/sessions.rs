//! Sessions.
//!
//! Invariant: a session begins only for a user as it was when the password was checked. Those that
//! have ended by time are found by nobody, and are cleared away when the next one begins.

use postrider_core::audit::Stamp;
use postrider_core::ids::{SessionId, UserId};
use postrider_core::limits;
use postrider_core::time::Timestamp;
use rusqlite::{Connection, params};

use super::accounts::taken_is_conflict;
use super::audit;
use super::rows::{first, people};
use super::writer::Desk;
use crate::accounts::{Digest, Session};
use crate::error::{Result, StoreError};

const INSERT: &str = "INSERT INTO sessions (id, merchant, user, role, email, digest, created_at, \
     used_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
const SIGNED_IN: &str = "UPDATE users SET last_signed_in_at = ?3 WHERE id = ?1 \
     AND credentials_version = ?2 AND disabled_at IS NULL";
const BY_DIGEST: &str = "SELECT id, merchant, user, role, email, digest, created_at, used_at \
     FROM sessions WHERE digest = ?1";
const TOUCH: &str = "UPDATE sessions SET used_at = max(used_at, ?2) WHERE id = ?1";
const END: &str = "DELETE FROM sessions WHERE id = ?1 \
     RETURNING id, merchant, user, role, email, digest, created_at, used_at";
const END_ALL: &str = "DELETE FROM sessions WHERE user = ?1 AND id IS NOT ?2";
const CLEAR: &str = "DELETE FROM sessions WHERE user IS ?1 AND merchant = ?2 \
     AND (created_at <= ?3 OR used_at <= ?4)";
const TRIM: &str = "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE user IS ?1 \
     AND merchant = ?2 ORDER BY id DESC LIMIT -1 OFFSET ?3)";

pub(super) fn begin(
    desk: &mut Desk,
    session: &Session,
    credentials_version: u64,
    stamp: &Stamp,
) -> Result<()> {
    let at = session.created_at.unix_millis();
    let id = session.user.ok_or(StoreError::NotFound)?;
    let user = id.to_bytes();
    let mut statement = desk.connection.prepare_cached(SIGNED_IN)?;
    if statement.execute(params![user, credentials_version, at])? == 0 {
        return Err(StoreError::Conflict);
    }
    drop(statement);
    insert(desk, session, limits::SESSIONS_PER_USER_MAX)?;
    audit::record(desk, stamp, Some(session.merchant), "user.signed_in", &id, "")
}

/// Adds a session; of those of the same user (or of portal links) the newest `limit` stay.
pub(super) fn insert(desk: &mut Desk, session: &Session, limit: usize) -> Result<()> {
    let user = session.user.map(UserId::to_bytes);
    let merchant = session.merchant.to_bytes();
    let now = session.created_at;
    let (old, idle) = (now - limits::SESSION_LIFE, now - limits::SESSION_IDLE_MAX);
    let ended = params![user, merchant, old.unix_millis(), idle.unix_millis()];
    desk.connection.prepare_cached(CLEAR)?.execute(ended)?;
    let inserted = desk.connection.prepare_cached(INSERT)?.execute(params![
        session.id.to_bytes(),
        merchant,
        user,
        session.role.as_str(),
        session.email,
        session.digest,
        session.created_at.unix_millis(),
        session.used_at.unix_millis(),
    ]);
    taken_is_conflict(inserted)?;
    desk.connection.prepare_cached(TRIM)?.execute(params![user, merchant, limit])?;
    Ok(())
}

pub(super) fn by_digest(connection: &Connection, token: Digest, now: Timestamp) -> Result<Session> {
    let mut statement = connection.prepare_cached(BY_DIGEST)?;
    let found = first(&mut statement, params![token], people::session)?;
    found.filter(|session| now < session.expires_at()).ok_or(StoreError::NotFound)
}

pub(super) fn touch(desk: &mut Desk, id: SessionId, now: Timestamp) -> Result<()> {
    let at = params![id.to_bytes(), now.unix_millis()];
    desk.connection.prepare_cached(TOUCH)?.execute(at)?;
    Ok(())
}

pub(super) fn end(desk: &mut Desk, id: SessionId, stamp: &Stamp) -> Result<()> {
    let mut statement = desk.connection.prepare_cached(END)?;
    let found = first(&mut statement, params![id.to_bytes()], people::session)?;
    drop(statement);
    let Some(ended) = found else { return Ok(()) };
    let who = ended.user.map_or_else(|| id.to_string(), |user| user.to_string());
    audit::record(desk, stamp, Some(ended.merchant), "user.signed_out", &who, "")
}

/// Ends the sessions of a user, except `keep`.
pub(super) fn end_all(desk: &mut Desk, user: UserId, keep: Option<SessionId>) -> Result<()> {
    let keep = keep.map(SessionId::to_bytes);
    desk.connection.prepare_cached(END_ALL)?.execute(params![user.to_bytes(), keep])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::is_a_bounded_search;
    use super::*;

    #[test]
    fn every_look_is_a_bounded_search() {
        for sql in [BY_DIGEST, TOUCH, END, END_ALL, CLEAR, TRIM] {
            is_a_bounded_search(sql);
        }
    }
}

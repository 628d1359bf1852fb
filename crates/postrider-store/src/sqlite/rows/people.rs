//! Users, sessions and portal links as rows.

use postrider_core::account::Role;
use postrider_core::password::PasswordHash;
use rusqlite::Row;

use super::{id, optional_id, optional_time, time};
use crate::accounts::{PortalLink, Session, User};
use crate::error::{Result, StoreError};

/// Reads `id, merchant, email, name, password_hash, role, created_at, last_signed_in_at,
/// disabled_at, credentials_version`.
pub(in crate::sqlite) fn user(row: &Row<'_>) -> Result<User> {
    Ok(User {
        id: id(row, 0)?,
        merchant: id(row, 1)?,
        email: row.get(2)?,
        name: row.get(3)?,
        password_hash: row.get::<_, Option<String>>(4)?.map(PasswordHash::restored),
        role: role(row, 5)?,
        created_at: time(row, 6)?,
        last_signed_in_at: optional_time(row, 7)?,
        disabled_at: optional_time(row, 8)?,
        credentials_version: row.get(9)?,
    })
}

/// Reads `id, merchant, user, role, email, digest, created_at, used_at`.
pub(in crate::sqlite) fn session(row: &Row<'_>) -> Result<Session> {
    Ok(Session {
        id: id(row, 0)?,
        merchant: id(row, 1)?,
        user: optional_id(row, 2)?,
        role: role(row, 3)?,
        email: row.get(4)?,
        digest: row.get(5)?,
        created_at: time(row, 6)?,
        used_at: time(row, 7)?,
    })
}

/// Reads `id, merchant, role, email, digest, created_at, expires_at`.
pub(in crate::sqlite) fn portal_link(row: &Row<'_>) -> Result<PortalLink> {
    Ok(PortalLink {
        id: id(row, 0)?,
        merchant: id(row, 1)?,
        role: role(row, 2)?,
        email: row.get(3)?,
        digest: row.get(4)?,
        created_at: time(row, 5)?,
        expires_at: time(row, 6)?,
    })
}

fn role(row: &Row<'_>, column: usize) -> Result<Role> {
    Role::parse(&row.get::<_, String>(column)?).ok_or(StoreError::Corrupt("role"))
}

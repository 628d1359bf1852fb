//! Portal links: kept until they are followed or have expired.

use postrider_core::audit::Stamp;
use postrider_core::limits;
use rusqlite::params;

use super::accounts::{merchant, taken_is_conflict};
use super::audit;
use super::rows::{first, people};
use super::sessions;
use super::writer::Desk;
use crate::accounts::{Digest, Entry, PortalLink, Session};
use crate::error::{Result, StoreError};

const INSERT: &str = "INSERT INTO portal_links (id, merchant, role, email, digest, created_at, \
     expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
const CLEAR: &str = "DELETE FROM portal_links WHERE merchant = ?1 AND expires_at <= ?2";
const COUNT: &str = "SELECT count(*) FROM portal_links WHERE merchant = ?1";
const BY_DIGEST: &str = "SELECT id, merchant, role, email, digest, created_at, expires_at \
     FROM portal_links WHERE digest = ?1 AND expires_at > ?2";
const DELETE: &str = "DELETE FROM portal_links WHERE id = ?1";

pub(super) fn create(desk: &mut Desk, link: &PortalLink, stamp: &Stamp) -> Result<()> {
    merchant(&desk.connection, link.merchant)?;
    let owner = link.merchant.to_bytes();
    let expired = params![owner, link.created_at.unix_millis()];
    desk.connection.prepare_cached(CLEAR)?.execute(expired)?;
    let mut statement = desk.connection.prepare_cached(COUNT)?;
    let count: usize = statement.query_row(params![owner], |row| row.get(0))?;
    let limit = limits::PORTAL_LINKS_PER_MERCHANT_MAX;
    if count >= limit {
        return Err(StoreError::LimitReached { what: "portal links", limit });
    }
    let inserted = desk.connection.prepare_cached(INSERT)?.execute(params![
        link.id.to_bytes(),
        owner,
        link.role.as_str(),
        link.email,
        link.digest,
        link.created_at.unix_millis(),
        link.expires_at.unix_millis(),
    ]);
    taken_is_conflict(inserted)?;
    let detail = link.role.as_str();
    audit::record(desk, stamp, Some(link.merchant), "portal_link.created", &link.id, detail)
}

pub(super) fn redeem(desk: &mut Desk, token: Digest, entry: Entry) -> Result<Session> {
    let found = {
        let mut statement = desk.connection.prepare_cached(BY_DIGEST)?;
        first(&mut statement, params![token, entry.at.unix_millis()], people::portal_link)?
    };
    let link = found.ok_or(StoreError::NotFound)?;
    desk.connection.prepare_cached(DELETE)?.execute(params![link.id.to_bytes()])?;
    let session = Session {
        id: entry.id,
        merchant: link.merchant,
        user: None,
        role: link.role,
        email: link.email,
        digest: entry.digest,
        created_at: entry.at,
        used_at: entry.at,
    };
    sessions::insert(desk, &session, limits::PORTAL_SESSIONS_PER_MERCHANT_MAX)?;
    let stamp = Stamp { by: session.actor(), at: entry.at, request: entry.request };
    let merchant = Some(link.merchant);
    audit::record(desk, &stamp, merchant, "portal_link.redeemed", &link.id, "")?;
    Ok(session)
}

#[cfg(test)]
mod tests {
    use super::super::tests::is_a_bounded_search;
    use super::*;

    #[test]
    fn every_look_is_a_bounded_search() {
        for sql in [CLEAR, COUNT, BY_DIGEST, DELETE] {
            is_a_bounded_search(sql);
        }
    }
}

//! Merchants and API keys.

use postrider_core::audit::Stamp;
use postrider_core::ids::{ApiKeyId, MerchantId};
use postrider_core::limits;
use rusqlite::{Connection, params};

use super::audit;
use super::fault;
use super::pages::{self, Scan};
use super::rows::{accounts, collect, first};
use super::version;
use super::writer::Desk;
use crate::catalog::{ApiKey, Merchant, Page, PageAsk};
use crate::error::{Result, StoreError};

const INSERT_MERCHANT: &str =
    "INSERT INTO merchants (id, name, created_at, changed_in) VALUES (?1, ?2, ?3, ?4)";
const MERCHANT: &str = "SELECT id, name, created_at FROM merchants WHERE id = ?1";
const MERCHANTS: Scan = Scan {
    down: "SELECT id, name, created_at FROM merchants WHERE id <= ?1 ORDER BY id DESC LIMIT ?2",
    up: "SELECT id, name, created_at FROM merchants WHERE id >= ?1 ORDER BY id LIMIT ?2",
};
const INSERT_KEY: &str = "INSERT INTO api_keys (id, merchant, name, digest, hint, scopes, \
     created_at, revoked_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
const LIVE_KEYS: &str = "SELECT count(*) FROM api_keys WHERE merchant IS ?1 AND revoked_at IS NULL";
const KEY_BY_DIGEST: &str = "SELECT id, merchant, name, digest, hint, scopes, created_at, \
     revoked_at FROM api_keys WHERE digest = ?1 AND revoked_at IS NULL";
const KEY: &str = "SELECT id, merchant, name, digest, hint, scopes, created_at, revoked_at \
     FROM api_keys WHERE id = ?1 AND merchant IS ?2";
const KEYS: Scan = Scan {
    down: "SELECT id, merchant, name, digest, hint, scopes, created_at, revoked_at \
         FROM api_keys WHERE merchant IS ?1 AND id <= ?2 ORDER BY id DESC LIMIT ?3",
    up: "SELECT id, merchant, name, digest, hint, scopes, created_at, revoked_at \
         FROM api_keys WHERE merchant IS ?1 AND id >= ?2 ORDER BY id LIMIT ?3",
};
const REVOKE_KEY: &str = "UPDATE api_keys SET revoked_at = ?2 WHERE id = ?1";

pub(super) fn create_merchant(desk: &mut Desk, merchant: &Merchant, stamp: &Stamp) -> Result<()> {
    let version = version::advance(desk)?;
    let inserted = desk.connection.prepare_cached(INSERT_MERCHANT)?.execute(params![
        merchant.id.to_bytes(),
        merchant.name,
        merchant.created_at.unix_millis(),
        version,
    ]);
    taken_is_conflict(inserted)?;
    audit::record(desk, stamp, Some(merchant.id), "merchant.created", &merchant.id, &merchant.name)
}

pub(super) fn merchant(connection: &Connection, id: MerchantId) -> Result<Merchant> {
    let mut statement = connection.prepare_cached(MERCHANT)?;
    first(&mut statement, params![id.to_bytes()], accounts::merchant)?.ok_or(StoreError::NotFound)
}

pub(super) fn merchants(connection: &Connection, ask: PageAsk) -> Result<Page<Merchant>> {
    pages::page(ask, |walk, limit| {
        let mut statement = connection.prepare_cached(walk.pick(&MERCHANTS))?;
        collect(&mut statement, params![walk.id(), limit], |row| {
            let merchant = accounts::merchant(row)?;
            Ok((position(merchant.id.to_bytes()), merchant))
        })
    })
}

pub(super) fn create_api_key(desk: &mut Desk, key: &ApiKey, stamp: &Stamp) -> Result<()> {
    if let Some(owner) = key.merchant {
        merchant(&desk.connection, owner)?;
    }
    let owner = owner_bytes(key.merchant);
    let mut statement = desk.connection.prepare_cached(LIVE_KEYS)?;
    let live: usize = statement.query_row(params![owner], |row| row.get(0))?;
    // Revoked ones do not count, or a merchant that changes its keys would run out of them.
    let limit = limits::API_KEYS_PER_MERCHANT_MAX;
    if live >= limit {
        return Err(StoreError::LimitReached { what: "API keys", limit });
    }
    let inserted = desk.connection.prepare_cached(INSERT_KEY)?.execute(params![
        key.id.to_bytes(),
        owner,
        key.name,
        key.digest,
        key.hint,
        key.scopes,
        key.created_at.unix_millis(),
        super::rows::millis(key.revoked_at),
    ]);
    taken_is_conflict(inserted)?;
    audit::record(desk, stamp, key.merchant, "api_key.created", &key.id, &key.name)
}

pub(super) fn api_key_by_digest(connection: &Connection, digest: [u8; 32]) -> Result<ApiKey> {
    let mut statement = connection.prepare_cached(KEY_BY_DIGEST)?;
    first(&mut statement, params![digest], accounts::api_key)?.ok_or(StoreError::NotFound)
}

pub(super) fn api_keys(
    connection: &Connection,
    owner: Option<MerchantId>,
    ask: PageAsk,
) -> Result<Page<ApiKey>> {
    let owner = owner_bytes(owner);
    pages::page(ask, |walk, limit| {
        let mut statement = connection.prepare_cached(walk.pick(&KEYS))?;
        collect(&mut statement, params![owner, walk.id(), limit], |row| {
            let key = accounts::api_key(row)?;
            Ok((position(key.id.to_bytes()), key))
        })
    })
}

pub(super) fn revoke_api_key(
    desk: &mut Desk,
    owner: Option<MerchantId>,
    id: ApiKeyId,
    stamp: &Stamp,
) -> Result<ApiKey> {
    let found = {
        let mut statement = desk.connection.prepare_cached(KEY)?;
        first(&mut statement, params![id.to_bytes(), owner_bytes(owner)], accounts::api_key)?
    };
    let mut key = found.ok_or(StoreError::NotFound)?;
    if key.revoked_at.is_none() {
        version::advance(desk)?;
        let at = params![id.to_bytes(), stamp.at.unix_millis()];
        desk.connection.prepare_cached(REVOKE_KEY)?.execute(at)?;
        key.revoked_at = Some(stamp.at);
        audit::record(desk, stamp, owner, "api_key.revoked", &id, &key.name)?;
    }
    Ok(key)
}

fn owner_bytes(owner: Option<MerchantId>) -> Option<[u8; 16]> {
    owner.map(MerchantId::to_bytes)
}

pub(super) const fn position(id: [u8; 16]) -> u128 {
    u128::from_be_bytes(id)
}

pub(super) fn taken_is_conflict(inserted: rusqlite::Result<usize>) -> Result<()> {
    match inserted {
        Ok(_) => Ok(()),
        Err(error) if fault::is_taken(&error) => Err(StoreError::Conflict),
        Err(error) => Err(error.into()),
    }
}

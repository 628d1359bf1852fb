//! Merchants and API keys as rows.

use rusqlite::Row;

use super::{id, optional_id, optional_time, time};
use crate::catalog::{ApiKey, Merchant};
use crate::error::Result;

/// Reads `id, name, created_at`.
pub(in crate::sqlite) fn merchant(row: &Row<'_>) -> Result<Merchant> {
    Ok(Merchant { id: id(row, 0)?, name: row.get(1)?, created_at: time(row, 2)? })
}

/// Reads `id, merchant, name, digest, hint, scopes, created_at, revoked_at`.
pub(in crate::sqlite) fn api_key(row: &Row<'_>) -> Result<ApiKey> {
    Ok(ApiKey {
        id: id(row, 0)?,
        merchant: optional_id(row, 1)?,
        name: row.get(2)?,
        digest: row.get(3)?,
        hint: row.get(4)?,
        scopes: row.get(5)?,
        created_at: time(row, 6)?,
        revoked_at: optional_time(row, 7)?,
    })
}

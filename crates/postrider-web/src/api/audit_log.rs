//! The audit log: who changed what and when.
//!
//! With the header `Postrider-Merchant`, or for an owner who is signed in, it is that merchant's;
//! for an operator without it, everything.

use axum::body::Body;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{Response, StatusCode, Uri};
use postrider_store::catalog::AuditFilter;
use schemars::JsonSchema;
use serde::Serialize;

use super::auth::ActingFor;
use super::json;
use super::page::Listing;
use super::query::Query;
use super::wire::audit::EntryOut;
use crate::error::ApiError;
use crate::openapi::field::Field;
use crate::openapi::schema;
use crate::shared::Held;

/// What may be looked for.
pub(crate) const FILTERS: [Field; 1] =
    [Field::new("object", schema::any_id, "The id of what was changed.")];

pub(crate) async fn list(
    State(shared): Held,
    ActingFor(merchant): ActingFor,
    parts: Parts,
) -> Result<Response<Body>, ApiError> {
    let listing = Listing::read(&parts, merchant, &FILTERS)?;
    let filter = AuditFilter { merchant, object: listing.query.get("object").map(str::to_owned) };
    let page = shared.engine.store().audit_log(filter, listing.ask).await?;
    let results = page.rows.iter().map(EntryOut::new).collect();
    listing.answer(results, page.next, page.previous)
}

/// What following the chain found.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AuditVerification")]
pub(crate) struct AuditVerificationOut {
    /// Entries that are as they were written.
    entries: u64,
    is_intact: bool,
    /// The position of the first entry that was altered, removed or slipped in.
    first_altered: Option<u64>,
}

/// Follows the chain of all entries. Reads each of them.
pub(crate) async fn verify(State(shared): Held, uri: Uri) -> Result<Response<Body>, ApiError> {
    Query::none(&uri)?;
    let audited = shared.engine.store().verify_audit_log().await?;
    let first_altered = audited.first_altered;
    let is_intact = first_altered.is_none();
    json(
        StatusCode::OK,
        &AuditVerificationOut { entries: audited.entries, is_intact, first_altered },
    )
}

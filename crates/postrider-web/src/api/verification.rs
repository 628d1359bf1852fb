//! The verification keys of a webhook: shown on request, and rotated.
//!
//! Showing them asks for the scope `webhooks:write`: who holds the key can forge deliveries, and
//! who may rotate it can read it anyway.

use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode, Uri};
use postrider_core::ids::kind;
use postrider_engine::chance;

use super::auth::Tenant;
use super::body::MaybePosted;
use super::error::ApiError;
use super::query::Query;
use super::wire::key::VerificationOut;
use super::{PathId, json};
use crate::shared::Held;

pub(crate) async fn show(
    State(shared): Held,
    Tenant(merchant): Tenant,
    uri: Uri,
    PathId(id): PathId<kind::Webhook>,
) -> Result<Response<Body>, ApiError> {
    Query::none(&uri)?;
    let keys = shared.engine.store().verification_keys(merchant, id).await?;
    json(StatusCode::OK, &VerificationOut::new(&keys, shared.now()))
}

pub(crate) async fn rotate(
    State(shared): Held,
    Tenant(merchant): Tenant,
    PathId(id): PathId<kind::Webhook>,
    uri: Uri,
    posted: MaybePosted,
) -> Result<Response<Body>, ApiError> {
    Query::none(&uri)?;
    posted.refuse_members()?;
    let (new, now) = (chance::verification_key(), shared.now());
    let keys = shared.engine.store().rotate_key(merchant, id, new, now).await?;
    shared.engine.refresh_routing().await?;
    json(StatusCode::OK, &VerificationOut::new(&keys, now))
}

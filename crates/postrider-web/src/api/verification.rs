//! The verification keys of a webhook: shown on request, and rotated.
//!
//! Showing them asks for the scope `webhooks:write`: who holds the key can forge deliveries, and
//! who may rotate it can read it anyway.

use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode, Uri};
use postrider_core::audit::Stamp;
use postrider_core::ids::{MerchantId, WebhookId, kind};
use postrider_engine::chance;
use postrider_store::catalog::Note;

use super::auth::{Stamped, Tenant};
use super::body::MaybePosted;
use super::error::ApiError;
use super::query::Query;
use super::wire::key::VerificationOut;
use super::{PathId, json};
use crate::shared::{Held, Shared};

pub(crate) async fn show(
    State(shared): Held,
    Tenant(merchant): Tenant,
    Stamped(stamp): Stamped,
    uri: Uri,
    PathId(id): PathId<kind::Webhook>,
) -> Result<Response<Body>, ApiError> {
    Query::none(&uri)?;
    let keys = shared.engine.store().verification_keys(merchant, id).await?;
    note_shown(&shared, merchant, id, stamp).await?;
    json(StatusCode::OK, &VerificationOut::new(&keys, shared.now()))
}

/// Whoever sees a key can forge deliveries, so that is on record.
pub(crate) async fn note_shown(
    shared: &Shared,
    merchant: MerchantId,
    id: WebhookId,
    stamp: Stamp,
) -> Result<(), ApiError> {
    let (action, object) = ("verification_key.shown".to_owned(), id.to_string());
    let note = Note { merchant: Some(merchant), action, object, detail: String::new() };
    Ok(shared.engine.store().note(note, stamp).await?)
}

pub(crate) async fn rotate(
    State(shared): Held,
    Tenant(merchant): Tenant,
    Stamped(stamp): Stamped,
    PathId(id): PathId<kind::Webhook>,
    uri: Uri,
    posted: MaybePosted,
) -> Result<Response<Body>, ApiError> {
    Query::none(&uri)?;
    posted.refuse_members()?;
    let (new, now) = (chance::verification_key(), stamp.at);
    let keys = shared.engine.store().rotate_key(merchant, id, new, stamp).await?;
    shared.engine.refresh_routing().await?;
    json(StatusCode::OK, &VerificationOut::new(&keys, now))
}

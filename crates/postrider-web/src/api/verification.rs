//! The verification keys of a webhook: shown on request, and rotated.
//!
//! Showing them asks for the scope `webhooks:write`: who holds the key can forge deliveries, and
//! who may rotate it can read it anyway.

use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode, Uri};
use postrider_core::audit::Stamp;
use postrider_core::ids::{MerchantId, WebhookId, kind};
use postrider_core::key::{VerificationKey, VerificationKeys};
use postrider_core::sign::Scheme;
use postrider_core::time::Timestamp;
use postrider_engine::chance;
use postrider_store::catalog::Note;

use super::auth::{Stamped, Tenant};
use super::body::MaybePosted;
use super::query::Query;
use super::wire::key::VerificationOut;
use super::wire::webhook_fields::OWN_KEY;
use super::{PathId, json};
use crate::error::ApiError;
use crate::openapi::field::Field;
use crate::openapi::schema;
use crate::shared::{Held, Shared};

/// How a key is rotated.
pub(crate) const ROTATION: [Field; 2] = [
    Field::new(
        "overlap",
        |_| schema::one_of(&["24h", "none"]),
        "How long deliveries carry both signatures: `24h`, or `none` when the old key is known to \
         others and must count for nothing from now on.",
    ),
    OWN_KEY,
];

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
    let (store, now) = (shared.engine.store(), stamp.at);
    let (webhook, _) = store.webhook(merchant, id).await?;
    let (own, has_overlap) = read_rotation(&posted, webhook.signature)?;
    if let Some(own) = &own {
        refuse_known(own, &store.verification_keys(merchant, id).await?, has_overlap, now)?;
    }
    let new = own.unwrap_or_else(chance::verification_key);
    let keys = if has_overlap {
        store.rotate_key(merchant, id, new, stamp).await?
    } else {
        store.replace_key(merchant, id, new, stamp).await?
    };
    shared.engine.refresh_routing().await?;
    json(StatusCode::OK, &VerificationOut::new(&keys, now))
}

/// The key brought along, if any, and whether the old one goes on beside it for a day.
fn read_rotation(
    posted: &MaybePosted,
    scheme: Scheme,
) -> Result<(Option<VerificationKey>, bool), ApiError> {
    let Some(posted) = &posted.0 else { return Ok((None, true)) };
    let given = posted.object(&ROTATION)?;
    let has_overlap = match given.any_text("overlap")?.as_deref() {
        None | Some("24h") => true,
        Some("none") => false,
        Some(_) => {
            let detail = "`overlap` is `24h` or `none`.";
            return Err(ApiError::refused("invalid_overlap", "overlap", detail));
        }
    };
    let own = given.any_text("verification_key")?;
    let own = own.map(|text| VerificationKey::imported(&text, scheme)).transpose()?;
    Ok((own, has_overlap))
}

/// A rotation to a key in use would look done and change nothing.
fn refuse_known(
    own: &VerificationKey,
    keys: &VerificationKeys,
    has_overlap: bool,
    now: Timestamp,
) -> Result<(), ApiError> {
    let expiring = keys.expiring_at(now);
    let is_in_use = keys.new == *own || expiring.is_some_and(|expiring| expiring.key == *own);
    // Without overlap either key of a rotation may stay alone: that ends the other at once.
    if !is_in_use || (expiring.is_some() && !has_overlap) {
        return Ok(());
    }
    let detail = "This key is in use already; bring another one, or none to have one made.";
    Err(ApiError::refused("key_in_use", "verification_key", detail))
}

//! A target's signing key: what everything else calls the verification key of a webhook.

use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode};
use postrider_engine::chance;

use super::shapes::{RotationOut, SigningKeyOut};
use super::{PathIds, find};
use crate::api::auth::{Stamped, Tenant};
use crate::api::{json, verification};
use crate::error::ApiError;
use crate::shared::Held;

pub(crate) async fn show(
    State(shared): Held,
    Tenant(merchant): Tenant,
    Stamped(stamp): Stamped,
    PathIds([target]): PathIds<1>,
) -> Result<Response<Body>, ApiError> {
    let webhook = find(&shared, merchant, target).await?;
    let keys = shared.engine.store().verification_keys(merchant, webhook.id).await?;
    verification::note_shown(&shared, merchant, webhook.id, stamp).await?;
    json(StatusCode::OK, &SigningKeyOut::new(&keys))
}

pub(crate) async fn rotate(
    State(shared): Held,
    Tenant(merchant): Tenant,
    Stamped(stamp): Stamped,
    PathIds([target]): PathIds<1>,
) -> Result<Response<Body>, ApiError> {
    let webhook = find(&shared, merchant, target).await?;
    let (new, now) = (chance::verification_key(), stamp.at);
    let keys = shared.engine.store().rotate_key(merchant, webhook.id, new, stamp).await?;
    shared.engine.refresh_routing().await?;
    json(StatusCode::OK, &RotationOut::new(&keys, now))
}

//! Portal links: a platform lets a merchant's people in without a password of ours.
//!
//! A link is used once and soon; whoever follows it has a session with the role the link says, and
//! is no user.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::{Response, StatusCode, Uri};
use postrider_core::account::{Role, read_email};
use postrider_core::limits::{
    PORTAL_LINK_LIFE_DEFAULT, PORTAL_LINK_LIFE_MAX, PORTAL_LINK_LIFE_MIN,
};
use postrider_store::accounts::{Entry, PortalLink};

use super::auth::{Stamped, Tenant};
use super::body::Posted;
use super::query::Query;
use super::users::{bad_token, read_role, unknown_token};
use super::wire::account::PortalLinkOut;
use super::wire::object::Object;
use super::{json, sessions};
use crate::api_key::{KeyKind, Secret};
use crate::error::ApiError;
use crate::front::RequestId;
use crate::openapi::field::Field;
use crate::openapi::schema;
use crate::shared::Held;

/// A link as asked for.
pub(crate) const LINK: [Field; 3] = [
    Field::new("role", schema::role, "What it allows; `developer` when left out."),
    Field::new("email", schema::email, "Who it is for, as the audit log will tell."),
    Field::new("expires_in_seconds", schema::link_life, "How long it works; 300 when left out."),
];

/// What a link is followed with.
pub(crate) const LINK_TOKEN: [Field; 1] =
    [Field::new("token", schema::secret, "The link's token.").required()];

/// The only answer that ever holds the token.
pub(crate) async fn create(
    State(shared): Held,
    Tenant(merchant): Tenant,
    Stamped(stamp): Stamped,
    uri: Uri,
    posted: Posted,
) -> Result<Response<Body>, ApiError> {
    Query::none(&uri)?;
    let given = posted.object(&LINK)?;
    let role = read_role(&given)?.unwrap_or(Role::Developer);
    let email = given.any_text("email")?.map(|email| read_email(&email)).transpose()?;
    let life = read_life(&given)?;
    let (secret, now) = (Secret::fresh(KeyKind::PortalLink), stamp.at);
    let link = PortalLink {
        id: shared.engine.mint().id(now),
        merchant,
        role,
        email,
        digest: secret.digest(),
        created_at: now,
        expires_at: now + life,
    };
    shared.engine.store().create_portal_link(link.clone(), stamp).await?;
    json(StatusCode::CREATED, &PortalLinkOut::new(&link, &secret))
}

fn read_life(given: &Object) -> Result<Duration, ApiError> {
    const FIELD: &str = "expires_in_seconds";
    let Some(seconds) = given.count(FIELD)? else { return Ok(PORTAL_LINK_LIFE_DEFAULT) };
    let life = Duration::from_secs(seconds);
    if (PORTAL_LINK_LIFE_MIN..=PORTAL_LINK_LIFE_MAX).contains(&life) {
        return Ok(life);
    }
    let (min, max) = (PORTAL_LINK_LIFE_MIN.as_secs(), PORTAL_LINK_LIFE_MAX.as_secs());
    Err(ApiError::refused("out_of_range", FIELD, format!("A link lives {min} to {max} seconds.")))
}

/// Follows a link.
pub(crate) async fn redeem(
    State(shared): Held,
    Extension(RequestId(request)): Extension<RequestId>,
    uri: Uri,
    posted: Posted,
) -> Result<Response<Body>, ApiError> {
    Query::none(&uri)?;
    let given = posted.object(&LINK_TOKEN)?;
    let token = given.need("token", given.any_text("token")?)?;
    let link = Secret::parse(&token).filter(|secret| secret.kind() == KeyKind::PortalLink);
    let link = link.ok_or_else(bad_token)?.digest();
    let (secret, now) = (Secret::fresh(KeyKind::Session), shared.now());
    let (id, digest) = (shared.engine.mint().id(now), secret.digest());
    let entry = Entry { id, digest, at: now, request: Some(request) };
    let redeemed = shared.engine.store().redeem_portal_link(link, entry).await;
    let session = redeemed.map_err(unknown_token)?;
    sessions::answer(&shared, StatusCode::CREATED, &session, Some(&secret)).await
}

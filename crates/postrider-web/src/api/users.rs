//! Users of a merchant: looked after by its owners and by operators.
//!
//! A user is made with a password, or with an invitation: a token, shown once, with which whoever
//! holds it chooses the password. Another invitation is also the way back for who has forgotten
//! theirs.

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::request::Parts;
use axum::http::{Response, StatusCode, Uri};
use postrider_core::account::{Role, read_email};
use postrider_core::audit::Stamp;
use postrider_core::ids::kind;
use postrider_core::limits;
use postrider_core::password;
use postrider_core::webhook::check_name;
use postrider_store::StoreError;
use postrider_store::accounts::{Invitation, User, UserChange};

use super::auth::{Stamped, Tenant};
use super::body::{MaybePosted, Posted};
use super::caller::SignedIn;
use super::page::Listing;
use super::query::Query;
use super::wire::account::{InvitationOut, UserOut};
use super::wire::object::Object;
use super::{PathId, json, sessions};
use crate::api_key::{KeyKind, Secret};
use crate::error::ApiError;
use crate::front::RequestId;
use crate::openapi::field::Field;
use crate::openapi::schema;
use crate::shared::{Held, Shared};

const NAME: Field = Field::new("name", schema::name, "What people call the user.");
const ROLE: Field = Field::new("role", schema::role, "What the user may do.");
const PASSWORD: Field = Field::new("password", schema::password, "The password to have.");

/// A user as asked for.
pub(crate) const USER: [Field; 4] = [
    Field::new("email", schema::email, "Its e-mail address, to sign in with.").required(),
    NAME,
    ROLE.required(),
    PASSWORD,
];

/// What may be changed of a user.
pub(crate) const CHANGE: [Field; 3] =
    [NAME, ROLE, Field::new("disabled", schema::truth, "Whether signing in is refused.")];

/// What an invitation is redeemed with.
pub(crate) const REDEEM: [Field; 2] = [
    Field::new("token", schema::secret, "The invitation's token.").required(),
    PASSWORD.required(),
];

/// What a password is changed with.
pub(crate) const PASSWORDS: [Field; 2] = [
    Field::new("current", schema::secret, "The present password.").required(),
    Field::new("new", schema::password, "The password to have.").required(),
];

pub(crate) async fn list(
    State(shared): Held,
    Tenant(merchant): Tenant,
    parts: Parts,
) -> Result<Response<Body>, ApiError> {
    let listing = Listing::read(&parts, Some(merchant), &[])?;
    let page = shared.engine.store().users(merchant, listing.ask).await?;
    let results = page.rows.iter().map(UserOut::new).collect();
    listing.answer(results, page.next, page.previous)
}

pub(crate) async fn create(
    State(shared): Held,
    Tenant(merchant): Tenant,
    Stamped(stamp): Stamped,
    uri: Uri,
    posted: Posted,
) -> Result<Response<Body>, ApiError> {
    Query::none(&uri)?;
    let given = posted.object(&USER)?;
    let email = read_email(&given.need("email", given.any_text("email")?)?)?;
    let name = given.any_text("name")?.unwrap_or_else(|| email.clone());
    check_name(&name)?;
    let role = given.need("role", read_role(&given)?)?;
    let password = given.any_text("password")?;
    if let Some(password) = &password {
        password::check(password, "password")?;
    }
    let password_hash = match password {
        Some(password) => Some(shared.hashing.hash(password).await?),
        None => None,
    };
    let now = stamp.at;
    let invitation = password_hash.is_none().then(|| invite(&shared));
    let user = User {
        id: shared.engine.mint().id(now),
        merchant,
        email,
        name,
        password_hash,
        role,
        created_at: now,
        last_signed_in_at: None,
        disabled_at: None,
        credentials_version: 1,
    };
    let stored = invitation.as_ref().map(|(invitation, _)| *invitation);
    let created = shared.engine.store().create_user(user.clone(), stored, stamp).await;
    created.map_err(|error| match error {
        StoreError::Conflict => {
            let detail = "There is a user with this e-mail address already.";
            ApiError::conflict("email_taken", detail).about("email")
        }
        other => other.into(),
    })?;
    let shown = invitation.as_ref().map(|(given, secret)| InvitationOut::new(given, secret));
    json(StatusCode::CREATED, &UserOut::new(&user).inviting(shown))
}

/// A fresh invitation and its token.
fn invite(shared: &Shared) -> (Invitation, Secret) {
    let secret = Secret::fresh(KeyKind::Invitation);
    let expires_at = shared.now() + limits::INVITATION_LIFE;
    (Invitation { digest: secret.digest(), expires_at }, secret)
}

/// The role a body names.
pub(super) fn read_role(given: &Object) -> Result<Option<Role>, ApiError> {
    let Some(name) = given.any_text("role")? else { return Ok(None) };
    Role::parse(&name).map(Some).ok_or_else(|| {
        let all = Role::ALL.map(Role::as_str).join(", ");
        ApiError::refused("invalid_role", "role", format!("`role` is one of {all}."))
    })
}

pub(crate) async fn show(
    State(shared): Held,
    Tenant(merchant): Tenant,
    uri: Uri,
    PathId(id): PathId<kind::User>,
) -> Result<Response<Body>, ApiError> {
    Query::none(&uri)?;
    let user = shared.engine.store().user(merchant, id).await?;
    json(StatusCode::OK, &UserOut::new(&user))
}

/// Another role, or disabling, ends the user's sessions.
pub(crate) async fn update(
    State(shared): Held,
    Tenant(merchant): Tenant,
    Stamped(stamp): Stamped,
    uri: Uri,
    PathId(id): PathId<kind::User>,
    posted: Posted,
) -> Result<Response<Body>, ApiError> {
    Query::none(&uri)?;
    let given = posted.object(&CHANGE)?;
    let name = given.any_text("name")?;
    if let Some(name) = &name {
        check_name(name)?;
    }
    let (role, is_disabled) = (read_role(&given)?, given.truth("disabled")?);
    let change = UserChange { name, role, is_disabled };
    let user = shared.engine.store().update_user(merchant, id, change, stamp).await?;
    json(StatusCode::OK, &UserOut::new(&user))
}

pub(crate) async fn delete(
    State(shared): Held,
    Tenant(merchant): Tenant,
    Stamped(stamp): Stamped,
    uri: Uri,
    PathId(id): PathId<kind::User>,
) -> Result<StatusCode, ApiError> {
    Query::none(&uri)?;
    shared.engine.store().delete_user(merchant, id, stamp).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A new invitation; an earlier one stops working. The password stays until it is redeemed.
pub(crate) async fn invite_again(
    State(shared): Held,
    Tenant(merchant): Tenant,
    Stamped(stamp): Stamped,
    uri: Uri,
    PathId(id): PathId<kind::User>,
    posted: MaybePosted,
) -> Result<Response<Body>, ApiError> {
    Query::none(&uri)?;
    posted.refuse_members()?;
    let (invitation, secret) = invite(&shared);
    let user = shared.engine.store().invite_user(merchant, id, invitation, stamp).await?;
    let shown = InvitationOut::new(&invitation, &secret);
    json(StatusCode::CREATED, &UserOut::new(&user).inviting(Some(shown)))
}

pub(crate) async fn redeem_invitation(
    State(shared): Held,
    Extension(RequestId(request)): Extension<RequestId>,
    uri: Uri,
    posted: Posted,
) -> Result<Response<Body>, ApiError> {
    Query::none(&uri)?;
    let given = posted.object(&REDEEM)?;
    let token = given.need("token", given.any_text("token")?)?;
    let password = given.need("password", given.any_text("password")?)?;
    password::check(&password, "password")?;
    let secret = Secret::parse(&token).filter(|secret| secret.kind() == KeyKind::Invitation);
    let digest = secret.ok_or_else(bad_token)?.digest();
    let (store, now) = (shared.engine.store(), shared.now());
    // Looked up first, so that made-up tokens are not worth a hash.
    let user = store.invited_user(digest, now).await.map_err(unknown_token)?;
    let hash = shared.hashing.hash(password).await?;
    let stamp = Stamp { by: user.actor(), at: now, request: Some(request) };
    let user = store.redeem_invitation(digest, hash, stamp).await.map_err(unknown_token)?;
    json(StatusCode::OK, &UserOut::new(&user))
}

/// A token that is malformed, unknown, used or expired.
pub(super) fn bad_token() -> ApiError {
    let detail = "This token is not valid, or no longer: each works once and for a limited time.";
    ApiError::refused("invalid_token", "token", detail)
}

pub(super) fn unknown_token(error: StoreError) -> ApiError {
    match error {
        StoreError::NotFound => bad_token(),
        other => other.into(),
    }
}

/// Changes one's own password; every other session ends.
pub(crate) async fn change_password(
    State(shared): Held,
    SignedIn(session): SignedIn,
    Stamped(stamp): Stamped,
    uri: Uri,
    posted: Posted,
) -> Result<StatusCode, ApiError> {
    Query::none(&uri)?;
    let given = posted.object(&PASSWORDS)?;
    let current = given.need("current", given.any_text("current")?)?;
    let new = given.need("new", given.any_text("new")?)?;
    password::check_size(&current, "current")?;
    password::check(&new, "new")?;
    let Some(id) = session.user else {
        let detail = "Whoever came through a portal link has no password.";
        return Err(ApiError::conflict("no_password", detail));
    };
    let store = shared.engine.store();
    let user = store.user(session.merchant, id).await?;
    // A session left open must not become a place to guess at.
    let guess = sessions::begin_guess(&shared, &user.email, None)?;
    let is_right = match shared.hashing.is_of(current, user.password_hash.clone()).await {
        Ok(is_right) => is_right,
        Err(error) => {
            shared.throttle.withdraw(&guess);
            return Err(error);
        }
    };
    if !is_right {
        let detail = "This is not the present password.";
        return Err(ApiError::refused("wrong_password", "current", detail));
    }
    shared.throttle.succeeded(&guess);
    let hash = shared.hashing.hash(new).await?;
    store.set_password(&user, hash, Some(session.id), stamp).await?;
    Ok(StatusCode::NO_CONTENT)
}

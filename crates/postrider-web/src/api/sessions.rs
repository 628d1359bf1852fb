//! Signing in and out.
//!
//! Whatever is wrong with a sign-in, answer and work are the same, so that nobody learns who has an
//! account. A session is a secret like an API key, sent in the same headers; the server judges by
//! its own clock when it ends.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, Response, StatusCode, Uri};
use postrider_core::account::read_email;
use postrider_core::audit::Stamp;
use postrider_core::ids::Id;
use postrider_core::password;
use postrider_store::StoreError;
use postrider_store::accounts::{Session, User};

use super::auth::Stamped;
use super::body::Posted;
use super::caller::SignedIn;
use super::json;
use super::query::Query;
use super::wire::account::SessionOut;
use crate::api_key::{KeyKind, Secret};
use crate::error::ApiError;
use crate::front::{Peer, RequestId};
use crate::openapi::field::Field;
use crate::openapi::schema;
use crate::shared::{Held, Shared};
use crate::throttle::Guess;

/// What one signs in with.
pub(crate) const SIGN_IN: [Field; 2] = [
    Field::new("email", schema::email, "The e-mail address.").required(),
    Field::new("password", schema::secret, "The password.").required(),
];

pub(crate) async fn sign_in(
    State(shared): Held,
    Peer(peer): Peer,
    Extension(RequestId(request)): Extension<RequestId>,
    uri: Uri,
    posted: Posted,
) -> Result<Response<Body>, ApiError> {
    Query::none(&uri)?;
    let given = posted.object(&SIGN_IN)?;
    let email = read_email(&given.need("email", given.any_text("email")?)?)?;
    let password = given.need("password", given.any_text("password")?)?;
    password::check_size(&password, "password")?;
    let user = guess(&shared, &email, peer, async |found: Option<&User>| {
        let hash = found.filter(|user| user.can_sign_in()).and_then(|u| u.password_hash.clone());
        shared.hashing.is_of(password, hash).await
    });
    let (session, secret) = begin(&shared, &user.await?, request).await?;
    answer(&shared, StatusCode::CREATED, &session, Some(&secret)).await
}

/// Looks up whom a sign-in is for and lets `check` compare the password.
async fn guess(
    shared: &Shared,
    email: &str,
    peer: Option<IpAddr>,
    check: impl AsyncFnOnce(Option<&User>) -> Result<bool, ApiError>,
) -> Result<User, ApiError> {
    let guess = begin_guess(shared, email, peer)?;
    let checked = async {
        let found = match shared.engine.store().user_by_email(email.to_owned()).await {
            Ok(user) => Some(user),
            Err(StoreError::NotFound) => None,
            Err(error) => return Err(error.into()),
        };
        let is_right = check(found.as_ref()).await?;
        Ok(found.filter(|_| is_right))
    };
    match checked.await {
        Ok(Some(user)) => {
            shared.throttle.succeeded(&guess);
            Ok(user)
        }
        Ok(None) => Err(failed()),
        Err(error) => {
            shared.throttle.withdraw(&guess);
            Err(error)
        }
    }
}

/// Refuses a guess that comes too soon after others.
pub(super) fn begin_guess(
    shared: &Shared,
    account: &str,
    peer: Option<IpAddr>,
) -> Result<Guess, ApiError> {
    let reading = shared.engine.clock().reading();
    shared.throttle.begin(account, peer, reading).map_err(|wait| {
        let seconds = wait.as_millis().div_ceil(1_000);
        let detail = format!("Too many attempts failed; try again in {seconds} seconds.");
        let retry_after = HeaderValue::from_str(&seconds.to_string());
        let error = ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", detail);
        match retry_after {
            Ok(value) => error.with_header(RETRY_AFTER, value),
            Err(_) => error,
        }
    })
}

/// One same answer for a wrong password, no such user, and one who may not sign in.
fn failed() -> ApiError {
    let detail = "The e-mail address or the password is wrong.";
    ApiError::new(StatusCode::UNAUTHORIZED, "sign_in_failed", detail)
        .with_header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"postrider\""))
}

async fn begin(
    shared: &Shared,
    user: &User,
    request: Id<()>,
) -> Result<(Session, Secret), ApiError> {
    let (secret, now) = (Secret::fresh(KeyKind::Session), shared.now());
    let session = Session {
        id: shared.engine.mint().id(now),
        merchant: user.merchant,
        user: Some(user.id),
        role: user.role,
        email: Some(user.email.clone()),
        digest: secret.digest(),
        created_at: now,
        used_at: now,
    };
    let stamp = Stamp { by: user.actor(), at: now, request: Some(request) };
    let store = shared.engine.store();
    match store.begin_session(session.clone(), user.credentials_version, stamp).await {
        Ok(()) => Ok((session, secret)),
        // The password was changed, or the user disabled, while it was being checked.
        Err(StoreError::Conflict) => Err(failed()),
        Err(error) => Err(error.into()),
    }
}

/// Answers a session; with its token only when it begins.
pub(super) async fn answer(
    shared: &Arc<Shared>,
    status: StatusCode,
    session: &Session,
    secret: Option<&Secret>,
) -> Result<Response<Body>, ApiError> {
    let store = shared.engine.store();
    let merchant = store.merchant(session.merchant).await?;
    let user = match session.user {
        Some(id) => Some(store.user(session.merchant, id).await?),
        None => None,
    };
    json(status, &SessionOut::new(session, user.as_ref(), &merchant, secret))
}

pub(crate) async fn current(
    State(shared): Held,
    SignedIn(session): SignedIn,
    uri: Uri,
) -> Result<Response<Body>, ApiError> {
    Query::none(&uri)?;
    answer(&shared, StatusCode::OK, &session, None).await
}

pub(crate) async fn sign_out(
    State(shared): Held,
    SignedIn(session): SignedIn,
    Stamped(stamp): Stamped,
    uri: Uri,
) -> Result<StatusCode, ApiError> {
    Query::none(&uri)?;
    shared.engine.store().end_session(session.id, stamp).await?;
    Ok(StatusCode::NO_CONTENT)
}

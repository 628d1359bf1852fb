//! Setting an empty database up, with the code that `serve` printed at its terminal.
//!
//! The code works once and for an hour; there is no default account to forget about.

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::{Response, StatusCode, Uri};
use postrider_core::account::read_email;
use postrider_core::audit::{Actor, Stamp};
use postrider_core::ids::Id;
use postrider_core::password;
use postrider_core::webhook::check_name;

use super::body::Posted;
use super::json;
use super::query::Query;
use super::wire::account::FoundedOut;
use crate::api_key::{KeyKind, Secret};
use crate::error::ApiError;
use crate::founding::{self, Founded, Founder, SetupCode};
use crate::front::RequestId;
use crate::openapi::field::Field;
use crate::openapi::schema;
use crate::shared::{Held, Shared};

/// What an empty database is set up with.
pub(crate) const SETUP: [Field; 4] = [
    Field::new("code", schema::secret, "The code that was printed.").required(),
    Field::new("merchant_name", schema::name, "What people call the merchant.").required(),
    Field::new("email", schema::email, "The owner's e-mail address.").required(),
    Field::new("password", schema::password, "The owner's password.").required(),
];

pub(crate) async fn redeem(
    State(shared): Held,
    Extension(RequestId(request)): Extension<RequestId>,
    uri: Uri,
    posted: Posted,
) -> Result<Response<Body>, ApiError> {
    Query::none(&uri)?;
    let given = posted.object(&SETUP)?;
    let code = given.need("code", given.any_text("code")?)?;
    let merchant_name = given.need("merchant_name", given.any_text("merchant_name")?)?;
    check_name(&merchant_name).map_err(|refusal| ApiError::from(refusal).about("merchant_name"))?;
    let email = read_email(&given.need("email", given.any_text("email")?)?)?;
    let password = given.need("password", given.any_text("password")?)?;
    password::check(&password, "password")?;
    let code = take_code(&shared, &code).ok_or_else(refused)?;
    let founded = async {
        let password_hash = shared.hashing.hash(password).await?;
        found(&shared, Founder { merchant_name, email, password_hash }, request).await
    };
    match founded.await {
        Ok(founded) => json(StatusCode::CREATED, &FoundedOut::new(&founded)),
        Err(error) => {
            // Nothing came of it, so it was not used.
            *shared.setup.lock() = Some(code);
            Err(error)
        }
    }
}

/// Takes the code away while it is being used, so that it works for one request only.
fn take_code(shared: &Shared, given: &str) -> Option<SetupCode> {
    let secret = Secret::parse(given).filter(|secret| secret.kind() == KeyKind::Setup)?;
    let mut setup = shared.setup.lock();
    let admits = setup.as_ref().is_some_and(|code| code.admits(&secret, shared.now()));
    if admits { setup.take() } else { None }
}

async fn found(shared: &Shared, founder: Founder, request: Id<()>) -> Result<Founded, ApiError> {
    let engine = &shared.engine;
    if !founding::is_empty(&**engine.store()).await? {
        let detail = "This installation is set up already.";
        return Err(ApiError::conflict("already_set_up", detail));
    }
    let by = Actor::command("setup");
    let stamp = Stamp { by, at: shared.now(), request: Some(request) };
    let founded = founding::found(&**engine.store(), engine.mint(), stamp, founder).await?;
    engine.refresh_routing().await?;
    Ok(founded)
}

/// The same whether the code is wrong, used or too old, or there never was one.
fn refused() -> ApiError {
    let detail = "This is not the set-up code, or no longer: it works once, for an hour, on an \
                  empty database. `postrider serve` prints another when it starts on one.";
    ApiError::refused("invalid_setup_code", "code", detail)
}

//! API keys: made, listed and revoked by a merchant's owners, and by operators.
//!
//! A merchant's key can never make another, so no key can widen its own scopes. With the header
//! `Postrider-Merchant` an operator manages that merchant's keys, without it the operators' own;
//! making one of those must be said in so many words (`"kind": "operator"`), because forgetting a
//! header must not hand out the widest key there is. An owner who is signed in always acts for
//! their merchant, and so never makes an operator's key.

use axum::body::Body;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{Response, StatusCode, Uri};
use postrider_core::ids::{MerchantId, kind};
use postrider_core::webhook::check_name;
use postrider_store::catalog::ApiKey;

use super::auth::{ActingFor, Stamped};
use super::body::Posted;
use super::page::Listing;
use super::query::Query;
use super::wire::key::{self, ApiKeyOut};
use super::wire::object::Object;
use super::{PathId, json};
use crate::api_key::{KeyKind, Scope, Scopes, Secret};
use crate::error::ApiError;
use crate::openapi::field::Field;
use crate::openapi::schema;
use crate::shared::Held;

/// A key as asked for.
pub(crate) const KEY: [Field; 3] = [
    Field::new("name", schema::name, "What people call the key.").required(),
    Field::new("kind", key::kind, "Whose it is; `merchant` when left out."),
    Field::new("scopes", key::scopes, "What it may do. A merchant's key needs at least one."),
];

pub(crate) async fn list(
    State(shared): Held,
    ActingFor(owner): ActingFor,
    parts: Parts,
) -> Result<Response<Body>, ApiError> {
    let listing = Listing::read(&parts, owner, &[])?;
    let page = shared.engine.store().api_keys(owner, listing.ask).await?;
    let results = page.rows.iter().map(ApiKeyOut::new).collect();
    listing.answer(results, page.next, page.previous)
}

/// The only answer that ever holds the key itself.
pub(crate) async fn create(
    State(shared): Held,
    ActingFor(owner): ActingFor,
    Stamped(stamp): Stamped,
    uri: Uri,
    posted: Posted,
) -> Result<Response<Body>, ApiError> {
    Query::none(&uri)?;
    let given = posted.object(&KEY)?;
    let name = given.need("name", given.any_text("name")?)?;
    check_name(&name)?;
    let kind = read_kind(&given, owner)?;
    let scopes = read_scopes(&given, kind == KeyKind::Operator)?;
    let (secret, now) = (Secret::fresh(kind), shared.now());
    let key = ApiKey {
        id: shared.engine.mint().id(now),
        merchant: owner,
        name,
        digest: secret.digest(),
        hint: secret.hint(),
        scopes: scopes.bits(),
        created_at: now,
        revoked_at: None,
    };
    shared.engine.store().create_api_key(key.clone(), stamp).await?;
    json(StatusCode::CREATED, &ApiKeyOut::new(&key).revealing(&secret))
}

fn read_kind(given: &Object, owner: Option<MerchantId>) -> Result<KeyKind, ApiError> {
    let kind = given.any_text("kind")?;
    match (kind.as_deref(), owner) {
        (None | Some("merchant"), Some(_)) => Ok(KeyKind::Merchant),
        (Some("operator"), None) => Ok(KeyKind::Operator),
        (None | Some("merchant"), None) => {
            let detail = "Name the merchant the key is for in the header Postrider-Merchant, or \
                          ask for `\"kind\": \"operator\"`.";
            Err(ApiError::refused("merchant_required", "Postrider-Merchant", detail))
        }
        (Some("operator"), Some(_)) => {
            let detail = "An operator's key belongs to no merchant: leave Postrider-Merchant out.";
            Err(ApiError::refused("invalid_kind", "kind", detail))
        }
        (Some(_), _) => {
            let detail = "`kind` is `merchant` or `operator`.";
            Err(ApiError::refused("invalid_kind", "kind", detail))
        }
    }
}

fn read_scopes(given: &Object, is_operator: bool) -> Result<Scopes, ApiError> {
    let names = given.texts("scopes")?;
    let all = Scope::ALL.map(Scope::as_str).join(", ");
    let refuse = |detail: String| Err(ApiError::refused("invalid_scopes", "scopes", detail));
    match (is_operator, names) {
        (true, None) => Ok(Scopes::NONE),
        (true, Some(_)) => {
            refuse("An operator's key may do everything; it takes no scopes.".to_owned())
        }
        (false, None) => given.need("scopes", None),
        (false, Some(names)) if names.is_empty() => {
            refuse(format!("Choose at least one scope of {all}."))
        }
        (false, Some(names)) => match Scopes::parse(names.iter().map(String::as_str)) {
            Ok(scopes) => Ok(scopes),
            Err(name) => {
                let shown: String = name.chars().take(64).collect();
                refuse(format!("There is no scope {shown:?}; there are {all}."))
            }
        },
    }
}

/// Revoking again is no error.
pub(crate) async fn revoke(
    State(shared): Held,
    ActingFor(owner): ActingFor,
    Stamped(stamp): Stamped,
    uri: Uri,
    PathId(id): PathId<kind::ApiKey>,
) -> Result<StatusCode, ApiError> {
    Query::none(&uri)?;
    shared.engine.store().revoke_api_key(owner, id, stamp).await?;
    shared.engine.refresh_routing().await?;
    Ok(StatusCode::NO_CONTENT)
}

//! Merchants: added and listed by operators.

use axum::body::Body;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{Response, StatusCode, Uri};
use postrider_core::webhook::check_name;
use postrider_store::catalog::Merchant;

use super::auth::Stamped;
use super::body::Posted;
use super::json;
use super::page::Listing;
use super::query::Query;
use super::wire::key::MerchantOut;
use crate::error::ApiError;
use crate::openapi::field::Field;
use crate::openapi::schema;
use crate::shared::Held;

/// A merchant as written.
pub(crate) const MERCHANT: [Field; 1] =
    [Field::new("name", schema::name, "What people call the merchant.").required()];

pub(crate) async fn list(State(shared): Held, parts: Parts) -> Result<Response<Body>, ApiError> {
    let listing = Listing::read(&parts, None, &[])?;
    let page = shared.engine.store().merchants(listing.ask).await?;
    let results = page.rows.iter().map(MerchantOut::new).collect();
    listing.answer(results, page.next, page.previous)
}

pub(crate) async fn create(
    State(shared): Held,
    Stamped(stamp): Stamped,
    uri: Uri,
    posted: Posted,
) -> Result<Response<Body>, ApiError> {
    Query::none(&uri)?;
    let given = posted.object(&MERCHANT)?;
    let name = given.need("name", given.any_text("name")?)?;
    check_name(&name)?;
    let now = shared.now();
    let merchant = Merchant { id: shared.engine.mint().id(now), name, created_at: now };
    shared.engine.store().create_merchant(merchant.clone(), stamp).await?;
    shared.engine.refresh_routing().await?;
    json(StatusCode::CREATED, &MerchantOut::new(&merchant))
}

//! Who sees private fields: by default nobody, with `?reveal=true` a key that may also write
//! deliveries, because such a key could have the body sent to itself anyway.

use axum::http::Uri;
use postrider_core::privacy::Marks;

use super::caller::Caller;
use super::query::Query;
use crate::api_key::Scope;
use crate::error::ApiError;
use crate::openapi::field::Field;
use crate::openapi::schema;
use crate::shared::Shared;

/// The parameter.
pub(crate) const REVEAL: [Field; 1] = [Field::new(
    "reveal",
    schema::truth,
    "Whether private fields are shown; needs the scope `deliveries:write` too.",
)];

/// Whether a request asks to see private fields, and may.
pub(crate) fn is_asked(uri: &Uri, caller: &Caller) -> Result<bool, ApiError> {
    let is_asked = Query::read(uri, &REVEAL)?.truth("reveal")?.unwrap_or(false);
    if is_asked {
        caller.demand_scope(Scope::DeliveriesWrite)?;
    }
    Ok(is_asked)
}

/// What is to be masked in an event of this type.
pub(crate) fn marks<'a>(
    shared: &'a Shared,
    event_type: &str,
    is_revealed: bool,
) -> Option<Marks<'a>> {
    shared.engine.catalogue().marks(event_type).filter(|_| !is_revealed)
}

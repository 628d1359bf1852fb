//! What each route does, in words for developers: one file per resource, one function a route.
//!
//! A description names its fields by the constants their readers use, and its answers by the
//! structs they are written with; see `openapi` for what is added to it.

pub(crate) mod administration;
pub(crate) mod deliveries;
pub(crate) mod events;
pub(crate) mod people;
pub(crate) mod recoveries;
pub(crate) mod rehearsals;
pub(crate) mod service;
pub(crate) mod webhooks;

use crate::openapi::field::Field;
use crate::openapi::schema;

/// `{id}` of a webhook.
pub(crate) const WEBHOOK_ID: Field = Field::new("id", schema::webhook_id, "The webhook's id.");

//! An entry of the audit log as the API shows it.

use postrider_core::audit::{ActorKind, Entry};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;

use super::time;
use crate::openapi::schema;

/// One entry of the audit log.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AuditEntry")]
pub(crate) struct EntryOut<'a> {
    /// Its place in the log.
    position: u64,
    #[schemars(schema_with = "schema::time")]
    at: String,
    actor: ActorOut<'a>,
    action: &'a str,
    /// The id of what was changed.
    object: &'a str,
    /// Such as the names of the fields that changed.
    detail: &'a str,
    #[schemars(schema_with = "schema::merchant_id_or_null")]
    merchant: Option<String>,
    request_id: Option<String>,
}

/// Who did it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Actor")]
struct ActorOut<'a> {
    #[schemars(schema_with = "actor_kind")]
    r#type: &'static str,
    id: Option<&'a str>,
    name: &'a str,
}

/// The kinds of callers.
fn actor_kind(_: &mut SchemaGenerator) -> Schema {
    schema::one_of(&ActorKind::ALL.map(ActorKind::as_str))
}

impl<'a> EntryOut<'a> {
    pub(crate) fn new(entry: &'a Entry) -> Self {
        let Entry { position, merchant, stamp, action, object, detail } = entry;
        let by = &stamp.by;
        Self {
            position: *position,
            at: time(stamp.at),
            actor: ActorOut { r#type: by.kind.as_str(), id: by.id.as_deref(), name: &by.name },
            action,
            object,
            detail,
            merchant: merchant.map(|id| id.to_string()),
            request_id: stamp.request.map(|id| id.to_string()),
        }
    }
}

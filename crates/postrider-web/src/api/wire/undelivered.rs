//! What could not be delivered, as the API shows it.

use postrider_core::outcome::OutcomeKind;
use postrider_store::catalog::{Undelivered, UndeliveredGroup};
use schemars::JsonSchema;
use serde::Serialize;

use crate::openapi::schema;

/// Failed deliveries, grouped.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Undelivered")]
pub(crate) struct UndeliveredOut {
    /// By webhook, then the largest group first.
    results: Vec<GroupOut>,
    /// Whether every failed delivery was counted; otherwise the newest were.
    complete: bool,
}

/// Failed deliveries of one webhook whose last attempt ended alike.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "UndeliveredGroup")]
struct GroupOut {
    #[schemars(schema_with = "schema::webhook_id")]
    webhook: String,
    /// `null` for those that were given up without an attempt.
    #[schemars(schema_with = "schema::outcome_or_null")]
    outcome: Option<&'static str>,
    cause: Option<&'static str>,
    remedy: Option<&'static str>,
    count: u64,
    /// When the oldest of them was created.
    #[schemars(schema_with = "schema::time")]
    oldest: String,
    /// When the newest of them was created.
    #[schemars(schema_with = "schema::time")]
    newest: String,
    /// The newest of them.
    #[schemars(schema_with = "schema::delivery_id")]
    example: String,
}

impl UndeliveredOut {
    pub(crate) fn new(undelivered: &Undelivered) -> Self {
        let results = undelivered.groups.iter().map(GroupOut::new).collect();
        Self { results, complete: undelivered.is_complete }
    }
}

impl GroupOut {
    fn new(group: &UndeliveredGroup) -> Self {
        Self {
            webhook: group.webhook.to_string(),
            outcome: group.outcome.map(OutcomeKind::as_str),
            cause: group.outcome.and_then(OutcomeKind::cause),
            remedy: group.outcome.and_then(OutcomeKind::remedy),
            count: group.count,
            oldest: super::time(group.oldest),
            newest: super::time(group.newest),
            example: group.example.to_string(),
        }
    }
}

//! Recoveries as the API shows them, and what callers may write.

use postrider_core::limits;
use postrider_core::recovery::{self, Recovery, Status};
use postrider_store::recovery::Recoverable;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use super::time;
use crate::openapi::field::Field;
use crate::openapi::schema;

/// What a new recovery is told.
pub(crate) const NEW: [Field; 6] = [
    Field::new("webhook", schema::webhook_id, "The webhook whose deliveries are resent.")
        .required(),
    Field::new("since", schema::time, "Only deliveries made at this time or later.").required(),
    Field::new("until", schema::time, "Only deliveries made before this time; default: now."),
    Field::new("statuses", statuses, "What they have become; default: `failed`."),
    Field::new(
        "rate_per_second",
        rate,
        "Deliveries made due in a second; default: the webhook's rate limit, or 50 without one.",
    ),
    Field::new("dry_run", schema::truth, "Only count what would be resent."),
];

fn statuses(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "items": { "type": "string", "enum": ["failed", "canceled"] },
        "minItems": 1,
        "default": ["failed"],
    })
}

fn rate(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "minimum": 1, "maximum": limits::RECOVERY_RATE_MAX })
}

/// Where a recovery stands.
pub(crate) fn status(_: &mut SchemaGenerator) -> Schema {
    schema::one_of(&Status::ALL.map(Status::as_str))
}

/// A recovery.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Recovery")]
pub(crate) struct RecoveryOut {
    #[schemars(schema_with = "recovery_id")]
    id: String,
    #[schemars(schema_with = "schema::webhook_id")]
    webhook: String,
    #[schemars(schema_with = "schema::time")]
    since: String,
    #[schemars(schema_with = "schema::time")]
    until: String,
    #[schemars(schema_with = "statuses")]
    statuses: Vec<&'static str>,
    #[schemars(schema_with = "rate")]
    rate_per_second: u32,
    #[schemars(schema_with = "status")]
    status: &'static str,
    /// Why it waits, while it does.
    reason: Option<&'static str>,
    /// Deliveries there were to resend when it began.
    total: u64,
    /// `false`: there were more than `total`, which were not counted.
    total_is_exact: bool,
    resent: u64,
    /// Deliveries somebody else had resent when their turn came; known when it is done.
    skipped: u64,
    #[schemars(schema_with = "schema::time")]
    created_at: String,
    #[schemars(schema_with = "schema::time_or_null")]
    finished_at: Option<String>,
}

/// The id of a recovery.
pub(crate) fn recovery_id(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^[0-9a-f]{32}$", "x-names": "recovery" })
}

impl RecoveryOut {
    pub(crate) fn new(recovery: &Recovery) -> Self {
        let wanted = &recovery.wanted;
        let reason = "The webhook is disabled; the recovery goes on when it is enabled.";
        Self {
            id: recovery.id.to_string(),
            webhook: wanted.webhook.to_string(),
            since: time(wanted.since),
            until: time(wanted.until),
            statuses: wanted.ended.states().iter().map(|state| state.as_str()).collect(),
            rate_per_second: recovery.rate_per_second,
            status: recovery.status.as_str(),
            reason: (recovery.status == Status::Waiting).then_some(reason),
            total: recovery.total,
            total_is_exact: recovery.is_total_exact,
            resent: recovery.resent,
            skipped: recovery.skipped,
            created_at: time(recovery.created_at),
            finished_at: recovery.finished_at.map(time),
        }
    }
}

/// What a recovery would resend.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RecoveryDryRun")]
pub(crate) struct DryRunOut {
    dry_run: bool,
    count: u64,
    /// `false`: there are more than `count`, which were not counted.
    count_is_exact: bool,
    #[schemars(schema_with = "schema::time_or_null")]
    oldest_at: Option<String>,
    #[schemars(schema_with = "schema::time_or_null")]
    newest_at: Option<String>,
    /// How long it would take at its rate.
    duration_seconds: u64,
}

impl DryRunOut {
    pub(crate) fn new(counted: &Recoverable, rate_per_second: u32) -> Self {
        Self {
            dry_run: true,
            count: counted.count,
            count_is_exact: counted.is_exact,
            oldest_at: counted.oldest_at.map(time),
            newest_at: counted.newest_at.map(time),
            duration_seconds: recovery::duration(counted.count, rate_per_second).as_secs(),
        }
    }
}

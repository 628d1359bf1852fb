//! The older API's JSON shapes (facts.md 9). Times are Unix seconds.

use postrider_core::filter::Filter;
use postrider_core::ids::ShortId;
use postrider_core::key::VerificationKeys;
use postrider_core::time::Timestamp;
use postrider_core::webhook::{Status, Webhook};
use postrider_store::catalog::WebhookMetrics;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use crate::openapi::schema;

/// A webhook as this API sees it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Target")]
pub(super) struct TargetOut<'a> {
    #[schemars(schema_with = "target_id")]
    id: String,
    #[schemars(schema_with = "schema::merchant_id")]
    merchant: String,
    target_url: &'a str,
    /// A paused webhook takes events, which is what this says; they wait for `resume`.
    enabled: bool,
    created: i64,
    updated: i64,
}

impl<'a> TargetOut<'a> {
    pub(super) fn new(webhook: &'a Webhook) -> Self {
        Self {
            id: webhook.id.shortened().to_string(),
            merchant: webhook.merchant.to_string(),
            target_url: webhook.target.as_str(),
            enabled: is_enabled(webhook.status),
            created: webhook.created_at.unix_seconds(),
            updated: webhook.updated_at.unix_seconds(),
        }
    }
}

fn short_id(of: &str) -> Schema {
    json_schema!({ "type": "string", "pattern": "^[0-9a-f]{24}$", "x-names": of })
}

/// The id of a target.
pub(super) fn target_id(_: &mut SchemaGenerator) -> Schema {
    short_id("target")
}

/// The id of a filter.
pub(super) fn filter_id(_: &mut SchemaGenerator) -> Schema {
    short_id("filter")
}

pub(super) fn is_enabled(status: Status) -> bool {
    !matches!(status, Status::Disabled(_))
}

/// What a target receives, said as a pattern.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Filter")]
pub(super) struct FilterOut {
    #[schemars(schema_with = "filter_id")]
    id: String,
    #[schemars(schema_with = "target_id")]
    target: String,
    pattern: String,
    created: i64,
}

impl FilterOut {
    pub(super) fn new(filter: &Filter, target: ShortId) -> Self {
        Self {
            id: filter.id.to_string(),
            target: target.to_string(),
            pattern: filter.pattern(),
            created: filter.created_at.unix_seconds(),
        }
    }
}

/// What became of the deliveries of the last 30 days.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TargetMetrics")]
pub(super) struct MetricsOut {
    failed: u64,
    successful: u64,
    successful_retries: u64,
    pending_delivery: u64,
}

impl MetricsOut {
    pub(super) fn new(metrics: &WebhookMetrics) -> Self {
        Self {
            failed: metrics.failed,
            successful: metrics.successful,
            successful_retries: metrics.successful_retries,
            pending_delivery: metrics.pending,
        }
    }
}

/// The new key alone, also during a rotation.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SigningKey")]
pub(super) struct SigningKeyOut<'a> {
    signing_key: &'a str,
}

impl<'a> SigningKeyOut<'a> {
    pub(super) fn new(keys: &'a VerificationKeys) -> Self {
        Self { signing_key: keys.new.reveal() }
    }
}

/// The answer to a rotation.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SigningKeyRotation")]
pub(super) struct RotationOut<'a> {
    signing_key: &'a str,
    expiring_signing_key: Option<&'a str>,
    signing_key_expiry: Option<i64>,
}

impl<'a> RotationOut<'a> {
    pub(super) fn new(keys: &'a VerificationKeys, now: Timestamp) -> Self {
        let expiring = keys.expiring_at(now);
        Self {
            signing_key: keys.new.reveal(),
            expiring_signing_key: expiring.map(|expiring| expiring.key.reveal()),
            signing_key_expiry: expiring.map(|expiring| expiring.expires_at.unix_seconds()),
        }
    }
}

//! Rehearsals as the API shows them, and what callers may write.

use postrider_core::rehearsal::{Probe, Probed, Rehearsal, Reply, Verdict};
use postrider_core::webhook::Webhook;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use super::{millis, time};
use crate::openapi::field::Field;
use crate::openapi::schema;

/// What a new rehearsal is told.
pub(crate) const NEW: [Field; 2] = [
    Field::new(
        "event_type",
        schema::event_type,
        "The type of the test events; default: the first the webhook has selected.",
    ),
    Field::new(
        "random_key",
        schema::truth,
        "Also send a request signed with a key that nobody knows, which tells whether the receiver \
         verifies at all; default: false.",
    ),
];

fn verdict(_: &mut SchemaGenerator) -> Schema {
    schema::one_of(&Verdict::ALL.map(Verdict::as_str))
}

fn probe(_: &mut SchemaGenerator) -> Schema {
    schema::one_of(&Probe::ALL.map(Probe::as_str))
}

fn reply(_: &mut SchemaGenerator) -> Schema {
    schema::one_of(&Reply::ALL.map(Reply::as_str))
}

fn rehearsal_id(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^[0-9a-f]{32}$" })
}

/// What a receiver's answers say about its keys, kept as evidence.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Rehearsal")]
pub(crate) struct RehearsalOut {
    #[schemars(schema_with = "rehearsal_id")]
    id: String,
    #[schemars(schema_with = "schema::webhook_id")]
    webhook: String,
    #[schemars(schema_with = "schema::event_type")]
    event_type: String,
    /// The webhook's configuration then.
    configuration_version: u64,
    /// Whether two keys signed then.
    in_rotation: bool,
    #[schemars(schema_with = "schema::time")]
    started_at: String,
    #[schemars(schema_with = "schema::time")]
    ended_at: String,
    #[schemars(schema_with = "verdict")]
    verdict: &'static str,
    /// The verdict for people, with what to do.
    words: String,
    /// Whether it looks at the first of two signatures only; `null`: the answers do not tell.
    reads_first_signature_only: Option<bool>,
    /// In the order they were sent.
    probes: Vec<ProbeOut>,
}

/// The newest rehearsal of a webhook, as the webhook shows it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LastRehearsal")]
pub(crate) struct LastRehearsalOut {
    #[schemars(schema_with = "rehearsal_id")]
    id: String,
    #[schemars(schema_with = "verdict")]
    verdict: &'static str,
    #[schemars(schema_with = "schema::time")]
    ended_at: String,
    /// Whether the webhook is as it was then: neither its keys nor its configuration have changed.
    is_current: bool,
}

impl LastRehearsalOut {
    pub(crate) fn new(rehearsal: &Rehearsal, webhook: &Webhook) -> Self {
        Self {
            id: rehearsal.id.to_string(),
            verdict: rehearsal.verdict().as_str(),
            ended_at: time(rehearsal.ended_at),
            is_current: rehearsal.configuration_version == webhook.configuration_version,
        }
    }
}

/// One request of a rehearsal and what came of it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RehearsalProbe")]
struct ProbeOut {
    #[schemars(schema_with = "probe")]
    signed_with: &'static str,
    #[schemars(schema_with = "schema::outcome")]
    outcome: &'static str,
    status_code: Option<u16>,
    /// What that means.
    #[schemars(schema_with = "reply")]
    reply: &'static str,
    duration_ms: f64,
}

impl RehearsalOut {
    pub(crate) fn new(rehearsal: &Rehearsal) -> Self {
        Self {
            id: rehearsal.id.to_string(),
            webhook: rehearsal.webhook.to_string(),
            event_type: rehearsal.event_type.to_string(),
            configuration_version: rehearsal.configuration_version,
            in_rotation: rehearsal.is_rotating,
            started_at: time(rehearsal.started_at),
            ended_at: time(rehearsal.ended_at),
            verdict: rehearsal.verdict().as_str(),
            words: rehearsal.words(),
            reads_first_signature_only: rehearsal.reads_first_signature_only(),
            probes: rehearsal.probes.iter().map(ProbeOut::new).collect(),
        }
    }
}

impl ProbeOut {
    fn new(probed: &Probed) -> Self {
        Self {
            signed_with: probed.probe.as_str(),
            outcome: probed.outcome.as_str(),
            status_code: probed.status_code,
            reply: probed.reply().as_str(),
            duration_ms: millis(probed.duration),
        }
    }
}

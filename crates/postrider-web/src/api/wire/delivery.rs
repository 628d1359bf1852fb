//! Deliveries and their attempts as the API shows them.

use postrider_core::attempt::{Attempt, Phases};
use postrider_core::privacy::Marks;
use postrider_core::snapshot;
use postrider_store::catalog::{Delivery, DeliveryDetail};
use schemars::JsonSchema;
use serde::Serialize;

use super::{HeaderLine, header_lines, millis};
use crate::openapi::schema;

/// A delivery as lists show it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Delivery")]
pub(crate) struct DeliveryOut<'a> {
    #[schemars(schema_with = "schema::delivery_id")]
    id: String,
    #[schemars(schema_with = "schema::event_id")]
    event: &'a str,
    #[schemars(schema_with = "schema::event_type")]
    event_type: &'a str,
    #[schemars(schema_with = "schema::webhook_id")]
    webhook: String,
    #[schemars(schema_with = "schema::state")]
    status: &'static str,
    test: bool,
    attempts_count: u32,
    #[schemars(schema_with = "schema::time_or_null")]
    next_attempt_at: Option<String>,
    #[schemars(schema_with = "schema::time")]
    created_at: String,
    #[schemars(schema_with = "schema::time_or_null")]
    settled_at: Option<String>,
}

impl<'a> DeliveryOut<'a> {
    pub(crate) fn new(delivery: &'a Delivery) -> Self {
        Self {
            id: delivery.id.to_string(),
            event: delivery.event.as_str(),
            event_type: delivery.event_type.as_str(),
            webhook: delivery.webhook.to_string(),
            status: delivery.state.as_str(),
            test: delivery.is_test,
            attempts_count: delivery.attempts,
            next_attempt_at: delivery.due_at.map(super::time),
            created_at: super::time(delivery.created_at),
            settled_at: delivery.settled_at.map(super::time),
        }
    }
}

/// A delivery in full.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DeliveryDetail")]
pub(crate) struct DetailOut<'a> {
    #[serde(flatten)]
    delivery: DeliveryOut<'a>,
    request: RequestOut<'a>,
    attempts: Vec<AttemptOut<'a>>,
    /// Paths in `request.body` whose values are hidden.
    masked: Vec<String>,
}

/// The request: its body is the same for every attempt, its headers are those of the latest.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DeliveryRequest")]
struct RequestOut<'a> {
    /// `null` before the first attempt: signatures are made with each.
    headers: Option<Vec<HeaderLine<'a>>>,
    body: String,
}

impl<'a> DetailOut<'a> {
    pub(crate) fn new(detail: &'a DeliveryDetail, marks: Option<Marks>) -> Self {
        let body = snapshot::body(&detail.event, detail.choice);
        // A body is put together from JSON texts, so it is UTF-8 and nothing is replaced.
        let mut body = String::from_utf8_lossy(&body).into_owned();
        let mut masked = Vec::new();
        if let Some(mut masker) = marks.map(Marks::masker) {
            body = masker.body(&body);
            masked = masker.masked();
        }
        let latest = detail.attempts.last();
        Self {
            delivery: DeliveryOut::new(&detail.delivery),
            request: RequestOut {
                headers: latest.map(|attempt| header_lines(&attempt.request_headers)),
                body,
            },
            attempts: detail.attempts.iter().map(AttemptOut::new).collect(),
            masked,
        }
    }
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Attempt")]
struct AttemptOut<'a> {
    number: u32,
    #[schemars(schema_with = "schema::time")]
    started_at: String,
    #[schemars(schema_with = "schema::outcome")]
    outcome: &'static str,
    status_code: Option<u16>,
    duration_ms: f64,
    phases: PhasesOut,
    response_headers: Vec<HeaderLine<'a>>,
    response_body: String,
    response_truncated: bool,
    cause: Option<&'static str>,
    remedy: Option<&'static str>,
    /// What is particular to this attempt.
    note: Option<&'a str>,
    configuration_version: u64,
}

impl<'a> AttemptOut<'a> {
    fn new(attempt: &'a Attempt) -> Self {
        let kind = attempt.outcome.kind;
        Self {
            number: attempt.number,
            started_at: super::time(attempt.started_at),
            outcome: kind.as_str(),
            status_code: attempt.outcome.status_code,
            duration_ms: millis(attempt.phases.total),
            phases: PhasesOut::new(&attempt.phases),
            response_headers: header_lines(&attempt.response_headers),
            response_body: String::from_utf8_lossy(&attempt.response_body).into_owned(),
            response_truncated: attempt.is_response_truncated,
            cause: kind.cause(),
            remedy: kind.remedy(),
            note: attempt.note.as_deref(),
            configuration_version: attempt.configuration_version,
        }
    }
}

/// Milliseconds with up to three decimals; a phase that did not happen is `null`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Phases")]
#[expect(clippy::struct_field_names, reason = "the names are those of the API")]
struct PhasesOut {
    queue_ms: f64,
    dns_ms: Option<f64>,
    connect_ms: Option<f64>,
    tls_ms: Option<f64>,
    first_byte_ms: Option<f64>,
    total_ms: f64,
}

impl PhasesOut {
    fn new(phases: &Phases) -> Self {
        Self {
            queue_ms: millis(phases.queue),
            dns_ms: phases.dns.map(millis),
            connect_ms: phases.connect.map(millis),
            tls_ms: phases.tls.map(millis),
            first_byte_ms: phases.first_byte.map(millis),
            total_ms: millis(phases.total),
        }
    }
}

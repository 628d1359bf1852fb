//! The figures of a webhook as the API shows them; the four counts have the older API's names.

use postrider_store::catalog::{Latency, SpanFigures, WebhookMetrics};
use schemars::JsonSchema;
use serde::Serialize;

use super::{millis, time};
use crate::openapi::schema;

/// What became of a webhook's deliveries of the last 30 days.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "WebhookMetrics")]
pub(crate) struct MetricsOut {
    failed: u64,
    successful: u64,
    successful_retries: u64,
    pending_delivery: u64,
    /// `null` until an attempt has succeeded.
    latency_ms: Option<LatencyOut>,
    /// The counts by the day deliveries were created on, the oldest first; days without any are
    /// left out.
    days: Vec<DayOut>,
}

/// The deliveries created on one day.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DayFigures")]
struct DayOut {
    /// The first moment of the day, UTC.
    #[schemars(schema_with = "schema::time")]
    day: String,
    failed: u64,
    successful: u64,
    pending_delivery: u64,
}

/// Milliseconds of successful attempts.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Latency")]
struct LatencyOut {
    p50: f64,
    p95: f64,
    p99: f64,
}

impl MetricsOut {
    pub(crate) fn new(metrics: &WebhookMetrics) -> Self {
        Self {
            failed: metrics.failed,
            successful: metrics.successful,
            successful_retries: metrics.successful_retries,
            pending_delivery: metrics.pending,
            latency_ms: metrics.latency.as_ref().map(LatencyOut::new),
            days: metrics.days.iter().map(DayOut::new).collect(),
        }
    }
}

impl DayOut {
    fn new(figures: &SpanFigures) -> Self {
        Self {
            day: time(figures.begins_at),
            failed: figures.failed,
            successful: figures.successful,
            pending_delivery: figures.pending,
        }
    }
}

impl LatencyOut {
    fn new(latency: &Latency) -> Self {
        Self { p50: millis(latency.p50), p95: millis(latency.p95), p99: millis(latency.p99) }
    }
}

/// The deliveries of the last 24 hours.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "WebhookHours")]
pub(crate) struct HoursOut {
    /// By the hour deliveries were created in, the oldest first; hours without any are left out.
    results: Vec<HourOut>,
}

/// The deliveries created in one hour.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "HourFigures")]
struct HourOut {
    /// The first moment of the hour, UTC.
    #[schemars(schema_with = "schema::time")]
    hour: String,
    failed: u64,
    successful: u64,
    pending_delivery: u64,
}

impl HoursOut {
    pub(crate) fn new(hours: &[SpanFigures]) -> Self {
        let hour = |figures: &SpanFigures| HourOut {
            hour: time(figures.begins_at),
            failed: figures.failed,
            successful: figures.successful,
            pending_delivery: figures.pending,
        };
        Self { results: hours.iter().map(hour).collect() }
    }
}

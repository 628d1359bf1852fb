//! The figures of a webhook as the API shows them; the four counts have the older API's names.

use postrider_store::catalog::{DayFigures, Latency, WebhookMetrics};
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
    fn new(figures: &DayFigures) -> Self {
        Self {
            day: time(figures.day),
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

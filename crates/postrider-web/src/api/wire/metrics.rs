//! The figures of a webhook as the API shows them; the four counts have the older API's names.

use postrider_store::catalog::{Latency, WebhookMetrics};
use schemars::JsonSchema;
use serde::Serialize;

use super::millis;

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
        }
    }
}

impl LatencyOut {
    fn new(latency: &Latency) -> Self {
        Self { p50: millis(latency.p50), p95: millis(latency.p95), p99: millis(latency.p99) }
    }
}

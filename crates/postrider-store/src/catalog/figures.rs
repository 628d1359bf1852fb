//! The figures of a webhook.

use std::time::Duration;

use postrider_core::time::Timestamp;

/// How the deliveries of one webhook stand. Canceled ones are in no figure.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WebhookMetrics {
    /// Given up.
    pub failed: u64,
    /// Delivered.
    pub successful: u64,
    /// Those of `successful` that took more than one attempt.
    pub successful_retries: u64,
    /// Waiting for an attempt, a retry or an answer.
    pub pending: u64,
    /// How long successful attempts took; `None` without any.
    pub latency: Option<Latency>,
    /// The same counts by the UTC day deliveries were created on, the oldest first; days without
    /// any are left out.
    pub days: Vec<SpanFigures>,
}

/// How the deliveries created within one UTC day or hour stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpanFigures {
    /// Its first moment.
    pub begins_at: Timestamp,
    /// Given up.
    pub failed: u64,
    /// Delivered.
    pub successful: u64,
    /// Waiting for an attempt, a retry or an answer.
    pub pending: u64,
}

/// Percentiles of the whole time of successful attempts: those of the newest
/// `limits::LATENCY_SAMPLES_MAX` successful deliveries among the newest
/// `limits::LATENCY_EFFORT_MAX` deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Latency {
    /// The median.
    pub p50: Duration,
    /// 95 of 100 took no longer.
    pub p95: Duration,
    /// 99 of 100 took no longer.
    pub p99: Duration,
}

impl Latency {
    /// The percentiles of `samples` by nearest rank, so that each is a time that was measured.
    pub fn of(samples: &mut [Duration]) -> Option<Self> {
        samples.sort_unstable();
        let percentile = |percent: usize| {
            let rank = (samples.len() * percent).div_ceil(100);
            samples.get(rank.saturating_sub(1)).copied()
        };
        Some(Self { p50: percentile(50)?, p95: percentile(95)?, p99: percentile(99)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let of = |millis: &[u64]| {
            let mut samples: Vec<_> = millis.iter().copied().map(Duration::from_millis).collect();
            let latency = Latency::of(&mut samples)?;
            Some([latency.p50, latency.p95, latency.p99].map(|each| each.as_millis()))
        };
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[7]), Some([7, 7, 7]));
        assert_eq!(of(&[30, 10, 20]), Some([20, 30, 30]));
        let hundred: Vec<_> = (1..=100).rev().collect();
        assert_eq!(of(&hundred), Some([50, 95, 99]));
    }
}

/// The deliveries that wait for a webhook; at least so many, when `is_exact` is not so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// All of them, those of test events included.
    pub all: u64,
    /// Those that stay when of each object only the latest does.
    pub latest: u64,
    /// When the oldest of them was created.
    pub oldest_at: Option<Timestamp>,
    /// Whether all were counted: no more than `limits::COUNT_AHEAD_MAX` are looked at.
    pub is_exact: bool,
}

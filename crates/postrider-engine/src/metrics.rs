//! What the engine counts and shows to monitoring, every name with its meaning in one place.
//!
//! Counters and histograms are touched as things happen, each by one handle made at the start; gauges
//! are read when somebody asks. No label tells of a merchant, a webhook or an event: their number has
//! no bound, and a monitoring system is not behind the wall between merchants.

use std::time::Duration;

use postrider_core::attempt::Attempt;
use postrider_core::outcome::OutcomeKind;
use postrider_core::time::Timestamp;
use postrider_store::StoreError;
use postrider_store::retention::Pruned;
use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::Engine;

/// One label and its value, from a closed set.
type Label = [(&'static str, &'static str); 1];

/// Seconds; from a receiver next door to the longest time a webhook may be given.
const SECONDS: [f64; 12] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 15.0, 60.0];

/// What monitoring sees of this process.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    accepted: Counter,
    duplicates: Counter,
    decisions: Counter,
    attempts: Vec<(OutcomeKind, Counter)>,
    duration: Histogram,
    queue: Histogram,
    pruned_events: Counter,
    pruned_deliveries: Counter,
    pruned_attempts: Counter,
    deliveries: Family<Label, Gauge>,
    gone: Gauge,
    decided: Gauge,
    unaccounted: Gauge,
    in_flight: Gauge,
    oldest_due: Gauge<f64, std::sync::atomic::AtomicU64>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("postrider");
        let attempts = Family::<Label, Counter>::default();
        let pruned = Family::<Label, Counter>::default();
        let removed = |kind| pruned.get_or_create_owned(&[("kind", kind)]);
        let metrics = Self {
            accepted: Counter::default(),
            duplicates: Counter::default(),
            decisions: Counter::default(),
            attempts: OutcomeKind::ALL
                .map(|kind| (kind, attempts.get_or_create_owned(&[("outcome", kind.as_str())])))
                .into(),
            duration: Histogram::new(SECONDS),
            queue: Histogram::new(SECONDS),
            pruned_events: removed("event"),
            pruned_deliveries: removed("delivery"),
            pruned_attempts: removed("attempt"),
            deliveries: Family::default(),
            gone: Gauge::default(),
            decided: Gauge::default(),
            unaccounted: Gauge::default(),
            in_flight: Gauge::default(),
            oldest_due: Gauge::default(),
            registry: Registry::default(),
        };
        registry.register(
            "events_accepted",
            "Events stored since the start, those of test events included",
            metrics.accepted.clone(),
        );
        registry.register(
            "events_duplicate",
            "Events that were stored before under the same id, since the start",
            metrics.duplicates.clone(),
        );
        registry.register(
            "deliveries_created",
            "Deliveries made of accepted events since the start",
            metrics.decisions.clone(),
        );
        registry.register("attempts", "Attempts since the start, by what became of them", attempts);
        registry.register_with_unit(
            "attempt_duration",
            "Time from the start of an attempt to the end of its answer",
            Unit::Seconds,
            metrics.duration.clone(),
        );
        registry.register_with_unit(
            "attempt_queue",
            "Time from when an attempt was due to its start",
            Unit::Seconds,
            metrics.queue.clone(),
        );
        registry.register("pruned", "What was removed since the start because it was old", pruned);
        metrics.register_gauges(&mut registry);
        Self { registry, ..metrics }
    }

    /// Names what is read when somebody asks.
    fn register_gauges(&self, registry: &mut Registry) {
        registry.register(
            "deliveries",
            "Stored deliveries by their state",
            self.deliveries.clone(),
        );
        registry.register(
            "deliveries_gone",
            "Deliveries that had ended and were removed, ever",
            self.gone.clone(),
        );
        registry.register(
            "decisions",
            "Decisions to deliver of all events, removed ones included",
            self.decided.clone(),
        );
        registry.register(
            "unaccounted",
            "Decisions to deliver whose delivery is in no state and was not removed; anything but 0 \
             is a fault",
            self.unaccounted.clone(),
        );
        registry.register("attempts_in_flight", "Attempts under way", self.in_flight.clone());
        registry.register_with_unit(
            "oldest_due_age",
            "How long the oldest delivery that could be attempted has been due, throttled and \
             probing webhooks included, paused ones not",
            Unit::Seconds,
            self.oldest_due.clone(),
        );
    }

    /// A request of events was stored: how many were new, and their deliveries.
    pub(crate) fn stored(&self, new: u64, duplicates: u64, deliveries: u64) {
        self.accepted.inc_by(new);
        self.duplicates.inc_by(duplicates);
        self.decisions.inc_by(deliveries);
    }

    /// Something old was removed.
    pub(crate) fn pruned(&self, pruned: &Pruned) {
        self.pruned_events.inc_by(pruned.events);
        self.pruned_deliveries.inc_by(pruned.deliveries);
        self.pruned_attempts.inc_by(pruned.attempts);
    }

    /// An attempt ended.
    pub(crate) fn attempted(&self, record: &Attempt) {
        let counted = self.attempts.iter().find(|(kind, _)| *kind == record.outcome.kind);
        if let Some((_, counter)) = counted {
            counter.inc();
        }
        self.duration.observe(record.phases.total.as_secs_f64());
        self.queue.observe(record.phases.queue.as_secs_f64());
    }
}

impl Engine {
    /// Everything that is counted, as OpenMetrics text.
    pub async fn metrics(&self) -> Result<String, StoreError> {
        let (shared, metrics) = (&self.shared, &self.shared.metrics);
        let balance = shared.store.balance().await?;
        let states = [
            ("pending", balance.pending),
            ("success", balance.success),
            ("failed", balance.failed),
            ("canceled", balance.canceled),
        ];
        for (state, count) in states {
            metrics.deliveries.get_or_create(&[("state", state)]).set(whole(count));
        }
        let stored: u64 = states.iter().map(|(_, count)| count).sum();
        let accounted = stored + balance.pruned;
        metrics.gone.set(whole(balance.pruned));
        metrics.decided.set(whole(balance.decided));
        metrics.unaccounted.set(whole(balance.decided) - whole(accounted));
        let (in_flight, oldest) = shared.lanes.load();
        metrics.in_flight.set(i64::try_from(in_flight).unwrap_or(i64::MAX));
        metrics.oldest_due.set(age(oldest, shared.clock.now()).as_secs_f64());
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = text::encode(&mut text, &metrics.registry);
        Ok(text)
    }
}

fn age(oldest: Option<Timestamp>, now: Timestamp) -> Duration {
    oldest.map_or(Duration::ZERO, |oldest| now.since(oldest))
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

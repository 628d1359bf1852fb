//! Removing what is old, beside the hot path.
//!
//! A walk goes over everything old in steps, each one bounded transaction, and leaves the writer
//! alone in between for some times as long as the step took; so it takes a fifth of its time at most,
//! and less when it is busy. It runs at the start and then every hour.
//!
//! Time is the wall clock's, but never more than has passed by the monotonic clock since the start:
//! a clock that jumps ahead removes nothing that is not old.

use std::sync::Arc;
use std::time::Duration;

use postrider_core::limits;
use postrider_core::time::Timestamp;
use postrider_store::StoreError;
use postrider_store::retention::PruneAsk;

use crate::{Clock, Shared};

/// A moment of both clocks.
struct Anchor {
    wall: Timestamp,
    reading: Duration,
}

impl Anchor {
    fn of(clock: &Clock) -> Self {
        Self { wall: clock.now(), reading: clock.reading() }
    }

    /// The time by whichever clock is behind.
    fn now(&self, clock: &Clock) -> Timestamp {
        self.by(clock.now(), clock.reading())
    }

    fn by(&self, wall: Timestamp, reading: Duration) -> Timestamp {
        wall.min(self.wall + reading.saturating_sub(self.reading))
    }
}

/// Runs until the engine stops, and keeps what was over for less than `kept_for`.
pub(crate) async fn run(shared: Arc<Shared>, kept_for: Duration) {
    let anchor = Anchor::of(&shared.clock);
    let work = async {
        loop {
            let before = anchor.now(&shared.clock) - kept_for;
            if let Err(error) = walk(&shared, before).await {
                tracing::error!(%error, "retention.failed");
            }
            shared.clock.sleep(limits::PRUNE_INTERVAL).await;
        }
    };
    tokio::select! {
        biased;
        () = shared.stop.cancelled() => {}
        () = work => {}
    }
}

/// Removes all that was over before a moment.
async fn walk(shared: &Shared, before: Timestamp) -> Result<(), StoreError> {
    let mut after = 0;
    loop {
        let began = shared.clock.reading();
        let pruned = {
            let _underway = shared.activity.begin();
            shared.store.prune(PruneAsk { before, after }).await?
        };
        shared.metrics.pruned(&pruned);
        let Some(next) = pruned.next else { return Ok(()) };
        after = next;
        let took = shared.clock.reading().saturating_sub(began);
        let pause = took.saturating_mul(limits::PRUNE_PAUSE_RATIO).max(limits::PRUNE_PAUSE_MIN);
        shared.clock.sleep(pause).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_jumps_ahead_makes_nothing_old() {
        let started = Timestamp::from_unix_seconds(1_000_000);
        let (hour, year) = (Duration::from_hours(1), Duration::from_hours(365 * 24));
        let anchor = Anchor { wall: started, reading: hour };
        assert_eq!(anchor.by(started + hour, hour * 2), started + hour);
        assert_eq!(anchor.by(started + year, hour * 2), started + hour);
        assert_eq!(anchor.by(started - year, hour * 2), started - year);
    }
}

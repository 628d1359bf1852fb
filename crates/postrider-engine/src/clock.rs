//! The only place that asks what time it is, and the only one that waits for time to pass.
//!
//! `System` reads the machine's clocks: the wall clock for what is stored and signed, the monotonic
//! one for durations, so a jump of the wall clock moves no timeout. `Manual` moves only when told
//! and wakes whoever sleeps; a three-day schedule is then a test of milliseconds. `MachineClock` is
//! for measuring from outside: no part of a node uses it.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use postrider_core::time::Timestamp;
use tokio::sync::watch;

/// A source of time. Clones share it.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The machine's clocks.
    System(SystemClock),
    /// A clock moved by hand.
    Manual(ManualClock),
}

/// The machine's clocks.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    started: Instant,
}

/// A clock moved by hand.
#[derive(Debug, Clone)]
pub struct ManualClock {
    now: Arc<watch::Sender<Timestamp>>,
}

impl Clock {
    /// The machine's clocks.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn system() -> Self {
        Self::System(SystemClock { started: Instant::now() })
    }

    /// A clock that stands at `now` until it is moved.
    pub fn manual(now: Timestamp) -> Self {
        Self::Manual(ManualClock { now: Arc::new(watch::Sender::new(now)) })
    }

    /// The wall clock.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System(_) => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Timestamp::EPOCH + since
            }
            Self::Manual(manual) => *manual.now.borrow(),
        }
    }

    /// A reading of the monotonic clock; only differences mean something.
    pub fn reading(&self) -> Duration {
        match self {
            Self::System(system) => system.started.elapsed(),
            Self::Manual(manual) => manual.now.borrow().since(Timestamp::EPOCH),
        }
    }

    /// Waits until `duration` of monotonic time has passed.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub async fn sleep(&self, duration: Duration) {
        match self {
            Self::System(_) => tokio::time::sleep(duration).await,
            Self::Manual(manual) => manual.wait_for(self.now() + duration).await,
        }
    }

    /// Waits until the wall clock shows `at`.
    pub async fn sleep_until(&self, at: Timestamp) {
        self.sleep(at.since(self.now())).await;
    }

    /// `work`, unless `duration` passes first.
    pub async fn within<T>(&self, duration: Duration, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            done = work => Some(done),
            () = self.sleep(duration) => None,
        }
    }
}

/// The monotonic clock as every process of this machine reads it, so that one can say when something
/// was sent and another how long it took to arrive.
#[derive(Debug, Clone, Copy)]
pub struct MachineClock;

impl MachineClock {
    /// Microseconds since a moment that all processes share.
    pub fn micros() -> u64 {
        let reading = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let part = |part: i64| u64::try_from(part).unwrap_or_default();
        part(reading.tv_sec) * 1_000_000 + part(reading.tv_nsec) / 1_000
    }

    /// Blocks the thread until [`MachineClock::micros`] shows `at`. Timers of the runtime are a
    /// thousand times coarser.
    pub fn block_until(at: u64) {
        if let Some(micros) = at.checked_sub(Self::micros()) {
            std::thread::sleep(Duration::from_micros(micros));
        }
    }
}

impl ManualClock {
    /// Moves the clock forward to `at` (never back) and wakes sleepers.
    pub fn advance_to(&self, at: Timestamp) {
        self.now.send_modify(|now| *now = (*now).max(at));
    }

    async fn wait_for(&self, at: Timestamp) {
        let mut moved = self.now.subscribe();
        // The sender lives as long as `self`, so this only ends by the condition.
        let _ = moved.wait_for(|now| *now >= at).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_manual_clock_moves_only_when_told_and_wakes_sleepers() {
        let clock = Clock::manual(Timestamp::EPOCH);
        let Clock::Manual(manual) = clock.clone() else { unreachable!() };
        let sleeper = clock.clone();
        let mut sleep = Box::pin(async move { sleeper.sleep(Duration::from_mins(1)).await });
        assert!(futures_pending(&mut sleep).await);
        manual.advance_to(Timestamp::from_unix_seconds(59));
        assert!(futures_pending(&mut sleep).await);
        manual.advance_to(Timestamp::from_unix_seconds(60));
        sleep.await;
        manual.advance_to(Timestamp::from_unix_seconds(1));
        assert_eq!(clock.now(), Timestamp::from_unix_seconds(60));
    }

    async fn futures_pending(future: &mut (impl Future<Output = ()> + Unpin)) -> bool {
        std::future::poll_fn(|cx| {
            std::task::Poll::Ready(std::pin::Pin::new(&mut *future).poll(cx).is_pending())
        })
        .await
    }
}

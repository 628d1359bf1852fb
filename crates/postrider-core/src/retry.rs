//! Retry policies: how long to wait after which failed attempt, and when to stop.
//!
//! Pure arithmetic. The attempt number, the time since the schedule began and a draw go in; a wait
//! or the end comes out. Schedules are those of product.md (decisions, "retry").

use std::time::Duration;

use crate::limits;
use crate::refusal::Refusal;

/// When failed attempts are repeated.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum RetryPolicy {
    /// Every 5 minutes for 3 days.
    #[default]
    FiveMinutes,
    /// 1 minute doubling to 10 minutes, 60 attempts in all.
    Backoff,
    /// 1 minute doubling, for 3 days.
    Legacy,
    /// 1, 3, 10 minutes, 5 attempts in all.
    Short,
    /// The example ladder of Standard Webhooks: 10 attempts over 75 h 35 min.
    Standard,
    /// Own waits, one per retry.
    Ladder(Vec<Duration>),
}

/// Waits of `short`: 5 attempts have 4 waits, the last value repeats.
const SHORT: [u64; 4] = [60, 180, 600, 600];
/// Waits of `standard` (Standard Webhooks, "Example schedule").
const STANDARD: [u64; 9] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
const BACKOFF_ATTEMPTS: u32 = 60;
const BACKOFF_WAIT_MAX: u64 = 600;

impl RetryPolicy {
    /// The policies that have a name.
    pub const NAMED: [Self; 5] =
        [Self::FiveMinutes, Self::Backoff, Self::Legacy, Self::Short, Self::Standard];

    /// The name of a named policy.
    pub const fn name(&self) -> Option<&'static str> {
        match self {
            Self::FiveMinutes => Some("five_minutes"),
            Self::Backoff => Some("backoff"),
            Self::Legacy => Some("legacy"),
            Self::Short => Some("short"),
            Self::Standard => Some("standard"),
            Self::Ladder(_) => None,
        }
    }

    /// Reads a policy's name.
    pub fn named(name: &str) -> Result<Self, Refusal> {
        Self::NAMED.into_iter().find(|policy| policy.name() == Some(name)).ok_or_else(|| {
            let names: Vec<_> = Self::NAMED.iter().filter_map(Self::name).collect();
            let detail = format!(
                "unknown policy {name:?}; use {} or {{\"waits_seconds\": [...]}}",
                names.join(", ")
            );
            Refusal::new("invalid_retry_policy", "retry_policy", detail)
        })
    }

    /// An own ladder of 1 to 100 waits of 1 s to 24 h each.
    pub fn ladder(waits_seconds: &[u64]) -> Result<Self, Refusal> {
        let longest = limits::RETRY_WAIT_MAX.as_secs();
        let fits = (1..=limits::LADDER_WAITS_MAX).contains(&waits_seconds.len())
            && waits_seconds.iter().all(|wait| (1..=longest).contains(wait));
        if !fits {
            let detail = format!(
                "`waits_seconds` has 1 to {} waits of 1 to {longest} seconds each",
                limits::LADDER_WAITS_MAX
            );
            return Err(Refusal::new("invalid_retry_policy", "retry_policy", detail));
        }
        Ok(Self::Ladder(waits_seconds.iter().map(|s| Duration::from_secs(*s)).collect()))
    }

    /// The wait before the next attempt without jitter, after `attempts` failed ones (at least 1)
    /// and `elapsed` since the schedule began; `None` when the delivery is exhausted.
    pub fn wait(&self, attempts: u32, elapsed: Duration) -> Option<Duration> {
        let seconds = match self {
            Self::FiveMinutes => Some(300),
            Self::Backoff => {
                (attempts < BACKOFF_ATTEMPTS).then(|| doubled(attempts).min(BACKOFF_WAIT_MAX))
            }
            Self::Legacy => Some(doubled(attempts)),
            Self::Short => rung(&SHORT, attempts),
            Self::Standard => rung(&STANDARD, attempts),
            Self::Ladder(waits) => rung(waits, attempts).map(|wait: Duration| wait.as_secs()),
        };
        let wait = Duration::from_secs(seconds?);
        let is_timed = matches!(self, Self::FiveMinutes | Self::Legacy);
        (!is_timed || elapsed.saturating_add(wait) <= limits::RETRY_SPAN).then_some(wait)
    }
}

/// 1 minute, doubled with each attempt.
fn doubled(attempts: u32) -> u64 {
    60_u64.saturating_mul(1 << attempts.saturating_sub(1).min(32))
}

fn rung<T: Copy>(waits: &[T], attempts: u32) -> Option<T> {
    waits.get(usize::try_from(attempts.checked_sub(1)?).ok()?).copied()
}

/// `wait` moved by up to a tenth either way; `draw` is uniform in 0..1. Spreads the return of an
/// outage, on `five_minutes` too (product.md).
pub fn with_jitter(wait: Duration, draw: f64) -> Duration {
    wait.mul_f64(0.9 + 0.2 * draw.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every wait of a schedule, walked with exact time.
    fn schedule(policy: &RetryPolicy) -> Vec<u64> {
        let mut waits = Vec::new();
        let mut elapsed = Duration::ZERO;
        while let Some(wait) = policy.wait(u32::try_from(waits.len()).unwrap() + 1, elapsed) {
            elapsed += wait;
            waits.push(wait.as_secs());
        }
        waits
    }

    #[test]
    fn the_schedules_are_those_promised() {
        let five = schedule(&RetryPolicy::FiveMinutes);
        assert_eq!((five.len(), five[0], five.iter().sum::<u64>()), (864, 300, 3 * 86_400));
        let backoff = schedule(&RetryPolicy::Backoff);
        assert_eq!((backoff.len(), &backoff[..6]), (59, &[60, 120, 240, 480, 600, 600][..]));
        let legacy = schedule(&RetryPolicy::Legacy);
        assert_eq!((legacy.len(), &legacy[..3]), (12, &[60, 120, 240][..]));
        assert_eq!(schedule(&RetryPolicy::Short), [60, 180, 600, 600]);
        let standard = schedule(&RetryPolicy::Standard);
        assert_eq!((standard.len(), standard.iter().sum::<u64>()), (9, 75 * 3_600 + 35 * 60 + 5));
        assert_eq!(schedule(&RetryPolicy::ladder(&[1, 5, 60]).unwrap()), [1, 5, 60]);
    }

    #[test]
    fn a_ladder_has_bounds() {
        for waits in [&[][..], &[0], &[86_401], &[1; 101]] {
            assert_eq!(RetryPolicy::ladder(waits).unwrap_err().code, "invalid_retry_policy");
        }
        assert!(RetryPolicy::ladder(&[86_400; 100]).is_ok());
    }

    #[test]
    fn names_are_read_back_and_others_refused() {
        for policy in RetryPolicy::NAMED {
            assert_eq!(RetryPolicy::named(policy.name().unwrap()), Ok(policy));
        }
        assert_eq!(RetryPolicy::named("often").unwrap_err().field, "retry_policy");
    }

    proptest::proptest! {
        #[test]
        fn jitter_stays_within_a_tenth(seconds in 1_u64..200_000, draw in 0.0_f64..1.0) {
            let wait = Duration::from_secs(seconds);
            let moved = with_jitter(wait, draw);
            proptest::prop_assert!(moved >= wait.mul_f64(0.899_999) && moved <= wait.mul_f64(1.100_001));
        }

        #[test]
        fn no_wait_is_zero_or_beyond_the_span(attempts in 1_u32..10_000, hours in 0_u64..100) {
            for policy in RetryPolicy::NAMED {
                if let Some(wait) = policy.wait(attempts, Duration::from_secs(hours * 3_600)) {
                    proptest::prop_assert!(!wait.is_zero() && wait <= limits::RETRY_SPAN);
                }
            }
        }
    }
}

//! Deliveries: their states, and the single function that moves one on.
//!
//! ```text
//!                 ┌────────── retry (due later) ─────────┐
//!                 ▼                                      │
//!   append ──► Pending ──► attempt ──► after(outcome) ───┤
//!                 ▲  │                   │       │       │
//!          resend │  │ webhook disabled  ▼       ▼       │
//!                 │  │ or deleted     Success  Failed ◄──┘ exhausted, test event, gone
//!                 │  └──────────────► Canceled
//!                 └───── from any settled state
//! ```
//!
//! "In flight" is an observation (leased until later), not a state.

use std::time::Duration;

use crate::limits;
use crate::outcome::{Outcome, OutcomeKind};
use crate::retry::{self, RetryPolicy};
use crate::time::Timestamp;

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Waiting for its first attempt or for a retry.
    Pending,
    /// The receiver answered 2xx.
    Success,
    /// Given up.
    Failed,
    /// Its webhook was disabled or deleted, or resumed without it, while it was pending.
    Canceled,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Success, Self::Failed, Self::Canceled];

    /// The word of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Success => "success",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }

    /// Reads the word of the API.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// What the decision needs to know of a delivery whose attempt just ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Attempts made in the present schedule, the one just ended included.
    pub attempts: u32,
    /// When the present schedule began: acceptance, or the last resend.
    pub started_at: Timestamp,
    /// Whether it carries a test event.
    pub is_test: bool,
}

/// What becomes of a delivery after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Delivered.
    Success,
    /// To be tried again at this time.
    Retry(Timestamp),
    /// Given up.
    Failed,
}

/// Decides what becomes of a delivery: exhaustive over outcomes, tabulated in the tests.
///
/// A failure is retried by `policy` with jitter from `draw` (uniform in 0..1). A receiver's
/// Retry-After is a floor under the schedule, at most 24 h. A test event is never retried, and 410
/// ends the delivery (the webhook itself is disabled by the caller).
pub fn after(
    outcome: &Outcome,
    standing: &Standing,
    policy: &RetryPolicy,
    now: Timestamp,
    draw: f64,
) -> Next {
    match outcome.kind {
        OutcomeKind::Success => Next::Success,
        OutcomeKind::Gone => Next::Failed,
        OutcomeKind::HttpError
        | OutcomeKind::Redirect
        | OutcomeKind::Throttled
        | OutcomeKind::Timeout
        | OutcomeKind::BadResponse
        | OutcomeKind::ConnectionReset
        | OutcomeKind::ConnectRefused
        | OutcomeKind::ConnectTimeout
        | OutcomeKind::ConnectFailed
        | OutcomeKind::DnsNotFound
        | OutcomeKind::DnsError
        | OutcomeKind::DnsTimeout
        | OutcomeKind::TlsCertificateExpired
        | OutcomeKind::TlsWrongName
        | OutcomeKind::TlsUnknownIssuer
        | OutcomeKind::TlsFailed
        | OutcomeKind::TargetBlocked
        | OutcomeKind::Internal => {
            let elapsed = now.since(standing.started_at);
            match policy.wait(standing.attempts, elapsed) {
                Some(wait) if !standing.is_test => {
                    let floor = outcome.retry_after.unwrap_or(Duration::ZERO);
                    let wait = retry::with_jitter(wait, draw);
                    Next::Retry(now + wait.max(floor.min(limits::RETRY_WAIT_MAX)))
                }
                _ => Next::Failed,
            }
        }
    }
}

/// Whether a delivery has lost so many leases without an attempt on record that it is taken for
/// what kills the node, and is given up. `leases` counts every lease, `attempts` those that ended
/// in an attempt, `returned` those handed back unused.
pub const fn is_poison(leases: u32, attempts: u32, returned: u32) -> bool {
    leases.saturating_sub(attempts).saturating_sub(returned) > limits::LOST_LEASES_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds)
    }

    fn decide(kind: OutcomeKind, attempts: u32, is_test: bool) -> Next {
        let standing = Standing { attempts, started_at: at(0), is_test };
        let policy = RetryPolicy::ladder(&[10, 20]).unwrap();
        after(&Outcome::without_response(kind), &standing, &policy, at(100), 0.5)
    }

    #[test]
    fn every_outcome_in_every_standing_is_tabulated() {
        for kind in OutcomeKind::ALL {
            let expected = match kind {
                OutcomeKind::Success => [Next::Success; 4],
                OutcomeKind::Gone => [Next::Failed; 4],
                // first attempt, second, last, test event
                _ => [Next::Retry(at(110)), Next::Retry(at(120)), Next::Failed, Next::Failed],
            };
            let actual = [
                decide(kind, 1, false),
                decide(kind, 2, false),
                decide(kind, 3, false),
                decide(kind, 1, true),
            ];
            assert_eq!(actual, expected, "{kind:?}");
        }
    }

    #[test]
    fn retry_after_is_a_floor_capped_at_a_day() {
        let due = |seconds| {
            let outcome = Outcome::of_response(503, Some(Duration::from_secs(seconds)));
            let standing = Standing { attempts: 1, started_at: at(0), is_test: false };
            after(&outcome, &standing, &RetryPolicy::FiveMinutes, at(0), 0.5)
        };
        assert_eq!(due(5), Next::Retry(at(300)));
        assert_eq!(due(900), Next::Retry(at(900)));
        assert_eq!(due(1_000_000_000), Next::Retry(at(86_400)));
    }

    #[test]
    fn a_resent_delivery_gets_a_whole_new_schedule() {
        let standing = Standing { attempts: 1, started_at: at(1_000_000), is_test: false };
        let outcome = Outcome::without_response(OutcomeKind::Timeout);
        let next = after(&outcome, &standing, &RetryPolicy::FiveMinutes, at(1_000_001), 0.5);
        assert_eq!(next, Next::Retry(at(1_000_301)));
    }

    #[test]
    fn a_delivery_that_loses_every_lease_ends() {
        assert!(!is_poison(50, 0, 0) && is_poison(51, 0, 0));
        assert!(!is_poison(100, 30, 20));
    }

    #[test]
    fn state_words_are_read_back() {
        for state in State::ALL {
            assert_eq!(State::parse(state.as_str()), Some(state));
        }
    }
}

//! Recoveries: a person asks for many resends at once.
//!
//! Owns what may be asked for, which deliveries that means, and how long it takes. A recovery takes
//! the deliveries that had ended when it began, oldest first and each at most once; one that fails
//! again is not taken again.

use std::time::Duration;

use crate::delivery::State;
use crate::ids::{MerchantId, RecoveryId, WebhookId};
use crate::refusal::Refusal;
use crate::time::Timestamp;

/// The states a delivery is recovered from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Failed deliveries.
    Failed,
    /// Canceled deliveries.
    Canceled,
    /// Both.
    FailedOrCanceled,
}

impl Ended {
    /// Reads the states someone asked for; repeated ones count once.
    pub fn of(states: &[State]) -> Result<Self, Refusal> {
        let refuse = |detail: &str| Err(Refusal::new("invalid_statuses", "statuses", detail));
        if states.contains(&State::Success) {
            return refuse("`success` cannot be recovered: these deliveries have arrived");
        }
        if states.contains(&State::Pending) {
            return refuse(
                "`pending` cannot be recovered: these deliveries are still on their way",
            );
        }
        match (states.contains(&State::Failed), states.contains(&State::Canceled)) {
            (true, true) => Ok(Self::FailedOrCanceled),
            (true, false) => Ok(Self::Failed),
            (false, true) => Ok(Self::Canceled),
            (false, false) => refuse("name `failed`, `canceled` or both"),
        }
    }

    /// The states one by one.
    pub const fn states(self) -> &'static [State] {
        match self {
            Self::Failed => &[State::Failed],
            Self::Canceled => &[State::Canceled],
            Self::FailedOrCanceled => &[State::Failed, State::Canceled],
        }
    }
}

/// Which deliveries are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Whose.
    pub merchant: MerchantId,
    /// Of this webhook.
    pub webhook: WebhookId,
    /// Created at or after.
    pub since: Timestamp,
    /// Created before.
    pub until: Timestamp,
    /// In one of these states.
    pub ended: Ended,
    /// Those that ended later are not taken: neither what a recovery itself sent again and failed
    /// once more, nor what somebody else did.
    pub ended_by: Timestamp,
}

impl Wanted {
    /// Refuses a span that is none, or that is not over.
    pub fn check(&self, now: Timestamp) -> Result<(), Refusal> {
        let refuse =
            |field: &'static str, detail: &str| Err(Refusal::new("invalid_span", field, detail));
        if self.until > now {
            return refuse("until", "`until` lies in the future; leave it out to mean now");
        }
        if self.since >= self.until {
            return refuse("since", "`since` must be before `until`");
        }
        Ok(())
    }

    /// Whether a delivery of this webhook, in one of these states, is wanted. Test deliveries are
    /// not: they were made up for one moment.
    pub fn takes(&self, created_at: Timestamp, ended_at: Timestamp, is_test: bool) -> bool {
        let is_in_span = self.since <= created_at && created_at < self.until;
        is_in_span && ended_at <= self.ended_by && !is_test
    }
}

/// Where a recovery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It goes on.
    Running,
    /// Its webhook is disabled; it goes on when that is enabled.
    Waiting,
    /// It has taken everything there was.
    Done,
    /// It was stopped before its end.
    Canceled,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::Running, Self::Waiting, Self::Done, Self::Canceled];

    /// The name people see.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Done => "done",
            Self::Canceled => "canceled",
        }
    }

    /// The status of this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// A recovery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// Its id.
    pub id: RecoveryId,
    /// What it takes.
    pub wanted: Wanted,
    /// Deliveries made due in a second at most.
    pub rate_per_second: u32,
    /// Where it stands.
    pub status: Status,
    /// Deliveries there were to take when it began; at least, when `is_total_exact` is not so.
    pub total: u64,
    /// Whether the total was counted to its end.
    pub is_total_exact: bool,
    /// Deliveries it made due.
    pub resent: u64,
    /// Deliveries that were no longer to be had when their turn came, because somebody had resent
    /// them. Known when it is done.
    pub skipped: u64,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was done or canceled.
    pub finished_at: Option<Timestamp>,
}

/// How long `count` deliveries take, in whole seconds.
pub fn duration(count: u64, rate_per_second: u32) -> Duration {
    Duration::from_secs(count.div_ceil(u64::from(rate_per_second.max(1))))
}

/// How long to wait after `resent` deliveries so that the rate is kept.
pub fn pause(resent: u32, rate_per_second: u32) -> Duration {
    let millis = u64::from(resent) * 1_000;
    Duration::from_millis(millis.div_ceil(u64::from(rate_per_second.max(1))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds)
    }

    fn wanted(since: i64, until: i64) -> Wanted {
        Wanted {
            merchant: MerchantId::from_bits(1),
            webhook: WebhookId::from_bits(1),
            since: at(since),
            until: at(until),
            ended: Ended::Failed,
            ended_by: at(100),
        }
    }

    #[test]
    fn only_what_has_ended_badly_can_be_asked_for() {
        use State::{Canceled, Failed, Pending, Success};
        let ended = |states: &[State]| Ended::of(states).map_err(|refusal| refusal.code);
        assert_eq!(ended(&[Failed, Failed]), Ok(Ended::Failed));
        assert_eq!(ended(&[Canceled]), Ok(Ended::Canceled));
        assert_eq!(ended(&[Canceled, Failed]), Ok(Ended::FailedOrCanceled));
        for states in [&[][..], &[Failed, Success], &[Pending]] {
            assert_eq!(ended(states), Err("invalid_statuses"), "{states:?}");
        }
        for ended in [Ended::Failed, Ended::Canceled, Ended::FailedOrCanceled] {
            assert_eq!(Ended::of(ended.states()).ok(), Some(ended));
        }
    }

    #[test]
    fn a_span_lies_in_the_past() {
        let field =
            |since, until| wanted(since, until).check(at(50)).map_err(|refusal| refusal.field);
        assert_eq!(field(1, 50), Ok(()));
        assert_eq!(field(1, 51), Err("until".into()));
        assert_eq!(field(50, 50), Err("since".into()));
        assert_eq!(field(60, 40), Err("since".into()));
    }

    #[test]
    fn what_is_taken_had_ended_before_and_was_no_test() {
        let takes = |created, ended, is_test| wanted(10, 20).takes(at(created), at(ended), is_test);
        assert!(takes(10, 100, false) && takes(19, 20, false));
        assert!(!takes(9, 20, false) && !takes(20, 20, false));
        assert!(!takes(15, 101, false) && !takes(15, 20, true));
    }

    #[test]
    fn pauses_add_up_to_the_duration() {
        assert_eq!(duration(0, 10), Duration::ZERO);
        assert_eq!(duration(101, 10), Duration::from_secs(11));
        assert_eq!(pause(10, 10), Duration::from_secs(1));
        assert_eq!(pause(1, 3), Duration::from_millis(334));
        assert_eq!(pause(0, 3), Duration::ZERO);
    }

    #[test]
    fn status_words_are_read_back() {
        for status in Status::ALL {
            assert_eq!(Status::parse(status.as_str()), Some(status));
        }
    }
}

//! What is asked and answered about recoveries; the verbs are in the two traits.

use postrider_core::ids::{RecoveryId, WebhookId};
use postrider_core::recovery::{Recovery, Status};
use postrider_core::time::Timestamp;

/// How many deliveries a recovery would take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recoverable {
    /// Deliveries; at least, when `is_exact` is not so.
    pub count: u64,
    /// When the oldest of them was created.
    pub oldest_at: Option<Timestamp>,
    /// When the newest of them was created.
    pub newest_at: Option<Timestamp>,
    /// Whether all were counted: no more than `limits::COUNT_AHEAD_MAX` are looked at.
    pub is_exact: bool,
}

/// The answer to the wish to begin a recovery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// It has begun, or waits for its webhook.
    Begun(Recovery),
    /// There is one under way for this webhook; nothing changed.
    AlreadyUnderWay(RecoveryId),
}

/// Which recoveries are wanted; every filter given must hold.
#[derive(Debug, Clone, Copy, Default)]
pub struct RecoveryFilter {
    /// Of this webhook.
    pub webhook: Option<WebhookId>,
    /// In this status.
    pub status: Option<Status>,
}

/// What one move of a recovery did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advanced {
    /// Whose recovery it was.
    pub webhook: WebhookId,
    /// Deliveries that are due now.
    pub resent: u32,
}

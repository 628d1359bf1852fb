//! Removing what is old: what a store is asked, and what it answers.

use postrider_core::time::Timestamp;

/// One step of a walk over all events, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PruneAsk {
    /// What was over before this moment may go.
    pub before: Timestamp,
    /// Where the step before stopped; 0 begins a walk.
    pub after: u64,
}

/// What one step removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pruned {
    /// Events.
    pub events: u64,
    /// Deliveries of these events.
    pub deliveries: u64,
    /// Attempts, also of a delivery whose other attempts go with the next step.
    pub attempts: u64,
    /// Where the next step goes on; `None` at the end of the walk.
    pub next: Option<u64>,
}

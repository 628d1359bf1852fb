//! Counts the work under way, so that someone can wait until there is none.
//!
//! Every unit of work that is on its way between two rooms (a request being stored, a delivery in
//! memory, a settlement being written) holds an [`Underway`]. Stopping waits for the count to reach
//! zero, and so do tests that move the clock: nothing polls.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// The count. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Activity(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    count: AtomicUsize,
    rest: Notify,
}

/// One unit of work; the count falls when it is dropped.
#[derive(Debug)]
pub(crate) struct Underway(Arc<Inner>);

impl Activity {
    /// Begins a unit of work.
    pub(crate) fn begin(&self) -> Underway {
        self.0.count.fetch_add(1, Ordering::AcqRel);
        Underway(Arc::clone(&self.0))
    }

    /// Whether nothing is under way.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.0.count.load(Ordering::Acquire) == 0
    }

    /// Waits until nothing is under way.
    pub(crate) async fn rest(&self) {
        loop {
            // Interest is registered before the count is read, so that no fall to zero is missed.
            let rested = self.0.rest.notified();
            if self.is_at_rest() {
                return;
            }
            rested.await;
        }
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        if self.0.count.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.rest.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn rest_comes_when_the_last_unit_ends() {
        let activity = Activity::default();
        activity.rest().await;
        let (first, second) = (activity.begin(), activity.begin());
        drop(first);
        assert!(!activity.is_at_rest());
        let waiter = activity.clone();
        let ((), ()) = tokio::join!(waiter.rest(), async { drop(second) });
        assert!(activity.is_at_rest());
    }
}

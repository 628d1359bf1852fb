//! What waits is written together.
//!
//! While one batch is being written, the next one piles up; there is no timer and no minimum size.
//! Alone, a caller waits for one commit; in a crowd, a commit carries hundreds. The channel is
//! bounded: what to do when it is full is the caller's decision.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use postrider_core::limits;

/// Hands items to one writing task, which ends when told to stop; by then nothing may be waiting.
#[derive(Debug)]
pub(crate) struct Batcher<T> {
    waiting: mpsc::Sender<T>,
}

impl<T> Clone for Batcher<T> {
    fn clone(&self) -> Self {
        Self { waiting: self.waiting.clone() }
    }
}

impl<T: Send + 'static> Batcher<T> {
    /// Starts the writing task. `write` gets what has piled up, at most [`limits::BATCH_MAX`].
    pub(crate) fn start<W>(tracker: &TaskTracker, stop: CancellationToken, write: W) -> Self
    where
        W: BatchWrite<T>,
    {
        Self::start_patient(tracker, stop, Duration::ZERO, write)
    }

    /// The same; the first item of a batch waits so long for others.
    pub(crate) fn start_patient<W>(
        tracker: &TaskTracker,
        stop: CancellationToken,
        linger: Duration,
        mut write: W,
    ) -> Self
    where
        W: BatchWrite<T>,
    {
        let (waiting, mut pile) = mpsc::channel(limits::BATCH_QUEUE_MAX);
        tracker.spawn(async move {
            let mut batch = Vec::new();
            loop {
                let piled_up = tokio::select! {
                    biased;
                    count = pile.recv_many(&mut batch, limits::BATCH_MAX) => count,
                    () = stop.cancelled() => 0,
                };
                if piled_up == 0 {
                    return;
                }
                gather(&mut pile, &mut batch, linger).await;
                write.write(std::mem::take(&mut batch)).await;
            }
        });
        Self { waiting }
    }

    /// Adds an item if there is room; gives it back otherwise.
    pub(crate) fn offer(&self, item: T) -> Result<(), T> {
        self.waiting.try_send(item).map_err(|full| match full {
            mpsc::error::TrySendError::Full(item) | mpsc::error::TrySendError::Closed(item) => item,
        })
    }

    /// Adds an item, waiting for room. After the stop it is dropped.
    pub(crate) async fn add(&self, item: T) {
        let _ = self.waiting.send(item).await;
    }
}

/// Lets more items join a batch for a while.
async fn gather<T>(pile: &mut mpsc::Receiver<T>, batch: &mut Vec<T>, linger: Duration) {
    if linger.is_zero() {
        return;
    }
    let fill = async {
        while batch.len() < limits::BATCH_MAX {
            let room = limits::BATCH_MAX - batch.len();
            if pile.recv_many(batch, room).await == 0 {
                return;
            }
        }
    };
    #[expect(clippy::disallowed_methods, reason = "about the disk: a moved clock changes nothing")]
    let _ = tokio::time::timeout(linger, fill).await;
}

/// Writes batches. One boxed future per batch is nothing next to a commit.
pub(crate) trait BatchWrite<T>: Send + 'static {
    /// Writes one batch, never empty.
    fn write(&mut self, batch: Vec<T>) -> impl Future<Output = ()> + Send;
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::oneshot;

    struct Gate {
        open: Option<oneshot::Receiver<()>>,
        seen: mpsc::UnboundedSender<Vec<u32>>,
    }

    impl BatchWrite<u32> for Gate {
        async fn write(&mut self, batch: Vec<u32>) {
            self.seen.send(batch).unwrap();
            if let Some(open) = self.open.take() {
                open.await.unwrap();
            }
        }
    }

    #[tokio::test]
    async fn what_arrives_during_a_write_is_written_together_in_order() {
        let tracker = TaskTracker::new();
        let (open, gate) = oneshot::channel();
        let (seen, mut batches) = mpsc::unbounded_channel();
        let batcher =
            Batcher::start(&tracker, CancellationToken::new(), Gate { open: Some(gate), seen });
        batcher.add(0).await;
        assert_eq!(batches.recv().await, Some(vec![0]));
        for n in 1..=3 {
            batcher.offer(n).unwrap();
        }
        open.send(()).unwrap();
        assert_eq!(batches.recv().await, Some(vec![1, 2, 3]));
        drop(batcher);
        tracker.close();
        tracker.wait().await;
    }

    fn patient(linger: Duration) -> (Batcher<u32>, mpsc::UnboundedReceiver<Vec<u32>>) {
        let (seen, batches) = mpsc::unbounded_channel();
        let (tracker, stop) = (TaskTracker::new(), CancellationToken::new());
        let gate = Gate { open: None, seen };
        (Batcher::start_patient(&tracker, stop, linger, gate), batches)
    }

    #[tokio::test]
    async fn a_patient_writer_lets_others_join_but_a_full_batch_does_not_wait() {
        let (batcher, mut batches) = patient(Duration::from_hours(1));
        let all: Vec<_> = (0..u32::try_from(limits::BATCH_MAX).unwrap()).collect();
        for n in &all {
            batcher.add(*n).await;
            // The writing task takes each by itself.
            tokio::task::yield_now().await;
        }
        assert_eq!(batches.recv().await, Some(all));
    }

    #[tokio::test]
    async fn a_patient_writer_writes_when_its_time_is_up() {
        let (batcher, mut batches) = patient(Duration::from_millis(1));
        batcher.add(1).await;
        assert_eq!(batches.recv().await, Some(vec![1]));
    }

    #[tokio::test]
    async fn a_full_channel_gives_the_item_back() {
        let tracker = TaskTracker::new();
        let (_open, gate) = oneshot::channel();
        let (seen, mut batches) = mpsc::unbounded_channel();
        let batcher =
            Batcher::start(&tracker, CancellationToken::new(), Gate { open: Some(gate), seen });
        batcher.add(0).await;
        batches.recv().await.unwrap();
        let room = u32::try_from(limits::BATCH_QUEUE_MAX).unwrap();
        assert!((0..room).all(|n| batcher.offer(n).is_ok()));
        assert_eq!(batcher.offer(9), Err(9));
    }
}

//! What waits is written together.
//!
//! While one batch is being written, the next one piles up; there is no timer and no minimum size.
//! Alone, a caller waits for one commit; in a crowd, a commit carries hundreds. The channel is
//! bounded: what to do when it is full is the caller's decision.

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
    pub(crate) fn start<W>(tracker: &TaskTracker, stop: CancellationToken, mut write: W) -> Self
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

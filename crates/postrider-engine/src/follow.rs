//! Following a webhook: its deliveries as they are committed, signed as if they were sent now.
//!
//! A follower that finds nothing new waits for the webhook's next event or resend, and is told by
//! whoever stored it. It begins to listen before it looks, so nothing falls between. Invariant: the
//! number of waiting followers is bounded, and none waits longer than it asked for.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use postrider_core::ids::{MerchantId, WebhookId};
use postrider_core::limits;
use postrider_core::snapshot;
use postrider_store::StoreError;
use postrider_store::catalog::{Delivery, FeedPosition, FeedRow};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::attempt::headers::{self, Letter};
use crate::{Engine, Shared};

/// Some deliveries of a webhook, in the order they were committed.
#[derive(Debug, Clone)]
pub struct Followed {
    /// The deliveries.
    pub deliveries: Vec<FollowedDelivery>,
    /// Where to go on.
    pub next: FeedPosition,
}

/// A delivery with the request that would be sent for it now.
#[derive(Debug, Clone)]
pub struct FollowedDelivery {
    /// The delivery.
    pub delivery: Delivery,
    /// Whether a resend brought it.
    pub is_resend: bool,
    /// The head lines as they would arrive, freshly signed: `Name: value` each, joined by `\n`.
    pub headers: String,
    /// The body.
    pub body: Bytes,
    /// Where to go on after it.
    pub after: FeedPosition,
}

/// Why a webhook cannot be followed now.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// As many followers wait as may.
    #[error("{} followers are waiting already", limits::FEED_WAITERS_MAX)]
    TooMany,
    /// As many followers of this merchant wait as may.
    #[error("{} followers of this merchant are waiting", limits::FEED_WAITERS_PER_MERCHANT_MAX)]
    TooManyOfMerchant,
    /// The store failed, or has no such webhook.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The followers that wait.
#[derive(Debug, Default)]
pub(crate) struct Followers {
    waiting: Mutex<HashMap<WebhookId, Waiting>>,
    dismissed: CancellationToken,
}

#[derive(Debug)]
struct Waiting {
    merchant: MerchantId,
    followers: usize,
    news: Arc<Notify>,
}

impl Followers {
    /// Tells those who follow these webhooks that something was stored.
    pub(crate) fn tell(&self, webhooks: impl Iterator<Item = WebhookId>) {
        let waiting = self.waiting.lock();
        if waiting.is_empty() {
            return;
        }
        for webhook in webhooks {
            if let Some(waiting) = waiting.get(&webhook) {
                waiting.news.notify_waiters();
            }
        }
    }

    fn join(&self, merchant: MerchantId, webhook: WebhookId) -> Result<Place<'_>, FollowError> {
        let mut waiting = self.waiting.lock();
        let (mut all, mut own) = (0, 0);
        for one in waiting.values() {
            all += one.followers;
            own += if one.merchant == merchant { one.followers } else { 0 };
        }
        if own >= limits::FEED_WAITERS_PER_MERCHANT_MAX {
            return Err(FollowError::TooManyOfMerchant);
        }
        if all >= limits::FEED_WAITERS_MAX {
            return Err(FollowError::TooMany);
        }
        let fresh = || Waiting { merchant, followers: 0, news: Arc::default() };
        let mine = waiting.entry(webhook).or_insert_with(fresh);
        mine.followers += 1;
        Ok(Place { followers: self, webhook, news: Arc::clone(&mine.news) })
    }
}

/// A follower's right to wait.
struct Place<'a> {
    followers: &'a Followers,
    webhook: WebhookId,
    news: Arc<Notify>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut waiting = self.followers.waiting.lock();
        if let Some(mine) = waiting.get_mut(&self.webhook) {
            mine.followers -= 1;
            if mine.followers == 0 {
                waiting.remove(&self.webhook);
            }
        }
    }
}

impl Engine {
    /// What a webhook's feed shows after a place; without one it begins now, and answers the place
    /// only. Waits up to `wait` for something new.
    pub async fn follow(
        &self,
        merchant: MerchantId,
        webhook: WebhookId,
        after: Option<FeedPosition>,
        wait: Duration,
    ) -> Result<Followed, FollowError> {
        let shared = &self.shared;
        let Some(mut place) = after else {
            let begun = shared.store.feed(merchant, webhook, None).await?;
            return Ok(Followed { deliveries: Vec::new(), next: begun.next });
        };
        let waiting = shared.followers.join(merchant, webhook)?;
        let until = shared.clock.reading() + wait.min(limits::FEED_WAIT_MAX);
        loop {
            let mut news = pin!(waiting.news.notified());
            news.as_mut().enable();
            let page = shared.store.feed(merchant, webhook, Some(place)).await?;
            place = page.next;
            let left = until.saturating_sub(shared.clock.reading());
            let is_over = left.is_zero() || shared.followers.dismissed.is_cancelled();
            if !page.rows.is_empty() || is_over {
                return followed(shared, webhook, page.rows, place);
            }
            if page.is_at_end {
                tokio::select! {
                    _ = shared.clock.within(left, news) => {}
                    () = shared.followers.dismissed.cancelled() => {}
                }
            }
        }
    }

    /// Answers all followers that wait, and lets none wait any more: the API is about to stop.
    pub fn dismiss_followers(&self) {
        self.shared.followers.dismissed.cancel();
    }
}

fn followed(
    shared: &Shared,
    webhook: WebhookId,
    rows: Vec<FeedRow>,
    next: FeedPosition,
) -> Result<Followed, FollowError> {
    let routing = shared.routing();
    let route = routing.route(webhook).ok_or(StoreError::NotFound)?;
    let now = shared.clock.now();
    let sign = |row: FeedRow| {
        let FeedRow { entry, is_resend, after } = row;
        let delivery = entry.delivery;
        let body = snapshot::body(&entry.event, entry.choice);
        let letter = Letter {
            webhook: &route.webhook,
            signer: &route.signer,
            delivery: delivery.id,
            is_test: delivery.is_test,
            number: delivery.attempts.saturating_add(1),
            body: &body,
        };
        let headers = headers::build(shared, &letter, now);
        let headers = headers::as_sent(&route.webhook.target, &headers, body.len());
        FollowedDelivery { delivery, is_resend, headers, body, after }
    };
    Ok(Followed { deliveries: rows.into_iter().map(sign).collect(), next })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_merchant_leaves_room_for_others() {
        let followers = Followers::default();
        let [greedy, other] = [1, 2].map(MerchantId::from_bits);
        let own = |n: usize| WebhookId::from_bits(n as u128);
        let most = limits::FEED_WAITERS_PER_MERCHANT_MAX;
        let mut places: Vec<_> = (0..most).map(|n| followers.join(greedy, own(n)).ok()).collect();
        assert!(places.iter().all(Option::is_some));
        let refused = followers.join(greedy, own(most)).err();
        assert!(matches!(refused, Some(FollowError::TooManyOfMerchant)), "{refused:?}");
        assert!(followers.join(other, own(most + 1)).is_ok());
        places.pop();
        assert!(followers.join(greedy, own(most)).is_ok(), "a place that is left is free");
    }
}

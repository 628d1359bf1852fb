//! Whose turn it is: three pools of places in flight, and in each a ring of merchants.
//!
//! Receivers that answer quickly, retries, and receivers that are slow or not known yet have pools of
//! their own, so that the last two can fill theirs only: targets that hang hold their places until
//! their timeout, and whoever answers must not wait for that. Within a pool turns go round the
//! merchants, and round each merchant's webhooks.

use std::collections::{HashMap, VecDeque};

use postrider_core::ids::{MerchantId, WebhookId};
use postrider_core::limits;

/// Where an attempt's place is taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pool {
    /// First attempts at receivers that are known to answer soon.
    Quick,
    /// Retries at such receivers while they have no first attempts waiting.
    Retry,
    /// Receivers that take long, have stopped answering, or are not known yet.
    Slow,
}

impl Pool {
    /// In the order in which they are looked at. Each has places of its own, so none starves.
    pub(super) const ALL: [Self; 3] = [Self::Quick, Self::Retry, Self::Slow];

    const fn places(self) -> usize {
        match self {
            Self::Quick => limits::IN_FLIGHT_QUICK_MAX,
            Self::Retry => limits::IN_FLIGHT_RETRY_MAX,
            Self::Slow => limits::IN_FLIGHT_SLOW_MAX,
        }
    }
}

/// The turns of all pools.
#[derive(Debug, Default)]
pub(super) struct Turns {
    quick: Ring,
    retry: Ring,
    slow: Ring,
}

#[derive(Debug, Default)]
struct Ring {
    merchants: VecDeque<MerchantId>,
    webhooks: HashMap<MerchantId, VecDeque<WebhookId>>,
    in_flight: usize,
}

impl Turns {
    fn ring(&mut self, pool: Pool) -> &mut Ring {
        match pool {
            Pool::Quick => &mut self.quick,
            Pool::Retry => &mut self.retry,
            Pool::Slow => &mut self.slow,
        }
    }

    /// The webhook goes to the end of the line.
    pub(super) fn join(&mut self, pool: Pool, merchant: MerchantId, webhook: WebhookId) {
        let ring = self.ring(pool);
        let webhooks = ring.webhooks.entry(merchant).or_default();
        if webhooks.is_empty() {
            ring.merchants.push_back(merchant);
        }
        webhooks.push_back(webhook);
    }

    /// The webhook leaves the line.
    pub(super) fn leave(&mut self, pool: Pool, merchant: MerchantId, webhook: WebhookId) {
        let ring = self.ring(pool);
        let Some(webhooks) = ring.webhooks.get_mut(&merchant) else { return };
        webhooks.retain(|other| *other != webhook);
        if webhooks.is_empty() {
            ring.webhooks.remove(&merchant);
            ring.merchants.retain(|other| *other != merchant);
        }
    }

    /// Whose turn it is, if the pool has a place; who is named has left the line.
    pub(super) fn next(&mut self, pool: Pool) -> Option<WebhookId> {
        let ring = self.ring(pool);
        if ring.in_flight >= pool.places() {
            return None;
        }
        let merchant = ring.merchants.pop_front()?;
        let webhooks = ring.webhooks.get_mut(&merchant)?;
        let webhook = webhooks.pop_front();
        if webhooks.is_empty() {
            ring.webhooks.remove(&merchant);
        } else {
            ring.merchants.push_back(merchant);
        }
        webhook
    }

    /// An attempt takes a place, if it started.
    pub(super) fn started(&mut self, pool: Pool, has_started: bool) {
        self.ring(pool).in_flight += usize::from(has_started);
    }

    /// An attempt gives its place back.
    pub(super) fn ended(&mut self, pool: Pool) {
        let ring = self.ring(pool);
        ring.in_flight = ring.in_flight.saturating_sub(1);
    }

    /// Attempts under way.
    pub(super) fn in_flight(&self) -> usize {
        self.quick.in_flight + self.retry.in_flight + self.slow.in_flight
    }

    /// Whether nobody waits for a turn.
    pub(super) fn is_empty(&self) -> bool {
        [&self.quick, &self.retry, &self.slow].iter().all(|ring| ring.merchants.is_empty())
    }

    /// Nobody has a turn any more.
    pub(super) fn clear(&mut self) {
        for pool in Pool::ALL {
            let ring = self.ring(pool);
            ring.merchants.clear();
            ring.webhooks.clear();
        }
    }
}

#[cfg(test)]
impl Turns {
    /// A pool that has given a place.
    pub(super) fn in_use(&mut self) -> Option<Pool> {
        Pool::ALL.into_iter().find(|pool| self.ring(*pool).in_flight > 0)
    }

    /// The pools in whose lines the webhook stands, once for each time it does.
    pub(super) fn places_in_line(&self, webhook: WebhookId) -> Vec<Pool> {
        let rings =
            [(Pool::Quick, &self.quick), (Pool::Retry, &self.retry), (Pool::Slow, &self.slow)];
        let places = rings.into_iter().flat_map(|(pool, ring)| {
            let line = ring.webhooks.values().flatten();
            line.filter(move |other| **other == webhook).map(move |_| pool)
        });
        places.collect()
    }

    /// Whether every merchant with a webhook in line stands in line once.
    pub(super) fn is_orderly(&self) -> bool {
        [&self.quick, &self.retry, &self.slow].iter().all(|ring| {
            ring.merchants.len() == ring.webhooks.len()
                && ring.merchants.iter().all(|merchant| ring.webhooks.contains_key(merchant))
        })
    }
}

//! Lanes: per webhook, what may start now; in memory only, and bounded.
//!
//! A lane holds the deliveries of one webhook that are leased to this process and wait for their
//! turn, counts those in flight, and knows when the store next has something due. The backlog stays
//! in the store: a lane takes no more than it can start while the leases last. Turns go round the
//! merchants, and round each merchant's webhooks, in pools of their own for those that answer and
//! those that do not (`lanes/turns.rs`), so nobody's backlog is in anybody's way.
//!
//! Invariants:
//! - a lane exists only for an enabled webhook;
//! - a lane is in the turns exactly when it may start something, and of one pool only;
//! - a lane is listed in `due` exactly when [`Lane::wants_at`] names a time, under that time;
//! - the lock is never held across an await.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use postrider_core::ids::WebhookId;
use postrider_core::limits;
use postrider_core::routing::{Route, RouteChanges};
use postrider_core::time::Timestamp;
use postrider_core::webhook::{DisabledBy, Health, Status};
use postrider_store::queue::{LaneAsk, LaneState, LeasedDelivery};
use tokio::sync::Notify;

use crate::lanes::lane::Lane;
pub(crate) use crate::lanes::turns::Pool;
use crate::lanes::turns::Turns;

mod lane;
#[cfg(test)]
mod tests;
mod turns;

/// A leased delivery that waits for its turn or is being attempted.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) leased: LeasedDelivery,
    pub(crate) body: Bytes,
    /// Its weight in the lanes' budget of bytes.
    pub(crate) reserved_bytes: usize,
}

/// How an attempt ended, as far as its lane is concerned.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ended {
    pub(crate) result: EndedAs,
    /// Where its place came from.
    pub(crate) pool: Pool,
    pub(crate) reserved_bytes: usize,
    pub(crate) now: Timestamp,
    pub(crate) duration: Duration,
}

/// What an attempt's end means for its lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EndedAs {
    /// The receiver took it.
    Success,
    /// It failed; the webhook's next request is due at `retry_at` if it is to be probed.
    Failure { retry_at: Timestamp, asks_for_less: bool },
    /// It says nothing about the webhook: a test event, or a delivery that was not attempted.
    Neither,
}

/// What has to be done after an attempt ended.
#[derive(Debug, Default)]
pub(crate) struct Aftermath {
    /// The webhook's health, if it changed in a way that must survive a restart.
    pub(crate) note: Option<Health>,
    /// Whether the webhook has failed for too long.
    pub(crate) disable: Option<DisabledBy>,
    /// Deliveries that must not start any more and go back to the store.
    pub(crate) hand_back: Vec<Ready>,
}

/// All lanes.
#[derive(Debug)]
pub(crate) struct Lanes {
    state: Mutex<State>,
    wake: Arc<Notify>,
}

#[derive(Debug, Default)]
struct State {
    lanes: HashMap<WebhookId, Lane>,
    turns: Turns,
    due: BTreeSet<(Timestamp, WebhookId)>,
    bytes: usize,
    is_stopping: bool,
    /// Rings when the first entry of `due` changes.
    wake: Arc<Notify>,
}

impl Lanes {
    pub(crate) fn new() -> Self {
        let state = State::default();
        Self { wake: Arc::clone(&state.wake), state: Mutex::new(state) }
    }

    /// Returns when a lane may have become due earlier than was known.
    pub(crate) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Asks for a place in the lane of each `(webhook, body bytes, is test)`; `Some` is the time a
    /// lease must last until. A place must be used by [`Lanes::push`] or given up by
    /// [`Lanes::give_up`].
    pub(crate) fn reserve(
        &self,
        wanted: impl Iterator<Item = (WebhookId, usize, bool)>,
        now: Timestamp,
    ) -> Vec<Option<Timestamp>> {
        let state = &mut *self.state.lock();
        wanted
            .map(|(webhook, bytes, is_test)| {
                let fits = state.bytes.saturating_add(bytes) <= limits::LANES_BYTES_MAX;
                let lane = state.lanes.get_mut(&webhook)?;
                if state.is_stopping || !fits || !lane.admits(is_test) {
                    return None;
                }
                state.bytes += bytes;
                lane.reserved += 1;
                Some(now + limits::lease_length(lane.route.webhook.timeout))
            })
            .collect()
    }

    /// Uses reserved places: these deliveries are stored and wait for their turn.
    pub(crate) fn push(&self, stored: Vec<Ready>) {
        let state = &mut *self.state.lock();
        for ready in stored {
            if let Some(lane) = state.lanes.get_mut(&ready.leased.webhook) {
                lane.reserved = lane.reserved.saturating_sub(1);
            }
            state.enqueue(ready);
        }
    }

    /// Gives up a reserved place.
    pub(crate) fn give_up(&self, webhook: WebhookId, bytes: usize) {
        let state = &mut *self.state.lock();
        state.release(bytes);
        if let Some(lane) = state.lanes.get_mut(&webhook) {
            lane.reserved = lane.reserved.saturating_sub(1);
        }
        state.relist(webhook);
    }

    /// The store has something of this webhook due at `due`. `is_first_attempt`: newer deliveries
    /// then queue behind it in the store instead of overtaking it in memory.
    pub(crate) fn note_due(&self, webhook: WebhookId, due: Timestamp, is_first_attempt: bool) {
        let state = &mut *self.state.lock();
        if let Some(lane) = state.lanes.get_mut(&webhook) {
            lane.waits_in_store |= is_first_attempt;
            lane.due_in_store = Some(lane.due_in_store.map_or(due, |known| known.min(due)));
        }
        state.relist(webhook);
    }

    /// Which lanes take deliveries from the store now. Each asked lane is leasing until
    /// [`Lanes::leased`] or [`Lanes::lease_failed`].
    pub(crate) fn asks(&self, now: Timestamp) -> Vec<LaneAsk> {
        let state = &mut *self.state.lock();
        let mut asks = Vec::new();
        while asks.len() < limits::LEASE_LANES_MAX
            && state.next_due().is_some_and(|due| due <= now)
            && let Some((_, webhook)) = state.due.pop_first()
        {
            let Some(lane) = state.lanes.get_mut(&webhook) else { continue };
            lane.listed_at = None;
            if lane.leases_at().is_some_and(|due| due <= now) {
                lane.is_leasing = true;
                let lease_for = limits::lease_length(lane.route.webhook.timeout);
                asks.push(LaneAsk { webhook, limit: lane.room(), lease_for });
            }
            // Listed for a new share of its rate limit: the lane takes its turn again.
            state.settle_in(webhook, now);
        }
        asks
    }

    /// Takes what a lease brought. Deliveries of lanes that are gone come back.
    pub(crate) fn leased(
        &self,
        ready: Vec<Ready>,
        lanes: &[LaneState],
        now: Timestamp,
    ) -> Vec<Ready> {
        let state = &mut *self.state.lock();
        let mut orphans = Vec::new();
        for ready in ready {
            state.bytes += ready.reserved_bytes;
            if state.is_stopping || !state.lanes.contains_key(&ready.leased.webhook) {
                state.release(ready.reserved_bytes);
                orphans.push(ready);
            } else {
                state.enqueue(ready);
            }
        }
        for answer in lanes {
            let Some(lane) = state.lanes.get_mut(&answer.webhook) else { continue };
            lane.is_leasing = false;
            lane.due_in_store = answer.next_due;
            lane.waits_in_store = answer.next_due.is_some_and(|due| due <= now);
            state.relist(answer.webhook);
        }
        orphans
    }

    /// A lease could not be had; the lanes ask again at `retry_at`.
    pub(crate) fn lease_failed(&self, asks: &[LaneAsk], retry_at: Timestamp) {
        let state = &mut *self.state.lock();
        for ask in asks {
            if let Some(lane) = state.lanes.get_mut(&ask.webhook) {
                lane.is_leasing = false;
                lane.due_in_store = Some(retry_at);
            }
            state.relist(ask.webhook);
        }
    }

    /// When the next lane is due; `None` also while there is no memory for what it would bring.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.state.lock().next_due()
    }

    /// The next delivery to attempt, with what is known of its webhook and the pool that gives it a
    /// place; `None` when nothing may start. Whoever takes one must call [`Lanes::ended`].
    pub(crate) fn take(&self, now: Timestamp) -> Option<(Ready, Arc<Route>, Pool)> {
        let state = &mut *self.state.lock();
        if state.is_stopping {
            return None;
        }
        Pool::ALL.into_iter().find_map(|pool| state.take_from(pool, now))
    }

    /// An attempt taken from here ended.
    pub(crate) fn ended(&self, webhook: WebhookId, ended: Ended) -> Aftermath {
        let state = &mut *self.state.lock();
        state.turns.ended(ended.pool);
        state.release(ended.reserved_bytes);
        let Some(lane) = state.lanes.get_mut(&webhook) else { return Aftermath::default() };
        let mut aftermath = lane.ended(ended);
        if lane.health.probing_since.is_some() {
            aftermath.hand_back = lane.drain_all_but_tests();
            let bytes: usize = aftermath.hand_back.iter().map(|ready| ready.reserved_bytes).sum();
            state.release(bytes);
        }
        state.settle_in(webhook, ended.now);
        aftermath
    }

    /// Applies changed routes: lanes of webhooks that receive no more end, and what waited in them
    /// comes back; webhooks that begin to receive get a lane that looks at the store at once.
    pub(crate) fn apply(
        &self,
        changes: &RouteChanges,
        now: Timestamp,
        is_first: bool,
    ) -> Vec<Ready> {
        let state = &mut *self.state.lock();
        let mut hand_back = Vec::new();
        for webhook in &changes.deleted {
            hand_back.extend(state.remove(*webhook));
        }
        for route in &changes.routes {
            let webhook = route.webhook.id;
            if route.webhook.status != Status::Enabled {
                hand_back.extend(state.remove(webhook));
            } else if let Some(lane) = state.lanes.get_mut(&webhook) {
                lane.follow(route, now);
                state.settle_in(webhook, now);
            } else {
                let mut lane = Lane::new(Arc::clone(route));
                lane.due_in_store = (!is_first).then_some(now);
                state.lanes.insert(webhook, lane);
                state.relist(webhook);
            }
        }
        hand_back
    }

    /// How many attempts are under way, and since when the oldest that waits has been due.
    pub(crate) fn load(&self) -> (usize, Option<Timestamp>) {
        let state = self.state.lock();
        let oldest = state.lanes.values().filter_map(Lane::oldest_due).min();
        (state.turns.in_flight(), oldest)
    }

    /// Whether something may start or is due now.
    pub(crate) fn has_work(&self, now: Timestamp) -> bool {
        let state = self.state.lock();
        !state.is_stopping
            && (!state.turns.is_empty() || state.next_due().is_some_and(|due| due <= now))
    }

    /// From now on nothing starts; what waited comes back.
    pub(crate) fn stop(&self) -> Vec<Ready> {
        let state = &mut *self.state.lock();
        state.is_stopping = true;
        state.turns.clear();
        state.due.clear();
        state.lanes.values_mut().flat_map(Lane::drain).collect()
    }
}

impl State {
    fn take_from(&mut self, pool: Pool, now: Timestamp) -> Option<(Ready, Arc<Route>, Pool)> {
        loop {
            let webhook = self.turns.next(pool)?;
            let Some(lane) = self.lanes.get_mut(&webhook) else { continue };
            lane.turn = None;
            // It may have stopped answering since it joined the line.
            let ready = if lane.pool(now) == Some(pool) { lane.start(now) } else { None };
            let started = ready.map(|ready| (ready, Arc::clone(&lane.route), pool));
            self.turns.started(pool, started.is_some());
            self.settle_in(webhook, now);
            if started.is_some() {
                return started;
            }
        }
    }

    fn next_due(&self) -> Option<Timestamp> {
        let has_room = self.bytes < limits::LANES_BYTES_MAX && !self.is_stopping;
        self.due.first().filter(|_| has_room).map(|(at, _)| *at)
    }

    /// Gives memory back; who waited for room hears of it.
    fn release(&mut self, bytes: usize) {
        let was_full = self.bytes >= limits::LANES_BYTES_MAX;
        self.bytes = self.bytes.saturating_sub(bytes);
        if was_full && self.bytes < limits::LANES_BYTES_MAX {
            self.wake.notify_one();
        }
    }

    /// Puts a delivery at the end of its lane.
    fn enqueue(&mut self, ready: Ready) {
        let webhook = ready.leased.webhook;
        let now = ready.leased.due_at;
        match self.lanes.get_mut(&webhook) {
            Some(lane) if !self.is_stopping => lane.enqueue(ready),
            // The webhook was disabled or we are stopping: the lease runs out or was canceled.
            _ => self.release(ready.reserved_bytes),
        }
        self.settle_in(webhook, now);
    }

    /// Restores the invariants of one lane after it changed.
    fn settle_in(&mut self, webhook: WebhookId, now: Timestamp) {
        let Some(lane) = self.lanes.get_mut(&webhook) else { return };
        let wanted = lane.pool(now).filter(|_| !self.is_stopping);
        if lane.turn != wanted {
            let merchant = lane.route.webhook.merchant;
            if let Some(old) = lane.turn {
                self.turns.leave(old, merchant, webhook);
            }
            if let Some(new) = wanted {
                self.turns.join(new, merchant, webhook);
            }
            lane.turn = wanted;
        }
        self.relist(webhook);
    }

    /// Restores the lane's place in `due`.
    fn relist(&mut self, webhook: WebhookId) {
        let Some(lane) = self.lanes.get_mut(&webhook) else { return };
        let wanted = if self.is_stopping { None } else { lane.wants_at() };
        if lane.listed_at != wanted {
            if let Some(old) = lane.listed_at {
                self.due.remove(&(old, webhook));
            }
            lane.listed_at = wanted;
            if let Some(new) = wanted {
                self.due.insert((new, webhook));
                if self.due.first() == Some(&(new, webhook)) {
                    self.wake.notify_one();
                }
            }
        }
    }

    fn remove(&mut self, webhook: WebhookId) -> Vec<Ready> {
        let Some(mut lane) = self.lanes.remove(&webhook) else { return Vec::new() };
        if let Some(at) = lane.listed_at {
            self.due.remove(&(at, webhook));
        }
        if let Some(pool) = lane.turn {
            self.turns.leave(pool, lane.route.webhook.merchant, webhook);
        }
        self.release(lane.waiting().map(|ready| ready.reserved_bytes).sum());
        lane.drain()
    }
}

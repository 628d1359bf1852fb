//! One lane: its window, its limit in flight, its rate and its health.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use postrider_core::limits;
use postrider_core::routing::Route;
use postrider_core::time::Timestamp;
use postrider_core::webhook::{DisabledBy, Health};

use super::{Aftermath, Ended, EndedAs, Pool, Ready};

/// Requests in flight a lane starts with; it grows by one with each success.
const LIMIT_AT_START: u32 = 4;
/// An attempt's duration before one was seen: that of a healthy receiver over the internet.
const DURATION_AT_START: Duration = Duration::from_millis(50);
/// A lane takes what it can start in this time; well inside `limits::LEASE_WAIT`, so that leases
/// do not run out in the queue.
const HORIZON: Duration = Duration::from_secs(5);
/// A receiver that takes longer on average, or has not answered anything for so long, is slow.
const SLOW_AFTER: Duration = Duration::from_secs(1);
/// While first attempts wait, one start in so many is a retry (reliability.md O7).
const STARTS_PER_RETRY: u32 = 5;

#[derive(Debug)]
pub(super) struct Lane {
    pub(super) route: Arc<Route>,
    pub(super) health: Health,
    /// Leased first attempts, oldest first.
    fresh: VecDeque<Ready>,
    /// Leased retries, oldest first.
    retries: VecDeque<Ready>,
    /// First attempts started since the last retry.
    starts: u32,
    /// Places promised to deliveries that are being stored.
    pub(super) reserved: usize,
    /// Whether first attempts wait in the store, so that newer ones queue behind them.
    pub(super) waits_in_store: bool,
    /// When the store next has something due, as far as is known.
    pub(super) due_in_store: Option<Timestamp>,
    pub(super) is_leasing: bool,
    /// The pool in whose line the lane stands.
    pub(super) turn: Option<Pool>,
    /// The time this lane is listed under in `due`.
    pub(super) listed_at: Option<Timestamp>,
    in_flight: u32,
    /// Requests in flight allowed now: grows by one on success, halves when asked for less.
    limit: u32,
    /// Moving average of an attempt's duration.
    duration: Duration,
    /// Whether any attempt has ended yet.
    is_known: bool,
    /// When an attempt ended last, or the first of those in flight began.
    moved_at: Timestamp,
    /// Starts within the present slice of the rate limit.
    slice: Slice,
}

#[derive(Debug, Clone, Copy)]
struct Slice {
    began_at: Timestamp,
    started: u32,
}

impl Lane {
    pub(super) fn new(route: Arc<Route>) -> Self {
        Self {
            health: route.health,
            fresh: VecDeque::new(),
            retries: VecDeque::new(),
            starts: 0,
            reserved: 0,
            waits_in_store: false,
            due_in_store: None,
            is_leasing: false,
            turn: None,
            listed_at: None,
            in_flight: 0,
            limit: LIMIT_AT_START,
            duration: DURATION_AT_START,
            is_known: false,
            moved_at: Timestamp::EPOCH,
            slice: Slice { began_at: Timestamp::EPOCH, started: 0 },
            route,
        }
    }

    /// Takes on a changed configuration. Someone who corrects the target of a webhook that is being
    /// probed wants to see at once whether that helped.
    pub(super) fn follow(&mut self, route: &Arc<Route>, now: Timestamp) {
        if self.is_probing() && self.route.webhook.target != route.webhook.target {
            self.health.next_probe_at = Some(now);
        }
        self.route = Arc::clone(route);
    }

    /// When what waits longest fell due, as far as is known.
    pub(super) fn oldest_due(&self) -> Option<Timestamp> {
        let waiting = self.waiting().map(|ready| ready.leased.due_at).min();
        [waiting, self.due_in_store].into_iter().flatten().min()
    }

    /// What is leased and waits, in no particular order.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &Ready> {
        self.fresh.iter().chain(&self.retries)
    }

    /// A delivery waits behind those of its kind.
    pub(super) fn enqueue(&mut self, ready: Ready) {
        let is_fresh = ready.leased.attempts == ready.leased.attempts_before;
        let queue = if is_fresh { &mut self.fresh } else { &mut self.retries };
        queue.push_back(ready);
    }

    /// Takes out everything that waits.
    pub(super) fn drain(&mut self) -> Vec<Ready> {
        self.fresh.drain(..).chain(self.retries.drain(..)).collect()
    }

    /// Which pool the next start takes a place of; `None` when nothing may start.
    pub(super) fn pool(&self, now: Timestamp) -> Option<Pool> {
        if !self.may_start(now) {
            return None;
        }
        Some(if !self.is_quick(now) {
            Pool::Slow
        } else if self.fresh.is_empty() {
            Pool::Retry
        } else {
            Pool::Quick
        })
    }

    /// Whether an attempt can be expected to give its place back soon.
    fn is_quick(&self, now: Timestamp) -> bool {
        let is_stalled = self.in_flight > 0 && now.since(self.moved_at) > SLOW_AFTER;
        self.is_known && self.duration <= SLOW_AFTER && !is_stalled
    }

    fn is_probing(&self) -> bool {
        self.health.probing_since.is_some()
    }

    /// Requests that may be in flight now: one while probing.
    fn allowed(&self) -> u32 {
        if self.is_probing() { 1 } else { self.limit.min(self.route.webhook.max_in_flight).max(1) }
    }

    /// Deliveries the lane may hold, waiting or in flight: what it can start within [`HORIZON`].
    fn window(&self) -> usize {
        let allowed = self.allowed() as usize;
        let rounds = HORIZON.as_millis() / self.duration.as_millis().max(1);
        let rounds = usize::try_from(rounds).unwrap_or(usize::MAX).clamp(1, limits::LANE_WINDOW);
        let by_rate = self.route.webhook.rate_limit_per_second.map_or(usize::MAX, |rate| {
            usize::try_from(u64::from(rate) * HORIZON.as_secs()).unwrap_or(usize::MAX)
        });
        allowed.saturating_mul(rounds).min(by_rate.max(1)).min(limits::LANE_WINDOW)
    }

    fn held(&self) -> usize {
        self.fresh.len() + self.retries.len() + self.reserved + self.in_flight as usize
    }

    /// Whether a fresh delivery may be handed over in memory. A test event may also go to a webhook
    /// that is being probed: someone wants to know whether it is back.
    pub(super) fn admits(&self, is_test: bool) -> bool {
        let is_open = is_test || (!self.is_probing() && !self.waits_in_store);
        is_open && self.held() < self.window().max(usize::from(is_test))
    }

    /// How many deliveries to take from the store.
    pub(super) fn room(&self) -> u32 {
        let room = if self.is_probing() { 1 } else { self.window().saturating_sub(self.held()) };
        u32::try_from(room.clamp(1, limits::LEASE_MAX)).unwrap_or(1)
    }

    /// When the lane takes deliveries from the store; `None` while it has no room for them.
    pub(super) fn leases_at(&self) -> Option<Timestamp> {
        let has_room = if self.is_probing() {
            self.held() == 0
        } else {
            // Half the window: one lease brings many, and leases are commits.
            self.held() <= self.window() / 2
        };
        let due = self.due_in_store.filter(|_| has_room && !self.is_leasing)?;
        Some(self.health.next_probe_at.map_or(due, |probe| due.max(probe)))
    }

    /// When the dispatcher must look at this lane: for the store, or because a new share of its
    /// rate limit begins.
    pub(super) fn wants_at(&self) -> Option<Timestamp> {
        let is_held_back = self.has_waiting() && self.in_flight < self.allowed();
        let share = self.throttled_until().filter(|_| is_held_back && self.turn.is_none());
        match (self.leases_at(), share) {
            (Some(lease), Some(share)) => Some(lease.min(share)),
            (lease, share) => lease.or(share),
        }
    }

    /// Whether the rate limit forbids another start at `now`.
    fn is_throttled(&self, now: Timestamp) -> bool {
        self.throttled_until().is_some_and(|until| now < until)
    }

    /// When the next slice of the rate limit begins, if this one is used up.
    fn throttled_until(&self) -> Option<Timestamp> {
        let (length, share) = slice_of(self.route.webhook.rate_limit_per_second?);
        (self.slice.started >= share).then(|| self.slice.began_at + length)
    }

    pub(super) fn may_start(&self, now: Timestamp) -> bool {
        self.has_waiting() && self.in_flight < self.allowed() && !self.is_throttled(now)
    }

    fn has_waiting(&self) -> bool {
        !self.fresh.is_empty() || !self.retries.is_empty()
    }

    /// First attempts go first; now and then a retry, so that none waits for ever.
    fn pop(&mut self) -> Option<Ready> {
        if self.starts + 1 >= STARTS_PER_RETRY && !self.retries.is_empty() {
            self.starts = 0;
            return self.retries.pop_front();
        }
        self.starts = (self.starts + 1).min(STARTS_PER_RETRY);
        self.fresh.pop_front().or_else(|| self.retries.pop_front())
    }

    /// Starts the next waiting delivery, if one may start.
    pub(super) fn start(&mut self, now: Timestamp) -> Option<Ready> {
        if !self.may_start(now) {
            return None;
        }
        let ready = self.pop()?;
        if self.in_flight == 0 {
            self.moved_at = now;
        }
        self.in_flight += 1;
        if let Some(rate) = self.route.webhook.rate_limit_per_second {
            let (length, _) = slice_of(rate);
            if now.since(self.slice.began_at) >= length {
                self.slice = Slice { began_at: now, started: 0 };
            }
            self.slice.started += 1;
        }
        Some(ready)
    }

    pub(super) fn ended(&mut self, ended: Ended) -> Aftermath {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.moved_at = ended.now;
        let before = self.health;
        match ended.result {
            EndedAs::Neither => return Aftermath::default(),
            EndedAs::Success => {
                if self.is_probing() {
                    // Back from the dead: begin with one at a time and grow.
                    self.limit = 1;
                }
                self.limit = (self.limit + 1).min(self.route.webhook.max_in_flight);
                self.health = Health::OK;
            }
            EndedAs::Failure { retry_at, asks_for_less } => {
                if asks_for_less {
                    self.limit = (self.limit / 2).max(1);
                }
                self.health = self.health.after_failure(ended.now, retry_at);
            }
        }
        let before_it = if self.is_known { self.duration } else { ended.duration };
        self.duration = (before_it * 7 + ended.duration) / 8;
        self.is_known = true;
        let must_survive = |h: Health| (h.failing_since, h.probing_since, h.next_probe_at);
        Aftermath {
            note: (must_survive(before) != must_survive(self.health)).then_some(self.health),
            disable: self.health.is_beyond_hope(ended.now).then_some(DisabledBy::Failing),
            hand_back: Vec::new(),
        }
    }

    /// Takes out everything that must not be tried while probing.
    pub(super) fn drain_all_but_tests(&mut self) -> Vec<Ready> {
        let (tests, rest) = self.drain().into_iter().partition(|ready| ready.leased.is_test);
        self.fresh = Vec::into(tests);
        rest
    }
}

/// A rate limit as a number of starts per slice of time: tenths of a second, or as long as one
/// start takes when there are fewer than ten a second.
fn slice_of(rate_per_second: u32) -> (Duration, u32) {
    let rate = rate_per_second.max(1);
    if rate >= 10 {
        (Duration::from_millis(100), rate / 10)
    } else {
        (Duration::from_millis(u64::from(1_000 / rate)), 1)
    }
}

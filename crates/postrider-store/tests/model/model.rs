//! The model: what a store must answer, in maps. It knows nothing of SQL, files or threads.
//!
//! Which of several deliveries due at the same moment comes first is left to the store; everything
//! else is said exactly.

use std::collections::BTreeMap;

use postrider_core::delivery::{Next, State};
use postrider_core::ids::{DeliveryId, WebhookId};
use postrider_core::time::Timestamp;
use postrider_core::webhook::Status;
use postrider_store::catalog::{Backlog, DeliveryDetail, WebhookMetrics};
use postrider_store::conformance::fixture::{at, webhook_id};
use postrider_store::queue::{
    AppendRefusal, Appended, Balance, Change, LaneAsk, LaneState, Leased, LeasedDelivery, NewEvent,
    Resent, Settled, Settlement, Tally,
};
use postrider_store::retention::Pruned;

/// A lease as its holder remembers it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LeaseSeen {
    pub(crate) id: DeliveryId,
    pub(crate) epoch: u32,
    pub(crate) attempts: u32,
}

/// One delivery.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    webhook: WebhookId,
    state: State,
    due_at: Timestamp,
    epoch: u32,
    is_leased: bool,
    attempts: u32,
    attempts_before: u32,
    returned: u32,
    schedule_started_at: Timestamp,
    settled_at: Option<Timestamp>,
}

/// A resend that would be answered so and leave the row so.
pub(crate) struct Resend {
    pub(crate) answer: Resent,
    pub(crate) row: Row,
}

/// One merchant with some webhooks.
pub(crate) struct Model {
    pub(crate) version: u64,
    /// `None`: deleted.
    webhooks: BTreeMap<WebhookId, Option<Status>>,
    events: BTreeMap<String, ([u8; 32], Vec<DeliveryId>)>,
    /// The names of events in the order they were stored, and when each was.
    order: Vec<(String, Timestamp)>,
    pub(crate) rows: BTreeMap<DeliveryId, Row>,
    /// Rows that were pruned.
    gone: Vec<Row>,
}

type Answer = Result<Vec<Appended>, AppendRefusal>;

impl Model {
    pub(crate) fn new(version: u64, webhooks: u64) -> Self {
        let webhooks = (1..=webhooks).map(|n| (webhook_id(n), Some(Status::Enabled))).collect();
        Self {
            version,
            webhooks,
            events: BTreeMap::new(),
            order: Vec::new(),
            rows: BTreeMap::new(),
            gone: Vec::new(),
        }
    }

    /// Whether events become deliveries of this webhook.
    pub(crate) fn receives(&self, webhook: u64) -> bool {
        let status = self.webhooks.get(&webhook_id(webhook)).copied().flatten();
        matches!(status, Some(Status::Enabled | Status::Paused))
    }

    pub(crate) fn append(&mut self, version: u64, events: &[NewEvent], now: i64) -> Answer {
        if version != self.version {
            return Err(AppendRefusal::RoutingMoved);
        }
        let (mut stored, mut rows) = (self.events.clone(), self.rows.clone());
        let mut order = self.order.clone();
        let mut answers = Vec::new();
        for (index, new) in events.iter().enumerate() {
            let name = new.event.id.as_str().to_owned();
            let digest = new.digest.unwrap();
            if let Some((known, deliveries)) = stored.get(&name) {
                if *known != digest {
                    return Err(AppendRefusal::IdempotencyMismatch { index });
                }
                answers.push(Appended { is_duplicate: true, deliveries: deliveries.clone() });
                continue;
            }
            let deliveries: Vec<_> = new.deliveries.iter().map(|new| new.id).collect();
            order.push((name.clone(), at(now)));
            stored.insert(name, (digest, deliveries.clone()));
            for new in &new.deliveries {
                let is_leased = new.leased_until.is_some();
                rows.insert(new.id, Row::new(new.webhook, new.leased_until, is_leased, at(now)));
            }
            answers.push(Appended { is_duplicate: false, deliveries });
        }
        (self.events, self.rows, self.order) = (stored, rows, order);
        Ok(answers)
    }

    /// Removes what was over before a moment, but for the newest event.
    pub(crate) fn prune(&mut self, before: Timestamp) -> Pruned {
        let mut pruned = Pruned::default();
        let newest = self.order.last().cloned();
        for (name, accepted_at) in self.order.clone() {
            let (_, deliveries) = &self.events[&name];
            let is_over = deliveries.iter().all(|id| self.rows[id].is_over(before));
            if accepted_at >= before || !is_over || newest.as_ref().unwrap().0 == name {
                continue;
            }
            let (_, deliveries) = self.events.remove(&name).unwrap();
            self.order.retain(|(other, _)| *other != name);
            let rows = deliveries.iter().map(|id| self.rows.remove(id).unwrap());
            let rows: Vec<_> = rows.collect();
            pruned.events += 1;
            pruned.deliveries += u64::try_from(rows.len()).unwrap();
            pruned.attempts += rows.iter().map(|row| u64::from(row.attempts)).sum::<u64>();
            self.gone.extend(rows);
        }
        pruned
    }

    /// Checks a lease and takes it over.
    pub(crate) fn check_lease(&mut self, asked: &[LaneAsk], leased: &Leased, now: i64) {
        let mut given = leased.deliveries.iter();
        for (lane, state) in asked.iter().zip(&leased.lanes) {
            let waiting = |row: &&Row| row.is_pending_at(lane.webhook);
            let mut due: Vec<_> = self.rows.values().filter(waiting).map(|r| r.due_at).collect();
            due.sort();
            due.retain(|due_at| *due_at <= at(now));
            due.truncate(usize::try_from(lane.limit).unwrap());
            for due_at in due {
                let given = given.next().expect("something is due");
                assert_eq!((given.webhook, given.due_at), (lane.webhook, due_at));
                assert_eq!(given.leased_until, at(now) + lane.lease_for);
                self.rows.get_mut(&given.id).unwrap().lease(given);
            }
            let next_due = self.rows.values().filter(waiting).map(|row| row.due_at).min();
            assert_eq!(*state, LaneState { webhook: lane.webhook, next_due });
        }
        assert!(given.next().is_none(), "nothing else is leased");
        assert_eq!(asked.len(), leased.lanes.len());
    }

    pub(crate) fn settle(&mut self, batch: &[Settlement]) -> Vec<Settled> {
        let settle = |settlement: &Settlement| {
            let row = self.rows.get_mut(&settlement.delivery);
            row.map_or(Settled::Stale, |row| row.settle(settlement))
        };
        batch.iter().map(settle).collect()
    }

    /// `None`: there is no such delivery.
    pub(crate) fn resend(&self, id: DeliveryId, now: i64) -> Option<Resend> {
        let mut row = self.rows.get(&id)?.clone();
        let answer = match (row.state, self.webhooks.get(&row.webhook)?) {
            (State::Pending, _) => Resent::AlreadyPending,
            (_, None | Some(Status::Disabled(_))) => Resent::WebhookNotReceiving,
            _ => Resent::Due { webhook: row.webhook },
        };
        row.is_leased = false;
        row.returned = row.epoch - row.attempts;
        row.attempts_before = row.attempts;
        (row.due_at, row.schedule_started_at) = (at(now), at(now));
        (row.state, row.settled_at) = (State::Pending, None);
        Some(Resend { answer, row })
    }

    pub(crate) fn change_status(
        &mut self,
        webhook: u64,
        status: Status,
        backlog: Backlog,
        now: i64,
    ) -> Option<u64> {
        let old = self.webhooks.get_mut(&webhook_id(webhook))?;
        old.as_ref()?;
        *old = Some(status);
        self.version += 1;
        // The events of the model name no object, so the latest of each are all of them.
        let is_canceling = matches!(status, Status::Disabled(_)) || backlog == Backlog::Cancel;
        Some(if is_canceling { self.cancel(webhook, now) } else { 0 })
    }

    /// A change that shows in nothing but the version. Whether the webhook is there.
    pub(crate) fn touch(&mut self, webhook: u64) -> bool {
        let is_there = matches!(self.webhooks.get(&webhook_id(webhook)), Some(Some(_)));
        self.version += u64::from(is_there);
        is_there
    }

    pub(crate) fn delete(&mut self, webhook: u64, now: i64) -> bool {
        let is_there = self.touch(webhook);
        self.webhooks.insert(webhook_id(webhook), None);
        self.cancel(webhook, now);
        is_there
    }

    fn cancel(&mut self, webhook: u64, now: i64) -> u64 {
        let mut canceled = 0;
        for row in self.rows.values_mut().filter(|row| row.is_pending_at(webhook_id(webhook))) {
            (row.state, row.settled_at) = (State::Canceled, Some(at(now)));
            canceled += 1;
        }
        canceled
    }

    pub(crate) fn restart(&mut self, now: i64) {
        let leased = |row: &&mut Row| row.is_leased && row.state == State::Pending;
        for row in self.rows.values_mut().filter(leased) {
            (row.is_leased, row.due_at) = (false, at(now));
        }
    }

    pub(crate) fn backlog(&self) -> Vec<LaneState> {
        let lane = |webhook: &WebhookId| {
            let waiting = self.rows.values().filter(|row| row.is_pending_at(*webhook));
            let next_due = waiting.map(|row| row.due_at).min();
            next_due.map(|_| LaneState { webhook: *webhook, next_due })
        };
        self.webhooks.keys().filter_map(lane).collect()
    }

    /// The figures of a webhook, counted row by row; pruned ones are not forgotten.
    pub(crate) fn compare_metrics(&self, webhook: u64, shown: &WebhookMetrics) {
        let count = |holds: fn(&Row) -> bool| {
            let all = self.rows.values().chain(&self.gone);
            let mine = all.filter(|row| row.webhook == webhook_id(webhook));
            u64::try_from(mine.filter(|row| holds(row)).count()).unwrap()
        };
        assert_eq!(shown.failed, count(|row| row.state == State::Failed));
        assert_eq!(shown.pending, count(|row| row.state == State::Pending));
        assert_eq!(shown.successful, count(|row| row.state == State::Success));
        let retries = count(|row| row.state == State::Success && row.attempts > 1);
        assert_eq!(shown.successful_retries, retries);
        let by_day: u64 =
            shown.days.iter().map(|day| day.failed + day.successful + day.pending).sum();
        assert_eq!(by_day, shown.failed + shown.successful + shown.pending);
    }

    pub(crate) fn balance(&self) -> Balance {
        let Tally { pending, success, failed, canceled, .. } = self.tally();
        let pruned = u64::try_from(self.gone.len()).unwrap();
        let decided = u64::try_from(self.rows.len()).unwrap() + pruned;
        Balance { decided, pending, success, failed, canceled, pruned }
    }

    pub(crate) fn tally(&self) -> Tally {
        let count = |state| {
            u64::try_from(self.rows.values().filter(|row| row.state == state).count()).unwrap()
        };
        Tally {
            events: u64::try_from(self.events.len()).unwrap(),
            pending: count(State::Pending),
            success: count(State::Success),
            failed: count(State::Failed),
            canceled: count(State::Canceled),
            attempts: self.rows.values().map(|row| u64::from(row.attempts)).sum(),
        }
    }
}

impl Row {
    fn new(webhook: WebhookId, until: Option<Timestamp>, is_leased: bool, now: Timestamp) -> Self {
        Self {
            webhook,
            state: State::Pending,
            due_at: until.unwrap_or(now),
            epoch: u32::from(is_leased),
            is_leased,
            attempts: 0,
            attempts_before: 0,
            returned: 0,
            schedule_started_at: now,
            settled_at: None,
        }
    }

    fn is_over(&self, before: Timestamp) -> bool {
        self.state != State::Pending && self.settled_at.is_some_and(|at| at < before)
    }

    fn is_pending_at(&self, webhook: WebhookId) -> bool {
        self.webhook == webhook && self.state == State::Pending
    }

    fn lease(&mut self, given: &LeasedDelivery) {
        assert!(self.is_pending_at(given.webhook) && self.due_at == given.due_at);
        self.epoch += 1;
        assert_eq!((given.epoch, given.attempts), (self.epoch, self.attempts));
        assert_eq!((given.attempts_before, given.returned), (self.attempts_before, self.returned));
        assert_eq!(given.schedule_started_at, self.schedule_started_at);
        (self.due_at, self.is_leased) = (given.leased_until, true);
    }

    fn settle(&mut self, settlement: &Settlement) -> Settled {
        if settlement.epoch != self.epoch || !self.is_leased {
            return Settled::Stale;
        }
        self.is_leased = false;
        match &settlement.change {
            Change::HandedBack => {
                self.due_at = settlement.at;
                self.returned += 1;
            }
            Change::Attempted { next, .. } => {
                self.attempts += 1;
                let was_canceled = self.state == State::Canceled;
                match next {
                    Next::Success => self.end(State::Success, settlement.at),
                    Next::Failed if !was_canceled => self.end(State::Failed, settlement.at),
                    Next::Retry(due_at) if !was_canceled => self.due_at = *due_at,
                    Next::Failed | Next::Retry(_) => {}
                }
            }
        }
        Settled::Done
    }

    fn end(&mut self, state: State, at: Timestamp) {
        (self.state, self.settled_at) = (state, Some(at));
    }

    /// Compares with what the store shows.
    pub(crate) fn compare(&self, detail: &DeliveryDetail) {
        let shown = &detail.delivery;
        assert_eq!((shown.webhook, shown.state), (self.webhook, self.state));
        assert_eq!(shown.due_at, (self.state == State::Pending).then_some(self.due_at));
        assert_eq!((shown.settled_at, shown.attempts), (self.settled_at, self.attempts));
        let numbers = detail.attempts.iter().map(|attempt| attempt.number);
        assert!(numbers.eq(1..=self.attempts));
    }
}

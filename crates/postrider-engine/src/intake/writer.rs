//! The writing end of intake: one append for everyone who waits, then straight to the lanes.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use bytes::Bytes;
use postrider_core::event::Event;
use postrider_core::snapshot::{self, Choice};
use postrider_store::queue::{
    Append, AppendRefusal, Appended, LeasedDelivery, NewDelivery, NewEvent,
};
use tokio::sync::oneshot;

use crate::activity::Underway;
use crate::batch::BatchWrite;
use crate::lanes::Ready;
use crate::{AcceptError, Sabotage, Shared, dispatcher};

/// The events of one request on their way to the store.
#[derive(Debug)]
pub(crate) struct IntakeItem {
    pub(crate) append: Append,
    pub(crate) reply: oneshot::Sender<Reply>,
    pub(crate) underway: Underway,
}

type Reply = Result<Result<Vec<Appended>, AppendRefusal>, AcceptError>;

pub(crate) struct Writer {
    shared: Weak<Shared>,
}

impl Writer {
    pub(crate) fn new(shared: Weak<Shared>) -> Self {
        Self { shared }
    }
}

/// What is remembered of one request while its events are with the store.
struct Pending {
    events: Vec<PendingEvent>,
    reply: Option<oneshot::Sender<Reply>>,
    /// Held until the request is answered and its deliveries are in their lanes.
    #[expect(dead_code, reason = "it is dropped with the request, which is its purpose")]
    underway: Underway,
}

/// One event with its deliveries and their bodies, equal choices sharing one.
struct PendingEvent {
    event: Arc<Event>,
    is_test: bool,
    deliveries: Vec<(NewDelivery, Bytes)>,
}

impl BatchWrite<IntakeItem> for Writer {
    async fn write(&mut self, mut batch: Vec<IntakeItem>) {
        let Some(shared) = self.shared.upgrade() else { return };
        reserve(&shared, &mut batch);
        let (appends, mut pending): (Vec<_>, Vec<_>) = batch.into_iter().map(split).unzip();
        if is_sabotaged(shared.sabotage) {
            acknowledge_early(&mut pending);
        }
        match shared.store.append(appends).await {
            Ok(results) => {
                let mut ready = Vec::new();
                for (request, result) in pending.iter().zip(&results) {
                    count(&shared, request, result.as_ref().ok());
                    take_in(&shared, request, result.as_ref().ok(), &mut ready);
                }
                shared.lanes.push(ready);
                dispatcher::start_attempts(&shared);
                let events = pending.iter().flat_map(|request| &request.events);
                let deliveries = events.flat_map(|event| &event.deliveries);
                shared.followers.tell(deliveries.map(|(delivery, _)| delivery.webhook));
                for (request, result) in pending.iter_mut().zip(results) {
                    answer(request, Ok(result));
                }
            }
            Err(error) => {
                tracing::error!(%error, requests = pending.len(), "append.failed");
                for request in &mut pending {
                    take_in(&shared, request, None, &mut Vec::new());
                    answer(request, Err(super::same_failure(&error).into()));
                }
            }
        }
    }
}

/// Finds places in the lanes; deliveries that get one are born leased.
fn reserve(shared: &Shared, batch: &mut [IntakeItem]) {
    let now = shared.clock.now();
    let new_events = || batch.iter().flat_map(|item| &item.append.events);
    let wanted = new_events().flat_map(|new| {
        // What a body weighs in the lanes' budget before it is built: all the sender gave.
        let bytes = new.event.payload_bytes();
        new.deliveries.iter().map(move |delivery| (delivery.webhook, bytes, new.is_test))
    });
    let places = shared.lanes.reserve(wanted, now);
    let deliveries = batch
        .iter_mut()
        .flat_map(|item| &mut item.append.events)
        .flat_map(|new| &mut new.deliveries);
    for (delivery, place) in deliveries.zip(places) {
        delivery.leased_until = place;
    }
}

fn split(item: IntakeItem) -> (Append, Pending) {
    let events = item.append.events.iter().map(pending_event).collect();
    (item.append, Pending { events, reply: Some(item.reply), underway: item.underway })
}

fn pending_event(new: &NewEvent) -> PendingEvent {
    let mut bodies: HashMap<u8, Bytes> = HashMap::new();
    let mut body = |choice: Choice| {
        bodies.entry(choice.bits()).or_insert_with(|| snapshot::body(&new.event, choice)).clone()
    };
    let with_body = |delivery: &NewDelivery| {
        // A body that waits in the store is built when it is leased.
        let body = delivery.leased_until.map(|_| body(delivery.choice)).unwrap_or_default();
        (*delivery, body)
    };
    PendingEvent {
        event: Arc::new(new.event.clone()),
        is_test: new.is_test,
        deliveries: new.deliveries.iter().map(with_body).collect(),
    }
}

/// Counts what was stored of a request.
fn count(shared: &Shared, request: &Pending, stored: Option<&Vec<Appended>>) {
    let (mut new, mut duplicates, mut deliveries) = (0, 0, 0);
    for (pending, appended) in request.events.iter().zip(stored.into_iter().flatten()) {
        if appended.is_duplicate {
            duplicates += 1;
        } else {
            new += 1;
            deliveries += u64::try_from(pending.deliveries.len()).unwrap_or(u64::MAX);
        }
    }
    shared.metrics.stored(new, duplicates, deliveries);
}

/// Moves stored deliveries to their lanes, and gives up the places of those that were not stored.
fn take_in(
    shared: &Shared,
    request: &Pending,
    stored: Option<&Vec<Appended>>,
    ready: &mut Vec<Ready>,
) {
    for (index, pending) in request.events.iter().enumerate() {
        let is_new = stored
            .and_then(|appended| appended.get(index))
            .is_some_and(|appended| !appended.is_duplicate);
        for (delivery, body) in &pending.deliveries {
            let reserved_bytes = pending.event.payload_bytes();
            match delivery.leased_until {
                Some(leased_until) if is_new => {
                    let leased = fresh_lease(pending, delivery, leased_until);
                    ready.push(Ready { leased, body: body.clone(), reserved_bytes });
                }
                Some(_) => shared.lanes.give_up(delivery.webhook, reserved_bytes),
                None if is_new => {
                    shared.lanes.note_due(delivery.webhook, pending.event.accepted_at, true);
                }
                None => {}
            }
        }
    }
}

fn fresh_lease(
    pending: &PendingEvent,
    delivery: &NewDelivery,
    leased_until: postrider_core::time::Timestamp,
) -> LeasedDelivery {
    LeasedDelivery {
        id: delivery.id,
        webhook: delivery.webhook,
        event: Arc::clone(&pending.event),
        choice: delivery.choice,
        is_test: pending.is_test,
        epoch: 1,
        due_at: pending.event.accepted_at,
        leased_until,
        attempts: 0,
        attempts_before: 0,
        schedule_started_at: pending.event.accepted_at,
        returned: 0,
    }
}

fn answer(request: &mut Pending, reply: Reply) {
    if let Some(waiting) = request.reply.take() {
        // A caller that went away loses only the answer.
        let _ = waiting.send(reply);
    }
}

#[cfg(debug_assertions)]
fn is_sabotaged(sabotage: Sabotage) -> bool {
    sabotage == Sabotage::AckBeforeCommit
}

#[cfg(not(debug_assertions))]
const fn is_sabotaged(_: Sabotage) -> bool {
    false
}

/// The control of the crash test: answers as if the commit had happened.
fn acknowledge_early(pending: &mut [Pending]) {
    for request in pending {
        let appended = request.events.iter().map(|event| Appended {
            is_duplicate: false,
            deliveries: event.deliveries.iter().map(|(delivery, _)| delivery.id).collect(),
        });
        let appended = appended.collect();
        answer(request, Ok(Ok(appended)));
    }
}

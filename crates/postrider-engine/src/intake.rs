//! Accepting events: check, match, append, hand over.
//!
//! A request's events are stored together and answered only after the commit is on disk. Their
//! deliveries are born leased where their lane has room, and go from the append straight to the
//! lanes, without being read back; the rest waits in the store. What waits to be stored is bounded
//! in number and in bytes.

use std::sync::Arc;

use postrider_core::event::{self, Event, PostedEvent};
use postrider_core::ids::{MerchantId, WebhookId};
use postrider_core::limits;
use postrider_core::refusal::Refusal;
use postrider_core::routing::{Decision, RoutingTable, Verdict};
use postrider_core::time::Timestamp;
use postrider_store::StoreError;
use postrider_store::queue::{Append, AppendRefusal, NewDelivery, NewEvent};
use tokio::sync::{Semaphore, oneshot};

use crate::batch::Batcher;
use crate::intake::shares::Shares;
use crate::intake::writer::{IntakeItem, Writer};
use crate::schemas::SchemaCheck;
use crate::{AcceptError, Accepted, Shared};

mod shares;
mod writer;

/// The entrance; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Intake {
    batcher: Batcher<IntakeItem>,
    /// KiB of payload that may still wait to be stored.
    room: Arc<Semaphore>,
    shares: Arc<Shares>,
}

impl Intake {
    pub(crate) fn start(shared: &Arc<Shared>) -> Self {
        let writer = Writer::new(Arc::downgrade(shared));
        Self {
            batcher: Batcher::start(&shared.tracker, shared.stop.clone(), writer),
            room: Arc::new(Semaphore::new(limits::INTAKE_BYTES_MAX / 1024)),
            shares: Arc::default(),
        }
    }

    /// Accepts the events of one request. `only`: test events for this webhook.
    pub(crate) async fn accept(
        &self,
        shared: &Arc<Shared>,
        merchant: MerchantId,
        only: Option<WebhookId>,
        events: Vec<PostedEvent>,
    ) -> Result<Vec<Accepted>, AcceptError> {
        let mut routing = shared.routing();
        for (index, event) in events.iter().enumerate() {
            check(shared, event, merchant, &routing)
                .map_err(|refusal| AcceptError::Refused { index, refusal })?;
        }
        let overloaded = |limit| AcceptError::Overloaded { limit };
        let kib = events.iter().map(PostedEvent::payload_bytes).sum::<usize>() / 1024 + 1;
        let kib = u32::try_from(kib).unwrap_or(u32::MAX);
        let _share = self.shares.take(merchant, kib).ok_or(AcceptError::MerchantOverloaded)?;
        let _room = self.room.try_acquire_many(kib).map_err(|_| overloaded("payload bytes"))?;

        for _ in 0..limits::ROUTING_RETRIES_MAX {
            let append = prepare(shared, merchant, only, &events, &routing);
            let ids: Vec<_> = append.events.iter().map(|new| new.event.id.clone()).collect();
            let (reply, answer) = oneshot::channel();
            let underway = shared.activity.begin();
            let item = IntakeItem { append, reply, underway };
            self.batcher.offer(item).map_err(|_| overloaded("requests"))?;
            // The writer answers every item; it is gone only when the engine has stopped.
            match answer.await.map_err(|_| overloaded("shutting down"))?? {
                Ok(appended) => {
                    let accepted =
                        |(id, appended): (_, postrider_store::queue::Appended)| Accepted {
                            id,
                            is_duplicate: appended.is_duplicate,
                            deliveries: appended.deliveries,
                        };
                    return Ok(ids.into_iter().zip(appended).map(accepted).collect());
                }
                Err(AppendRefusal::IdempotencyMismatch { index }) => {
                    return Err(AcceptError::IdempotencyMismatch { index });
                }
                Err(AppendRefusal::RoutingMoved) => {
                    shared.refresh_routing().await?;
                    routing = shared.routing();
                }
            }
        }
        Err(overloaded("the configuration keeps changing"))
    }
}

/// Checks one posted event against everything known.
fn check(
    shared: &Shared,
    event: &PostedEvent,
    merchant: MerchantId,
    routing: &RoutingTable,
) -> Result<(), Refusal> {
    let name = event.event_type.as_str();
    let catalogue = shared.schemas.catalogue();
    if catalogue.find(name).is_none() {
        let nearest = catalogue.nearest(name);
        let hint = nearest.map(|near| format!("; did you mean {near:?}?")).unwrap_or_default();
        let detail = format!("{name:?} is not in the event catalogue{hint}");
        return Err(Refusal::new("unknown_event_type", "type", detail));
    }
    let named = event::check(event)?.and_then(|id| MerchantId::parse(&id).ok());
    if named.is_some_and(|named| named != merchant && routing.knows_merchant(named)) {
        return Err(Refusal::new(
            "merchant_mismatch",
            "data.object.merchant",
            "names another merchant than the one the API key belongs to",
        ));
    }
    match shared.schema_check {
        SchemaCheck::Refuse => refuse_violation(shared, event),
        SchemaCheck::Off | SchemaCheck::Warn => Ok(()),
    }
}

/// The first violation says enough to correct it; the schema is where it points to.
fn refuse_violation(shared: &Shared, event: &PostedEvent) -> Result<(), Refusal> {
    let name = event.event_type.as_str();
    let Some(violation) = shared.schemas.violations(name, &event.data).into_iter().next() else {
        return Ok(());
    };
    let detail = format!(
        "{}; GET /api/v1/event-types has the schema of {name:?}",
        violation.reason.trim_end_matches('.')
    );
    Err(Refusal::new("schema_violation", violation.field, detail))
}

/// Takes the decisions and mints the ids. Every retry after a change of the catalog does so anew.
fn prepare(
    shared: &Shared,
    merchant: MerchantId,
    only: Option<WebhookId>,
    events: &[PostedEvent],
    routing: &RoutingTable,
) -> Append {
    let now = shared.clock.now();
    let prepare_one = |posted: &PostedEvent| {
        let event = Event {
            id: posted.id.clone().unwrap_or_else(|| shared.mint.event_id(now)),
            merchant,
            event_type: posted.event_type.clone(),
            created: posted.created.unwrap_or(now.unix_seconds()),
            accepted_at: now,
            data: posted.data.clone(),
            context: posted.context.clone(),
            snapshot: posted.snapshot.clone(),
        };
        let decisions = match only {
            Some(webhook) => decide_test(shared, routing, webhook, &event, now),
            None => routing.decide(merchant, &event.event_type, || shared.mint.id(now)),
        };
        NewEvent {
            digest: posted.id.is_some().then(|| posted.digest()),
            is_test: only.is_some(),
            deliveries: decisions.iter().filter_map(new_delivery).collect(),
            decisions,
            event,
        }
    };
    Append { routing_version: routing.version(), events: events.iter().map(prepare_one).collect() }
}

/// A test event goes to the one webhook it was asked for, selected or not, unless that is gone.
fn decide_test(
    shared: &Shared,
    routing: &RoutingTable,
    webhook: WebhookId,
    event: &Event,
    now: Timestamp,
) -> Vec<Decision> {
    let route = routing.route(webhook).filter(|route| route.webhook.merchant == event.merchant);
    let decision = route.map(|route| Decision {
        webhook,
        verdict: Verdict::Deliver {
            delivery: shared.mint.id(now),
            choice: route.webhook.additional_data.for_family(event.event_type.family()),
        },
    });
    decision.into_iter().collect()
}

fn new_delivery(decision: &Decision) -> Option<NewDelivery> {
    match decision.verdict {
        Verdict::Deliver { delivery, choice } => Some(NewDelivery {
            id: delivery,
            webhook: decision.webhook,
            choice,
            leased_until: None,
        }),
        Verdict::NotSelected | Verdict::Disabled => None,
    }
}

/// The same failure, for each of the callers who shared a batch.
fn same_failure(error: &StoreError) -> StoreError {
    match error {
        StoreError::StorageFull => StoreError::StorageFull,
        other => StoreError::Unavailable(other.to_string().into()),
    }
}

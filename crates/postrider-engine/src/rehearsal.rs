//! Rehearsals of rotations: probes signed in different ways, and what the receiver answers to each.
//!
//! A probe goes through the same client as a delivery, with the webhook's own headers and timeout, but
//! is none: nothing is stored of it but its answer, the lanes do not see it, and the webhook's health
//! learns nothing. It carries an invented test event, each probe its own, so that a receiver which
//! drops repeats does not answer the next one by heart.
//!
//! Invariants: one rehearsal per webhook at a time; one request of it at a time; all of it within
//! `limits::REHEARSAL_SPAN`, and not before `limits::REHEARSAL_GAP` has passed since the last. It runs
//! in a task of its own and is kept even if nobody waits for it, but not when the webhook was changed
//! meanwhile.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use postrider_core::audit::Stamp;
use postrider_core::catalogue::invented::World;
use postrider_core::event::{Event, EventType};
use postrider_core::ids::{MerchantId, WebhookId};
use postrider_core::key::{ExpiringKey, VerificationKey, VerificationKeys};
use postrider_core::limits;
use postrider_core::outcome::{Outcome, OutcomeKind};
use postrider_core::rehearsal::{Probe, Probed, Rehearsal};
use postrider_core::sign::Signer;
use postrider_core::snapshot;
use postrider_core::time::Timestamp;
use postrider_core::webhook::Webhook;
use postrider_store::StoreError;
use postrider_store::catalog::PageAsk;

use crate::attempt::headers::{self, Letter};
use crate::attempt::post_caught;
use crate::client::Post;
use crate::{Engine, Shared, chance};

/// Why there was no rehearsal.
#[derive(Debug, thiserror::Error)]
pub enum RehearseError {
    /// One with this webhook is running.
    #[error("a rehearsal with this webhook is running")]
    Running,
    /// The last one with this webhook ended a moment ago.
    #[error("the last rehearsal with this webhook ended a moment ago")]
    TooSoon {
        /// Until the next may begin.
        wait: Duration,
    },
    /// As many run as may; the same request may be accepted in a moment.
    #[error("too many rehearsals are running")]
    Overloaded,
    /// The webhook is not there, or the store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a rehearsal is made with.
#[derive(Debug, Clone)]
pub struct RehearsalAsk {
    /// Whose webhook.
    pub merchant: MerchantId,
    /// Which one.
    pub webhook: WebhookId,
    /// The type of the invented events; of one that is not known none are sent.
    pub event_type: EventType,
    /// Whether a probe is signed with a key that nobody knows.
    pub with_random_key: bool,
}

/// The webhooks with which a rehearsal runs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Running(Arc<Mutex<HashSet<WebhookId>>>);

/// A webhook's place among those; given back when dropped.
struct Place {
    running: Running,
    webhook: WebhookId,
}

impl Running {
    fn enter(&self, webhook: WebhookId) -> Result<Place, RehearseError> {
        let mut running = self.0.lock();
        if running.len() >= limits::REHEARSALS_RUNNING_MAX && !running.contains(&webhook) {
            return Err(RehearseError::Overloaded);
        }
        if !running.insert(webhook) {
            return Err(RehearseError::Running);
        }
        Ok(Place { running: self.clone(), webhook })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.running.0.lock().remove(&self.webhook);
    }
}

impl Engine {
    /// Rehearses with a webhook which keys its receiver accepts, and keeps the answer as evidence.
    pub async fn rehearse(
        &self,
        ask: RehearsalAsk,
        stamp: Stamp,
    ) -> Result<Rehearsal, RehearseError> {
        run(&self.shared, ask, stamp).await
    }
}

async fn run(
    shared: &Arc<Shared>,
    ask: RehearsalAsk,
    stamp: Stamp,
) -> Result<Rehearsal, RehearseError> {
    let (webhook, _) = shared.store.webhook(ask.merchant, ask.webhook).await?;
    let place = shared.rehearsing.enter(ask.webhook)?;
    keep_distance(shared, &webhook).await?;
    // Read after the webhook: were they rotated in between, the result is of an old version.
    let keys = shared.store.verification_keys(ask.merchant, ask.webhook).await?;
    let underway = shared.activity.begin();
    let task_shared = Arc::clone(shared);
    let task = shared.tracker.spawn(async move {
        let rehearsal = rehearse(&task_shared, ask, &webhook, &keys).await;
        let kept = rehearsal.clone();
        let kept = task_shared.store.keep_rehearsal(webhook.merchant, kept, stamp).await;
        drop((place, underway));
        kept.map(|()| rehearsal).map_err(RehearseError::Store)
    });
    // A panic in a request is caught where it is made; what is left is a process that ends.
    task.await.unwrap_or(Err(RehearseError::Overloaded))
}

/// Refuses a rehearsal right after another. What is kept tells, so a restart changes nothing.
async fn keep_distance(shared: &Shared, webhook: &Webhook) -> Result<(), RehearseError> {
    let newest = PageAsk { size: 1, cursor: None };
    let kept = shared.store.rehearsals(webhook.merchant, webhook.id, newest).await?;
    let Some(last) = kept.rows.first() else { return Ok(()) };
    let now = shared.clock.now();
    let wait = limits::REHEARSAL_GAP.saturating_sub(now.since(last.ended_at));
    // A clock that was set back must not hold anything up.
    if wait.is_zero() || now < last.ended_at {
        return Ok(());
    }
    Err(RehearseError::TooSoon { wait })
}

async fn rehearse(
    shared: &Shared,
    ask: RehearsalAsk,
    webhook: &Webhook,
    keys: &VerificationKeys,
) -> Rehearsal {
    let (started_at, began) = (shared.clock.now(), shared.clock.reading());
    let expiring = keys.expiring_at(started_at).map(|expiring| &expiring.key);
    let mut probes = Vec::new();
    for probe in Probe::of(expiring.is_some(), ask.with_random_key) {
        let spent = shared.clock.reading().saturating_sub(began);
        let left = limits::REHEARSAL_SPAN.saturating_sub(spent);
        let signer = Signer::new(&keys_of(probe, &keys.new, expiring));
        let timeout = webhook.timeout.min(left);
        probes.push(send(shared, &ask.event_type, webhook, probe, &signer, timeout).await);
    }
    Rehearsal {
        id: shared.mint.id(started_at),
        webhook: webhook.id,
        event_type: ask.event_type,
        configuration_version: webhook.configuration_version,
        is_rotating: expiring.is_some(),
        started_at,
        ended_at: shared.clock.now(),
        probes,
    }
}

/// The keys a probe is signed with, the first one first.
fn keys_of(probe: Probe, new: &VerificationKey, old: Option<&VerificationKey>) -> VerificationKeys {
    let old = old.unwrap_or(new);
    let both = |first: &VerificationKey, second: &VerificationKey| {
        // The end of the window may pass while the probes go out; they are about the keys.
        let expires_at = Timestamp::from_unix_seconds(limits::CREATED_SECONDS_MAX);
        let expiring = Some(ExpiringKey { key: second.clone(), expires_at });
        VerificationKeys { new: first.clone(), expiring }
    };
    match probe {
        Probe::New => VerificationKeys::of(new.clone()),
        Probe::Old => VerificationKeys::of(old.clone()),
        Probe::NewFirst => both(new, old),
        Probe::OldFirst => both(old, new),
        Probe::Random => VerificationKeys::of(chance::verification_key()),
    }
}

async fn send(
    shared: &Shared,
    event_type: &EventType,
    webhook: &Webhook,
    probe: Probe,
    signer: &Signer,
    timeout: Duration,
) -> Probed {
    let unsent = |kind| Probed::new(probe, Outcome::without_response(kind), Duration::ZERO);
    if timeout.is_zero() {
        return unsent(OutcomeKind::Timeout);
    }
    let now = shared.clock.now();
    let Some(body) = invent(shared, event_type, webhook, now) else {
        return unsent(OutcomeKind::Internal);
    };
    let delivery = shared.mint.id(now);
    let letter = Letter { webhook, signer, delivery, number: 1, is_test: true, body: &body };
    let headers = headers::build(shared, &letter, now);
    let post = Post { target: &webhook.target, headers, body, timeout };
    let answer = Box::pin(post_caught(shared, post)).await;
    let (outcome, status_code) = (answer.outcome.kind.as_str(), answer.outcome.status_code);
    tracing::info!(webhook = %webhook.id, probe = probe.as_str(), outcome, status_code, "probe.sent");
    Probed::new(probe, answer.outcome, answer.phases.total)
}

/// The body of a probe: an event that tells of nobody.
fn invent(
    shared: &Shared,
    event_type: &EventType,
    webhook: &Webhook,
    now: Timestamp,
) -> Option<Bytes> {
    let merchant = webhook.merchant;
    let world = World::invent(chance::seed(), &merchant.to_string(), now.unix_seconds());
    let posted = world.posted(shared.schemas.catalogue().find(event_type.as_str())?)?;
    let choice = webhook.additional_data.for_family(posted.event_type.family());
    let event = Event {
        id: shared.mint.event_id(now),
        merchant,
        event_type: posted.event_type,
        created: now.unix_seconds(),
        accepted_at: now,
        data: posted.data,
        context: posted.context,
        snapshot: posted.snapshot,
    };
    Some(snapshot::body(&event, choice))
}

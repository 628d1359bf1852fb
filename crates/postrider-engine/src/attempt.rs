//! One attempt: sign, send, judge, settle.
//!
//! A task takes a delivery, attempts it, and goes on with whatever may start next, until nothing
//! may. Whatever a receiver does ends as an outcome; a panic on the way is caught and becomes one
//! too. An attempt starts only if its lease will outlive it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use postrider_core::attempt::{Attempt, Phases};
use postrider_core::delivery::{self, Next, Standing};
use postrider_core::ids::WebhookId;
use postrider_core::limits;
use postrider_core::outcome::{Outcome, OutcomeKind};
use postrider_core::retry;
use postrider_core::routing::Route;
use postrider_core::time::Timestamp;
use postrider_core::webhook::DisabledBy;
use postrider_store::queue::{Change, LeasedDelivery, Settlement};

use crate::activity::Underway;
use crate::client::{Answer, Post};
use crate::lanes::{Aftermath, Ended, EndedAs, Pool, Ready};
use crate::settler::ToSettle;
use crate::upkeep::{Chore, Task};
use crate::{Shared, chance};

pub(crate) mod headers;

/// A delivery whose turn it is.
pub(crate) struct Started {
    ready: Ready,
    route: Arc<Route>,
    pool: Pool,
    /// Held until the attempt's settlement is on disk.
    underway: Underway,
}

/// Takes the next delivery that may start.
pub(crate) fn take(shared: &Shared) -> Option<Started> {
    // Begun first, so that at no moment it is neither in a lane nor under way.
    let underway = shared.activity.begin();
    let (ready, route, pool) = shared.lanes.take(shared.clock.now())?;
    Some(Started { ready, route, pool, underway })
}

/// Attempts a delivery, then whatever may start next.
pub(crate) async fn work(shared: Arc<Shared>, started: Started) {
    let mut next = Some(started);
    while let Some(started) = next {
        Box::pin(attempt(&shared, started)).await;
        next = take(&shared);
    }
}

async fn attempt(shared: &Arc<Shared>, started: Started) {
    let Started { ready, route, pool, underway } = started;
    let (webhook, route) = (&route.webhook, &*route);
    let (leased, started_at, began) = (&ready.leased, shared.clock.now(), shared.clock.reading());
    if leased.leased_until.since(started_at) < limits::attempt_margin(webhook.timeout) {
        // It waited too long for its turn: another lease, by whoever has room.
        let ended = Ended {
            result: EndedAs::Neither,
            pool,
            reserved_bytes: ready.reserved_bytes,
            now: started_at,
            duration: webhook.timeout,
        };
        let id = webhook.id;
        shared.hand_back(vec![ready]).await;
        conclude(shared, route, shared.lanes.ended(id, ended)).await;
        return;
    }
    let (record, next) = if delivery::is_poison(leased.epoch, leased.attempts, leased.returned) {
        (given_up(leased, route, started_at), Next::Failed)
    } else {
        let record = send(shared, &ready, route, started_at).await;
        let next = decide(shared, leased, route, &record);
        (record, next)
    };
    log(leased, &record, next);
    shared.metrics.attempted(&record);
    let outcome = record.outcome;
    let ended = Ended {
        result: ended_as(shared, &ready.leased, route, outcome, next),
        pool,
        reserved_bytes: ready.reserved_bytes,
        now: shared.clock.now(),
        duration: shared.clock.reading().saturating_sub(began),
    };
    // Nothing else of this delivery is pending when the webhook goes.
    let gone = Task::Disable(webhook.merchant, DisabledBy::Gone);
    let then = (outcome.kind == OutcomeKind::Gone).then(|| chore(shared, webhook.id, gone));
    settle(shared, ready.leased, record, next, then, underway).await;
    conclude(shared, route, shared.lanes.ended(webhook.id, ended)).await;
}

/// Sends the request and makes the record of what came of it.
async fn send(shared: &Shared, ready: &Ready, route: &Route, started_at: Timestamp) -> Attempt {
    let (leased, webhook) = (&ready.leased, &route.webhook);
    let number = leased.attempts + 1;
    let letter = headers::Letter {
        webhook,
        signer: &route.signer,
        delivery: leased.id,
        number,
        is_test: leased.is_test,
        body: &ready.body,
    };
    let headers = headers::build(shared, &letter, started_at);
    let request_headers = headers::as_sent(&webhook.target, &headers, ready.body.len());
    let post = Post {
        target: &webhook.target,
        headers,
        body: ready.body.clone(),
        timeout: webhook.timeout,
    };
    let answer = post_caught(shared, post).await;
    let queue = started_at.since(leased.due_at);
    Attempt {
        number,
        started_at,
        outcome: answer.outcome,
        phases: Phases { queue, ..answer.phases },
        request_headers,
        response_headers: answer.response_headers,
        response_body: answer.response_body,
        is_response_truncated: answer.is_response_truncated,
        note: answer.note,
        configuration_version: webhook.configuration_version,
    }
}

/// Makes the request; a panic on the way is an outcome too.
pub(crate) async fn post_caught(shared: &Shared, post: Post<'_>) -> Answer {
    caught(shared.client.post(post)).await.unwrap_or_else(|| Answer {
        outcome: Outcome::without_response(OutcomeKind::Internal),
        phases: Phases::default(),
        response_headers: String::new(),
        response_body: Bytes::new(),
        is_response_truncated: false,
        note: Some("the attempt broke off inside Postrider".to_owned()),
    })
}

/// The record of a delivery that is not attempted any more.
fn given_up(leased: &LeasedDelivery, route: &Route, now: Timestamp) -> Attempt {
    Attempt {
        number: leased.attempts + 1,
        started_at: now,
        outcome: Outcome::without_response(OutcomeKind::Internal),
        phases: Phases::default(),
        request_headers: String::new(),
        response_headers: String::new(),
        response_body: Bytes::new(),
        is_response_truncated: false,
        note: Some(format!(
            "given up: leased {} times without a result, so it may be what ends the process",
            leased.epoch
        )),
        configuration_version: route.webhook.configuration_version,
    }
}

fn decide(shared: &Shared, leased: &LeasedDelivery, route: &Route, record: &Attempt) -> Next {
    let standing = Standing {
        attempts: record.number.saturating_sub(leased.attempts_before),
        started_at: leased.schedule_started_at,
        is_test: leased.is_test,
    };
    let policy = &route.webhook.retry_policy;
    delivery::after(&record.outcome, &standing, policy, shared.clock.now(), chance::draw())
}

/// What the attempt says about the webhook. A test event says nothing: its receiver may be
/// somebody's laptop.
fn ended_as(
    shared: &Shared,
    leased: &LeasedDelivery,
    route: &Route,
    outcome: Outcome,
    next: Next,
) -> EndedAs {
    let now = shared.clock.now();
    match (outcome.kind, next) {
        (OutcomeKind::Internal, _) => EndedAs::Neither,
        _ if leased.is_test => EndedAs::Neither,
        (OutcomeKind::Success, _) => EndedAs::Success,
        (kind, next) => EndedAs::Failure {
            asks_for_less: kind.asks_for_less(),
            retry_at: match next {
                Next::Retry(due) => due,
                // The delivery is exhausted; the webhook's next probe keeps the policy's first wait.
                Next::Success | Next::Failed => {
                    let policy = &route.webhook.retry_policy;
                    let wait = policy.wait(1, std::time::Duration::ZERO).unwrap_or_default();
                    now + retry::with_jitter(wait, chance::draw())
                }
            },
        },
    }
}

async fn settle(
    shared: &Shared,
    leased: LeasedDelivery,
    record: Attempt,
    next: Next,
    then: Option<Chore>,
    underway: Underway,
) {
    let settlement = Settlement {
        delivery: leased.id,
        epoch: leased.epoch,
        at: shared.clock.now(),
        change: Change::Attempted { attempt: Box::new(record), next },
    };
    let webhook = leased.webhook;
    shared.settler.add(ToSettle { settlement, webhook, then, underway }).await;
}

/// Does what an attempt's end asks for beside its settlement.
async fn conclude(shared: &Arc<Shared>, route: &Route, aftermath: Aftermath) {
    let webhook = &route.webhook;
    let mut tasks = Vec::new();
    if let Some(health) = aftermath.note {
        if health.probing_since.is_some() || health.failing_since.is_none() {
            tracing::info!(webhook = %webhook.id, ?health, "webhook.health");
        }
        tasks.push(Task::NoteHealth(health));
    }
    if let Some(by) = aftermath.disable {
        tasks.push(Task::Disable(webhook.merchant, by));
    }
    for task in tasks {
        shared.upkeep.add(chore(shared, webhook.id, task)).await;
    }
    shared.hand_back(aftermath.hand_back).await;
}

fn chore(shared: &Shared, webhook: WebhookId, task: Task) -> Chore {
    Chore { webhook, task, underway: shared.activity.begin() }
}

/// One wide line per attempt.
fn log(leased: &LeasedDelivery, record: &Attempt, next: Next) {
    let next_due = match next {
        Next::Retry(due) => Some(due),
        Next::Success | Next::Failed => None,
    };
    tracing::info!(
        delivery = %leased.id,
        event = %leased.event.id,
        event_type = %leased.event.event_type,
        webhook = %leased.webhook,
        merchant = %leased.event.merchant,
        attempt = record.number,
        outcome = record.outcome.kind.as_str(),
        status_code = record.outcome.status_code,
        queue_ms = millis(record.phases.queue),
        duration_ms = millis(record.phases.total),
        next_due = next_due.map(Timestamp::rfc3339),
        "delivery.attempted"
    );
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Runs `work`; `None` if it panicked. What it held is dropped and not looked at again.
async fn caught<T>(work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    std::future::poll_fn(move |context| {
        match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(done)) => Poll::Ready(Some(done)),
            Err(_) => Poll::Ready(None),
        }
    })
    .await
}

//! What moves a webhook's status, and test events.
//!
//! ```text
//!             disable (pending are canceled)
//!   enabled ────────────────────────────────► disabled
//!    │   ▲ ◄──────────────── enable ────────── ▲
//!    │   └── resume {"backlog": …}             │ disable
//!    └─────── pause ───────► paused ───────────┘
//! ```
//!
//! `backlog` is `all` (send what waits), `latest` (of each object only the newest; the others are
//! canceled) or `none` (all are canceled).
//!
//! An action that finds the webhook where it leads changes nothing; one that would skip a decision
//! (what becomes of deliveries that wait) is refused and names the action to use.

use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode, Uri};
use postrider_core::audit::Stamp;
use postrider_core::catalogue::invented::World;
use postrider_core::catalogue::{Catalogue, EventTypeView};
use postrider_core::event::EventType;
use postrider_core::ids::{MerchantId, WebhookId, kind};
use postrider_core::webhook::{DisabledBy, Status, Webhook};
use postrider_engine::{Accepted, chance};
use postrider_store::catalog::{Backlog, Note, StatusChange, Waiting};
use schemars::{JsonSchema, json_schema};
use serde::Serialize;

use super::auth::{Stamped, Tenant};
use super::body::{MaybePosted, Posted};
use super::preview::unknown_type;
use super::query::Query;
use super::webhooks::answer;
use super::wire::event::Batch;
use super::wire::object::Object;
use super::wire::time;
use super::{PathId, json};
use crate::error::ApiError;
use crate::openapi::field::Field;
use crate::openapi::schema;
use crate::shared::{Held, Shared};

/// What a resumed webhook does with what waits.
pub(crate) const RESUME: [Field; 2] = [
    Field::new(
        "backlog",
        |_| schema::one_of(&["all", "latest", "none"]),
        "What becomes of the deliveries that wait: `all` are sent, of each object only the \
         `latest`, or `none`; the others are canceled.",
    )
    .required(),
    Field::new("dry_run", schema::truth, "Only count what would be sent and canceled."),
];
/// Which test events are sent.
pub(crate) const TEST_EVENTS: [Field; 2] = [
    Field::new(
        "event_types",
        |generator| json_schema!({ "type": "array", "items": schema::event_type(generator), "minItems": 1 }),
        "One test event of each of these; of each type the webhook has selected when left out.",
    ),
    Field::new(
        "seed",
        |_| json_schema!({ "type": "string", "pattern": "^[0-9a-f]{16}$" }),
        "As an earlier answer showed it: invents the same world again.",
    ),
];

pub(crate) async fn enable(
    State(shared): Held,
    Tenant(merchant): Tenant,
    Stamped(stamp): Stamped,
    PathId(id): PathId<kind::Webhook>,
    uri: Uri,
    posted: MaybePosted,
) -> Result<Response<Body>, ApiError> {
    Query::none(&uri)?;
    let status = status_of(&shared, merchant, id).await?;
    posted.refuse_members()?;
    if status == Status::Paused {
        let detail = "The webhook is paused: use `resume`, which asks what becomes of the \
                      deliveries that wait.";
        return Err(ApiError::conflict("webhook_paused", detail));
    }
    change(&shared, merchant, id, Status::Enabled, Backlog::Keep, stamp).await
}

pub(crate) async fn disable(
    State(shared): Held,
    Tenant(merchant): Tenant,
    Stamped(stamp): Stamped,
    PathId(id): PathId<kind::Webhook>,
    uri: Uri,
    posted: MaybePosted,
) -> Result<Response<Body>, ApiError> {
    Query::none(&uri)?;
    status_of(&shared, merchant, id).await?;
    posted.refuse_members()?;
    let status = Status::Disabled(DisabledBy::Request);
    change(&shared, merchant, id, status, Backlog::Cancel, stamp).await
}

pub(crate) async fn pause(
    State(shared): Held,
    Tenant(merchant): Tenant,
    Stamped(stamp): Stamped,
    PathId(id): PathId<kind::Webhook>,
    uri: Uri,
    posted: MaybePosted,
) -> Result<Response<Body>, ApiError> {
    Query::none(&uri)?;
    let status = status_of(&shared, merchant, id).await?;
    posted.refuse_members()?;
    if matches!(status, Status::Disabled(_)) {
        return Err(not_enabled("The webhook is disabled: there is nothing to pause."));
    }
    change(&shared, merchant, id, Status::Paused, Backlog::Keep, stamp).await
}

pub(crate) async fn resume(
    State(shared): Held,
    Tenant(merchant): Tenant,
    Stamped(stamp): Stamped,
    PathId(id): PathId<kind::Webhook>,
    uri: Uri,
    posted: Posted,
) -> Result<Response<Body>, ApiError> {
    Query::none(&uri)?;
    let status = status_of(&shared, merchant, id).await?;
    let given = posted.object(&RESUME)?;
    let backlog = read_backlog(&given)?;
    let is_dry_run = given.truth("dry_run")?.unwrap_or(false);
    if status != Status::Paused {
        let detail = "The webhook is not paused, so there is nothing to resume.";
        return Err(ApiError::conflict("webhook_not_paused", detail));
    }
    if is_dry_run {
        let waiting = shared.engine.store().waiting(merchant, id).await?;
        return json(StatusCode::OK, &ResumeDryRun::new(waiting, backlog));
    }
    change(&shared, merchant, id, Status::Enabled, backlog, stamp).await
}

fn read_backlog(given: &Object<'_>) -> Result<Backlog, ApiError> {
    let backlog = given.need("backlog", given.any_text("backlog")?)?;
    match backlog.as_str() {
        "all" => Ok(Backlog::Keep),
        "none" => Ok(Backlog::Cancel),
        "latest" => Ok(Backlog::Latest),
        _ => {
            let detail = "`backlog` is `all`, `latest` or `none`.";
            Err(ApiError::refused("invalid_backlog", "backlog", detail))
        }
    }
}

/// What a resume would do; nothing has changed.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ResumeDryRun {
    dry_run: bool,
    /// Deliveries that would be sent.
    send: u64,
    /// Deliveries that would be canceled.
    cancel: u64,
    /// When the oldest delivery that waits was made.
    #[schemars(schema_with = "schema::time_or_null")]
    oldest_at: Option<String>,
    /// `false`: there are more, which were not counted.
    counts_are_exact: bool,
}

impl ResumeDryRun {
    fn new(waiting: Waiting, backlog: Backlog) -> Self {
        let send = match backlog {
            Backlog::Keep => waiting.all,
            Backlog::Latest => waiting.latest,
            Backlog::Cancel => 0,
        };
        Self {
            dry_run: true,
            send,
            cancel: waiting.all - send,
            oldest_at: waiting.oldest_at.map(time),
            counts_are_exact: waiting.is_exact,
        }
    }
}

async fn status_of(
    shared: &Shared,
    merchant: MerchantId,
    id: WebhookId,
) -> Result<Status, ApiError> {
    Ok(shared.engine.store().webhook(merchant, id).await?.0.status)
}

async fn change(
    shared: &Shared,
    merchant: MerchantId,
    id: WebhookId,
    status: Status,
    backlog: Backlog,
    stamp: Stamp,
) -> Result<Response<Body>, ApiError> {
    let change = StatusChange { status, backlog };
    let changed = shared.engine.store().change_status(merchant, id, change, stamp).await?;
    shared.engine.refresh_routing().await?;
    answer(StatusCode::OK, &changed.webhook, &changed.health, Some(changed.canceled))
}

pub(crate) fn not_enabled(detail: &'static str) -> ApiError {
    ApiError::conflict("webhook_not_enabled", detail)
}

/// What was sent.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TestEventsSent")]
pub(crate) struct Sent {
    /// The deliveries made.
    #[schemars(schema_with = "schema::delivery_ids")]
    deliveries: Vec<String>,
    /// Given back, it invents the same events again.
    seed: String,
}

/// Sends made-up events: one of each type asked for, or of each the webhook has selected. All of
/// one call are scenes from one invented world.
pub(crate) async fn send_test_events(
    State(shared): Held,
    Tenant(merchant): Tenant,
    Stamped(stamp): Stamped,
    PathId(id): PathId<kind::Webhook>,
    uri: Uri,
    posted: MaybePosted,
) -> Result<Response<Body>, ApiError> {
    Query::none(&uri)?;
    let (webhook, _) = shared.engine.store().webhook(merchant, id).await?;
    let catalogue = shared.engine.catalogue();
    let (entries, seed) = match &posted.0 {
        Some(posted) => {
            let given = posted.object(&TEST_EVENTS)?;
            (asked_for(catalogue, &given, &webhook)?, read_seed(&given)?)
        }
        None => (selected(catalogue, &webhook), None),
    };
    if matches!(webhook.status, Status::Disabled(_)) {
        return Err(not_enabled("The webhook is disabled: enable it to send test events."));
    }
    let seed = seed.unwrap_or_else(chance::seed);
    let (owner, now) = (merchant.to_string(), shared.now().unix_seconds());
    let world = World::invent(seed, &owner, now);
    let invent = |entry: EventTypeView| {
        world.posted(entry).ok_or_else(|| {
            ApiError::internal(format!("the invented event of {} is incomplete", entry.name()))
        })
    };
    let events = entries.into_iter().map(invent).collect::<Result<Vec<_>, _>>()?;
    let accepted = shared.engine.accept_test(merchant, id, events).await;
    let accepted = accepted.map_err(|error| Batch::refusal(false, error))?;
    let note = Note {
        merchant: Some(merchant),
        action: "webhook.test_events_sent".to_owned(),
        object: id.to_string(),
        detail: format!("{} test events", accepted.len()),
    };
    shared.engine.store().note(note, stamp).await?;
    let ids = |accepted: &Accepted| accepted.deliveries.clone();
    let deliveries = accepted.iter().flat_map(ids).map(|id| id.to_string()).collect();
    json(StatusCode::OK, &Sent { deliveries, seed: format!("{seed:016x}") })
}

/// A seed as it was shown.
fn read_seed(given: &Object<'_>) -> Result<Option<u64>, ApiError> {
    let Some(text) = given.any_text("seed")? else { return Ok(None) };
    let is_hex = text.len() == 16 && text.bytes().all(|byte| b"0123456789abcdef".contains(&byte));
    let seed = u64::from_str_radix(&text, 16).ok().filter(|_| is_hex);
    seed.map(Some).ok_or_else(|| {
        let detail = "A seed is 16 lower-case hex digits, as an earlier answer showed it.";
        ApiError::refused("invalid_seed", "seed", detail)
    })
}

/// The event types a webhook wants, of those that are known.
pub(crate) fn selected<'a>(catalogue: &'a Catalogue, webhook: &Webhook) -> Vec<EventTypeView<'a>> {
    let wants = |entry: &EventTypeView| {
        EventType::parse(entry.name()).is_some_and(|name| webhook.wants(&name).is_some())
    };
    catalogue.entries().filter(wants).collect()
}

/// The types a request names, each once; all that are selected when it names none.
fn asked_for<'a>(
    catalogue: &'a Catalogue,
    given: &Object<'_>,
    webhook: &Webhook,
) -> Result<Vec<EventTypeView<'a>>, ApiError> {
    let Some(names) = given.texts("event_types")? else { return Ok(selected(catalogue, webhook)) };
    let mut entries: Vec<EventTypeView> = Vec::new();
    for name in names {
        let entry = catalogue.find(&name);
        let entry = entry.ok_or_else(|| unknown_type(catalogue, &name, "event_types"))?;
        if !entries.iter().any(|known| known.name() == entry.name()) {
            entries.push(entry);
        }
    }
    if entries.is_empty() {
        let detail = "Name at least one event type, or leave `event_types` out.";
        return Err(ApiError::refused("invalid_event_types", "event_types", detail));
    }
    Ok(entries)
}

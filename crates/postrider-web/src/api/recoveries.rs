//! Recoveries: asking for many resends, following them, stopping them.

use axum::body::Body;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{Response, StatusCode, Uri};
use postrider_core::delivery::State as Standing;
use postrider_core::ids::{MerchantId, WebhookId, kind};
use postrider_core::limits;
use postrider_core::recovery::{Ended, Recovery, Status, Wanted};
use postrider_core::time::Timestamp;
use postrider_store::recovery::{Begun, RecoveryFilter};

use super::auth::{Stamped, Tenant};
use super::body::{MaybePosted, Posted};
use super::page::Listing;
use super::query::Query;
use super::wire::object::Object;
use super::wire::recovery::{DryRunOut, NEW, RecoveryOut, status};
use super::{PathId, json};
use crate::error::ApiError;
use crate::openapi::field::Field;
use crate::openapi::schema;
use crate::shared::Held;

/// What the list can be narrowed to.
pub(crate) const FILTERS: [Field; 2] = [
    Field::new("webhook", schema::webhook_id, "Only recoveries of this webhook."),
    Field::new("status", status, "Only recoveries that stand there."),
];

/// Begins a recovery, or says what it would do.
pub(crate) async fn create(
    State(shared): Held,
    Tenant(merchant): Tenant,
    Stamped(stamp): Stamped,
    uri: Uri,
    posted: Posted,
) -> Result<Response<Body>, ApiError> {
    Query::none(&uri)?;
    let given = posted.object(&NEW)?;
    let now = shared.now();
    let wanted = read_wanted(&given, merchant, now)?;
    let rate = read_rate(&given)?;
    let is_dry_run = given.truth("dry_run")?.unwrap_or(false);
    let store = shared.engine.store();
    let found = store.webhook(merchant, wanted.webhook).await;
    let (webhook, _) = found.map_err(|error| ApiError::from(error).about("webhook"))?;
    let default = webhook.rate_limit_per_second.unwrap_or(limits::RECOVERY_RATE_DEFAULT);
    let rate_per_second = rate.unwrap_or(default.min(limits::RECOVERY_RATE_MAX));
    let counted = store.recoverable(wanted).await?;
    if is_dry_run {
        return json(StatusCode::OK, &DryRunOut::new(&counted, rate_per_second));
    }
    let recovery = Recovery {
        id: shared.engine.mint().id(now),
        wanted,
        rate_per_second,
        status: Status::Running,
        total: counted.count,
        is_total_exact: counted.is_exact,
        resent: 0,
        skipped: 0,
        created_at: now,
        finished_at: None,
    };
    match shared.engine.begin_recovery(recovery, stamp).await? {
        Begun::Begun(recovery) => json(StatusCode::CREATED, &RecoveryOut::new(&recovery)),
        Begun::AlreadyUnderWay(id) => {
            let detail =
                format!("The recovery {id} of this webhook is under way; cancel it first.");
            Err(ApiError::conflict("recovery_under_way", detail))
        }
    }
}

fn read_wanted(
    given: &Object<'_>,
    merchant: MerchantId,
    now: Timestamp,
) -> Result<Wanted, ApiError> {
    let webhook = given.need("webhook", given.any_text("webhook")?)?;
    // Whatever is not an id names no webhook.
    let webhook = WebhookId::parse(&webhook).map_err(|_| ApiError::not_found().about("webhook"))?;
    let since = given.need("since", read_time(given, "since")?)?;
    let until = read_time(given, "until")?.unwrap_or(now);
    let ended = match given.texts("statuses")? {
        None => Ended::Failed,
        Some(names) => read_statuses(&names)?,
    };
    let wanted = Wanted { merchant, webhook, since, until, ended, ended_by: now };
    wanted.check(now)?;
    Ok(wanted)
}

fn read_time(given: &Object<'_>, name: &'static str) -> Result<Option<Timestamp>, ApiError> {
    let Some(text) = given.any_text(name)? else { return Ok(None) };
    Timestamp::parse_rfc3339(&text).map(Some).ok_or_else(|| {
        let detail = format!("`{name}` must be a time such as 2026-01-31T08:00:00Z (RFC 3339).");
        ApiError::refused("invalid_time", name, detail)
    })
}

fn read_statuses(names: &[String]) -> Result<Ended, ApiError> {
    let parsed: Option<Vec<_>> = names.iter().map(|name| Standing::parse(name)).collect();
    let states = parsed.ok_or_else(|| {
        let detail = "`statuses` is a list of `failed` and `canceled`.";
        ApiError::refused("invalid_statuses", "statuses", detail)
    })?;
    Ok(Ended::of(&states)?)
}

fn read_rate(given: &Object<'_>) -> Result<Option<u32>, ApiError> {
    let Some(rate) = given.count("rate_per_second")? else { return Ok(None) };
    let most = limits::RECOVERY_RATE_MAX;
    let allowed = u32::try_from(rate).ok().filter(|rate| (1..=most).contains(rate));
    allowed.map(Some).ok_or_else(|| {
        let detail = format!("`rate_per_second` is a whole number from 1 to {most}.");
        ApiError::refused("invalid_rate", "rate_per_second", detail)
    })
}

pub(crate) async fn list(
    State(shared): Held,
    Tenant(merchant): Tenant,
    parts: Parts,
) -> Result<Response<Body>, ApiError> {
    let listing = Listing::read(&parts, Some(merchant), &FILTERS)?;
    let statuses = Status::ALL.map(Status::as_str).join(", ");
    let query = &listing.query;
    let filter = RecoveryFilter {
        webhook: query.webhook()?,
        status: query.parsed("status", &format!("one of {statuses}"), Status::parse)?,
    };
    let page = shared.engine.store().recoveries(merchant, filter, listing.ask).await?;
    let results = page.rows.iter().map(RecoveryOut::new).collect();
    listing.answer(results, page.next, page.previous)
}

pub(crate) async fn show(
    State(shared): Held,
    Tenant(merchant): Tenant,
    uri: Uri,
    PathId(id): PathId<kind::Recovery>,
) -> Result<Response<Body>, ApiError> {
    Query::none(&uri)?;
    let recovery = shared.engine.store().recovery(merchant, id).await?;
    json(StatusCode::OK, &RecoveryOut::new(&recovery))
}

/// Stops a recovery; again changes nothing.
pub(crate) async fn cancel(
    State(shared): Held,
    Tenant(merchant): Tenant,
    Stamped(stamp): Stamped,
    PathId(id): PathId<kind::Recovery>,
    uri: Uri,
    posted: MaybePosted,
) -> Result<Response<Body>, ApiError> {
    Query::none(&uri)?;
    shared.engine.store().recovery(merchant, id).await?;
    posted.refuse_members()?;
    let recovery = shared.engine.store().cancel_recovery(merchant, id, stamp).await?;
    if recovery.status == Status::Done {
        let detail = "The recovery is done, so there is nothing to cancel.";
        return Err(ApiError::conflict("recovery_done", detail));
    }
    json(StatusCode::OK, &RecoveryOut::new(&recovery))
}

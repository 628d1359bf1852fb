//! Why an event was or was not sent: the decisions taken with it, and how things stand now.

use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode, Uri};
use postrider_core::audit::Entry;
use postrider_core::ids::{EventId, MerchantId, WebhookId};
use postrider_core::limits;
use postrider_core::routing::Decision;
use postrider_store::StoreError;
use postrider_store::catalog::{AuditFilter, PageAsk, StoredEvent};

use super::auth::Tenant;
use super::json;
use super::query::Query;
use super::wire::explain::{Case, ExplainOut};
use crate::error::ApiError;
use crate::openapi::field::Field;
use crate::openapi::schema;
use crate::shared::{Held, Shared};

/// What the audit log calls changes of a webhook's status.
const MOVES: [&str; 6] = [
    "webhook.created",
    "webhook.enabled",
    "webhook.paused",
    "webhook.resumed",
    "webhook.disabled",
    "webhook.deleted",
];

/// What is to be explained.
pub(crate) const PARAMETERS: [Field; 2] = [
    Field::new("event", schema::event_id, "The event to explain.").required(),
    Field::new("webhook", schema::webhook_id, "One webhook; all that looked at it when left out."),
];

pub(crate) async fn show(
    State(shared): Held,
    Tenant(merchant): Tenant,
    uri: Uri,
) -> Result<Response<Body>, ApiError> {
    let query = Query::read(&uri, &PARAMETERS)?;
    let event = query.parsed("event", "an event's id", |text| EventId::parse(text).ok())?;
    let event = event.ok_or_else(|| {
        ApiError::refused("missing_parameter", "event", "Name the event to explain: `event`.")
    })?;
    let webhook = query.webhook()?;
    let stored = shared.engine.store().event(merchant, event).await?;
    let cases = match webhook {
        Some(webhook) => vec![one(&shared, merchant, &stored, webhook).await?],
        None => all(&shared, merchant, &stored).await?,
    };
    json(StatusCode::OK, &ExplainOut::new(&stored, &cases))
}

async fn all(
    shared: &Shared,
    merchant: MerchantId,
    stored: &StoredEvent,
) -> Result<Vec<Case>, ApiError> {
    let mut cases = Vec::with_capacity(stored.decisions.len());
    for decision in &stored.decisions {
        cases.push(case(shared, merchant, decision.webhook, Some(decision)).await?);
    }
    Ok(cases)
}

async fn one(
    shared: &Shared,
    merchant: MerchantId,
    stored: &StoredEvent,
    webhook: WebhookId,
) -> Result<Case, ApiError> {
    let decision = stored.decisions.iter().find(|decision| decision.webhook == webhook);
    let case = case(shared, merchant, webhook, decision).await?;
    if decision.is_none() && case.now.is_none() {
        return Err(ApiError::not_found());
    }
    Ok(case)
}

async fn case(
    shared: &Shared,
    merchant: MerchantId,
    webhook: WebhookId,
    decision: Option<&Decision>,
) -> Result<Case, ApiError> {
    let store = shared.engine.store();
    let now = match store.webhook(merchant, webhook).await {
        Ok(found) => Some(found),
        Err(StoreError::NotFound) => None,
        Err(error) => return Err(error.into()),
    };
    let delivery = match decision.and_then(Decision::delivery) {
        Some(id) => Some(store.delivery(merchant, id).await?.delivery),
        None => None,
    };
    let verdict = decision.map(|decision| decision.verdict);
    let moved = last_move(shared, merchant, webhook).await?;
    Ok(Case { webhook, verdict, delivery, now, moved })
}

/// The newest change of a webhook's status, if it is among the newest entries about it.
async fn last_move(
    shared: &Shared,
    merchant: MerchantId,
    webhook: WebhookId,
) -> Result<Option<Entry>, ApiError> {
    let filter = AuditFilter { merchant: Some(merchant), object: Some(webhook.to_string()) };
    let ask = PageAsk { size: limits::PAGE_SIZE_MAX, cursor: None };
    let page = shared.engine.store().audit_log(filter, ask).await?;
    Ok(page.rows.into_iter().find(|entry| MOVES.contains(&entry.action.as_str())))
}

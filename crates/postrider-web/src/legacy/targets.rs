//! Targets: list, create, show, change. There is no call that deletes one (facts.md 9).
//!
//! A new target has no filter and so receives nothing until it gets one.

use axum::body::Body;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{Response, StatusCode};
use postrider_core::audit::Stamp;
use postrider_core::ids::MerchantId;
use postrider_core::limits;
use postrider_core::target::TargetUrl;
use postrider_core::webhook::{DisabledBy, Status, Webhook};
use postrider_engine::chance;
use postrider_store::StoreError;
use postrider_store::catalog::{Backlog, Cursor, PageAsk, StatusChange};

use super::page::Numbered;
use super::shapes::{TargetOut, is_enabled};
use super::{PathIds, find};
use crate::api::auth::{ActingFor, Stamped, Tenant};
use crate::api::body::Posted;
use crate::api::wire::object::Object;
use crate::api::wire::webhook::{preview_target, read_target};
use crate::api::{json, webhooks};
use crate::error::ApiError;
use crate::shared::{Held, Shared};

pub(crate) async fn list(
    State(shared): Held,
    Tenant(merchant): Tenant,
    parts: Parts,
) -> Result<Response<Body>, ApiError> {
    let page = Numbered::read(&parts)?;
    let reach = page.reach().min(limits::WEBHOOKS_PER_MERCHANT_MAX);
    let webhooks = newest(&shared, merchant, reach).await?;
    page.answer(&webhooks, TargetOut::new)
}

/// The newest webhooks of a merchant, `reach` of them or all there are.
async fn newest(
    shared: &Shared,
    merchant: MerchantId,
    reach: usize,
) -> Result<Vec<Webhook>, ApiError> {
    let mut webhooks: Vec<Webhook> = Vec::new();
    let mut cursor: Option<Cursor> = None;
    while webhooks.len() < reach {
        let ask = PageAsk { size: limits::PAGE_SIZE_MAX, cursor };
        let page = shared.engine.store().webhooks(merchant, ask).await?;
        webhooks.extend(page.rows.into_iter().map(|(webhook, _)| webhook));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    webhooks.truncate(reach);
    Ok(webhooks)
}

pub(crate) async fn create(
    State(shared): Held,
    ActingFor(acting_for): ActingFor,
    Stamped(stamp): Stamped,
    posted: Posted,
) -> Result<Response<Body>, ApiError> {
    let given = Object::read_any(posted.json()?, "")?;
    let merchant = merchant(&given, acting_for, &shared)?;
    let target = given.need("target_url", read_target(&given, &shared)?)?;
    let enabled = given.truth("enabled")?.unwrap_or(true);
    preview_target(&target, &shared).await?;
    let name = target.host_str().chars().take(limits::NAME_CHARS_MAX).collect();
    let mut webhook = webhooks::fresh(&shared, merchant, name, target, Vec::new());
    if !enabled {
        webhook.status = Status::Disabled(DisabledBy::Request);
    }
    let key = chance::verification_key();
    shared.engine.store().create_webhook(webhook.clone(), key, stamp).await?;
    shared.engine.refresh_routing().await?;
    json(StatusCode::OK, &TargetOut::new(&webhook))
}

/// The merchant a body names: the caller's own, or for an operator any there is.
fn merchant(
    given: &Object<'_>,
    acting_for: Option<MerchantId>,
    shared: &Shared,
) -> Result<MerchantId, ApiError> {
    let named = given.need("merchant", given.any_text("merchant")?)?;
    let may = |id: &MerchantId| match acting_for {
        Some(own) => own == *id,
        None => shared.engine.routing().knows_merchant(*id),
    };
    MerchantId::parse(&named).ok().filter(may).ok_or_else(ApiError::not_found)
}

pub(crate) async fn show(
    State(shared): Held,
    Tenant(merchant): Tenant,
    PathIds([target]): PathIds<1>,
) -> Result<Response<Body>, ApiError> {
    let webhook = find(&shared, merchant, target).await?;
    json(StatusCode::OK, &TargetOut::new(&webhook))
}

pub(crate) async fn update(
    State(shared): Held,
    Tenant(merchant): Tenant,
    Stamped(stamp): Stamped,
    PathIds([target]): PathIds<1>,
    posted: Posted,
) -> Result<Response<Body>, ApiError> {
    // Looked up before the body is judged: what is not there is not there, whatever was sent.
    let mut webhook = find(&shared, merchant, target).await?;
    let given = Object::read_any(posted.json()?, "")?;
    let target_url = read_target(&given, &shared)?;
    let enabled = given.truth("enabled")?;
    if let Some(target_url) = target_url {
        preview_target(&target_url, &shared).await?;
        webhook = retarget(&shared, webhook, target_url, &stamp).await?;
    }
    // A paused webhook is neither: only disabling moves it.
    if let Some(enabled) = enabled.filter(|enabled| *enabled != is_enabled(webhook.status)) {
        let status = if enabled { Status::Enabled } else { Status::Disabled(DisabledBy::Request) };
        let change = StatusChange { status, backlog: Backlog::Keep };
        let changed = shared.engine.store().change_status(merchant, webhook.id, change, stamp);
        webhook = changed.await?.webhook;
    }
    shared.engine.refresh_routing().await?;
    json(StatusCode::OK, &TargetOut::new(&webhook))
}

async fn retarget(
    shared: &Shared,
    mut webhook: Webhook,
    target: TargetUrl,
    stamp: &Stamp,
) -> Result<Webhook, ApiError> {
    let store = shared.engine.store();
    let (merchant, id) = (webhook.merchant, webhook.id);
    for _ in 0..webhooks::UPDATE_TRIES_MAX {
        webhook.target.clone_from(&target);
        webhook.updated_at = shared.now();
        match store.update_webhook(webhook, stamp.clone()).await {
            Ok(updated) => return Ok(updated),
            Err(StoreError::Conflict) => (webhook, _) = store.webhook(merchant, id).await?,
            Err(error) => return Err(error.into()),
        }
    }
    Err(StoreError::Conflict.into())
}

//! Filters: what a target receives, as patterns with ids of their own.
//!
//! A change is read, modified and written with the version it was read with, and done again when
//! somebody else was quicker.

use axum::body::Body;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{Response, StatusCode};
use postrider_core::audit::Stamp;
use postrider_core::filter::{self, Filter};
use postrider_core::ids::{MerchantId, ShortId, WebhookId};
use postrider_core::limits;
use postrider_core::pattern::Pattern;
use postrider_core::webhook::Webhook;
use postrider_store::StoreError;

use super::page::Numbered;
use super::shapes::FilterOut;
use super::{PathIds, find};
use crate::api::auth::{Stamped, Tenant};
use crate::api::body::Posted;
use crate::api::wire::object::Object;
use crate::api::wire::webhook::check_known;
use crate::api::{json, webhooks};
use crate::error::ApiError;
use crate::shared::{Held, Shared};

pub(crate) async fn list(
    State(shared): Held,
    Tenant(merchant): Tenant,
    PathIds([target]): PathIds<1>,
    parts: Parts,
) -> Result<Response<Body>, ApiError> {
    let webhook = find(&shared, merchant, target).await?;
    let page = Numbered::read(&parts)?;
    let (_, filters) = filters_of(&shared, merchant, webhook.id).await?;
    page.answer(&filters, |filter| FilterOut::new(filter, target))
}

pub(crate) async fn create(
    State(shared): Held,
    Tenant(merchant): Tenant,
    Stamped(stamp): Stamped,
    PathIds([target]): PathIds<1>,
    posted: Posted,
) -> Result<Response<Body>, ApiError> {
    let webhook = find(&shared, merchant, target).await?;
    let alternatives = read_pattern(&shared, &posted)?;
    let created_at = shared.now();
    let id = shared.engine.mint().id::<()>(created_at).shortened();
    let made = Filter { id, alternatives, created_at };
    let add = |filters: &mut Vec<Filter>| {
        if filters.len() >= limits::FILTERS_PER_WEBHOOK_MAX {
            let (what, limit) = ("filters of the target", limits::FILTERS_PER_WEBHOOK_MAX);
            return Err(StoreError::LimitReached { what, limit }.into());
        }
        filters.push(made.clone());
        Ok(made.clone())
    };
    let made = change(&shared, &stamp, &webhook, add).await?;
    json(StatusCode::OK, &FilterOut::new(&made, target))
}

pub(crate) async fn show(
    State(shared): Held,
    Tenant(merchant): Tenant,
    PathIds([target, id]): PathIds<2>,
) -> Result<Response<Body>, ApiError> {
    let webhook = find(&shared, merchant, target).await?;
    let (_, filters) = filters_of(&shared, merchant, webhook.id).await?;
    let found = filters.iter().find(|filter| filter.id == id).ok_or_else(ApiError::not_found)?;
    json(StatusCode::OK, &FilterOut::new(found, target))
}

pub(crate) async fn update(
    State(shared): Held,
    Tenant(merchant): Tenant,
    Stamped(stamp): Stamped,
    PathIds([target, id]): PathIds<2>,
    posted: Posted,
) -> Result<Response<Body>, ApiError> {
    let webhook = find(&shared, merchant, target).await?;
    let (_, filters) = filters_of(&shared, merchant, webhook.id).await?;
    place(&filters, id)?;
    let alternatives = read_pattern(&shared, &posted)?;
    let rewrite = |filters: &mut Vec<Filter>| {
        let place = place(filters, id)?;
        let filter = filters.get_mut(place).ok_or_else(ApiError::not_found)?;
        filter.alternatives.clone_from(&alternatives);
        Ok(filter.clone())
    };
    let changed = change(&shared, &stamp, &webhook, rewrite).await?;
    json(StatusCode::OK, &FilterOut::new(&changed, target))
}

/// Answers the filter that was. A body, which some callers send, is not read.
pub(crate) async fn delete(
    State(shared): Held,
    Tenant(merchant): Tenant,
    Stamped(stamp): Stamped,
    PathIds([target, id]): PathIds<2>,
) -> Result<Response<Body>, ApiError> {
    let webhook = find(&shared, merchant, target).await?;
    let remove = |filters: &mut Vec<Filter>| Ok(filters.remove(place(filters, id)?));
    let removed = change(&shared, &stamp, &webhook, remove).await?;
    json(StatusCode::OK, &FilterOut::new(&removed, target))
}

fn place(filters: &[Filter], id: ShortId) -> Result<usize, ApiError> {
    filters.iter().position(|filter| filter.id == id).ok_or_else(ApiError::not_found)
}

/// The pattern a body gives, each alternative of which something can match.
fn read_pattern(shared: &Shared, posted: &Posted) -> Result<Vec<Pattern>, ApiError> {
    let given = Object::read_any(posted.json()?, "")?;
    let text = given.need("pattern", given.any_text("pattern")?)?;
    let alternatives = filter::parse(&text)?;
    let known =
        alternatives.iter().try_for_each(|pattern| check_known(pattern, shared.engine.catalogue()));
    known.map_err(|refusal| ApiError::from(refusal).about("pattern"))?;
    Ok(alternatives)
}

async fn filters_of(
    shared: &Shared,
    merchant: MerchantId,
    id: WebhookId,
) -> Result<(Webhook, Vec<Filter>), ApiError> {
    let (webhook, kept) = shared.engine.store().webhook_filters(merchant, id).await?;
    let filters = filter::reconciled(&webhook, &kept);
    Ok((webhook, filters))
}

/// Writes what `edit` makes of the filters, and the event types that follow. Answers its answer.
async fn change(
    shared: &Shared,
    stamp: &Stamp,
    found: &Webhook,
    edit: impl Fn(&mut Vec<Filter>) -> Result<Filter, ApiError>,
) -> Result<Filter, ApiError> {
    for _ in 0..webhooks::UPDATE_TRIES_MAX {
        let (webhook, mut filters) = filters_of(shared, found.merchant, found.id).await?;
        let edited = edit(&mut filters)?;
        let event_types = filter::event_types(&filters, &webhook.event_types)?;
        let wanted = Webhook { event_types, updated_at: shared.now(), ..webhook };
        match shared.engine.store().update_filters(wanted, filters, stamp.clone()).await {
            Ok(_) => {
                shared.engine.refresh_routing().await?;
                return Ok(edited);
            }
            Err(StoreError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(StoreError::Conflict.into())
}

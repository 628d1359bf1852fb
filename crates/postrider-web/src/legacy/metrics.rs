//! A target's figures over the last 30 days: the four counts of facts.md 9.

use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode};
use postrider_core::limits;

use super::shapes::MetricsOut;
use super::{PathIds, find};
use crate::api::auth::Tenant;
use crate::api::json;
use crate::error::ApiError;
use crate::shared::Held;

pub(crate) async fn show(
    State(shared): Held,
    Tenant(merchant): Tenant,
    PathIds([target]): PathIds<1>,
) -> Result<Response<Body>, ApiError> {
    let webhook = find(&shared, merchant, target).await?;
    let since = shared.now() - limits::METRICS_SPAN;
    let metrics = shared.engine.store().webhook_metrics(merchant, webhook.id, since).await?;
    json(StatusCode::OK, &MetricsOut::new(&metrics))
}

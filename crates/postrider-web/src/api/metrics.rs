//! The figures of one webhook over the last 30 days, and by the hour over the last day.

use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode, Uri};
use postrider_core::ids::kind;
use postrider_core::limits;

use super::auth::Tenant;
use super::query::Query;
use super::wire::metrics::{HoursOut, MetricsOut};
use super::{PathId, json};
use crate::error::ApiError;
use crate::shared::Held;

pub(crate) async fn show(
    State(shared): Held,
    Tenant(merchant): Tenant,
    uri: Uri,
    PathId(id): PathId<kind::Webhook>,
) -> Result<Response<Body>, ApiError> {
    Query::none(&uri)?;
    let since = shared.now() - limits::METRICS_SPAN;
    let metrics = shared.engine.store().webhook_metrics(merchant, id, since).await?;
    json(StatusCode::OK, &MetricsOut::new(&metrics))
}

/// Before the present hour.
const HOURS_BEFORE: Duration = Duration::from_hours(23);

pub(crate) async fn hours(
    State(shared): Held,
    Tenant(merchant): Tenant,
    uri: Uri,
    PathId(id): PathId<kind::Webhook>,
) -> Result<Response<Body>, ApiError> {
    Query::none(&uri)?;
    let since = shared.now() - HOURS_BEFORE;
    let hours = shared.engine.store().webhook_hours(merchant, id, since).await?;
    json(StatusCode::OK, &HoursOut::new(&hours))
}

//! The older API, `/webhook_targets…`: targets and filters over the webhooks of the newer one.
//!
//! Owns its JSON shapes, its errors, its page numbers and its short ids (facts.md 9). Nothing of it
//! is stored but the filters' ids and wording: a target is a webhook, and what both APIs write is
//! seen in both. As its callers expect, members and parameters it does not know are passed over,
//! and its paths may end with a slash.

pub(crate) mod docs;
mod errors;
pub(crate) mod filters;
pub(crate) mod metrics;
mod page;
mod shapes;
pub(crate) mod signing_key;
pub(crate) mod targets;

use axum::body::Body;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use axum::http::{Request, Uri};
use postrider_core::ids::{MerchantId, ShortId, WebhookId};
use postrider_core::webhook::Webhook;
use postrider_store::catalog::{Cursor, PageAsk};

pub(crate) use errors::{refusal_shape, render};

use crate::error::ApiError;
use crate::shared::Shared;

const ROOT: &str = "/webhook_targets";

/// Whether a path is one of this API, so that its refusals have its form.
pub(crate) fn owns(path: &str) -> bool {
    path.strip_prefix(ROOT).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The request without the slash a path of this API may end with, so that each is one route.
pub(crate) fn without_slash(mut request: Request<Body>) -> Request<Body> {
    let uri = request.uri();
    if let Some(path) = uri.path().strip_suffix('/').filter(|path| owns(path)) {
        let query = uri.query().map_or_else(String::new, |query| format!("?{query}"));
        // A part of a good address is one.
        if let Ok(bare) = Uri::try_from(format!("{path}{query}")) {
            *request.uri_mut() = bare;
        }
    }
    request
}

/// The ids of a path: the target's, and a filter's where there is one.
pub(crate) struct PathIds<const N: usize>(pub(crate) [ShortId; N]);

impl<const N: usize, S: Send + Sync> FromRequestParts<S> for PathIds<N> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let texts = Path::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        let Path(texts) = texts.map_err(|_| ApiError::not_found())?;
        let ids = texts.iter().map(|(_, text)| ShortId::parse(text));
        let ids = ids.collect::<Result<Vec<_>, _>>().map_err(|_| ApiError::not_found())?;
        ids.try_into().map(Self).map_err(|_| ApiError::not_found())
    }
}

/// The webhook of a merchant that is this target.
async fn find(shared: &Shared, merchant: MerchantId, target: ShortId) -> Result<Webhook, ApiError> {
    let last = u128::from_be_bytes(WebhookId::last_of(target).to_bytes());
    // Nothing is newer than the very last id, so that the newest of all is the one to look at.
    let cursor = last.checked_add(1).map(Cursor::Older);
    let page = shared.engine.store().webhooks(merchant, PageAsk { size: 1, cursor }).await?;
    let found = page.rows.into_iter().map(|(webhook, _)| webhook);
    found.into_iter().find(|found| found.id.shortened() == target).ok_or_else(ApiError::not_found)
}

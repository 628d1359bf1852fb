//! Webhooks: list, create, show, change, delete. Actions that move their status are in
//! `webhook_actions`.
//!
//! A change is read, modified and written with the version it was read with; when somebody else
//! was quicker it is done again on what they left, unless the caller named a version in If-Match.

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{ETAG, IF_MATCH, LOCATION};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, Uri};
use postrider_core::ids::{MerchantId, kind};
use postrider_core::key::VerificationKeys;
use postrider_core::limits;
use postrider_core::pattern::Pattern;
use postrider_core::retry::RetryPolicy;
use postrider_core::sign::Scheme;
use postrider_core::snapshot::AdditionalData;
use postrider_core::target::TargetUrl;
use postrider_core::webhook::{Health, Status, Webhook};
use postrider_engine::chance;
use postrider_store::StoreError;
use postrider_store::catalog::PageAsk;

use super::auth::{Stamped, Tenant};
use super::body::Posted;
use super::page::Listing;
use super::query::Query;
use super::wire::rehearsal::LastRehearsalOut;
use super::wire::webhook::{Draft, WebhookOut};
use super::{PathId, json};
use crate::error::ApiError;
use crate::shared::{Held, Shared};

/// Times a change is done again because of others; more means that somebody changes in a loop.
pub(crate) const UPDATE_TRIES_MAX: usize = 8;

pub(crate) async fn list(
    State(shared): Held,
    Tenant(merchant): Tenant,
    parts: Parts,
) -> Result<Response<Body>, ApiError> {
    let listing = Listing::read(&parts, Some(merchant), &[])?;
    let page = shared.engine.store().webhooks(merchant, listing.ask).await?;
    let results = page.rows.iter().map(|(webhook, health)| WebhookOut::new(webhook, health));
    listing.answer(results.collect(), page.next, page.previous)
}

pub(crate) async fn create(
    State(shared): Held,
    Tenant(merchant): Tenant,
    Stamped(stamp): Stamped,
    uri: Uri,
    posted: Posted,
) -> Result<Response<Body>, ApiError> {
    Query::none(&uri)?;
    let mut draft = Draft::read(posted.json()?, true, &shared)?;
    draft.preview_target(None, &shared).await?;
    let (name, target, event_types) = draft.essentials()?;
    let mut webhook = fresh(&shared, merchant, name, target, event_types);
    draft.apply(&mut webhook);
    let own = draft.verification_key(webhook.signature)?;
    let key = own.unwrap_or_else(chance::verification_key);
    shared.engine.store().create_webhook(webhook.clone(), key, stamp).await?;
    shared.engine.refresh_routing().await?;
    let mut response = answer(StatusCode::CREATED, &webhook, &Health::OK, None)?;
    if let Ok(location) = HeaderValue::from_str(&format!("/api/v1/webhooks/{}", webhook.id)) {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

/// A new webhook with the usual settings.
pub(crate) fn fresh(
    shared: &Shared,
    merchant: MerchantId,
    name: String,
    target: TargetUrl,
    event_types: Vec<Pattern>,
) -> Webhook {
    let now = shared.now();
    Webhook {
        id: shared.engine.mint().id(now),
        merchant,
        name,
        target,
        event_types,
        additional_data: AdditionalData::default(),
        status: Status::Enabled,
        signature: Scheme::default(),
        retry_policy: RetryPolicy::default(),
        timeout: limits::TIMEOUT_DEFAULT,
        headers: Vec::new(),
        max_in_flight: limits::MAX_IN_FLIGHT_DEFAULT,
        rate_limit_per_second: None,
        created_at: now,
        updated_at: now,
        configuration_version: 1,
    }
}

pub(crate) async fn show(
    State(shared): Held,
    Tenant(merchant): Tenant,
    uri: Uri,
    PathId(id): PathId<kind::Webhook>,
) -> Result<Response<Body>, ApiError> {
    Query::none(&uri)?;
    let store = shared.engine.store();
    let (webhook, health) = store.webhook(merchant, id).await?;
    let newest = PageAsk { size: 1, cursor: None };
    let last = store.rehearsals(merchant, id, newest).await?;
    let last = last.rows.first().map(|last| LastRehearsalOut::new(last, &webhook));
    let keys = store.verification_keys(merchant, id).await?;
    let shown = WebhookOut::new(&webhook, &health).with_rehearsal(last);
    tagged(StatusCode::OK, &webhook, &shown.with_rotation(&keys, shared.now()))
}

pub(crate) async fn update(
    State(shared): Held,
    Tenant(merchant): Tenant,
    Stamped(stamp): Stamped,
    PathId(id): PathId<kind::Webhook>,
    uri: Uri,
    headers: HeaderMap,
    posted: Posted,
) -> Result<Response<Body>, ApiError> {
    Query::none(&uri)?;
    let store = shared.engine.store();
    // Looked up before the body is judged: what is not there is not there, whatever was sent.
    let (mut webhook, mut health) = store.webhook(merchant, id).await?;
    let draft = Draft::read(posted.json()?, false, &shared)?;
    if draft.needs_standard_key() {
        demand_standard_key(&store.verification_keys(merchant, id).await?)?;
    }
    draft.preview_target(Some(&webhook.target), &shared).await?;
    for _ in 0..UPDATE_TRIES_MAX {
        demand_match(&headers, &webhook)?;
        draft.apply(&mut webhook);
        webhook.updated_at = shared.now();
        match store.update_webhook(webhook, stamp.clone()).await {
            Ok(updated) => {
                shared.engine.refresh_routing().await?;
                return answer(StatusCode::OK, &updated, &health, None);
            }
            Err(StoreError::Conflict) => {
                (webhook, health) = store.webhook(merchant, id).await?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(StoreError::Conflict.into())
}

pub(crate) async fn delete(
    State(shared): Held,
    Tenant(merchant): Tenant,
    Stamped(stamp): Stamped,
    uri: Uri,
    PathId(id): PathId<kind::Webhook>,
) -> Result<StatusCode, ApiError> {
    Query::none(&uri)?;
    shared.engine.store().delete_webhook(merchant, id, stamp).await?;
    shared.engine.refresh_routing().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Shows a webhook, with the tag of its version.
pub(crate) fn answer(
    status: StatusCode,
    webhook: &Webhook,
    health: &Health,
    canceled: Option<u64>,
) -> Result<Response<Body>, ApiError> {
    tagged(status, webhook, &WebhookOut::new(webhook, health).with_canceled(canceled))
}

fn tagged(
    status: StatusCode,
    webhook: &Webhook,
    shown: &WebhookOut<'_>,
) -> Result<Response<Body>, ApiError> {
    let mut response = json(status, shown)?;
    if let Ok(tag) = HeaderValue::from_str(&tag(webhook)) {
        response.headers_mut().insert(ETAG, tag);
    }
    Ok(response)
}

/// A key that was brought along may be of a form that only the `ordergroove` scheme signs with.
fn demand_standard_key(keys: &VerificationKeys) -> Result<(), ApiError> {
    let expiring = keys.expiring.as_ref().map(|expiring| &expiring.key);
    if std::iter::once(&keys.new).chain(expiring).all(|key| key.standard_bytes().is_some()) {
        return Ok(());
    }
    let detail = "The verification key of this webhook is not of the form that `standard` \
                  signatures need (`whsec_` and the base64 of 24 to 64 bytes): rotate it first.";
    Err(ApiError::refused("invalid_secret", "signature", detail))
}

fn tag(webhook: &Webhook) -> String {
    format!("\"{}\"", webhook.configuration_version)
}

/// Holds a change back when the caller has seen another version than there is.
fn demand_match(headers: &HeaderMap, webhook: &Webhook) -> Result<(), ApiError> {
    let tag = tag(webhook);
    let given: Vec<_> = headers.get_all(IF_MATCH).iter().collect();
    let matches = |value: &&HeaderValue| {
        let mut tags = value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        tags.any(|given| given == b"*" || given == tag.as_bytes())
    };
    if given.is_empty() || given.iter().any(matches) {
        return Ok(());
    }
    let detail = "This was changed since it was read; read it again and repeat the change.";
    Err(ApiError::new(StatusCode::PRECONDITION_FAILED, "precondition_failed", detail))
}

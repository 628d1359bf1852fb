//! Following a webhook: what `listen` reads, a question at a time.

use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode, Uri};
use postrider_core::ids::kind;
use postrider_core::limits;
use postrider_engine::FollowError;
use postrider_store::catalog::{Cursor, FeedPosition};
use schemars::json_schema;

use super::auth::Tenant;
use super::page::Binding;
use super::query::Query;
use super::wire::feed::{FeedOut, FollowedOut};
use super::{PathId, json};
use crate::error::ApiError;
use crate::openapi::field::Field;
use crate::openapi::schema;
use crate::shared::Held;

const AFTER: &str = "after";
const WAIT_SECONDS: &str = "wait_seconds";
/// What a follower says.
pub(crate) const PARAMETERS: [Field; 2] = [
    Field::new(
        AFTER,
        schema::cursor,
        "Where to go on: `next` or a `cursor` of an answer. Without it the feed begins now.",
    ),
    Field::new(
        WAIT_SECONDS,
        |_| {
            let most = limits::FEED_WAIT_MAX.as_secs();
            json_schema!({ "type": "integer", "minimum": 0, "maximum": most, "default": 0 })
        },
        "How long the answer may wait for something new.",
    ),
];

pub(crate) async fn show(
    State(shared): Held,
    Tenant(merchant): Tenant,
    uri: Uri,
    PathId(id): PathId<kind::Webhook>,
) -> Result<Response<Body>, ApiError> {
    let query = Query::read(&uri, &PARAMETERS)?;
    let most = limits::FEED_WAIT_MAX.as_secs();
    let allowed = format!("a whole number from 0 to {most}");
    let wait = query.parsed(WAIT_SECONDS, &allowed, |text| {
        text.parse().ok().filter(|seconds| (0..=most).contains(seconds))
    })?;
    // The cursor is that of this feed, however long a question waits.
    let binding = Binding::new(uri.path(), Some(merchant), &Query::empty());
    let after = match query.get(AFTER) {
        None => None,
        Some(text) => Some(place(binding.read(text)).ok_or_else(bad_cursor)?),
    };
    let wait = Duration::from_secs(wait.unwrap_or(0));
    let followed = shared.engine.follow(merchant, id, after, wait).await;
    let followed = followed.map_err(|error| match error {
        FollowError::TooMany => ApiError::overloaded("followers of webhooks"),
        FollowError::TooManyOfMerchant => ApiError::queue_full("feeds are waiting for news"),
        FollowError::Store(error) => error.into(),
    })?;
    let cursor = |place: FeedPosition| {
        binding.write(Cursor::Newer((u128::from(place.event) << 64) | u128::from(place.resend)))
    };
    let results = followed.deliveries.iter();
    let results = results.map(|one| FollowedOut::new(one, cursor(one.after))).collect();
    json(StatusCode::OK, &FeedOut { results, next: cursor(followed.next) })
}

/// A place is kept as one number: the event's above the resend's.
fn place(cursor: Option<Cursor>) -> Option<FeedPosition> {
    let Some(Cursor::Newer(position)) = cursor else { return None };
    let event = u64::try_from(position >> 64).ok()?;
    let resend = u64::try_from(position & u128::from(u64::MAX)).ok()?;
    Some(FeedPosition { event, resend })
}

fn bad_cursor() -> ApiError {
    let detail = "The cursor is not one of this feed; send back `next` unchanged, or leave `after` \
                  out to begin now.";
    ApiError::bad_request("bad_cursor", detail).about(AFTER)
}

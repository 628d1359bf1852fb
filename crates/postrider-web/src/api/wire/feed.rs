//! A webhook's feed as the API shows it.

use postrider_engine::FollowedDelivery;
use schemars::JsonSchema;
use serde::Serialize;

use super::delivery::DeliveryOut;
use super::{HeaderLine, header_lines};

/// Deliveries as a follower of a webhook sees them.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Feed")]
pub(crate) struct FeedOut<'a> {
    /// In the order they were stored.
    pub(crate) results: Vec<FollowedOut<'a>>,
    /// Where to go on, also when there are no results.
    pub(crate) next: String,
}

/// A delivery with the request that would be sent for it now.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "FollowedDelivery")]
pub(crate) struct FollowedOut<'a> {
    #[serde(flatten)]
    delivery: DeliveryOut<'a>,
    /// Whether a resend brought it.
    is_resend: bool,
    request: FollowedRequestOut<'a>,
    /// Where to go on after this one.
    cursor: String,
}

/// The request as it would be sent now.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "FollowedRequest")]
struct FollowedRequestOut<'a> {
    headers: Vec<HeaderLine<'a>>,
    body: String,
}

impl<'a> FollowedOut<'a> {
    pub(crate) fn new(followed: &'a FollowedDelivery, cursor: String) -> Self {
        Self {
            delivery: DeliveryOut::new(&followed.delivery),
            is_resend: followed.is_resend,
            request: FollowedRequestOut {
                headers: header_lines(&followed.headers),
                // Put together from JSON texts, so it is UTF-8 and nothing is replaced.
                body: String::from_utf8_lossy(&followed.body).into_owned(),
            },
            cursor,
        }
    }
}

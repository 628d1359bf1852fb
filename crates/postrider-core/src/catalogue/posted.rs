//! Made-up events as a sender would post them.

use bytes::Bytes;
use serde_json::Value;

use super::natural;
use crate::event::{EventType, PostedEvent};

/// The event `made` tells of, without an id; `None` when it is no event.
pub fn posted(made: &Value) -> Option<PostedEvent> {
    let part = |name: &str| -> Option<Bytes> {
        let value = made.get(name).filter(|value| !value.is_null())?;
        Some(natural::compact(value).into())
    };
    Some(PostedEvent {
        id: None,
        event_type: EventType::parse(made.get("type")?.as_str()?)?,
        created: made.get("created")?.as_i64(),
        data: part("data")?,
        context: part("context"),
        snapshot: part("snapshot"),
    })
}

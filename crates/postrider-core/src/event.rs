//! Events: what a sender posts, and the rules it must keep to be accepted.
//!
//! Owns [`EventType`], [`PostedEvent`] (as read from a request), [`Event`] (as accepted) and
//! [`check`]. `data`, `context` and `snapshot` are the sender's bytes and are never re-serialised.
//! Whether a type is known is the catalogue's business; who wants the event is the routing table's.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::catalogue::Entity;
use crate::ids::{EventId, MerchantId};
use crate::json::{self, JsonFault, Members};
use crate::limits;
use crate::refusal::Refusal;
use crate::time::Timestamp;

/// The name of an event type: two words joined by one dot, `family.action`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventType(Arc<str>);

impl EventType {
    /// Accepts `family.action` in lower-case letters, digits and underscores.
    pub fn parse(text: &str) -> Option<Self> {
        let (family, action) = text.split_once('.')?;
        let fits = text.len() <= limits::EVENT_TYPE_BYTES_MAX;
        (fits && is_word(family) && is_word(action)).then(|| Self(text.into()))
    }

    /// The full name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the dot.
    pub fn family(&self) -> &str {
        self.0.split_once('.').map_or(&*self.0, |(family, _)| family)
    }
}

/// Whether `text` can stand on either side of the dot.
pub(crate) fn is_word(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_lowercase())
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl fmt::Debug for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One event as a sender posted it; its JSON parts are syntactically valid raw text.
#[derive(Debug, Clone)]
pub struct PostedEvent {
    /// The sender's own id, which makes the post idempotent.
    pub id: Option<EventId>,
    /// The event type.
    pub event_type: EventType,
    /// When it happened, Unix seconds; the time of acceptance when absent.
    pub created: Option<i64>,
    /// The raw `data` object.
    pub data: Bytes,
    /// The raw `context`, if given.
    pub context: Option<Bytes>,
    /// The raw `snapshot` object, if given: every related record the sender has.
    pub snapshot: Option<Bytes>,
}

impl PostedEvent {
    /// A digest of everything that was posted, the id excepted: tells a repeat from another event
    /// under the same id. Stored; never change what goes in.
    pub fn digest(&self) -> [u8; 32] {
        let created = self.created.map(i64::to_be_bytes);
        let parts: [Option<&[u8]>; 5] = [
            Some(self.event_type.as_str().as_bytes()),
            created.as_ref().map(<[u8; 8]>::as_slice),
            Some(&self.data),
            self.context.as_deref(),
            self.snapshot.as_deref(),
        ];
        let mut hash = Sha256::new();
        for part in parts {
            // Lengths keep the parts apart; an absent part differs from an empty one.
            hash.update(part.map_or(u64::MAX, |bytes| bytes.len() as u64).to_be_bytes());
            hash.update(part.unwrap_or_default());
        }
        hash.finalize().into()
    }

    /// Bytes of payload.
    pub fn payload_bytes(&self) -> usize {
        payload_bytes(&self.data, [&self.context, &self.snapshot])
    }
}

fn payload_bytes(data: &Bytes, optional: [&Option<Bytes>; 2]) -> usize {
    data.len() + optional.into_iter().flatten().map(Bytes::len).sum::<usize>()
}

/// One accepted event.
#[derive(Debug, Clone)]
pub struct Event {
    /// Public id, unique within the merchant.
    pub id: EventId,
    /// The merchant it belongs to.
    pub merchant: MerchantId,
    /// The event type.
    pub event_type: EventType,
    /// When it happened, Unix seconds.
    pub created: i64,
    /// When we accepted it.
    pub accepted_at: Timestamp,
    /// The raw `data` object.
    pub data: Bytes,
    /// The raw `context`, if given.
    pub context: Option<Bytes>,
    /// The raw `snapshot` object, if given.
    pub snapshot: Option<Bytes>,
}

impl Event {
    /// Bytes of payload: what the event weighs wherever memory is counted.
    pub fn payload_bytes(&self) -> usize {
        payload_bytes(&self.data, [&self.context, &self.snapshot])
    }
}

/// Checks everything about a posted event that needs no outside knowledge and answers the merchant
/// id its object names, if any. Field paths of refusals are relative to the event.
pub fn check(event: &PostedEvent) -> Result<Option<String>, Refusal> {
    if let Some(created) = event.created
        && !(0..=limits::CREATED_SECONDS_MAX).contains(&created)
    {
        let detail = format!(
            "`created` is Unix seconds between 0 and {}; {created} is not",
            limits::CREATED_SECONDS_MAX
        );
        return Err(Refusal::new("invalid_time", "created", detail));
    }
    check_context(event)?;
    check_snapshot(event)?;
    check_data(event)
}

fn check_data(event: &PostedEvent) -> Result<Option<String>, Refusal> {
    let data = members(&event.data, "data")?;
    let mut objects = data.all("object").peekable();
    if objects.peek().is_none() {
        let detail = "`data` must carry an `object`: the record the event is about";
        return Err(Refusal::new("missing_field", "data.object", detail));
    }
    let mut merchant = None;
    for object in objects {
        let Some(object) = Members::of(object) else {
            return Err(Refusal::new("invalid_type", "data.object", "must be a JSON object"));
        };
        for value in object.all("merchant") {
            merchant = serde_json::from_str::<String>(value).ok().or(merchant);
        }
    }
    Ok(merchant)
}

fn check_context(event: &PostedEvent) -> Result<(), Refusal> {
    match event.context.as_ref() {
        None => Ok(()),
        Some(context) if context.as_ref() == b"null" => Ok(()),
        Some(context) => members(context, "context").map(drop),
    }
}

/// `customer` is one object, every other entity an array (facts.md 4).
fn check_snapshot(event: &PostedEvent) -> Result<(), Refusal> {
    let Some(snapshot) = &event.snapshot else { return Ok(()) };
    for (name, value) in members(snapshot, "snapshot")?.0 {
        let field = format!("snapshot.{name}");
        let Some(entity) = Entity::parse(&name) else {
            let known: Vec<_> = Entity::ALL.iter().map(|e| e.as_str()).collect();
            let detail = format!("unknown entity; a snapshot may carry {}", known.join(", "));
            return Err(Refusal::new("unknown_field", field, detail));
        };
        let (opening, shape) = match entity {
            Entity::Customer => ('{', "one object"),
            _ => ('[', "an array of objects"),
        };
        if !value.starts_with(opening) {
            return Err(Refusal::new("invalid_type", field, format!("must be {shape}")));
        }
    }
    Ok(())
}

fn members<'a>(raw: &'a Bytes, field: &'static str) -> Result<Members<'a>, Refusal> {
    json::check(raw).map_err(|fault| {
        let code = match fault {
            JsonFault::TooDeep => "json_too_deep",
            JsonFault::LoneSurrogate => "invalid_unicode",
        };
        Refusal::new(code, field, format!("`{field}` is {fault}"))
    })?;
    std::str::from_utf8(raw)
        .ok()
        .and_then(Members::of)
        .ok_or_else(|| Refusal::new("invalid_type", field, format!("`{field}` must be an object")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn posted(data: &str, context: Option<&str>, snapshot: Option<&str>) -> PostedEvent {
        let raw = |text: &str| Bytes::copy_from_slice(text.as_bytes());
        PostedEvent {
            id: None,
            event_type: EventType::parse("order.create").unwrap(),
            created: None,
            data: raw(data),
            context: context.map(raw),
            snapshot: snapshot.map(raw),
        }
    }

    fn refused(event: &PostedEvent) -> (&'static str, String) {
        let refusal = check(event).unwrap_err();
        (refusal.code, refusal.field.into_owned())
    }

    #[test]
    fn a_digest_tells_a_repeat_from_another_event() {
        let event = posted("{}", None, None);
        assert_eq!(
            event.digest(),
            PostedEvent { id: EventId::parse("x").ok(), ..event.clone() }.digest()
        );
        for other in [
            posted("{ }", None, None),
            posted("{}", Some("{}"), None),
            posted("{}", None, Some("{}")),
            PostedEvent { created: Some(1), ..event.clone() },
        ] {
            assert_ne!(event.digest(), other.digest());
        }
    }

    #[test]
    fn an_event_type_is_two_lower_case_words_and_a_dot() {
        for good in ["order.create", "subscription.refresh_one_click_token", "a.b2"] {
            assert!(EventType::parse(good).is_some(), "{good}");
        }
        for bad in
            ["", "order", "order.", ".create", "Order.create", "a.b.c", "a.*", "a b.c", "ü.a"]
        {
            assert!(EventType::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn odd_but_valid_payloads_are_accepted() {
        for data in [
            r#"{"object":{"a":1,"a":2}}"#,
            r#"{"object":{"n":1234567890123456789012345678901234567890,"x":1e400,"z":-0}}"#,
            "{ \"object\" : { \"s\" : \"\\u0000\" } }",
        ] {
            assert_eq!(check(&posted(data, None, None)), Ok(None), "{data}");
        }
    }

    #[test]
    fn the_object_is_required_and_its_merchant_reported() {
        assert_eq!(refused(&posted("{}", None, None)).0, "missing_field");
        assert_eq!(refused(&posted("[]", None, None)).0, "invalid_type");
        assert_eq!(refused(&posted(r#"{"object":[]}"#, None, None)).1, "data.object");
        let named = posted(r#"{"object":{"merchant":"m1"}}"#, None, None);
        assert_eq!(check(&named), Ok(Some("m1".to_owned())));
    }

    #[test]
    fn a_snapshot_carries_known_entities_in_their_shape() {
        let object = r#"{"object":{}}"#;
        let with = |snapshot| posted(object, None, Some(snapshot));
        assert!(check(&with(r#"{"customer":{},"orders":[]}"#)).is_ok());
        assert_eq!(refused(&with(r#"{"clients":[]}"#)).0, "unknown_field");
        assert_eq!(refused(&with(r#"{"orders":{}}"#)).1, "snapshot.orders");
        assert_eq!(refused(&with(r#"{"customer":[]}"#)).1, "snapshot.customer");
    }

    #[test]
    fn depth_surrogates_and_time_are_bounded() {
        let deep = format!(r#"{{"object":{{"a":{}{}}}}}"#, "[".repeat(200), "]".repeat(200));
        assert_eq!(refused(&posted(&deep, None, None)).0, "json_too_deep");
        let lone = posted(r#"{"object":{"a":"\ud800"}}"#, None, None);
        assert_eq!(refused(&lone), ("invalid_unicode", "data".to_owned()));
        let late =
            PostedEvent { created: Some(i64::MAX), ..posted(r#"{"object":{}}"#, None, None) };
        assert_eq!(refused(&late).0, "invalid_time");
        assert_eq!(refused(&posted(r#"{"object":{}}"#, Some("3"), None)).1, "context");
    }
}

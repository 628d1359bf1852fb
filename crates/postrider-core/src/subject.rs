//! What an event is about: which of several events of one object is the latest.
//!
//! An object is told by the family of the event's type and the first id found in `data.object`, of
//! those the documented families carry. An event without any of them is its own object: it is never
//! taken for an older word about another one.

use std::borrow::Cow;

use crate::event::Event;
use crate::json::Members;

/// Where the id of an object stands, by precedence: its own id, a subscriber's two, a workflow's.
const ID_FIELDS: [&str; 4] = ["public_id", "merchant_user_id", "customer", "execution_id"];

/// The object an event is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Subject {
    family: Box<str>,
    id: Box<str>,
}

impl Subject {
    /// The object `event` is about; `None` when it names none. Texts and integers are ids, and 7
    /// is the same object as "7"; other values are passed over. Of equal keys the last one counts,
    /// as for most readers of JSON.
    pub fn of(event: &Event) -> Option<Self> {
        let data = Members::of(std::str::from_utf8(&event.data).ok()?)?;
        let object = Members::of(data.all("object").last()?)?;
        let found = |field: &&str| id(object.all(field).last()?);
        let id = ID_FIELDS.iter().find_map(found)?;
        Some(Self { family: event.event_type.family().into(), id: id.into() })
    }
}

fn id(raw: &str) -> Option<Cow<'_, str>> {
    let is_number = !raw.is_empty() && raw.bytes().all(|byte| byte.is_ascii_digit());
    if is_number {
        return Some(raw.into());
    }
    serde_json::from_str::<String>(raw).ok().filter(|text| !text.is_empty()).map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::event::EventType;
    use crate::ids::{EventId, MerchantId};
    use crate::time::Timestamp;

    fn subject(event_type: &str, data: &str) -> Option<(String, String)> {
        let event = Event {
            id: EventId::parse("e").unwrap(),
            merchant: MerchantId::from_bits(1),
            event_type: EventType::parse(event_type).unwrap(),
            created: 0,
            accepted_at: Timestamp::EPOCH,
            data: Bytes::copy_from_slice(data.as_bytes()),
            context: None,
            snapshot: None,
        };
        Subject::of(&event).map(|subject| (subject.family.into(), subject.id.into()))
    }

    #[test]
    fn an_object_is_told_by_family_and_first_id() {
        for (event_type, object, expected) in [
            ("order.create", r#"{"public_id":"o1","customer":"c"}"#, Some("o1")),
            ("order.cancel", r#"{"customer":"c","public_id":"o1"}"#, Some("o1")),
            ("subscriber.create", r#"{"merchant_user_id":"u1"}"#, Some("u1")),
            ("subscriber.cancel", r#"{"customer":"c1","live":true}"#, Some("c1")),
            ("workflow.run", r#"{"execution_id":"x1"}"#, Some("x1")),
            ("order.create", r#"{"public_id":null,"customer":"c1"}"#, Some("c1")),
            ("order.create", r#"{"public_id":"","customer":"c1"}"#, Some("c1")),
            ("order.create", r#"{"public_id":{"a":1},"customer":["c"]}"#, None),
            ("order.create", r#"{"public_id":7}"#, Some("7")),
            ("order.create", r#"{"public_id":"7"}"#, Some("7")),
            ("order.create", r#"{"public_id":1.5}"#, None),
            ("order.create", r#"{"public_id":"\u00e9"}"#, Some("é")),
            ("order.create", r#"{"public_id":"old","public_id":"new"}"#, Some("new")),
            ("order.create", r#"{"id":"o1"}"#, None),
            ("order.create", "{}", None),
        ] {
            let data = format!(r#"{{"public_id":"not the object's", "object" : {object} }}"#);
            let family = event_type.split('.').next().unwrap().to_owned();
            let expected = expected.map(|id| (family, id.to_owned()));
            assert_eq!(subject(event_type, &data), expected, "{event_type} {object}");
        }
    }

    #[test]
    fn what_cannot_be_read_names_no_object() {
        for data in ["", "[]", "{}", r#"{"object":[]}"#, r#"{"object":"#] {
            assert_eq!(subject("order.create", data), None, "{data}");
        }
    }

    #[test]
    fn objects_of_two_families_are_two() {
        let data = r#"{"object":{"public_id":"a"}}"#;
        assert_ne!(subject("order.create", data), subject("item.create", data));
        assert_eq!(subject("order.create", data), subject("order.cancel", data));
    }
}

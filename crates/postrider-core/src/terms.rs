//! Search terms: the words under which people look for an event again.
//!
//! A customer, an e-mail address, an object's id, or the event's type, read from where the
//! documented events carry them; records of an own catalogue that use the same names are found
//! alike. Customers are found by `data.object.customer` (a subscriber's own: `merchant_user_id`) and
//! the customer in the snapshot; addresses by the object's, the snapshot customer's and the
//! workflow's subscriber; objects by every id an event is about (facts.md 3): an item is also found
//! under its order and its subscription, an entitlement under its customer and each entry.
//!
//! An index keeps only [`Term::hash`], which is a hint: whoever finds an event by one extracts the
//! terms anew and compares the words.

use crate::event::{Event, EventType};
use crate::ids::MerchantId;
use crate::json::Members;
use crate::limits;

use sha2::{Digest, Sha256};

/// What a term names. Part of stored hashes: never renumber.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A customer's id in the merchant's own system.
    Customer = 1,
    /// An e-mail address, lower-cased.
    Email = 2,
    /// The id of an object the event is about.
    Object = 3,
    /// The event's type.
    Type = 4,
    /// That the event was made up on request.
    Test = 5,
}

/// One word of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Term {
    kind: Kind,
    value: Box<str>,
}

impl Term {
    /// A customer's id, as given.
    pub fn customer(value: &str) -> Self {
        Self { kind: Kind::Customer, value: value.into() }
    }

    /// An e-mail address; upper and lower case are the same.
    pub fn email(value: &str) -> Self {
        Self { kind: Kind::Email, value: value.to_lowercase().into() }
    }

    /// An object's id, as given.
    pub fn object(value: &str) -> Self {
        Self { kind: Kind::Object, value: value.into() }
    }

    /// An event's type.
    pub fn event_type(value: &EventType) -> Self {
        Self { kind: Kind::Type, value: value.as_str().into() }
    }

    /// Of test events: whoever stores an event as one adds it to [`of`].
    pub fn test() -> Self {
        Self { kind: Kind::Test, value: "".into() }
    }

    /// What it names.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The key of an index. Stored: never change what goes in.
    pub fn hash(&self, merchant: MerchantId) -> i64 {
        let mut hash = Sha256::new_with_prefix(merchant.to_bytes());
        hash.update([self.kind as u8]);
        hash.update(self.value.as_bytes());
        let digest: [u8; 32] = hash.finalize().into();
        let (head, _) = digest.split_first_chunk::<8>().unwrap_or((&[0; 8], &[]));
        i64::from_be_bytes(*head)
    }
}

/// The terms of an event, each once, in no order: at most [`limits::TERMS_PER_EVENT_MAX`], its type
/// first of all. What cannot be read has none.
pub fn of(event: &Event) -> Vec<Term> {
    let mut terms = Terms(Vec::with_capacity(8));
    terms.add(Term::event_type(&event.event_type));
    let snapshot = event.snapshot.as_deref().and_then(members);
    let customer = snapshot.and_then(|all| all.all("customer").last().and_then(Members::of));
    if let Some(customer) = customer {
        terms.add_texts(&customer, "merchant_user_id", Term::customer);
        terms.add_texts(&customer, "email", Term::email);
    }
    if let Some(data) = members(&event.data) {
        let object = data.all("object").last().and_then(Members::of);
        if let Some(object) = &object {
            terms.add_object(object, event.event_type.family());
        }
        if let Some(subscriber) = data.all("subscriber").last().and_then(Members::of) {
            terms.add_texts(&subscriber, "email", Term::email);
        }
    }
    terms.0
}

fn members(bytes: &[u8]) -> Option<Members<'_>> {
    Members::of(std::str::from_utf8(bytes).ok()?)
}

struct Terms(Vec<Term>);

impl Terms {
    fn add(&mut self, term: Term) {
        if self.0.len() < limits::TERMS_PER_EVENT_MAX && !self.0.contains(&term) {
            self.0.push(term);
        }
    }

    fn add_object(&mut self, object: &Members<'_>, family: &str) {
        self.add_texts(object, "public_id", Term::object);
        self.add_texts(object, "customer", Term::customer);
        self.add_texts(object, "email", Term::email);
        match family {
            "subscriber" => {
                self.add_texts(object, "merchant_user_id", Term::object);
                self.add_texts(object, "merchant_user_id", Term::customer);
                self.add_texts(object, "subscription", Term::object);
                self.add_texts(object, "subscriptions", Term::object);
            }
            "item" => {
                self.add_texts(object, "order", Term::object);
                self.add_texts(object, "subscription", Term::object);
            }
            "entitlement" => {
                self.add_texts(object, "customer", Term::object);
                self.add_texts(object, "entitlements", Term::object);
            }
            _ => {}
        }
    }

    /// Adds what stands under `key`: a text or an integer, a record's `public_id`, or a list of
    /// these. Of equal keys the last one counts.
    fn add_texts(&mut self, record: &Members<'_>, key: &str, term: fn(&str) -> Term) {
        let Some(raw) = record.all(key).last() else { return };
        if !raw.starts_with('[') {
            self.add_text(raw, term);
            return;
        }
        let list: Vec<&serde_json::value::RawValue> = serde_json::from_str(raw).unwrap_or_default();
        for each in list.iter().take(limits::TERMS_PER_EVENT_MAX) {
            self.add_text(each.get(), term);
        }
    }

    fn add_text(&mut self, raw: &str, term: fn(&str) -> Term) {
        let nested = Members::of(raw);
        let raw = match &nested {
            Some(record) => record.all("public_id").last().unwrap_or_default(),
            None => raw,
        };
        let is_number = !raw.is_empty() && raw.bytes().all(|byte| byte.is_ascii_digit());
        let text = if is_number { Some(raw.to_owned()) } else { serde_json::from_str(raw).ok() };
        let is_term = |text: &String| (1..=limits::TERM_BYTES_MAX).contains(&text.len());
        if let Some(text) = text.filter(is_term) {
            self.add(term(&text));
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::ids::EventId;
    use crate::time::Timestamp;

    fn event(event_type: &str, data: &str, snapshot: Option<&str>) -> Event {
        Event {
            id: EventId::parse("e").unwrap(),
            merchant: MerchantId::from_bits(1),
            event_type: EventType::parse(event_type).unwrap(),
            created: 0,
            accepted_at: Timestamp::EPOCH,
            data: Bytes::copy_from_slice(data.as_bytes()),
            context: None,
            snapshot: snapshot.map(|text| Bytes::copy_from_slice(text.as_bytes())),
        }
    }

    fn words(event_type: &str, data: &str, snapshot: Option<&str>) -> Vec<String> {
        let terms = of(&event(event_type, data, snapshot)).into_iter().skip(1);
        let mut words: Vec<_> =
            terms.map(|term| format!("{:?} {}", term.kind, term.value).to_lowercase()).collect();
        words.sort();
        words
    }

    #[test]
    fn each_family_is_found_by_its_own_ids() {
        for (event_type, object, expected) in [
            (
                "subscriber.create",
                r#"{"merchant_user_id":"u1","email":"A@B.c","subscription":"s1",
                    "subscriptions":["s2",{"public_id":"s3"}]}"#,
                "customer u1, email a@b.c, object s1, object s2, object s3, object u1",
            ),
            (
                "item.create",
                r#"{"public_id":"i1","customer":"c","order":"o1","subscription":"s1"}"#,
                "customer c, object i1, object o1, object s1",
            ),
            (
                "order.success",
                r#"{"public_id":"o1","customer":"c","order":"x","subscription":"y"}"#,
                "customer c, object o1",
            ),
            (
                "entitlement.create",
                r#"{"customer":"c","entitlements":[{"public_id":"e1"},{"public_id":"e2"}]}"#,
                "customer c, object c, object e1, object e2",
            ),
            ("loan.lent", r#"{"public_id":7,"email":"x@y"}"#, "email x@y, object 7"),
            ("order.create", r#"{"public_id":null,"customer":"","email":{}}"#, ""),
            ("order.create", r#"{"public_id":"old","public_id":"\u00e9"}"#, "object é"),
        ] {
            let data = format!(r#"{{"public_id":"not the object's","object":{object}}}"#);
            assert_eq!(words(event_type, &data, None).join(", "), expected, "{event_type}");
        }
    }

    #[test]
    fn the_customer_of_the_snapshot_and_a_workflows_subscriber_are_found() {
        let snapshot = r#"{"customer":{"merchant_user_id":"u9","email":"Snap@X"}}"#;
        let data = r#"{"object":{"public_id":"o"},"subscriber":{"email":"W@X"}}"#;
        let expected = ["customer u9", "email snap@x", "email w@x", "object o"];
        assert_eq!(words("workflow.run", data, Some(snapshot)), expected);
    }

    #[test]
    fn terms_are_bounded_and_what_cannot_be_read_has_only_its_type() {
        let ids: Vec<_> = (0..500).map(|n| format!("\"{n}\"")).collect();
        let data = format!(r#"{{"object":{{"subscriptions":[{}]}}}}"#, ids.join(","));
        let most = limits::TERMS_PER_EVENT_MAX;
        assert_eq!(of(&event("subscriber.create", &data, None)).len(), most);
        let long = "x".repeat(limits::TERM_BYTES_MAX + 1);
        let data = format!(r#"{{"object":{{"public_id":"{long}"}}}}"#);
        for data in [&data, "", "[]", "{}", r#"{"object":[]}"#] {
            let event = event("order.create", data, Some("[]"));
            assert_eq!(of(&event), [Term::event_type(&event.event_type)], "{data}");
        }
    }

    #[test]
    fn a_hash_is_stable_and_tells_merchants_kinds_and_words_apart() {
        let one = MerchantId::from_bits(1);
        assert_eq!(Term::customer("c").hash(one), STABLE);
        assert_eq!(Term::email("A@b").hash(one), Term::email("a@B").hash(one));
        let others = [
            Term::object("c").hash(one),
            Term::customer("d").hash(one),
            Term::customer("c").hash(MerchantId::from_bits(2)),
            Term::test().hash(one),
        ];
        assert!(others.iter().all(|other| *other != STABLE));
    }

    const STABLE: i64 = -3_292_872_376_109_192_433;
}

//! Additional data: what a webhook asks for, and the body that results.
//!
//! Owns [`Choice`] (the entities one family of events carries), [`AdditionalData`] (a webhook's
//! choice per family) and [`body`]. A body is a pure function of the accepted event and the choice
//! that was in force then; both are stored, so every attempt sends the same bytes, and webhooks
//! with equal choices share one body (docs/adr/0004). The shape is pinned by tests: changing it
//! would change bodies in transit.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::catalogue::{Entity, Family};
use crate::event::Event;
use crate::json::{self, Members};
use crate::refusal::Refusal;

/// A set of entities, one bit each, as stored with a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Choice(u8);

impl Choice {
    /// No additional data.
    pub const NONE: Self = Self(0);

    /// The stored form.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// From the stored form.
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    /// This choice and `entity`.
    #[must_use]
    pub fn with(self, entity: Entity) -> Self {
        Self(self.0 | 1 << position(entity))
    }

    /// Whether `entity` is chosen.
    pub fn has(self, entity: Entity) -> bool {
        self.0 & (1 << position(entity)) != 0
    }

    /// The chosen entities.
    pub fn entities(self) -> impl Iterator<Item = Entity> {
        Entity::ALL.into_iter().filter(move |entity| self.has(*entity))
    }
}

/// Bit positions are stored: never reorder, only append.
const fn position(entity: Entity) -> u8 {
    match entity {
        Entity::Customer => 0,
        Entity::Subscriptions => 1,
        Entity::Orders => 2,
        Entity::Items => 3,
        Entity::Addresses => 4,
        Entity::Payments => 5,
        Entity::Products => 6,
    }
}

/// A webhook's choice for each family of events.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AdditionalData {
    built_in: [Choice; Family::ALL.len()],
    /// Families of an operator's own catalogue, by name.
    own: BTreeMap<Box<str>, Choice>,
}

impl AdditionalData {
    /// The choice for events of `family`, built in or not.
    pub fn for_family(&self, family: &str) -> Choice {
        match Family::parse(family) {
            Some(family) => self.of(family),
            None => self.own.get(family).copied().unwrap_or_default(),
        }
    }

    /// The choice for events of `family`.
    pub fn of(&self, family: Family) -> Choice {
        self.built_in.get(family as usize).copied().unwrap_or_default()
    }

    /// Every family with a choice: the built-in ones in their order, then others by name.
    pub fn chosen(&self) -> impl Iterator<Item = (&str, Choice)> {
        let built_in = Family::ALL.into_iter().map(|family| (family.as_str(), self.of(family)));
        let own = self.own.iter().map(|(family, choice)| (&**family, *choice));
        built_in.chain(own).filter(|(_, choice)| *choice != Choice::NONE)
    }

    /// Adds `entity` to the events of `family`, if that family may carry it (facts.md 4).
    pub fn choose(&mut self, family: Family, entity: Entity) -> Result<(), Refusal> {
        if let Some(reason) = family.refusal(entity) {
            let field = format!("additional_data.{}", family.as_str());
            let (family, entity) = (family.as_str(), entity.as_str());
            let detail = format!("{family} events cannot carry {entity}: {reason}");
            return Err(Refusal::new("entity_not_allowed", field, detail));
        }
        if let Some(choice) = self.built_in.get_mut(family as usize) {
            *choice = choice.with(entity);
        }
        Ok(())
    }

    /// Adds `entity` to the events of a family that is not built in; whether it may carry it is
    /// the [catalogue](crate::catalogue::Catalogue::choose)'s business.
    pub(crate) fn choose_own(&mut self, family: &str, entity: Entity) {
        let choice = self.own.entry(family.into()).or_default();
        *choice = choice.with(entity);
    }

    /// The stored form: one byte per built-in family in the order of [`Family::ALL`], then for each
    /// other family the length of its name, its name, and one byte.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes: Vec<u8> = self.built_in.iter().map(|choice| choice.bits()).collect();
        for (family, choice) in &self.own {
            // The bound of event types keeps names far below 256 bytes.
            let Ok(length) = u8::try_from(family.len()) else { continue };
            bytes.push(length);
            bytes.extend_from_slice(family.as_bytes());
            bytes.push(choice.bits());
        }
        bytes
    }

    /// From the stored form; missing families carry none.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let mut choices = Self::default();
        let (built_in, mut rest) = bytes.split_at(bytes.len().min(choices.built_in.len()));
        for (choice, bits) in choices.built_in.iter_mut().zip(built_in) {
            *choice = Choice::from_bits(*bits);
        }
        while let Some((family, bits, after)) = next_own(rest) {
            choices.own.insert(family.into(), Choice::from_bits(bits));
            rest = after;
        }
        choices
    }
}

/// Splits off the stored form of one family that is not built in.
fn next_own(bytes: &[u8]) -> Option<(&str, u8, &[u8])> {
    let (&length, rest) = bytes.split_first()?;
    let (family, rest) = rest.split_at_checked(usize::from(length))?;
    let (&bits, rest) = rest.split_first()?;
    Some((std::str::from_utf8(family).ok()?, bits, rest))
}

/// The exact bytes a receiver gets: `{"id","type","created","data","context","snapshot"}` with
/// `data` and `context` as the sender wrote them and the chosen members of the snapshot, each as
/// written and in the sender's order.
pub fn body(event: &Event, choice: Choice) -> Bytes {
    let context = event.context.as_deref().unwrap_or(b"null");
    let given = event.snapshot.as_ref().map_or(0, Bytes::len);
    let mut out = Vec::with_capacity(event.data.len() + context.len() + given + 192);
    out.extend_from_slice(b"{\"id\":");
    json::write_string(&mut out, event.id.as_str());
    out.extend_from_slice(b",\"type\":");
    json::write_string(&mut out, event.event_type.as_str());
    out.extend_from_slice(b",\"created\":");
    out.extend_from_slice(event.created.to_string().as_bytes());
    out.extend_from_slice(b",\"data\":");
    out.extend_from_slice(&event.data);
    out.extend_from_slice(b",\"context\":");
    out.extend_from_slice(context);
    out.extend_from_slice(b",\"snapshot\":{");
    write_snapshot(&mut out, event, choice);
    out.extend_from_slice(b"}}");
    out.into()
}

/// The chosen entities that the event does not carry, so that its body lacks them.
pub fn left_out(event: &Event, choice: Choice) -> Vec<Entity> {
    let given = event.snapshot.as_deref().and_then(|raw| std::str::from_utf8(raw).ok());
    let carried = given.and_then(Members::of).map(|members| members.0).unwrap_or_default();
    let carries = |entity: &Entity| carried.iter().any(|(name, _)| name == entity.as_str());
    choice.entities().filter(|entity| !carries(entity)).collect()
}

fn write_snapshot(out: &mut Vec<u8>, event: &Event, choice: Choice) {
    if choice == Choice::NONE {
        return;
    }
    let given = event.snapshot.as_deref().and_then(|raw| std::str::from_utf8(raw).ok());
    let Some(members) = given.and_then(Members::of) else { return };
    let mut first = true;
    for (name, value) in members.0 {
        if Entity::parse(&name).is_some_and(|entity| choice.has(entity)) {
            if !first {
                out.push(b',');
            }
            first = false;
            json::write_string(out, &name);
            out.push(b':');
            out.extend_from_slice(value.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::EventType;
    use crate::ids::{EventId, MerchantId};
    use crate::time::Timestamp;

    fn event(snapshot: Option<&'static str>, context: Option<&'static str>) -> Event {
        Event {
            id: EventId::parse("e-1").unwrap(),
            merchant: MerchantId::from_bits(1),
            event_type: EventType::parse("order.create").unwrap(),
            created: 1_622_589_211,
            accepted_at: Timestamp::EPOCH,
            data: Bytes::from_static(b"{\"object\" :{\"a\":1,\"a\": 1e400}}"),
            context: context.map(|text| Bytes::from_static(text.as_bytes())),
            snapshot: snapshot.map(|text| Bytes::from_static(text.as_bytes())),
        }
    }

    fn text(event: &Event, choice: Choice) -> String {
        String::from_utf8(body(event, choice).to_vec()).unwrap()
    }

    #[test]
    fn the_shape_of_a_body_is_pinned() {
        assert_eq!(
            text(&event(None, None), Choice::NONE),
            "{\"id\":\"e-1\",\"type\":\"order.create\",\"created\":1622589211,\
             \"data\":{\"object\" :{\"a\":1,\"a\": 1e400}},\"context\":null,\"snapshot\":{}}"
        );
        let full = event(Some("{\"items\": [ 1 ],\"customer\":{},\"orders\":[]}"), Some("{ }"));
        let choice = Choice::NONE.with(Entity::Customer).with(Entity::Items);
        assert!(
            text(&full, choice)
                .ends_with("\"context\":{ },\"snapshot\":{\"items\":[ 1 ],\"customer\":{}}}")
        );
    }

    #[test]
    fn nothing_leaves_that_was_not_chosen() {
        let full = event(Some("{\"payments\":[\"secret\"],\"customer\":{}}"), None);
        assert!(!text(&full, Choice::NONE.with(Entity::Customer)).contains("secret"));
    }

    #[test]
    fn what_was_chosen_and_is_not_carried_is_named() {
        let given = event(Some("{\"customer\":{}}"), None);
        let choice = Choice::NONE.with(Entity::Customer).with(Entity::Items);
        assert_eq!(left_out(&given, choice), [Entity::Items]);
        assert_eq!(left_out(&event(None, None), choice), [Entity::Customer, Entity::Items]);
        assert!(left_out(&given, Choice::NONE).is_empty());
    }

    #[test]
    fn a_choice_outside_the_table_is_refused_with_the_reason() {
        let mut choices = AdditionalData::default();
        let refusal = choices.choose(Family::Subscriber, Entity::Customer).unwrap_err();
        assert_eq!(
            (refusal.code, &*refusal.field),
            ("entity_not_allowed", "additional_data.subscriber")
        );
        assert_eq!(choices, AdditionalData::default());
    }

    #[test]
    fn choices_survive_storage() {
        let mut choices = AdditionalData::default();
        for entity in [Entity::Customer, Entity::Products] {
            choices.choose(Family::Order, entity).unwrap();
        }
        assert_eq!(AdditionalData::from_bytes(&choices.to_bytes()), choices);
        let order: Vec<_> = choices.for_family("order").entities().collect();
        assert_eq!(order, [Entity::Customer, Entity::Products]);
        assert_eq!(choices.for_family("own_family"), Choice::NONE);
    }
}

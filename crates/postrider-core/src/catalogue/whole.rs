//! The whole catalogue of an installation: the built-in event types and the operator's own, asked
//! as one.
//!
//! Invariants, held by `own.rs`, which is the only maker of own entries:
//! - an own event type has a name nothing else has, a family that exists, a schema and an example;
//! - own families do not redefine built-in ones.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Entity, EventTypeEntry, Family, Repeats, entries, entries_of, example, find, schema};
use crate::privacy::{Marks, Path};
use crate::refusal::Refusal;
use crate::snapshot::{AdditionalData, Choice};

/// Every event type and family there is. The default has the built-in ones alone.
#[derive(Debug, Default)]
pub struct Catalogue {
    /// By name.
    pub(super) families: BTreeMap<Box<str>, OwnFamily>,
    /// By name.
    pub(super) event_types: BTreeMap<Box<str>, OwnEventType>,
    /// What is private in the events of a family, own or built in.
    pub(super) private: BTreeMap<Box<str>, Vec<Path>>,
}

/// A family of the operator's own.
#[derive(Debug)]
pub(super) struct OwnFamily {
    pub(super) allowed: Choice,
}

/// An event type of the operator's own.
#[derive(Debug, PartialEq)]
pub struct OwnEventType {
    pub(super) name: Box<str>,
    pub(super) description: Box<str>,
    pub(super) repeats: Repeats,
    pub(super) schema: Value,
    /// `data`, and `context` and `snapshot` where given.
    pub(super) example: Value,
    /// Whether the schema marks anything as private.
    pub(super) has_marks: bool,
}

/// An event type, whoever defined it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum EventTypeView<'a> {
    /// One of ours.
    BuiltIn(&'static EventTypeEntry),
    /// One of the operator's.
    Own(&'a OwnEventType),
}

impl<'a> EventTypeView<'a> {
    /// The whole event type, `family.action`.
    pub fn name(self) -> &'a str {
        match self {
            Self::BuiltIn(entry) => entry.name,
            Self::Own(own) => &own.name,
        }
    }

    /// The part of the name before the dot.
    pub fn family(self) -> &'a str {
        self.name().split_once('.').map_or(self.name(), |(family, _)| family)
    }

    /// The part of the name after the dot.
    pub fn action(self) -> &'a str {
        self.name().split_once('.').map_or(self.name(), |(_, action)| action)
    }

    /// When it happens, for a merchant's developer.
    pub fn description(self) -> &'a str {
        match self {
            Self::BuiltIn(entry) => entry.description,
            Self::Own(own) => &own.description,
        }
    }

    /// How often it can happen to one object.
    pub fn repeats(self) -> Repeats {
        match self {
            Self::BuiltIn(entry) => entry.repeats,
            Self::Own(own) => own.repeats,
        }
    }

    /// The JSON Schema of `data`. Built-in ones are put together anew at each call.
    pub fn schema(self) -> Cow<'a, Value> {
        match self {
            Self::BuiltIn(entry) => Cow::Owned(schema(entry)),
            Self::Own(own) => Cow::Borrowed(&own.schema),
        }
    }

    /// A posted event of this type that happens now, without an id.
    pub fn example(self, merchant_id: &str, now_unix_seconds: i64) -> Value {
        match self {
            Self::BuiltIn(entry) => example(entry, merchant_id, now_unix_seconds),
            Self::Own(own) => json!({
                "type": own.name,
                "created": now_unix_seconds,
                "data": own.example["data"],
                "context": own.example["context"],
                "snapshot": own.example["snapshot"],
            }),
        }
    }
}

impl Catalogue {
    /// Every event type: the built-in ones in their order, then the operator's by name.
    pub fn entries(&self) -> impl Iterator<Item = EventTypeView<'_>> {
        let built_in = entries().iter().map(EventTypeView::BuiltIn);
        built_in.chain(self.own_entries())
    }

    /// The operator's event types.
    pub fn own_entries(&self) -> impl Iterator<Item = EventTypeView<'_>> {
        self.event_types.values().map(EventTypeView::Own)
    }

    /// The event type of exactly this name. Called for each posted event.
    pub fn find(&self, name: &str) -> Option<EventTypeView<'_>> {
        let built_in = find(name).map(EventTypeView::BuiltIn);
        built_in.or_else(|| self.event_types.get(name).map(EventTypeView::Own))
    }

    /// Every family: the built-in ones in their order, then the operator's by name.
    pub fn families(&self) -> impl Iterator<Item = &str> {
        let built_in = Family::ALL.into_iter().map(|family| -> &str { family.as_str() });
        built_in.chain(self.own_families())
    }

    /// The operator's families.
    pub fn own_families(&self) -> impl Iterator<Item = &str> {
        self.families.keys().map(|name| &**name)
    }

    /// Whether there is a family of this name.
    pub fn has_family(&self, name: &str) -> bool {
        Family::parse(name).is_some() || self.families.contains_key(name)
    }

    /// The entities that events of this family may carry.
    pub fn allowed_entities(&self, family: &str) -> impl Iterator<Item = Entity> + use<> {
        let allowed = match Family::parse(family) {
            Some(family) => family.allowed_entities().fold(Choice::NONE, Choice::with),
            None => self.families.get(family).map_or(Choice::NONE, |own| own.allowed),
        };
        allowed.entities().collect::<Vec<_>>().into_iter()
    }

    /// Adds `entity` to what bodies of `family` carry, if that family may carry it.
    pub fn choose(
        &self,
        chosen: &mut AdditionalData,
        family: &str,
        entity: Entity,
    ) -> Result<(), Refusal> {
        if let Some(family) = Family::parse(family) {
            return chosen.choose(family, entity);
        }
        if self.families.get(family).is_some_and(|own| own.allowed.has(entity)) {
            chosen.choose_own(family, entity);
            return Ok(());
        }
        let allowed: Vec<_> = self.allowed_entities(family).map(Entity::as_str).collect();
        let reason = match allowed.as_slice() {
            [] => "it allows no additional data".to_owned(),
            some => format!("it allows {}", some.join(", ")),
        };
        let detail = format!(
            "{family} events cannot carry {}: the catalogue says that {reason}.",
            entity.as_str()
        );
        let field = format!("additional_data.{family}");
        Err(Refusal::new("entity_not_allowed", field, detail))
    }

    /// What is private in events of this type; `None` when nothing is.
    pub fn marks(&self, event_type: &str) -> Option<Marks<'_>> {
        let own = self.event_types.get(event_type).filter(|own| own.has_marks);
        let family = event_type.split_once('.').map_or(event_type, |(family, _)| family);
        let paths = self.private.get(family).map_or(&[][..], Vec::as_slice);
        (own.is_some() || !paths.is_empty()).then(|| Marks::new(own.map(|own| &own.schema), paths))
    }

    /// The event type somebody probably meant who wrote a name that does not exist; `None` when
    /// nothing is near enough, since a wrong "did you mean" costs more than none.
    pub fn nearest(&self, name: &str) -> Option<&str> {
        let name = name.to_ascii_lowercase();
        let (family, action) = name.split_once('.')?;
        let family = closest(family, self.families(), |family| family)?;
        // Actions of one family are compared alone: with the family in front, all look alike.
        let built_in = Family::parse(family).map_or(&[][..], entries_of);
        let built_in = built_in.iter().map(EventTypeView::BuiltIn);
        let own = self.own_entries().filter(|entry| entry.family() == family);
        let known: Vec<_> = built_in.chain(own).collect();
        if let Some(entry) = closest(action, known.iter().copied(), EventTypeView::action) {
            return Some(entry.name());
        }
        // `cancelled` and `skip` are further away than a misspelling, but one continues the other.
        let mut continuing = known.into_iter().filter(|entry| {
            let known = entry.action();
            known.len().min(action.len()) >= SHARED_BEGINNING_MIN
                && (known.starts_with(action) || action.starts_with(known))
        });
        // Several, as for `change`, are a guess.
        continuing.next().filter(|_| continuing.next().is_none()).map(EventTypeView::name)
    }
}

/// Two edits turn `subscriptions` into `subscription` and `rejected` into `reject`, while no two
/// built-in families, and no two actions of one, are that close to each other.
pub(super) const EDITS_MAX: usize = 2;

/// Shorter beginnings, such as `re`, say too little about what was meant.
const SHARED_BEGINNING_MIN: usize = 4;

fn closest<'a, T: Copy + 'a>(
    written: &str,
    known: impl IntoIterator<Item = T>,
    name_of: impl Fn(T) -> &'a str,
) -> Option<T> {
    known
        .into_iter()
        .map(|item| (strsim::damerau_levenshtein(written, name_of(item)), item))
        .min_by_key(|(edits, _)| *edits)
        .filter(|(edits, _)| *edits <= EDITS_MAX)
        .map(|(_, item)| item)
}

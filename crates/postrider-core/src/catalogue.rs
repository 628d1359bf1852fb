//! The event catalogue: which event types exist, what they mean, what their `data` looks like, and
//! which additional data each family may carry.
//!
//! Owns the built-in table (`table.rs`), the schemas (`schemas.json`), the made-up world that the
//! documented examples are taken from (`world.json`, `examples.json`), worlds invented from a seed for
//! test events (`invented`), and what an operator adds. It leaves to others whether an unknown type is refused, whether `data` fits a
//! schema, and which webhook wants an event.
//!
//! Invariants, all held by `tests.rs`:
//! - a name is `family.action`, occurs once, and the table keeps families in the order of
//!   [`Family::ALL`] (lookups bisect on it);
//! - every entry has a schema and an example, the example fits the schema, and the snapshot of the
//!   example holds exactly the entities that [`Family::allows`];
//! - nothing here reads a clock: an example is a function of the entry, a merchant id and a time.
//!
//! The table is one source of entries; an operator's own catalogue, read by `own.rs`, is another.
//! [`Catalogue`] is both, so other code asks that one and does not match on names of event types.

mod dates;
mod example;
pub mod invented;
mod made;
pub mod natural;
mod own;
mod posted;
mod schema;
mod table;
#[cfg(test)]
mod tests;
mod whole;

pub use example::{EXAMPLE_MERCHANT, example};
pub use own::read;
pub use posted::posted;
pub use schema::schema;
pub use whole::{Catalogue, EventTypeView, OwnEventType};

/// The part of a built-in event type before its dot: what kind of object the event is about. The
/// catalogue asks for families by name, because an operator's own are not among these.
///
/// Source: facts, section 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// A customer, seen as somebody who has subscriptions.
    Subscriber,
    /// One agreement to deliver a product again and again.
    Subscription,
    /// One delivery, upcoming or done.
    Order,
    /// One line of an order.
    Item,
    /// Time of access to something digital.
    Entitlement,
    /// A step of an automated workflow.
    Workflow,
}

impl Family {
    /// Every family, in the order in which pages and lists show them.
    pub const ALL: [Self; 6] = [
        Self::Subscriber,
        Self::Subscription,
        Self::Order,
        Self::Item,
        Self::Entitlement,
        Self::Workflow,
    ];

    /// The family as it stands in event types, in `data.object.type` and in `additional_data`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Subscriber => "subscriber",
            Self::Subscription => "subscription",
            Self::Order => "order",
            Self::Item => "item",
            Self::Entitlement => "entitlement",
            Self::Workflow => "workflow",
        }
    }

    /// Reads what [`Family::as_str`] writes; case matters, as it does in event types.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|family| family.as_str() == text)
    }

    /// Whether bodies of this family may carry that entity in their snapshot.
    ///
    /// Source: facts, section 4, "Which family may carry which entity".
    pub const fn allows(self, entity: Entity) -> bool {
        self.refusal(entity).is_none()
    }

    /// The entities this family may carry, in the order of [`Entity::ALL`].
    pub fn allowed_entities(self) -> impl Iterator<Item = Entity> {
        Entity::ALL.into_iter().filter(move |entity| self.allows(*entity))
    }

    /// Why bodies of this family cannot carry that entity, as a sentence for the person who asked
    /// for it; `None` when they can. Written beside the rule, so that the two cannot disagree.
    pub const fn refusal(self, entity: Entity) -> Option<&'static str> {
        match (self, entity) {
            (Self::Subscriber, Entity::Customer) => {
                Some("The object of a subscriber event is the customer itself.")
            }
            (Self::Subscription, Entity::Subscriptions) => {
                Some("The object of a subscription event is the subscription itself.")
            }
            (Self::Order, Entity::Orders) => {
                Some("The object of an order event is the order itself.")
            }
            (Self::Item, Entity::Items) => Some("The object of an item event is the item itself."),
            (Self::Subscriber, Entity::Orders | Entity::Items) => Some(
                "A subscriber event is about a customer and their subscriptions; \
                 orders and items are not among its records.",
            ),
            (Self::Subscription, Entity::Orders | Entity::Items) => Some(
                "A subscription event is about the agreement, not about a delivery of it; \
                 orders and items are not among its records.",
            ),
            (Self::Entitlement, _) => Some("Entitlement events carry no additional data."),
            (Self::Workflow, _) => Some("Workflow events carry no additional data."),
            (Self::Subscriber | Self::Subscription | Self::Order | Self::Item, _) => None,
        }
    }
}

/// A kind of record that a snapshot can hold.
///
/// Source: facts, section 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Entity {
    /// The customer the event concerns; the only single record.
    Customer,
    /// Subscriptions involved.
    Subscriptions,
    /// Orders involved.
    Orders,
    /// Line items involved.
    Items,
    /// Billing and shipping addresses.
    Addresses,
    /// Means of payment.
    Payments,
    /// Products of the items or subscriptions involved.
    Products,
}

impl Entity {
    /// Every entity, in the column order of the documented grid.
    pub const ALL: [Self; 7] = [
        Self::Customer,
        Self::Subscriptions,
        Self::Orders,
        Self::Items,
        Self::Addresses,
        Self::Payments,
        Self::Products,
    ];

    /// The entity's key in `snapshot` and its word in `additional_data`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Subscriptions => "subscriptions",
            Self::Orders => "orders",
            Self::Items => "items",
            Self::Addresses => "addresses",
            Self::Payments => "payments",
            Self::Products => "products",
        }
    }

    /// Reads what [`Entity::as_str`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|entity| entity.as_str() == text)
    }

    /// Whether a snapshot holds one record under this key instead of a list: an event concerns one
    /// customer, and possibly several of everything else (facts, section 4, "Shape").
    pub const fn is_single(self) -> bool {
        matches!(self, Self::Customer)
    }
}

/// How often an event type can happen to one object; receivers decide by it what a second event
/// means. Source: facts, section 2, column "repeat".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Repeats {
    /// At most once per object, so a second event with another id is worth an alarm.
    Once,
    /// Any number of times.
    Repeatedly,
    /// The source does not say.
    Unknown,
}

impl Repeats {
    /// The word for it in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Once => "once",
            Self::Repeatedly => "repeatedly",
            Self::Unknown => "unknown",
        }
    }
}

/// One event type of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventTypeEntry {
    /// The whole event type, `family.action`.
    pub name: &'static str,
    /// The part of `name` before the dot.
    pub family: Family,
    /// When it happens, in a sentence or two for a merchant's developer.
    pub description: &'static str,
    /// How often it can happen to one object.
    pub repeats: Repeats,
}

impl EventTypeEntry {
    /// The part of the name after the dot.
    pub fn action(&self) -> &'static str {
        self.name.split_once('.').map_or(self.name, |(_, action)| action)
    }
}

/// The whole built-in catalogue, families in the order of [`Family::ALL`].
pub const fn entries() -> &'static [EventTypeEntry] {
    table::ENTRIES
}

/// The event types of one family.
pub fn entries_of(family: Family) -> &'static [EventTypeEntry] {
    let all = entries();
    let start = all.partition_point(|entry| entry.family < family);
    let end = all.partition_point(|entry| entry.family <= family);
    &all[start..end]
}

/// The entry with exactly this name. Called once for each posted event: only names of the same
/// family are compared, at most fifteen, and most differ in length already.
fn find(name: &str) -> Option<&'static EventTypeEntry> {
    let (family, _) = name.split_once('.')?;
    entries_of(Family::parse(family)?).iter().find(|entry| entry.name == name)
}

//! What lists are asked and what they show.

use postrider_core::attempt::Attempt;
use postrider_core::delivery::State;
use postrider_core::event::{Event, EventType};
use postrider_core::ids::{DeliveryId, EventId, WebhookId};
use postrider_core::outcome::OutcomeKind;
use postrider_core::routing::Decision;
use postrider_core::snapshot::Choice;
use postrider_core::terms::Term;
use postrider_core::time::Timestamp;

/// An event as lists show it: a page of payloads would have no bound worth the name.
#[derive(Debug, Clone)]
pub struct ListedEvent {
    /// Its id.
    pub id: EventId,
    /// Its type.
    pub event_type: EventType,
    /// When it happened, Unix seconds.
    pub created: i64,
    /// When we accepted it.
    pub accepted_at: Timestamp,
    /// Whether it was made up on request.
    pub is_test: bool,
    /// What each webhook made of it.
    pub decisions: Vec<Decision>,
}

/// An event with what became of it.
#[derive(Debug, Clone)]
pub struct StoredEvent {
    /// The event.
    pub event: Event,
    /// Whether it was made up on request.
    pub is_test: bool,
    /// What each webhook made of it.
    pub decisions: Vec<Decision>,
}

/// Which deliveries are wanted; every filter given must hold.
#[derive(Debug, Clone, Default)]
pub struct DeliveryFilter {
    /// Of this webhook.
    pub webhook: Option<WebhookId>,
    /// In this state.
    pub state: Option<State>,
    /// Of this type.
    pub event_type: Option<EventType>,
    /// Of events with all these terms.
    pub terms: Vec<Term>,
    /// Of this event.
    pub event: Option<EventId>,
    /// Test deliveries only, or none of them.
    pub is_test: Option<bool>,
    /// Created at or after.
    pub created_after: Option<Timestamp>,
    /// Created before.
    pub created_before: Option<Timestamp>,
}

/// Which events are wanted; every filter given must hold.
#[derive(Debug, Clone, Default)]
pub struct EventFilter {
    /// Of this type.
    pub event_type: Option<EventType>,
    /// With all these terms.
    pub terms: Vec<Term>,
    /// Test events only, or none of them.
    pub is_test: Option<bool>,
    /// Accepted at or after.
    pub created_after: Option<Timestamp>,
    /// Accepted before.
    pub created_before: Option<Timestamp>,
}

/// One delivery as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// Its event.
    pub event: EventId,
    /// The event's type.
    pub event_type: EventType,
    /// Its webhook.
    pub webhook: WebhookId,
    /// Where it stands.
    pub state: State,
    /// Whether it carries a test event.
    pub is_test: bool,
    /// Attempts on record.
    pub attempts: u32,
    /// When a pending delivery is next due; for one in flight, when its lease runs out.
    pub due_at: Option<Timestamp>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it left `Pending`.
    pub settled_at: Option<Timestamp>,
}

/// One delivery as its own page shows it.
#[derive(Debug, Clone)]
pub struct DeliveryDetail {
    /// The delivery.
    pub delivery: Delivery,
    /// Its event, from which the body follows.
    pub event: Event,
    /// The additional data in its body.
    pub choice: Choice,
    /// Its attempts, oldest first.
    pub attempts: Vec<Attempt>,
}

/// Which page of a list.
#[derive(Debug, Clone, Copy)]
pub struct PageAsk {
    /// Rows at most; 1 to `limits::PAGE_SIZE_MAX`.
    pub size: u32,
    /// Where to go on; the newest rows when absent.
    pub cursor: Option<Cursor>,
}

/// A place in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cursor {
    /// Rows older than the row at this position.
    Older(u128),
    /// Rows newer than the row at this position.
    Newer(u128),
}

/// Some rows of a list, newest first. A page that read `limits::PAGE_EFFORT_MAX` rows its filters
/// pass over ends there: it holds fewer rows than asked for, perhaps none, and says where to go on.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Where older rows go on, if there are any.
    pub next: Option<Cursor>,
    /// Where newer rows go on, if there are any.
    pub previous: Option<Cursor>,
}

/// Failed deliveries of one webhook that ended alike. Those that were sent again are not among
/// them, since a resend makes them pending; nor are those of test events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UndeliveredGroup {
    /// The webhook.
    pub webhook: WebhookId,
    /// What the last attempt came to; `None` without an attempt.
    pub outcome: Option<OutcomeKind>,
    /// How many.
    pub count: u64,
    /// When the oldest of them was created.
    pub oldest: Timestamp,
    /// When the newest of them was created.
    pub newest: Timestamp,
    /// The newest of them.
    pub example: DeliveryId,
}

/// What could not be delivered, grouped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undelivered {
    /// By webhook, then the largest group first.
    pub groups: Vec<UndeliveredGroup>,
    /// Whether every failed delivery was looked at; otherwise the newest were.
    pub is_complete: bool,
}

/// A place in a webhook's feed: everything up to it was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedPosition {
    /// The event's place in the order of commits.
    pub event: u64,
    /// The resend's place in that order.
    pub resend: u64,
}

/// One delivery in a feed.
#[derive(Debug, Clone)]
pub struct FeedRow {
    /// The delivery with its event.
    pub entry: DeliveryDetail,
    /// Whether a resend brought it.
    pub is_resend: bool,
    /// Where to go on after it.
    pub after: FeedPosition,
}

/// Some deliveries of one webhook in the order they were committed, resends after new ones.
#[derive(Debug, Clone)]
pub struct FeedPage {
    /// The rows; the attempts of their deliveries are left out.
    pub rows: Vec<FeedRow>,
    /// Where to go on.
    pub next: FeedPosition,
    /// Whether there is nothing after `next` yet.
    pub is_at_end: bool,
}

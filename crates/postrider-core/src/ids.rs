//! Typed identifiers.
//!
//! Owns: the 128-bit ids of everything we make ([`Id`]) and the text id of an event ([`EventId`]).
//! An [`Id`] is a UUIDv7 (RFC 9562) written as 32 lower-case hex digits, so ids sort by the time
//! they were minted. The kind is part of the type: a webhook id cannot be passed for a delivery id.
//! Drawing random bits and asking the time is left to the engine; here both are arguments.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::sync::Arc;

use crate::limits;
use crate::time::Timestamp;

/// What an [`Id`] names. Never constructed.
pub mod kind {
    /// A merchant, the owner of every other row.
    #[derive(Debug)]
    pub enum Merchant {}
    /// A webhook.
    #[derive(Debug)]
    pub enum Webhook {}
    /// A delivery.
    #[derive(Debug)]
    pub enum Delivery {}
    /// An API key.
    #[derive(Debug)]
    pub enum ApiKey {}
    /// A user of the admin.
    #[derive(Debug)]
    pub enum User {}
    /// A session of a user, or of whoever followed a portal link.
    #[derive(Debug)]
    pub enum Session {}
    /// A portal link.
    #[derive(Debug)]
    pub enum PortalLink {}
    /// A recovery.
    #[derive(Debug)]
    pub enum Recovery {}
    /// A rehearsal of a rotation.
    #[derive(Debug)]
    pub enum Rehearsal {}
}

/// Names a merchant.
pub type MerchantId = Id<kind::Merchant>;
/// Names a webhook.
pub type WebhookId = Id<kind::Webhook>;
/// Names a delivery.
pub type DeliveryId = Id<kind::Delivery>;
/// Names an API key.
pub type ApiKeyId = Id<kind::ApiKey>;
/// Names a user.
pub type UserId = Id<kind::User>;
/// Names a session.
pub type SessionId = Id<kind::Session>;
/// Names a portal link.
pub type PortalLinkId = Id<kind::PortalLink>;
/// Names a recovery.
pub type RecoveryId = Id<kind::Recovery>;
/// Names a rehearsal of a rotation.
pub type RehearsalId = Id<kind::Rehearsal>;

/// A time-ordered 128-bit id of a thing of kind `K`.
pub struct Id<K> {
    bits: u128,
    kind: PhantomData<fn() -> K>,
}

/// The text is not of the right number of lower-case hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an id is 32 lower-case hex digits, or 24 in the older API")]
pub struct BadId;

impl<K> Id<K> {
    /// Builds a UUIDv7: 48 bits of milliseconds, 12 bits of `sequence` (to keep ids of one
    /// millisecond in order; higher bits are dropped) and 62 bits of `random`.
    pub fn from_parts(at: Timestamp, sequence: u16, random: u64) -> Self {
        let millis = u128::from(at.unix_millis().max(0).cast_unsigned()) & ((1 << 48) - 1);
        let bits = (millis << 80)
            | (0x7 << 76)
            | (u128::from(sequence & 0x0fff) << 64)
            | (0b10 << 62)
            | (u128::from(random) & ((1 << 62) - 1));
        Self::from_bits(bits)
    }

    /// Takes the id as a number, as stores keep it.
    pub const fn from_bits(bits: u128) -> Self {
        Self { bits, kind: PhantomData }
    }

    /// Takes the 16 bytes a store kept, most significant first.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self::from_bits(u128::from_be_bytes(bytes))
    }

    /// The 16 bytes to store, most significant first: their order is the order of time.
    pub const fn to_bytes(self) -> [u8; 16] {
        self.bits.to_be_bytes()
    }

    /// Reads the 32 hex digits of the public form.
    pub fn parse(text: &str) -> Result<Self, BadId> {
        let is_lower_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if text.len() != 32 || !text.bytes().all(is_lower_hex) {
            return Err(BadId);
        }
        u128::from_str_radix(text, 16).map(Self::from_bits).map_err(|_| BadId)
    }
}

impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K> Copy for Id<K> {}
impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.bits == other.bits
    }
}
impl<K> Eq for Id<K> {}
impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.bits.cmp(&other.bits)
    }
}
impl<K> Hash for Id<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bits.hash(state);
    }
}
impl<K> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.bits)
    }
}
impl<K> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.bits)
    }
}

/// Bytes of a [`ShortId`].
const SHORT_BYTES: usize = 12;

impl<K> Id<K> {
    /// The id as the older API names things: its first 24 hex digits (facts.md 9).
    pub fn shortened(self) -> ShortId {
        let mut short = [0; SHORT_BYTES];
        short.copy_from_slice(self.to_bytes().split_at(SHORT_BYTES).0);
        ShortId(short)
    }

    /// The highest id that is shortened to `short`.
    pub fn last_of(short: ShortId) -> Self {
        let mut bytes = [0xff; 16];
        bytes.split_at_mut(SHORT_BYTES).0.copy_from_slice(&short.0);
        Self::from_bytes(bytes)
    }
}

/// An id of the older API, written as 24 lower-case hex digits. A webhook's is the beginning of
/// its own: the time and 42 bits more, so that two of one merchant are never the same in practice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShortId([u8; SHORT_BYTES]);

impl ShortId {
    /// Takes the bytes a store kept.
    pub const fn from_bytes(bytes: [u8; SHORT_BYTES]) -> Self {
        Self(bytes)
    }

    /// The bytes to store.
    pub const fn to_bytes(self) -> [u8; SHORT_BYTES] {
        self.0
    }

    /// Reads the 24 hex digits.
    pub fn parse(text: &str) -> Result<Self, BadId> {
        if text.len() != 2 * SHORT_BYTES {
            return Err(BadId);
        }
        // As the beginning of an id: what is true of its digits is true of these.
        Id::<()>::parse(&format!("{text}00000000")).map(Id::shortened)
    }
}

impl fmt::Display for ShortId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
impl fmt::Debug for ShortId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The public id of an event, unique within its merchant: ours (32 hex digits) or the sender's own
/// (1–64 of `[A-Za-z0-9_-]`), which is then the idempotency key (product.md).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(Arc<str>);

impl EventId {
    /// Accepts a sender's own id.
    pub fn parse(text: &str) -> Result<Self, BadEventId> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        let fits = (1..=limits::EVENT_ID_BYTES_MAX).contains(&text.len());
        if fits && text.bytes().all(allowed) { Ok(Self(text.into())) } else { Err(BadEventId) }
    }

    /// An id minted by us.
    pub fn minted(at: Timestamp, sequence: u16, random: u64) -> Self {
        Self(Id::<()>::from_parts(at, sequence, random).to_string().into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text cannot be an event id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event id is 1 to 64 characters of A-Z, a-z, 0-9, _ and -")]
pub struct BadEventId;

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_version_7_uuid_that_sorts_by_time() {
        let early = WebhookId::from_parts(Timestamp::from_unix_millis(1_000), 7, u64::MAX);
        let later = WebhookId::from_parts(Timestamp::from_unix_millis(1_001), 0, 0);
        assert!(early < later && early.to_string() < later.to_string());
        let text = early.to_string();
        assert_eq!((text.len(), &text[12..13], &text[16..17]), (32, "7", "b"));
    }

    #[test]
    fn ids_survive_text_and_bytes() {
        let id = DeliveryId::from_parts(Timestamp::from_unix_millis(1_700_000_000_000), 1, 42);
        assert_eq!(DeliveryId::parse(&id.to_string()), Ok(id));
        assert_eq!(DeliveryId::from_bytes(id.to_bytes()), id);
    }

    #[test]
    fn only_32_lower_case_hex_digits_are_an_id() {
        for text in ["", "0", "../x", "null", &"A".repeat(32), &"a".repeat(33), &"+".repeat(32)] {
            assert_eq!(WebhookId::parse(text), Err(BadId), "{text}");
        }
    }

    #[test]
    fn a_short_id_is_the_beginning_of_an_id_and_bounds_its_search() {
        let id = WebhookId::from_parts(Timestamp::from_unix_millis(1_700_000_000_000), 9, 1 << 61);
        let short = id.shortened();
        assert_eq!(short.to_string(), id.to_string()[..24]);
        assert_eq!(ShortId::parse(&short.to_string()), Ok(short));
        assert_eq!(ShortId::from_bytes(short.to_bytes()), short);
        let last = WebhookId::last_of(short);
        assert!(id <= last && last.shortened() == short);
        for text in ["", &"A".repeat(24), &"a".repeat(23), &"a".repeat(32), &"+".repeat(24)] {
            assert_eq!(ShortId::parse(text), Err(BadId), "{text}");
        }
    }

    #[test]
    fn a_senders_event_id_is_bounded_and_plain() {
        assert!(EventId::parse("order_77-A").is_ok());
        for text in ["", "a b", "a.b", "é", "a\u{0}", &"x".repeat(65)] {
            assert_eq!(EventId::parse(text), Err(BadEventId), "{text}");
        }
    }
}

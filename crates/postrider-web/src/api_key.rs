//! API keys and tokens: their text form, their digest, and the scopes keys carry.
//!
//! A key is `pr_op_` (operator) or `pr_mk_` (merchant), 48 hex digits of randomness (192 bits) and
//! 8 hex digits of CRC-32 over all before. Tokens of sessions, invitations, portal links and set-up
//! have the same form and other prefixes. The prefixes let secret scanners recognise a leaked key;
//! the checksum lets a mistyped one be refused without asking the database. Hex, because a double
//! click selects all of it.
//!
//! Invariants: only the SHA-256 digest is ever stored (the key has enough randomness for a plain
//! hash); no `Debug` prints a key.

use std::fmt;

use postrider_engine::chance;
use sha2::{Digest, Sha256};

/// Random bytes in a key.
const RANDOM_BYTES: usize = 24;
const RANDOM_DIGITS: usize = RANDOM_BYTES * 2;
const CHECKSUM_DIGITS: usize = 8;
/// Characters of the key that are shown later, beside the prefix.
const HINT_CHARS: usize = 4;

/// What a secret is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// Administers the installation, and acts for any merchant it names.
    Operator,
    /// Belongs to one merchant and does what its scopes say.
    Merchant,
    /// Somebody is signed in.
    Session,
    /// Lets a user choose a password, once.
    Invitation,
    /// Lets somebody in whom a platform sends, once.
    PortalLink,
    /// Sets an empty database up, once.
    Setup,
}

impl KeyKind {
    pub(crate) const ALL: [Self; 6] = [
        Self::Operator,
        Self::Merchant,
        Self::Session,
        Self::Invitation,
        Self::PortalLink,
        Self::Setup,
    ];

    const fn prefix(self) -> &'static str {
        match self {
            Self::Operator => "pr_op_",
            Self::Merchant => "pr_mk_",
            Self::Session => "pr_se_",
            Self::Invitation => "pr_in_",
            Self::PortalLink => "pr_pl_",
            Self::Setup => "pr_su_",
        }
    }

    /// The word of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Merchant => "merchant",
            Self::Session => "session",
            Self::Invitation => "invitation",
            Self::PortalLink => "portal_link",
            Self::Setup => "setup",
        }
    }
}

/// The text of an API key or a token.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    text: String,
    kind: KeyKind,
}

impl Secret {
    /// A new key.
    pub fn fresh(kind: KeyKind) -> Self {
        let mut random = [0; RANDOM_BYTES];
        chance::fill_secret(&mut random);
        let mut text = format!("{}{}", kind.prefix(), faster_hex::hex_string(&random));
        text.push_str(&checksum(&text));
        Self { text, kind }
    }

    /// Reads a key; `None` when its form or its checksum is wrong.
    pub fn parse(text: &str) -> Option<Self> {
        let kind = KeyKind::ALL.into_iter().find(|kind| text.starts_with(kind.prefix()))?;
        let digits = text.strip_prefix(kind.prefix())?;
        let is_hex = digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if digits.len() != RANDOM_DIGITS + CHECKSUM_DIGITS || !is_hex {
            return None;
        }
        let (body, sum) = text.split_at_checked(text.len() - CHECKSUM_DIGITS)?;
        (sum == checksum(body)).then(|| Self { text: text.to_owned(), kind })
    }

    /// Whether `text` looks like a key of ours, well-formed or not; finds keys where none belong.
    pub(crate) fn resembles(text: &str) -> bool {
        KeyKind::ALL.into_iter().any(|kind| text.starts_with(kind.prefix()))
    }

    /// The key itself. Every use of this is a place where it may leak.
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// What it is for.
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// What is stored of it.
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.text.as_bytes()).into()
    }

    /// Prefix and last characters, to recognise it by.
    pub fn hint(&self) -> String {
        let tail = self.text.len() - HINT_CHARS;
        format!("{}…{}", self.kind.prefix(), self.text.get(tail..).unwrap_or_default())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

fn checksum(text: &str) -> String {
    format!("{:08x}", crc32fast::hash(text.as_bytes()))
}

/// One thing a merchant's key may be allowed to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Post events.
    EventsWrite,
    /// See webhooks.
    WebhooksRead,
    /// Change webhooks, and see and rotate their verification keys.
    WebhooksWrite,
    /// See events, deliveries and attempts.
    DeliveriesRead,
    /// Resend deliveries.
    DeliveriesWrite,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 5] = [
        Self::EventsWrite,
        Self::WebhooksRead,
        Self::WebhooksWrite,
        Self::DeliveriesRead,
        Self::DeliveriesWrite,
    ];

    /// The word of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EventsWrite => "events:write",
            Self::WebhooksRead => "webhooks:read",
            Self::WebhooksWrite => "webhooks:write",
            Self::DeliveriesRead => "deliveries:read",
            Self::DeliveriesWrite => "deliveries:write",
        }
    }

    /// Bits are stored: never change one, only add.
    const fn bit(self) -> u32 {
        match self {
            Self::EventsWrite => 1,
            Self::WebhooksRead => 1 << 1,
            Self::WebhooksWrite => 1 << 2,
            Self::DeliveriesRead => 1 << 3,
            Self::DeliveriesWrite => 1 << 4,
        }
    }
}

/// A set of scopes, as stored with a key. No scope implies another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scopes(u32);

impl Scopes {
    /// No scope.
    pub const NONE: Self = Self(0);
    /// Every scope there is.
    pub const ALL: Self = Self(0b1_1111);

    /// The stored form.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// From the stored form.
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// Whether `scope` is in the set.
    pub const fn has(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// The set with `scope`.
    #[must_use]
    pub const fn with(self, scope: Scope) -> Self {
        Self(self.0 | scope.bit())
    }

    /// The names of the scopes in the set.
    pub fn names(self) -> Vec<&'static str> {
        Scope::ALL.into_iter().filter(|scope| self.has(*scope)).map(Scope::as_str).collect()
    }

    /// The set of these names; `Err` is the first that names no scope.
    pub fn parse<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, &'a str> {
        names.into_iter().try_fold(Self::NONE, |scopes, name| {
            let known = Scope::ALL.into_iter().find(|scope| scope.as_str() == name);
            known.map(|scope| scopes.with(scope)).ok_or(name)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_key_is_read_back_and_any_changed_character_is_noticed() {
        for kind in KeyKind::ALL {
            let secret = Secret::fresh(kind);
            let text = secret.reveal();
            assert_eq!(Secret::parse(text).as_ref(), Some(&secret));
            for at in 0..text.len() {
                let mut typo = text.to_owned();
                let other = if typo.as_bytes()[at] == b'a' { "b" } else { "a" };
                typo.replace_range(at..=at, other);
                assert_eq!(Secret::parse(&typo), None, "{at}");
            }
            assert_eq!(Secret::parse(&text[1..]), None);
            assert_eq!(Secret::parse(&format!("{text}0")), None);
        }
    }

    #[test]
    fn a_key_has_at_least_160_random_bits_and_never_prints() {
        const { assert!(RANDOM_BYTES * 8 >= 160) };
        let (a, b) = (Secret::fresh(KeyKind::Merchant), Secret::fresh(KeyKind::Merchant));
        assert_ne!(a.digest(), b.digest());
        assert_eq!(format!("{a:?}"), "Secret(…)");
        let hint = a.hint();
        assert!(hint.starts_with("pr_mk_…") && a.reveal().ends_with(&hint[hint.len() - 4..]));
    }

    #[test]
    fn all_scopes_are_all_scopes_and_names_are_read_back() {
        assert_eq!(Scope::ALL.into_iter().fold(Scopes::NONE, Scopes::with), Scopes::ALL);
        assert_eq!(Scopes::parse(Scopes::ALL.names()), Ok(Scopes::ALL));
        assert_eq!(Scopes::parse(["events:write", "events:read"]), Err("events:read"));
    }
}

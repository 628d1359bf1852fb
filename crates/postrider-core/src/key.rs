//! Verification keys: the secret a webhook shares with its receiver, and its rotation.
//!
//! A key is text. The `ordergroove` scheme uses the text's bytes as they are (facts.md 6); the
//! `standard` scheme uses the base64 part after `whsec_`. Keys we make serve both. No `Debug` or
//! error here ever prints a key.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::limits;
use crate::refusal::Refusal;
use crate::time::Timestamp;

const PREFIX: &str = "whsec_";
/// Bytes the `standard` scheme accepts (Standard Webhooks: 24 to 64).
const STANDARD_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// Characters of a key brought from another sender; documented samples have 24 and 27.
const IMPORTED_CHARS: std::ops::RangeInclusive<usize> = 16..=256;

/// A secret shared with one receiver.
#[derive(Clone, PartialEq, Eq)]
pub struct VerificationKey(Arc<str>);

impl VerificationKey {
    /// A key from fresh random bytes: `whsec_` and their base64.
    pub fn from_random(random: [u8; limits::VERIFICATION_KEY_BYTES]) -> Self {
        Self(format!("{PREFIX}{}", BASE64.encode(random)).into())
    }

    /// A key brought from another sender: 16 to 256 printable characters, not all the same.
    pub fn imported(text: &str) -> Result<Self, Refusal> {
        let is_varied = text.bytes().any(|b| Some(b) != text.bytes().next());
        let is_printable = text.bytes().all(|b| b.is_ascii_graphic());
        if IMPORTED_CHARS.contains(&text.len()) && is_printable && is_varied {
            return Ok(Self(text.into()));
        }
        let detail = format!(
            "a verification key has {} to {} printable ASCII characters, not all the same",
            IMPORTED_CHARS.start(),
            IMPORTED_CHARS.end()
        );
        Err(Refusal::new("invalid_secret", "verification_key", detail))
    }

    /// A key read back from our own store.
    pub fn restored(text: &str) -> Self {
        Self(text.into())
    }

    /// The secret itself. Every use of this is a place where it may leak.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The bytes the `standard` scheme signs with; `None` when the text is not of that form.
    pub fn standard_bytes(&self) -> Option<Vec<u8>> {
        let bytes = BASE64.decode(self.0.strip_prefix(PREFIX)?).ok()?;
        STANDARD_BYTES.contains(&bytes.len()).then_some(bytes)
    }
}

impl fmt::Debug for VerificationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VerificationKey(…)")
    }
}

/// The keys of one webhook: the one receivers should use, and during a rotation the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerificationKeys {
    /// The key shown and used first.
    pub new: VerificationKey,
    /// The key that still signs too, and until when.
    pub expiring: Option<ExpiringKey>,
}

/// A key on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpiringKey {
    /// The key receivers may still hold.
    pub key: VerificationKey,
    /// The first moment it signs no more.
    pub expires_at: Timestamp,
}

impl VerificationKeys {
    /// The keys of a webhook that was never rotated.
    pub const fn of(new: VerificationKey) -> Self {
        Self { new, expiring: None }
    }

    /// Begins a rotation, or replaces the new key inside one: the original stays the expiring key
    /// and its end does not move (facts.md 6, product.md).
    #[must_use]
    pub fn rotated(&self, new: VerificationKey, now: Timestamp) -> Self {
        let expiring = self.expiring_at(now).cloned().unwrap_or_else(|| ExpiringKey {
            key: self.new.clone(),
            expires_at: now + limits::ROTATION_WINDOW,
        });
        Self { new, expiring: Some(expiring) }
    }

    /// The expiring key, if it still signs at `now`.
    pub fn expiring_at(&self, now: Timestamp) -> Option<&ExpiringKey> {
        self.expiring.as_ref().filter(|expiring| now < expiring.expires_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u8) -> VerificationKey {
        VerificationKey::from_random([n; 32])
    }

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_unix_seconds(hours * 3600)
    }

    #[test]
    fn a_made_key_serves_both_schemes_and_never_prints() {
        let made = key(7);
        assert!(made.reveal().starts_with("whsec_"));
        assert_eq!(made.standard_bytes(), Some(vec![7; 32]));
        assert!(!format!("{made:?}").contains("BwcH"));
    }

    #[test]
    fn an_imported_key_has_bounds() {
        for good in ["5f15ef298dc15df9bc6eda35", "GBBYToAvYGBBYToAvYGBBYToAvY"] {
            let imported = VerificationKey::imported(good).unwrap();
            assert_eq!((imported.reveal(), imported.standard_bytes()), (good, None));
        }
        for bad in ["", "short", "has a space inside it", &"0".repeat(32), &"ab".repeat(129)] {
            assert_eq!(VerificationKey::imported(bad).unwrap_err().code, "invalid_secret");
        }
    }

    #[test]
    fn a_rotation_keeps_the_old_key_for_a_day() {
        let keys = VerificationKeys::of(key(1)).rotated(key(2), at(0));
        assert_eq!(keys.new, key(2));
        assert_eq!(
            keys.expiring_at(at(24) - std::time::Duration::from_secs(1)).unwrap().key,
            key(1)
        );
        assert_eq!(keys.expiring_at(at(24)), None);
    }

    #[test]
    fn rotating_again_inside_the_window_keeps_the_original_and_its_end() {
        let keys = VerificationKeys::of(key(1)).rotated(key(2), at(0)).rotated(key(3), at(10));
        let expiring = keys.expiring_at(at(23)).unwrap();
        assert_eq!((&keys.new, &expiring.key, expiring.expires_at), (&key(3), &key(1), at(24)));
        let later = keys.rotated(key(4), at(30));
        assert_eq!(later.expiring_at(at(53)).unwrap().key, key(3));
    }
}

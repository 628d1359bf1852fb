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
use crate::sign::Scheme;
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

    /// A key brought from another sender, for a webhook that signs by `scheme`.
    ///
    /// For `ordergroove` the text is the key: 16 to 256 printable characters. For `standard`, and so
    /// for `both`, it is `whsec_` and the base64 of 24 to 64 bytes; `both` signs the `ordergroove`
    /// header with that same text. A key of one repeated byte is no secret in any of them.
    pub fn imported(text: &str, scheme: Scheme) -> Result<Self, Refusal> {
        let key = Self(text.into());
        let is_fit = if scheme.needs_standard_key() {
            key.standard_bytes().is_some()
        } else {
            IMPORTED_CHARS.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
        };
        let decoded = key.standard_bytes();
        let is_secret = is_varied(text.as_bytes()) && decoded.is_none_or(|bytes| is_varied(&bytes));
        if is_fit && is_secret {
            return Ok(key);
        }
        // Never a word of what was given: it may be the right key, mistyped.
        let detail = if scheme.needs_standard_key() {
            format!(
                "with this `signature` a verification key is `{PREFIX}` and the base64 of {} to {} \
                 bytes, not all the same",
                STANDARD_BYTES.start(),
                STANDARD_BYTES.end()
            )
        } else {
            format!(
                "a verification key has {} to {} printable ASCII characters without spaces, not \
                 all the same",
                IMPORTED_CHARS.start(),
                IMPORTED_CHARS.end()
            )
        };
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

fn is_varied(bytes: &[u8]) -> bool {
    bytes.iter().any(|byte| Some(byte) != bytes.first())
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

    /// Replaces the new key at once and drops the expiring one: for a key that is known to others.
    #[must_use]
    pub const fn replaced(new: VerificationKey) -> Self {
        Self::of(new)
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
            let imported = VerificationKey::imported(good, Scheme::Ordergroove).unwrap();
            assert_eq!((imported.reveal(), imported.standard_bytes()), (good, None));
        }
        for bad in ["", "short", "has a space inside it", &"0".repeat(32), &"ab".repeat(129)] {
            let refusal = VerificationKey::imported(bad, Scheme::Ordergroove).unwrap_err();
            assert_eq!((refusal.code, &*refusal.field), ("invalid_secret", "verification_key"));
            assert!(refusal.detail.contains("16 to 256"), "{refusal}");
        }
    }

    /// Row 81.
    #[test]
    fn a_key_for_standard_signatures_is_24_to_64_bytes() {
        let text = |bytes: &[u8]| format!("whsec_{}", BASE64.encode(bytes));
        let counted = |length: u8| (0..length).collect::<Vec<_>>();
        for scheme in [Scheme::Standard, Scheme::Both] {
            for length in [24, 32, 64] {
                let imported = VerificationKey::imported(&text(&counted(length)), scheme).unwrap();
                assert_eq!(imported.standard_bytes(), Some(counted(length)));
            }
            for bad in [
                text(&counted(8)),
                text(&counted(23)),
                text(&counted(65)),
                text(&[0; 32]),
                "whsec_not base64 at all, but long enough".to_owned(),
                BASE64.encode(counted(32)),
                String::new(),
            ] {
                let refusal = VerificationKey::imported(&bad, scheme).unwrap_err();
                assert_eq!(refusal.code, "invalid_secret", "{bad}");
                assert!(refusal.detail.contains("24 to 64"), "{refusal}");
                assert!(bad.is_empty() || !refusal.detail.contains(&bad), "{refusal}");
            }
        }
        let zeros = VerificationKey::imported(&text(&[0; 32]), Scheme::Ordergroove);
        assert_eq!(zeros.unwrap_err().code, "invalid_secret");
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

//! The only place that draws random bits: ids, keys, seeds, and the draws of
//! jitter.
//!
//! Secrets come from the operating system directly. Ids and jitter need no secrecy and come from a
//! fast generator seeded by it.

use std::sync::atomic::{AtomicU64, Ordering};

use postrider_core::ids::{EventId, Id};
use postrider_core::key::VerificationKey;
use postrider_core::limits;
use postrider_core::time::Timestamp;

/// Fills `bytes` with randomness fit for secrets.
///
/// # Panics
/// When the operating system has no randomness to give, in which case no key could be made safely.
#[expect(clippy::expect_used, reason = "without system randomness nothing can be kept secret")]
pub fn fill_secret(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("invariant: the operating system provides randomness");
}

/// A fresh verification key.
pub fn verification_key() -> VerificationKey {
    let mut random = [0; limits::VERIFICATION_KEY_BYTES];
    fill_secret(&mut random);
    VerificationKey::from_random(random)
}

/// A draw for jitter, uniform in 0..1.
pub fn draw() -> f64 {
    fastrand::f64()
}

/// A seed for an invented world: shown to people, so it is nobody's secret.
pub fn seed() -> u64 {
    fastrand::u64(..)
}

/// Mints ids that ascend within this process.
#[derive(Debug, Default)]
pub struct Mint {
    /// Milliseconds and a 12-bit sequence of the last id, in one word.
    last: AtomicU64,
}

impl Mint {
    /// A new id.
    pub fn id<K>(&self, now: Timestamp) -> Id<K> {
        let (at, sequence) = self.tick(now);
        Id::from_parts(at, sequence, fastrand::u64(..))
    }

    /// A new event id.
    pub fn event_id(&self, now: Timestamp) -> EventId {
        let (at, sequence) = self.tick(now);
        EventId::minted(at, sequence, fastrand::u64(..))
    }

    /// The time and sequence of the next id: those of `now`, or just above the last one's. More
    /// than 4,096 ids in a millisecond borrow from the next, as RFC 9562 allows.
    fn tick(&self, now: Timestamp) -> (Timestamp, u16) {
        let wanted = now.unix_millis().max(0).cast_unsigned() << 12;
        let step = |last: u64| Some(wanted.max(last + 1));
        let last = self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, step);
        let next = wanted.max(last.unwrap_or_default() + 1);
        let millis = Timestamp::from_unix_millis((next >> 12).cast_signed());
        (millis, u16::try_from(next & 0x0fff).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use postrider_core::ids::DeliveryId;

    #[test]
    fn ids_ascend_even_within_one_millisecond_and_across_a_clock_set_back() {
        let mint = Mint::default();
        let mut last: DeliveryId = mint.id(Timestamp::from_unix_seconds(1_000));
        for n in 0..10_000 {
            let next = mint.id(Timestamp::from_unix_seconds(1_000 - n / 5_000));
            assert!(next > last);
            last = next;
        }
    }

    #[test]
    fn verification_keys_differ() {
        assert_ne!(verification_key(), verification_key());
    }
}

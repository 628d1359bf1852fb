//! Encryption of verification keys at rest.
//!
//! XChaCha20-Poly1305 with a random 24-byte nonce; the associated data names the merchant, the
//! webhook and the place of the key, so a sealed key moved to another row does not open
//! (reliability.md K8). The sealing key itself is kept apart from the database.

use std::fmt;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};

use crate::ids::{MerchantId, WebhookId};
use crate::key::VerificationKey;

const NONCE_BYTES: usize = 24;

/// Which of a webhook's two keys a sealed value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyPlace {
    /// The new key.
    New,
    /// The expiring key.
    Expiring,
}

/// A sealed key does not open: it was altered, moved, or sealed with another secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a stored verification key does not open with this secret key")]
pub struct SealBroken;

/// Seals and opens verification keys.
#[derive(Clone)]
pub struct Sealer {
    cipher: XChaCha20Poly1305,
    fill_random: fn(&mut [u8]),
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(…)")
    }
}

impl Sealer {
    /// A sealer with this 32-byte secret; `fill_random` draws nonces from the system.
    pub fn new(secret: &[u8; 32], fill_random: fn(&mut [u8])) -> Self {
        Self { cipher: XChaCha20Poly1305::new(secret.into()), fill_random }
    }

    /// Seals `key`: 24 bytes of nonce, then the ciphertext.
    ///
    /// # Panics
    /// Never: the cipher refuses only texts beyond 256 GiB.
    pub fn seal(
        &self,
        merchant: MerchantId,
        webhook: WebhookId,
        place: KeyPlace,
        key: &VerificationKey,
    ) -> Vec<u8> {
        let mut nonce = [0; NONCE_BYTES];
        (self.fill_random)(&mut nonce);
        let aad = associated_data(merchant, webhook, place);
        let payload = Payload { msg: key.reveal().as_bytes(), aad: &aad };
        #[expect(clippy::expect_used, reason = "fails only beyond 256 GiB")]
        let sealed = self
            .cipher
            .encrypt(&XNonce::from(nonce), payload)
            .expect("invariant: a key is far shorter than the cipher's bound");
        [&nonce[..], &sealed].concat()
    }

    /// Opens what [`Sealer::seal`] made for the same merchant, webhook and place.
    pub fn open(
        &self,
        merchant: MerchantId,
        webhook: WebhookId,
        place: KeyPlace,
        sealed: &[u8],
    ) -> Result<VerificationKey, SealBroken> {
        let (nonce, msg) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(SealBroken)?;
        let aad = associated_data(merchant, webhook, place);
        let opened = self.cipher.decrypt(&XNonce::from(*nonce), Payload { msg, aad: &aad });
        let text = String::from_utf8(opened.map_err(|_| SealBroken)?).map_err(|_| SealBroken)?;
        Ok(VerificationKey::restored(&text))
    }
}

fn associated_data(merchant: MerchantId, webhook: WebhookId, place: KeyPlace) -> [u8; 33] {
    let mut aad = [0; 33];
    let (ids, last) = aad.split_at_mut(32);
    let (first, second) = ids.split_at_mut(16);
    first.copy_from_slice(&merchant.to_bytes());
    second.copy_from_slice(&webhook.to_bytes());
    last.fill(match place {
        KeyPlace::New => 0,
        KeyPlace::Expiring => 1,
    });
    aad
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(secret: u8) -> Sealer {
        Sealer::new(&[secret; 32], |nonce| nonce.fill(5))
    }

    #[test]
    fn a_sealed_key_opens_only_where_it_belongs() {
        let (merchant, webhook) = (MerchantId::from_bits(1), WebhookId::from_bits(2));
        let key = VerificationKey::from_random([3; 32]);
        let sealed = sealer(1).seal(merchant, webhook, KeyPlace::New, &key);
        let open = |sealer: Sealer, merchant, webhook, place, sealed: &[u8]| {
            sealer.open(
                MerchantId::from_bits(merchant),
                WebhookId::from_bits(webhook),
                place,
                sealed,
            )
        };
        assert_eq!(open(sealer(1), 1, 2, KeyPlace::New, &sealed), Ok(key));
        assert_eq!(open(sealer(2), 1, 2, KeyPlace::New, &sealed), Err(SealBroken));
        assert_eq!(open(sealer(1), 9, 2, KeyPlace::New, &sealed), Err(SealBroken));
        assert_eq!(open(sealer(1), 1, 9, KeyPlace::New, &sealed), Err(SealBroken));
        assert_eq!(open(sealer(1), 1, 2, KeyPlace::Expiring, &sealed), Err(SealBroken));
        for length in 0..sealed.len() {
            assert_eq!(open(sealer(1), 1, 2, KeyPlace::New, &sealed[..length]), Err(SealBroken));
        }
        for position in 0..sealed.len() {
            let mut flipped = sealed.clone();
            flipped[position] ^= 1;
            assert_eq!(open(sealer(1), 1, 2, KeyPlace::New, &flipped), Err(SealBroken));
        }
    }
}

//! Signing requests and verifying signatures, in both schemes.
//!
//! - `ordergroove` (facts.md 6): header value `ts=<unix s>,sig=<hex>[,sig=<hex>]`, HMAC-SHA256 over
//!   `{ts}.{body}` with the key's text as bytes, new key first.
//! - `standard` (Standard Webhooks): `webhook-id`, `webhook-timestamp`, and `webhook-signature` with
//!   space-separated `v1,<base64>` over `{id}.{ts}.{body}`, new key first.
//!
//! The keyed state is prepared once per key and cloned per request.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::key::{VerificationKey, VerificationKeys};
use crate::time::Timestamp;

/// The signature header unless configured otherwise, sent in exactly this case.
pub const SIGNATURE_HEADER: &str = "Ordergroove-Signature";

/// Which signature headers a webhook's requests carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scheme {
    /// The header of facts.md 6.
    #[default]
    Ordergroove,
    /// The three headers of Standard Webhooks.
    Standard,
    /// All of them.
    Both,
}

impl Scheme {
    /// Every scheme.
    pub const ALL: [Self; 3] = [Self::Ordergroove, Self::Standard, Self::Both];

    /// The word of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ordergroove => "ordergroove",
            Self::Standard => "standard",
            Self::Both => "both",
        }
    }

    /// Reads the word of the API.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scheme| scheme.as_str() == text)
    }

    /// Whether keys must be of the form Standard Webhooks prescribes.
    pub const fn needs_standard_key(self) -> bool {
        matches!(self, Self::Standard | Self::Both)
    }
}

/// One key, ready to sign.
#[derive(Clone)]
struct PreparedKey {
    text: Hmac<Sha256>,
    standard: Option<Hmac<Sha256>>,
}

impl PreparedKey {
    fn new(key: &VerificationKey) -> Self {
        Self {
            text: keyed(key.reveal().as_bytes()),
            standard: key.standard_bytes().map(|bytes| keyed(&bytes)),
        }
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC is defined for keys of any length")]
    Hmac::new_from_slice(key).expect("invariant: HMAC takes keys of any length")
}

/// Signs the requests of one webhook.
#[derive(Clone)]
pub struct Signer {
    new: PreparedKey,
    expiring: Option<(PreparedKey, Timestamp)>,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer(…)")
    }
}

/// The values of the signature headers of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signatures {
    /// Value of the `ordergroove` header.
    pub ordergroove: Option<String>,
    /// Values of the `standard` headers.
    pub standard: Option<StandardSignature>,
}

/// The values of the `standard` headers beside `webhook-id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandardSignature {
    /// `webhook-timestamp`.
    pub timestamp: String,
    /// `webhook-signature`.
    pub signature: String,
}

impl Signer {
    /// Prepares the keys of one webhook.
    pub fn new(keys: &VerificationKeys) -> Self {
        let expiring = keys.expiring.as_ref();
        Self {
            new: PreparedKey::new(&keys.new),
            expiring: expiring.map(|old| (PreparedKey::new(&old.key), old.expires_at)),
        }
    }

    /// Signs `body` at `now`: with the new key, and with the expiring one while it lives.
    pub fn sign(&self, scheme: Scheme, id: &str, now: Timestamp, body: &[u8]) -> Signatures {
        let timestamp = now.unix_seconds().to_string();
        let ordergroove = matches!(scheme, Scheme::Ordergroove | Scheme::Both)
            .then(|| self.ordergroove(now, &timestamp, body));
        let standard = scheme.needs_standard_key().then(|| StandardSignature {
            signature: self.standard(now, id, &timestamp, body),
            timestamp,
        });
        Signatures { ordergroove, standard }
    }

    fn keys(&self, now: Timestamp) -> impl Iterator<Item = &PreparedKey> {
        let expiring = self.expiring.as_ref().filter(|(_, expires_at)| now < *expires_at);
        std::iter::once(&self.new).chain(expiring.map(|(key, _)| key))
    }

    fn ordergroove(&self, now: Timestamp, timestamp: &str, body: &[u8]) -> String {
        let mut value = String::with_capacity(160);
        value.push_str("ts=");
        value.push_str(timestamp);
        for key in self.keys(now) {
            value.push_str(",sig=");
            let tag = mac(&key.text, &[timestamp.as_bytes(), b".", body]);
            value.push_str(&faster_hex::hex_string(&tag));
        }
        value
    }

    fn standard(&self, now: Timestamp, id: &str, timestamp: &str, body: &[u8]) -> String {
        let parts: [&[u8]; 5] = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body];
        let signed = self.keys(now).filter_map(|key| key.standard.as_ref());
        let signatures: Vec<_> =
            signed.map(|key| format!("v1,{}", BASE64.encode(mac(key, &parts)))).collect();
        signatures.join(" ")
    }
}

fn mac(keyed: &Hmac<Sha256>, parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = keyed.clone();
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// Why a signature header does not fit a body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyFault {
    /// The value is not of the documented form.
    #[error("the header is not of the form ts=<unix seconds>,sig=<64 hex digits>: {0}")]
    Malformed(&'static str),
    /// No signature fits, and nothing explains it.
    #[error(
        "no signature fits: the body was changed on the way (re-serialised JSON is the usual \
         cause; verify the raw bytes), or the key is another webhook's or an old one"
    )]
    Mismatch,
    /// It fits when a trailing line break is left out of the body.
    #[error("it fits without the line break at the end of the body: pass the body unchanged")]
    TrailingNewline,
    /// It fits when the key is decoded first.
    #[error("the signer decoded the key from base64 or hex; use the key's text as it is")]
    KeyWasDecoded,
    /// It fits when the key's surrounding white space is removed.
    #[error("the key has white space around it; remove that")]
    KeyHasSpace,
}

/// Verifies an `ordergroove` header value over the raw `body` and answers its `ts`. Compares in
/// constant time; any one of several signatures may fit.
pub fn verify(header: &str, body: &[u8], key: &str) -> Result<i64, VerifyFault> {
    let (timestamp, signatures) = parse(header)?;
    let fits = |key: &[u8], body: &[u8]| {
        let tag = mac(&keyed(key), &[timestamp.as_bytes(), b".", body]);
        signatures.iter().any(|signature| bool::from(signature.ct_eq(&tag)))
    };
    if fits(key.as_bytes(), body) {
        return timestamp.parse().map_err(|_| VerifyFault::Malformed("ts is not a number"));
    }
    let without_newline = body.strip_suffix(b"\n").map(|b| b.strip_suffix(b"\r").unwrap_or(b));
    if without_newline.is_some_and(|body| fits(key.as_bytes(), body)) {
        return Err(VerifyFault::TrailingNewline);
    }
    if key.trim() != key && fits(key.trim().as_bytes(), body) {
        return Err(VerifyFault::KeyHasSpace);
    }
    let decoded =
        [BASE64.decode(key.strip_prefix("whsec_").unwrap_or(key)).ok(), decode_hex(key.as_bytes())];
    if decoded.into_iter().flatten().any(|key| fits(&key, body)) {
        return Err(VerifyFault::KeyWasDecoded);
    }
    Err(VerifyFault::Mismatch)
}

/// The `ts` of an `ordergroove` header value, if it is of the documented form.
pub fn timestamp_of(header: &str) -> Option<i64> {
    parse(header).ok()?.0.parse().ok()
}

/// Splits a header value into its `ts` text and its signatures.
fn parse(header: &str) -> Result<(&str, Vec<[u8; 32]>), VerifyFault> {
    let mut timestamp = None;
    let mut signatures = Vec::new();
    for part in header.trim().split(',') {
        match part.trim().split_once('=') {
            Some(("ts", value)) => timestamp = Some(value),
            Some(("sig", value)) => {
                let bytes = decode_hex(value.as_bytes()).and_then(|b| b.try_into().ok());
                signatures.push(bytes.ok_or(VerifyFault::Malformed("a sig is not 64 hex digits"))?);
            }
            _ => return Err(VerifyFault::Malformed("a part is neither ts= nor sig=")),
        }
    }
    let timestamp = timestamp.ok_or(VerifyFault::Malformed("ts is missing"))?;
    if timestamp.is_empty() || !timestamp.bytes().all(|b| b.is_ascii_digit()) {
        return Err(VerifyFault::Malformed("ts is not a number"));
    }
    if signatures.is_empty() {
        return Err(VerifyFault::Malformed("sig is missing"));
    }
    Ok((timestamp, signatures))
}

fn decode_hex(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = vec![0; text.len() / 2];
    faster_hex::hex_decode(text, &mut bytes).is_ok().then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vectors of facts.md 6, computed outside this code.
    const DOCUMENTED_KEY: &str = "super-secret-webhooks-verification-key";
    const VECTORS: [(&str, &str); 2] = [
        ("{}", "f992381121805167bcb19b5c4b648bc14b4435b39c950bce9754be87c95db6db"),
        (
            "{\"test\":\"payload\"}",
            "03bb2e9d20f18b32ca9168786f1b5c06fdaeffe89f528115f63b6d4db7956ce8",
        ),
    ];

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds)
    }

    #[test]
    fn signatures_equal_the_documented_vectors() {
        let keys = VerificationKeys::of(VerificationKey::restored(DOCUMENTED_KEY));
        for (body, signature) in VECTORS {
            let made = Signer::new(&keys).sign(
                Scheme::Ordergroove,
                "",
                at(1_592_570_791),
                body.as_bytes(),
            );
            let expected = format!("ts=1592570791,sig={signature}");
            assert_eq!((made.ordergroove, made.standard), (Some(expected.clone()), None));
            assert_eq!(verify(&expected, body.as_bytes(), DOCUMENTED_KEY), Ok(1_592_570_791));
        }
    }

    #[test]
    fn the_standard_scheme_verifies_with_the_published_library() {
        let key = VerificationKey::from_random([9; 32]);
        let foreign = standardwebhooks::Webhook::new(key.reveal()).unwrap();
        let body = b"{\"a\":1}";
        let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs().cast_signed();
        let signed =
            Signer::new(&VerificationKeys::of(key)).sign(Scheme::Both, "d1", at(now), body);
        let standard = signed.standard.unwrap();
        let expected = foreign.sign("d1", now, body).unwrap();
        assert_eq!(standard.signature, expected);
        assert!(signed.ordergroove.is_some());
    }

    #[test]
    fn during_a_rotation_both_keys_sign_new_first_and_afterwards_only_the_new_one() {
        let (old, new) =
            (VerificationKey::from_random([1; 32]), VerificationKey::from_random([2; 32]));
        let rotated = VerificationKeys::of(old.clone()).rotated(new.clone(), at(0));
        let only = |key: &VerificationKey, seconds| {
            let signer = Signer::new(&VerificationKeys::of(key.clone()));
            let made = signer.sign(Scheme::Both, "d", at(seconds), b"x");
            (made.ordergroove.unwrap(), made.standard.unwrap().signature)
        };
        let sign = |seconds| {
            let made = Signer::new(&rotated).sign(Scheme::Both, "d", at(seconds), b"x");
            (made.ordergroove.unwrap(), made.standard.unwrap().signature)
        };
        let sig = |value: &str| value.split_once(",sig=").unwrap().1.to_owned();
        let last = 86_399;
        let expected =
            format!("ts={last},sig={},sig={}", sig(&only(&new, last).0), sig(&only(&old, last).0));
        assert_eq!(sign(last).0, expected);
        assert_eq!(sign(last).1, format!("{} {}", only(&new, last).1, only(&old, last).1));
        assert_eq!(sign(86_400), only(&new, 86_400));
    }

    #[test]
    fn a_flipped_bit_anywhere_is_refused() {
        let (body, signature) = VECTORS[1];
        let header = format!("ts=1592570791,sig={signature}");
        for position in 0..body.len() {
            let mut changed = body.as_bytes().to_vec();
            changed[position] ^= 1;
            assert_eq!(verify(&header, &changed, DOCUMENTED_KEY), Err(VerifyFault::Mismatch));
        }
        let other_time = format!("ts=1592570790,sig={signature}");
        assert!(verify(&other_time, body.as_bytes(), DOCUMENTED_KEY).is_err());
    }

    #[test]
    fn a_fault_names_its_likely_reason() {
        let (_, signature) = VECTORS[0];
        let header = format!("ts=1592570791,sig={signature}");
        assert_eq!(verify(&header, b"{}\n", DOCUMENTED_KEY), Err(VerifyFault::TrailingNewline));
        let spaced = format!(" {DOCUMENTED_KEY}\n");
        assert_eq!(verify(&header, b"{}", &spaced), Err(VerifyFault::KeyHasSpace));
        for bad in ["", "ts=1", "sig=00", "ts=,sig=", "ts=1,sig=zz", "v1,abc", "ts=1 sig=2"] {
            assert!(
                matches!(verify(bad, b"{}", DOCUMENTED_KEY), Err(VerifyFault::Malformed(_))),
                "{bad}"
            );
        }
    }
}

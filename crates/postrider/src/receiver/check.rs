//! Whether a request's signatures fit its body.
//!
//! Judges the `ordergroove` header and, when the key is of that form, the Standard Webhooks
//! headers; whatever is there must fit. A key without any signature to judge is a failure: a sender
//! that stopped signing must not pass.

use hyper::header::HeaderMap;
use postrider_core::key::{VerificationKey, VerificationKeys};
use postrider_core::sign::{self, Scheme, Signer};
use postrider_core::time::Timestamp;

/// What became of the check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// There is no key to verify with.
    NotChecked,
    /// Every signature fits.
    Verified,
    /// Something does not fit; why, in words.
    Refused(String),
}

impl Verdict {
    /// `None` when nothing was checked.
    pub(crate) const fn is_verified(&self) -> Option<bool> {
        match self {
            Self::NotChecked => None,
            Self::Verified => Some(true),
            Self::Refused(_) => Some(false),
        }
    }
}

/// Judges the signatures of one request.
pub(super) fn verdict(
    headers: &HeaderMap,
    body: &[u8],
    key: Option<&VerificationKey>,
    signature_header: &str,
) -> Verdict {
    let Some(key) = key else { return Verdict::NotChecked };
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let ordergroove = text(signature_header)
        .map(|value| sign::verify(value, body, key.reveal()).map(drop).map_err(|f| f.to_string()));
    let standard = text("webhook-signature").filter(|_| key.standard_bytes().is_some());
    let standard = standard.map(|value| {
        let id = text("webhook-id").unwrap_or_default();
        let timestamp = text("webhook-timestamp").unwrap_or_default();
        check_standard(key, id, timestamp, body, value)
    });
    if ordergroove.is_none() && standard.is_none() {
        return Verdict::Refused(format!("there is no {signature_header} header"));
    }
    match ordergroove.into_iter().chain(standard).collect::<Result<(), String>>() {
        Ok(()) => Verdict::Verified,
        Err(fault) => Verdict::Refused(fault),
    }
}

/// Signs anew and compares, in time that tells nothing of how far they agree.
fn check_standard(
    key: &VerificationKey,
    id: &str,
    timestamp: &str,
    body: &[u8],
    given: &str,
) -> Result<(), String> {
    let seconds: i64 = timestamp.parse().map_err(|_| "webhook-timestamp is not Unix seconds")?;
    let signer = Signer::new(&VerificationKeys::of(key.clone()));
    let now = Timestamp::from_unix_seconds(seconds);
    let expected = signer.sign(Scheme::Standard, id, now, body).standard;
    let expected = expected.map(|made| made.signature).unwrap_or_default();
    let is_same = |one: &str| {
        let differences = one.bytes().zip(expected.bytes()).fold(0, |all, (a, b)| all | (a ^ b));
        one.len() == expected.len() && differences == 0
    };
    if !expected.is_empty() && given.split(' ').any(is_same) {
        return Ok(());
    }
    Err("webhook-signature does not fit: the body was changed, or the key is another one"
        .to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "Ordergroove-Signature";

    fn signed(key: &VerificationKey, body: &[u8]) -> HeaderMap {
        let signer = Signer::new(&VerificationKeys::of(key.clone()));
        let made =
            signer.sign(Scheme::Both, "d1", Timestamp::from_unix_seconds(1_700_000_000), body);
        let standard = made.standard.unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("ordergroove-signature", made.ordergroove.unwrap().parse().unwrap());
        headers.insert("webhook-id", "d1".parse().unwrap());
        headers.insert("webhook-timestamp", standard.timestamp.parse().unwrap());
        headers.insert("webhook-signature", standard.signature.parse().unwrap());
        headers
    }

    #[test]
    fn both_schemes_are_judged_and_a_change_of_the_body_is_refused() {
        let key = VerificationKey::from_random([7; 32]);
        let headers = signed(&key, b"{}");
        assert_eq!(verdict(&headers, b"{}", Some(&key), HEADER), Verdict::Verified);
        assert_eq!(verdict(&headers, b"{ }", Some(&key), HEADER).is_verified(), Some(false));
        assert_eq!(verdict(&headers, b"{}", None, HEADER), Verdict::NotChecked);
    }

    #[test]
    fn one_bad_signature_among_good_ones_is_refused() {
        let key = VerificationKey::from_random([7; 32]);
        for name in
            ["webhook-signature", "webhook-id", "webhook-timestamp", "ordergroove-signature"]
        {
            let mut headers = signed(&key, b"{}");
            headers.insert(name, "v1,AAAA".parse().unwrap());
            assert_eq!(
                verdict(&headers, b"{}", Some(&key), HEADER).is_verified(),
                Some(false),
                "{name}"
            );
        }
    }

    #[test]
    fn during_a_rotation_any_one_of_several_signatures_may_fit() {
        let key = VerificationKey::from_random([7; 32]);
        let mut headers = signed(&key, b"{}");
        let both = format!("v1,AAAA {}", headers["webhook-signature"].to_str().unwrap());
        headers.insert("webhook-signature", both.parse().unwrap());
        assert_eq!(verdict(&headers, b"{}", Some(&key), HEADER), Verdict::Verified);
    }

    #[test]
    fn a_request_without_a_signature_does_not_pass_when_there_is_a_key() {
        let key = VerificationKey::from_random([7; 32]);
        let verdict = verdict(&HeaderMap::new(), b"{}", Some(&key), HEADER);
        assert_eq!(
            verdict,
            Verdict::Refused("there is no Ordergroove-Signature header".to_owned())
        );
    }
}

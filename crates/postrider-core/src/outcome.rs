//! What one attempt came to: a closed set, and what each kind implies.
//!
//! An outcome is data, never an `Err`: whatever a receiver does is recorded and acted on. How the
//! delivery moves on is decided in `delivery`; plain words about cause and remedy are here, so the
//! API, the pages and the log say the same.

use std::time::Duration;

/// The result of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// What happened.
    pub kind: OutcomeKind,
    /// The status code, when a response head arrived.
    pub status_code: Option<u16>,
    /// How long the receiver asked us to wait (429 and 503 only), uncapped.
    pub retry_after: Option<Duration>,
}

impl Outcome {
    /// An outcome without a response.
    pub const fn without_response(kind: OutcomeKind) -> Self {
        Self { kind, status_code: None, retry_after: None }
    }

    /// Judges a response by its head (product.md: any 2xx is a success; 3xx is never followed).
    pub fn of_response(status_code: u16, retry_after: Option<Duration>) -> Self {
        let kind = match status_code {
            200..=299 => OutcomeKind::Success,
            300..=399 => OutcomeKind::Redirect,
            410 => OutcomeKind::Gone,
            429 => OutcomeKind::Throttled,
            503 if retry_after.is_some() => OutcomeKind::Throttled,
            _ => OutcomeKind::HttpError,
        };
        let retry_after = retry_after.filter(|_| kind == OutcomeKind::Throttled);
        Self { kind, status_code: Some(status_code), retry_after }
    }
}

/// The kinds of outcome. Stored as [`OutcomeKind::as_str`]; never rename.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OutcomeKind {
    /// A 2xx response head.
    Success,
    /// A status code that is neither 2xx nor covered below.
    HttpError,
    /// A 3xx, not followed.
    Redirect,
    /// 410: the receiver wants no more.
    Gone,
    /// 429, or 503 with Retry-After.
    Throttled,
    /// Connected, but no complete response head before the deadline.
    Timeout,
    /// Something arrived that is not an HTTP/1.1 response within our bounds.
    BadResponse,
    /// The connection broke after it was opened and before a response head.
    ConnectionReset,
    /// Nothing listens at the address.
    ConnectRefused,
    /// The connection did not open in time.
    ConnectTimeout,
    /// The network says the address cannot be reached.
    ConnectFailed,
    /// The name does not exist or has no address.
    DnsNotFound,
    /// The name servers failed.
    DnsError,
    /// The name servers did not answer in time.
    DnsTimeout,
    /// The certificate is outside its dates.
    TlsCertificateExpired,
    /// The certificate is for another name.
    TlsWrongName,
    /// The certificate's issuer is not one the system trusts.
    TlsUnknownIssuer,
    /// Any other failure of the TLS handshake.
    TlsFailed,
    /// The target resolves only to addresses deliveries may not go to.
    TargetBlocked,
    /// A fault of ours; the receiver is not to blame.
    Internal,
}

impl OutcomeKind {
    /// Every kind.
    pub const ALL: [Self; 20] = [
        Self::Success,
        Self::HttpError,
        Self::Redirect,
        Self::Gone,
        Self::Throttled,
        Self::Timeout,
        Self::BadResponse,
        Self::ConnectionReset,
        Self::ConnectRefused,
        Self::ConnectTimeout,
        Self::ConnectFailed,
        Self::DnsNotFound,
        Self::DnsError,
        Self::DnsTimeout,
        Self::TlsCertificateExpired,
        Self::TlsWrongName,
        Self::TlsUnknownIssuer,
        Self::TlsFailed,
        Self::TargetBlocked,
        Self::Internal,
    ];

    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::HttpError => "http_error",
            Self::Redirect => "redirect",
            Self::Gone => "gone",
            Self::Throttled => "throttled",
            Self::Timeout => "timeout",
            Self::BadResponse => "bad_response",
            Self::ConnectionReset => "connection_reset",
            Self::ConnectRefused => "connect_refused",
            Self::ConnectTimeout => "connect_timeout",
            Self::ConnectFailed => "connect_failed",
            Self::DnsNotFound => "dns_not_found",
            Self::DnsError => "dns_error",
            Self::DnsTimeout => "dns_timeout",
            Self::TlsCertificateExpired => "tls_certificate_expired",
            Self::TlsWrongName => "tls_wrong_name",
            Self::TlsUnknownIssuer => "tls_unknown_issuer",
            Self::TlsFailed => "tls_failed",
            Self::TargetBlocked => "target_blocked",
            Self::Internal => "internal",
        }
    }

    /// Reads the stable name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// Whether the receiver was overloaded rather than broken: its share of requests is halved.
    pub const fn asks_for_less(self) -> bool {
        matches!(self, Self::Throttled | Self::Timeout | Self::ConnectTimeout)
    }

    /// The likely cause in plain words; `None` for a success.
    pub const fn cause(self) -> Option<&'static str> {
        Some(match self {
            Self::Success => return None,
            Self::HttpError => "The receiver answered with an error status.",
            Self::Redirect => "The receiver answered with a redirect, which is never followed.",
            Self::Gone => "The receiver answered 410 Gone: it wants no more deliveries.",
            Self::Throttled => "The receiver asked for fewer requests.",
            Self::Timeout => "The receiver did not answer before the timeout.",
            Self::BadResponse => "What came back is not a valid HTTP/1.1 response.",
            Self::ConnectionReset => "The receiver closed the connection before answering.",
            Self::ConnectRefused => "Nothing listens at the target's address and port.",
            Self::ConnectTimeout => "The target's address did not accept a connection in time.",
            Self::ConnectFailed => "The target's address cannot be reached.",
            Self::DnsNotFound => "The target's name does not exist or has no address.",
            Self::DnsError => "The name servers of the target failed to answer properly.",
            Self::DnsTimeout => "The name servers of the target did not answer in time.",
            Self::TlsCertificateExpired => "The target's certificate is outside its dates.",
            Self::TlsWrongName => "The target's certificate is for another name.",
            Self::TlsUnknownIssuer => "The target's certificate is not from a trusted issuer.",
            Self::TlsFailed => "The TLS handshake with the target failed.",
            Self::TargetBlocked => "The target is not a public internet address.",
            Self::Internal => "Postrider could not make the attempt.",
        })
    }

    /// What to do about it; `None` for a success.
    pub const fn remedy(self) -> Option<&'static str> {
        Some(match self {
            Self::Success => return None,
            Self::HttpError => {
                "Look at the response and the receiver's own log; retries follow the webhook's policy."
            }
            Self::Redirect => "Set the webhook's target to the address in the Location header.",
            Self::Gone => "The webhook was disabled; enable it when the receiver is back.",
            Self::Throttled => "Nothing: the wait the receiver asked for is kept.",
            Self::Timeout => "Answer 2xx first and work afterwards, or raise the timeout.",
            Self::BadResponse => {
                "Check that the target's port speaks plain HTTP/1.1 or TLS as its URL says."
            }
            Self::ConnectionReset => "Look for a crash or a proxy limit at the receiver.",
            Self::ConnectRefused => "Start the receiver, or correct the port in the target.",
            Self::ConnectTimeout => "Check the receiver's firewall and that its host is up.",
            Self::ConnectFailed => "Check the target's address and the network in between.",
            Self::DnsNotFound => "Correct the host name in the target, or its DNS records.",
            Self::DnsError | Self::DnsTimeout => "Check the name servers of the target's domain.",
            Self::TlsCertificateExpired => "Renew the receiver's certificate.",
            Self::TlsWrongName => "Use the name on the certificate, or get one for this name.",
            Self::TlsUnknownIssuer => {
                "Serve the whole chain of a certificate from a public issuer."
            }
            Self::TlsFailed => "Check that the receiver offers TLS 1.2 or 1.3 on this port.",
            Self::TargetBlocked => "Use a public address; operators can allow others by setting.",
            Self::Internal => "Nothing on the receiver's side; tell the operator of Postrider.",
        })
    }
}

/// Reads a Retry-After value: seconds, or an HTTP date counted from `now_unix_seconds`. Nonsense
/// and times past are `None` (reliability.md row 101).
pub fn parse_retry_after(value: &str, now_unix_seconds: i64) -> Option<Duration> {
    let value = value.trim();
    if value.bytes().all(|b| b.is_ascii_digit()) && !value.is_empty() {
        // More digits than fit a u64 ask for "very long", which is capped anyway.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::from(u32::MAX))));
    }
    let at = httpdate::parse_http_date(value).ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    let now = u64::try_from(now_unix_seconds).ok()?;
    at.as_secs().checked_sub(now).filter(|wait| *wait > 0).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responses_are_judged_by_their_head() {
        let kind = |status, wait: Option<u64>| {
            Outcome::of_response(status, wait.map(Duration::from_secs)).kind
        };
        for status in [200, 201, 204, 299] {
            assert_eq!(kind(status, Some(5)), OutcomeKind::Success);
        }
        for status in [301, 302, 303, 304, 307, 308] {
            assert_eq!(kind(status, None), OutcomeKind::Redirect);
        }
        assert_eq!(kind(410, None), OutcomeKind::Gone);
        assert_eq!(kind(429, None), OutcomeKind::Throttled);
        assert_eq!(kind(503, Some(1)), OutcomeKind::Throttled);
        for status in [101, 400, 401, 404, 422, 500, 502, 503, 999] {
            assert_eq!(kind(status, None), OutcomeKind::HttpError);
        }
        assert_eq!(Outcome::of_response(500, Some(Duration::from_secs(9))).retry_after, None);
    }

    #[test]
    fn names_are_stable_unique_and_read_back() {
        for kind in OutcomeKind::ALL {
            assert_eq!(OutcomeKind::parse(kind.as_str()), Some(kind));
            assert_eq!(kind.cause().is_none(), kind == OutcomeKind::Success);
            assert_eq!(kind.remedy().is_none(), kind == OutcomeKind::Success);
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_and_nonsense_is_ignored() {
        let now = 1_622_589_211;
        let parse = |text| parse_retry_after(text, now).map(|wait| wait.as_secs());
        assert_eq!(parse("5"), Some(5));
        assert_eq!(parse(" 120 "), Some(120));
        assert_eq!(parse("Tue, 01 Jun 2021 23:14:31 GMT"), Some(60));
        assert_eq!(parse("Tue, 01 Jun 2021 23:00:00 GMT"), None);
        assert_eq!(parse("99999999999999999999999"), Some(u64::from(u32::MAX)));
        for nonsense in ["", "-1", "soon", "1.5", "1e3"] {
            assert_eq!(parse(nonsense), None, "{nonsense}");
        }
    }
}

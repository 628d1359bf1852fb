//! Webhooks: what a merchant configures, the rules it must keep, and how healthy its target is.
//!
//! Owns [`Webhook`], [`Status`], [`Health`] and the checks of names, headers and numbers. Keys live
//! in `key`, the target's URL in `target`, the choice of additional data in `snapshot`.

use std::time::Duration;

use crate::event::EventType;
use crate::ids::{MerchantId, WebhookId};
use crate::limits;
use crate::pattern::Pattern;
use crate::refusal::Refusal;
use crate::retry::RetryPolicy;
use crate::sign::Scheme;
use crate::snapshot::AdditionalData;
use crate::target::TargetUrl;
use crate::time::Timestamp;

/// One webhook. The verification key is never part of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// The merchant it belongs to.
    pub merchant: MerchantId,
    /// A name for people.
    pub name: String,
    /// Where deliveries go.
    pub target: TargetUrl,
    /// Which events it wants. Only a target of the older API that has no filter yet wants none.
    pub event_types: Vec<Pattern>,
    /// Which additional data its bodies carry.
    pub additional_data: AdditionalData,
    /// Whether it receives.
    pub status: Status,
    /// How requests are signed.
    pub signature: Scheme,
    /// How failures are retried.
    pub retry_policy: RetryPolicy,
    /// Limit of a whole attempt.
    pub timeout: Duration,
    /// Own headers, added to every request.
    pub headers: Vec<Header>,
    /// Requests in flight at once.
    pub max_in_flight: u32,
    /// Requests started per second at most; `None` is no limit.
    pub rate_limit_per_second: Option<u32>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its configuration last changed.
    pub updated_at: Timestamp,
    /// Grows by one with every change of configuration; attempts name it.
    pub configuration_version: u64,
}

impl Webhook {
    /// The first pattern that wants `event_type`.
    pub fn wants(&self, event_type: &EventType) -> Option<&Pattern> {
        self.event_types.iter().find(|pattern| pattern.matches(event_type))
    }

    /// The API's names of the configured fields in which two states of a webhook differ.
    pub fn changed_fields(&self, before: &Self) -> Vec<&'static str> {
        let changed = [
            ("name", self.name != before.name),
            ("target_url", self.target != before.target),
            ("event_types", self.event_types != before.event_types),
            ("additional_data", self.additional_data != before.additional_data),
            ("signature", self.signature != before.signature),
            ("retry_policy", self.retry_policy != before.retry_policy),
            ("timeout_seconds", self.timeout != before.timeout),
            ("headers", self.headers != before.headers),
            ("max_in_flight", self.max_in_flight != before.max_in_flight),
            ("rate_limit_per_second", self.rate_limit_per_second != before.rate_limit_per_second),
        ];
        changed.iter().filter(|(_, is_changed)| *is_changed).map(|(name, _)| *name).collect()
    }
}

/// Whether a webhook receives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Events become deliveries and are attempted.
    Enabled,
    /// Events become pending deliveries that wait for `resume`.
    Paused,
    /// Events become nothing; pending deliveries were canceled.
    Disabled(DisabledBy),
}

/// Who or what disabled a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisabledBy {
    /// A person or a caller of the API.
    Request,
    /// The receiver answered 410 Gone.
    Gone,
    /// No success for three days while attempts were made.
    Failing,
}

impl Status {
    /// The word of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Paused => "paused",
            Self::Disabled(_) => "disabled",
        }
    }
}

/// How a webhook's target has answered lately. Part of no configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Health {
    /// Failed attempts since the last success.
    pub consecutive_failures: u32,
    /// When the present run of failures began.
    pub failing_since: Option<Timestamp>,
    /// Since when the webhook is probed instead of tried.
    pub probing_since: Option<Timestamp>,
    /// When the next probe may go out.
    pub next_probe_at: Option<Timestamp>,
}

impl Health {
    /// The health after a success: as new.
    pub const OK: Self = Self {
        consecutive_failures: 0,
        failing_since: None,
        probing_since: None,
        next_probe_at: None,
    };

    /// The health after a failure at `now`, when the policy's next wait ends at `retry_at`.
    /// After [`limits::FAILURES_BEFORE_PROBING`] failures in a row the webhook is probing, and the
    /// next request to it goes out at that time and no earlier (product.md, a dead target).
    #[must_use]
    pub fn after_failure(self, now: Timestamp, retry_at: Timestamp) -> Self {
        let consecutive_failures = self.consecutive_failures.saturating_add(1);
        let is_probing = consecutive_failures >= limits::FAILURES_BEFORE_PROBING;
        Self {
            consecutive_failures,
            failing_since: self.failing_since.or(Some(now)),
            probing_since: self.probing_since.or(is_probing.then_some(now)),
            next_probe_at: is_probing.then_some(retry_at),
        }
    }

    /// Whether the webhook has failed for so long that it is disabled (product.md).
    pub fn is_beyond_hope(&self, now: Timestamp) -> bool {
        self.failing_since.is_some_and(|since| now.since(since) >= limits::FAILING_SPAN_MAX)
    }
}

/// An own header of a webhook. Names are sent in title case (`X-Shop`), whatever case they have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// Headers that are ours or the protocol's (reliability.md row 80).
const RESERVED_HEADERS: [&str; 17] = [
    "accept-encoding",
    "authority",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "host",
    "keep-alive",
    "ordergroove-signature",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];

/// Checks an own header. `signature_header` is the configured name of the signature header.
pub fn check_header(header: &Header, signature_header: &str) -> Result<(), Refusal> {
    let refuse = |detail: String| Err(Refusal::new("header_not_allowed", "headers", detail));
    let Header { name, value } = header;
    let lower = name.to_ascii_lowercase();
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if name.is_empty() || name.len() > limits::HEADER_NAME_BYTES_MAX || !name.bytes().all(is_token)
    {
        return refuse(format!("{name:?} is not a header name (RFC 9110 token, at most 64 bytes)"));
    }
    if RESERVED_HEADERS.contains(&&*lower)
        || lower.starts_with("postrider-")
        || lower.starts_with("webhook-")
        || lower.eq_ignore_ascii_case(signature_header)
    {
        return refuse(format!("`{name}` is set by Postrider or by HTTP itself"));
    }
    let is_visible = |b: u8| b == b'\t' || (0x20..0x7f).contains(&b);
    if value.len() > limits::HEADER_VALUE_BYTES_MAX || !value.bytes().all(is_visible) {
        return refuse(format!(
            "the value of `{name}` must be printable ASCII of at most {} bytes",
            limits::HEADER_VALUE_BYTES_MAX
        ));
    }
    Ok(())
}

/// Checks a name: 1 to 256 characters, none of them a control character.
pub fn check_name(name: &str) -> Result<(), Refusal> {
    if name.chars().any(char::is_control) {
        let detail = "a name is one line of text without control characters";
        return Err(Refusal::new("control_character", "name", detail));
    }
    if name.trim().is_empty() || name.chars().count() > limits::NAME_CHARS_MAX {
        let detail = format!("a name has 1 to {} characters", limits::NAME_CHARS_MAX);
        return Err(Refusal::new("invalid_name", "name", detail));
    }
    Ok(())
}

/// Checks the list of event types.
pub fn check_event_types(patterns: &[Pattern]) -> Result<(), Refusal> {
    if (1..=limits::PATTERNS_PER_WEBHOOK_MAX).contains(&patterns.len()) {
        return Ok(());
    }
    let detail = format!("choose 1 to {} event types", limits::PATTERNS_PER_WEBHOOK_MAX);
    Err(Refusal::new("invalid_event_types", "event_types", detail))
}

/// Checks the number of own headers and each of them.
pub fn check_headers(headers: &[Header], signature_header: &str) -> Result<(), Refusal> {
    if headers.len() > limits::HEADERS_PER_WEBHOOK_MAX {
        let detail = format!("at most {} own headers", limits::HEADERS_PER_WEBHOOK_MAX);
        return Err(Refusal::new("header_not_allowed", "headers", detail));
    }
    headers.iter().try_for_each(|header| check_header(header, signature_header))
}

/// Checks that `value` lies in `range`, naming the range when it does not.
pub fn check_range(
    field: &'static str,
    value: u64,
    range: std::ops::RangeInclusive<u64>,
) -> Result<(), Refusal> {
    if range.contains(&value) {
        return Ok(());
    }
    let detail = format!("`{field}` is {} to {}; {value} is not", range.start(), range.end());
    Err(Refusal::new("out_of_range", field, detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds)
    }

    #[test]
    fn five_failures_in_a_row_start_probing_and_the_first_moment_is_kept() {
        let mut health = Health::OK;
        for n in 1..=4 {
            health = health.after_failure(at(n), at(n + 300));
            assert_eq!((health.probing_since, health.next_probe_at), (None, None));
        }
        health = health.after_failure(at(5), at(305));
        assert_eq!(health.failing_since, Some(at(1)));
        assert_eq!((health.probing_since, health.next_probe_at), (Some(at(5)), Some(at(305))));
        health = health.after_failure(at(305), at(605));
        assert_eq!((health.probing_since, health.next_probe_at), (Some(at(5)), Some(at(605))));
    }

    #[test]
    fn three_days_without_success_are_the_end() {
        let health = Health::OK.after_failure(at(0), at(300));
        assert!(!health.is_beyond_hope(at(3 * 86_400 - 1)));
        assert!(health.is_beyond_hope(at(3 * 86_400)));
        assert!(!Health::OK.is_beyond_hope(at(i64::from(u32::MAX))));
    }

    #[test]
    fn headers_that_are_ours_or_could_split_a_request_are_refused() {
        let check = |name: &str, value: &str| {
            let header = Header { name: name.to_owned(), value: value.to_owned() };
            check_header(&header, "Ordergroove-Signature")
        };
        assert!(check("X-Shop", "blue socks").is_ok());
        assert!(check("Authorization", "Bearer abc").is_ok());
        for (name, value) in [
            ("Host", "a"),
            ("content-LENGTH", "1"),
            ("Webhook-Id", "1"),
            ("Postrider-Attempt", "1"),
            ("ORDERGROOVE-SIGNATURE", "ts=1"),
            ("X-A", "b\r\nX-C: d"),
            ("X A", "b"),
            ("", "b"),
            ("X-A", "\u{0}"),
        ] {
            assert_eq!(check(name, value).unwrap_err().code, "header_not_allowed", "{name}");
        }
    }

    #[test]
    fn names_are_one_line_of_bounded_length() {
        assert!(check_name("'; -- {{7*7}} %n").is_ok());
        for (name, code) in [
            ("", "invalid_name"),
            ("   ", "invalid_name"),
            ("a\u{0}b", "control_character"),
            ("a\nb", "control_character"),
            (&"w".repeat(257), "invalid_name"),
        ] {
            assert_eq!(check_name(name).unwrap_err().code, code, "{name:?}");
        }
    }
}

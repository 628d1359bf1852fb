//! The response as it is judged and kept: the head decides, the body is cut.
//!
//! Invariant: what is kept is bounded, whatever is sent, and the text of the head lines is visible
//! ASCII, so that showing or logging it can do nothing.

use std::fmt::Write;

use hyper::HeaderMap;
use hyper::header::{CONTENT_ENCODING, RETRY_AFTER};
use hyper::http::response::Parts;
use postrider_core::limits;
use postrider_core::outcome::{Outcome, parse_retry_after};
use postrider_core::time::Timestamp;

/// A response whose head has arrived.
pub(super) struct Head {
    /// The verdict. The body cannot change it.
    pub(super) outcome: Outcome,
    /// The head lines, for people.
    pub(super) text: String,
    /// The beginning of the body.
    pub(super) body: Vec<u8>,
    /// Whether more of the body was sent than is kept.
    pub(super) is_body_truncated: bool,
    body_bytes_read: usize,
}

impl Head {
    /// Judges a head; `note` is told what is particular about it.
    pub(super) fn judge(parts: &Parts, now: Timestamp, mut note: impl FnMut(&str)) -> Self {
        let status = parts.status.as_u16();
        let value = parts.headers.get(RETRY_AFTER);
        let retry_after = value
            .and_then(|value| value.to_str().ok())
            .and_then(|value| parse_retry_after(value, now.unix_seconds()));
        if matches!(status, 429 | 503) && value.is_some() && retry_after.is_none() {
            note("Retry-After is neither a number of seconds nor a time to come: ignored");
        }
        if parts.headers.contains_key(CONTENT_ENCODING) {
            note("the body is encoded although we did not ask for it; kept as it was sent");
        }
        Self {
            outcome: Outcome::of_response(status, retry_after),
            text: text_of(&parts.headers),
            body: Vec::new(),
            is_body_truncated: false,
            body_bytes_read: 0,
        }
    }

    /// Takes the next part of the body; false when no more may be read.
    pub(super) fn keep(&mut self, data: &[u8]) -> bool {
        let room = limits::RESPONSE_BODY_KEPT_MAX.saturating_sub(self.body.len());
        let kept = data.get(..room).unwrap_or(data);
        self.body.extend_from_slice(kept);
        self.is_body_truncated |= kept.len() < data.len();
        self.body_bytes_read = self.body_bytes_read.saturating_add(data.len());
        self.body_bytes_read <= limits::RESPONSE_BODY_READ_MAX
    }
}

/// Head lines in title case, joined by `\n`, cut to their bound.
fn text_of(headers: &HeaderMap) -> String {
    let mut text = String::with_capacity(256);
    for (name, value) in headers {
        if text.len() >= limits::RESPONSE_HEADERS_KEPT_MAX {
            break;
        }
        if !text.is_empty() {
            text.push('\n');
        }
        push_title_case(&mut text, name.as_str());
        text.push_str(": ");
        for byte in value.as_bytes().iter().take(limits::RESPONSE_HEADERS_KEPT_MAX) {
            if matches!(byte, b' '..=b'~') {
                text.push(char::from(*byte));
            } else {
                // Writing to a String cannot fail.
                let _ = write!(text, "\\x{byte:02x}");
            }
        }
    }
    // All of it is ASCII, so that no character is torn.
    text.truncate(limits::RESPONSE_HEADERS_KEPT_MAX);
    text
}

/// A header name in the case it has on the wire: a capital at the start and after each hyphen.
/// hyper keeps names in lower case and writes them in this one.
pub(crate) fn push_title_case(text: &mut String, name: &str) {
    let mut is_start = true;
    for letter in name.chars() {
        text.push(if is_start { letter.to_ascii_uppercase() } else { letter });
        is_start = letter == '-';
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shown_in_the_case_they_are_sent() {
        let mut text = String::new();
        push_title_case(&mut text, "ordergroove-signature");
        assert_eq!(text, "Ordergroove-Signature");
    }

    #[test]
    fn of_a_body_a_part_is_kept_and_no_more_than_the_bound_is_read() {
        let parts = hyper::Response::new(()).into_parts().0;
        let mut head = Head::judge(&parts, Timestamp::EPOCH, |note| unreachable!("{note}"));
        let part = [b'x'; 1024];
        let mut parts_read = 1;
        while head.keep(&part) {
            parts_read += 1;
        }
        // The part that goes beyond the bound ends the reading.
        assert_eq!(parts_read, limits::RESPONSE_BODY_READ_MAX / part.len() + 1);
        assert_eq!(head.body.len(), limits::RESPONSE_BODY_KEPT_MAX);
        assert!(head.is_body_truncated);
    }
}

//! The record of one attempt, as shown to the people who must find out what happened.

use std::time::Duration;

use bytes::Bytes;

use crate::outcome::Outcome;
use crate::time::Timestamp;

/// One attempt, append-only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Counts from 1 over the whole life of the delivery, resends included.
    pub number: u32,
    /// When it started.
    pub started_at: Timestamp,
    /// What it came to.
    pub outcome: Outcome,
    /// Where its time went.
    pub phases: Phases,
    /// The request's head lines as sent, `Name: value` each, joined by `\n`.
    pub request_headers: String,
    /// The response's head lines in the same form, cut to a bound; empty without a response.
    pub response_headers: String,
    /// The beginning of the response's body.
    pub response_body: Bytes,
    /// Whether more of the body was sent than is kept.
    pub is_response_truncated: bool,
    /// What is particular to this attempt, such as the TLS alert or an ignored Retry-After.
    pub note: Option<String>,
    /// The webhook's configuration that was in force.
    pub configuration_version: u64,
}

/// Where the time of an attempt went. A phase that did not happen is `None`; on a kept connection
/// there is no look-up, connect or handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Phases {
    /// From due to started.
    pub queue: Duration,
    /// Looking up the name.
    pub dns: Option<Duration>,
    /// Opening the connection.
    pub connect: Option<Duration>,
    /// The TLS handshake.
    pub tls: Option<Duration>,
    /// From the request's first byte to the response's head.
    pub first_byte: Option<Duration>,
    /// The whole attempt, waiting excluded.
    pub total: Duration,
}

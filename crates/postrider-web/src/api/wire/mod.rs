//! The JSON shapes of the API: counterparts of domain types, in both directions.
//!
//! Requests are read through [`object::Object`], which knows which member is at fault and why;
//! answers are plain structs that borrow from what they show.

pub(crate) mod account;
pub(crate) mod audit;
pub(crate) mod delivery;
pub(crate) mod event;
pub(crate) mod explain;
pub(crate) mod feed;
pub(crate) mod key;
pub(crate) mod metrics;
pub(crate) mod object;
pub(crate) mod recovery;
pub(crate) mod rehearsal;
pub(crate) mod signature_check;
pub(crate) mod undelivered;
pub(crate) mod webhook;
pub(crate) mod webhook_fields;

use std::time::Duration;

use postrider_core::time::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::error::ApiError;

/// Times of the API: RFC 3339, UTC, milliseconds.
pub(crate) fn time(at: Timestamp) -> String {
    at.rfc3339()
}

/// Milliseconds with up to three decimals.
pub(crate) fn millis(duration: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "exact up to 285 years of microseconds")]
    let micros = duration.as_micros() as f64;
    micros / 1_000.0
}

/// Stored JSON, shown as it is.
pub(crate) fn raw(bytes: &[u8]) -> Result<&RawValue, ApiError> {
    serde_json::from_slice(bytes).map_err(ApiError::unprintable)
}

/// One header line of a request or an answer. A list keeps their order and repeated names.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "HeaderLine")]
pub(crate) struct HeaderLine<'a> {
    name: &'a str,
    value: &'a str,
}

/// Splits head lines as attempts keep them: `Name: value`, joined by line feeds.
pub(crate) fn header_lines(text: &str) -> Vec<HeaderLine<'_>> {
    fn split(line: &str) -> HeaderLine<'_> {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        HeaderLine { name, value: value.trim_start() }
    }
    text.lines().filter(|line| !line.is_empty()).map(split).collect()
}

//! Webhooks as rows: configuration, health, and their sealed keys.
//!
//! Lists inside a webhook are lines of text: patterns and header names hold no line breaks, and
//! header values are printable (`webhook::check_header`).

use std::time::Duration;

use postrider_core::ids::{MerchantId, WebhookId};
use postrider_core::key::{ExpiringKey, VerificationKeys};
use postrider_core::pattern::Pattern;
use postrider_core::retry::RetryPolicy;
use postrider_core::seal::{KeyPlace, Sealer};
use postrider_core::sign::Scheme;
use postrider_core::snapshot::AdditionalData;
use postrider_core::target::TargetUrl;
use postrider_core::webhook::{DisabledBy, Header, Health, Status, Webhook};
use rusqlite::Row;

use super::{id, optional_time, time};
use crate::error::{Result, StoreError};

/// Columns of [`webhook_and_health`]: 16 of configuration, 4 of health.
pub(in crate::sqlite) fn webhook_and_health(row: &Row<'_>) -> Result<(Webhook, Health)> {
    let health = Health {
        consecutive_failures: row.get(16)?,
        failing_since: optional_time(row, 17)?,
        probing_since: optional_time(row, 18)?,
        next_probe_at: optional_time(row, 19)?,
    };
    Ok((webhook(row)?, health))
}

fn webhook(row: &Row<'_>) -> Result<Webhook> {
    let text = |column| row.get::<_, String>(column);
    let signature = Scheme::parse(&text(7)?).ok_or(StoreError::Corrupt("webhooks.signature"))?;
    Ok(Webhook {
        id: id(row, 0)?,
        merchant: id(row, 1)?,
        name: text(2)?,
        target: target(&text(3)?)?,
        event_types: patterns(&text(4)?)?,
        additional_data: AdditionalData::from_bytes(&row.get::<_, Vec<u8>>(5)?),
        status: status(row.get(6)?)?,
        signature,
        retry_policy: retry_policy(&text(8)?)?,
        timeout: Duration::from_millis(row.get(9)?),
        headers: headers(&text(10)?)?,
        max_in_flight: row.get(11)?,
        rate_limit_per_second: row.get(12)?,
        created_at: time(row, 13)?,
        updated_at: time(row, 14)?,
        configuration_version: row.get(15)?,
    })
}

fn target(text: &str) -> Result<TargetUrl> {
    TargetUrl::restored(text).map_err(|_| StoreError::Corrupt("webhooks.target"))
}

pub(in crate::sqlite) fn patterns_text(patterns: &[Pattern]) -> String {
    lines(patterns.iter().map(ToString::to_string))
}

fn patterns(text: &str) -> Result<Vec<Pattern>> {
    let read = |line| Pattern::parse(line).map_err(|_| StoreError::Corrupt("webhooks.event_types"));
    text.lines().map(read).collect()
}

pub(in crate::sqlite) fn headers_text(headers: &[Header]) -> String {
    lines(headers.iter().map(|header| format!("{}: {}", header.name, header.value)))
}

fn headers(text: &str) -> Result<Vec<Header>> {
    let read = |line: &str| {
        let (name, value) = line.split_once(": ").ok_or(StoreError::Corrupt("webhooks.headers"))?;
        Ok(Header { name: name.to_owned(), value: value.to_owned() })
    };
    // Not `lines`, which would take a final carriage return away from a value.
    text.split('\n').filter(|line| !line.is_empty()).map(read).collect()
}

fn lines(lines: impl Iterator<Item = String>) -> String {
    lines.collect::<Vec<_>>().join("\n")
}

/// Codes are stored: never renumber.
pub(in crate::sqlite) const fn status_code(status: Status) -> i64 {
    match status {
        Status::Enabled => 0,
        Status::Paused => 1,
        Status::Disabled(DisabledBy::Request) => 2,
        Status::Disabled(DisabledBy::Gone) => 3,
        Status::Disabled(DisabledBy::Failing) => 4,
    }
}

pub(in crate::sqlite) fn status(code: i64) -> Result<Status> {
    Ok(match code {
        0 => Status::Enabled,
        1 => Status::Paused,
        2 => Status::Disabled(DisabledBy::Request),
        3 => Status::Disabled(DisabledBy::Gone),
        4 => Status::Disabled(DisabledBy::Failing),
        _ => return Err(StoreError::Corrupt("webhooks.status")),
    })
}

/// A policy's name, or its waits in seconds.
pub(in crate::sqlite) fn retry_policy_text(policy: &RetryPolicy) -> String {
    match policy {
        RetryPolicy::Ladder(waits) => {
            waits.iter().map(|wait| wait.as_secs().to_string()).collect::<Vec<_>>().join(",")
        }
        named => named.name().unwrap_or_default().to_owned(),
    }
}

fn retry_policy(text: &str) -> Result<RetryPolicy> {
    let policy = if text.starts_with(|first: char| first.is_ascii_digit()) {
        let waits: std::result::Result<Vec<u64>, _> = text.split(',').map(str::parse).collect();
        waits.ok().and_then(|waits| RetryPolicy::ladder(&waits).ok())
    } else {
        RetryPolicy::named(text).ok()
    };
    policy.ok_or(StoreError::Corrupt("webhooks.retry_policy"))
}

/// Reads `key_new, key_expiring, key_expires_at` from `at` on and opens them.
pub(in crate::sqlite) fn keys(
    row: &Row<'_>,
    at: usize,
    sealer: &Sealer,
    (merchant, webhook): (MerchantId, WebhookId),
) -> Result<VerificationKeys> {
    let broken = StoreError::Corrupt("webhooks.key does not open");
    let open = |place, column| {
        let sealed = row.get_ref(column)?.as_blob_or_null().map_err(rusqlite::Error::from)?;
        let opened = sealed.map(|sealed| sealer.open(merchant, webhook, place, sealed));
        opened.transpose().map_err(|_| StoreError::Corrupt("webhooks.key does not open"))
    };
    let new = open(KeyPlace::New, at)?.ok_or(broken)?;
    let expires_at = optional_time(row, at + 2)?;
    let expiring = match (open(KeyPlace::Expiring, at + 1)?, expires_at) {
        (Some(key), Some(expires_at)) => Some(ExpiringKey { key, expires_at }),
        (None, None) => None,
        _ => return Err(StoreError::Corrupt("webhooks.key_expiring")),
    };
    Ok(VerificationKeys { new, expiring })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_read_back() {
        for code in 0..5 {
            assert_eq!(status_code(status(code).unwrap()), code);
        }
        assert!(status(5).is_err());
    }

    #[test]
    fn policies_are_read_back() {
        let ladder = RetryPolicy::ladder(&[1, 60, 86_400]).unwrap();
        for policy in RetryPolicy::NAMED.into_iter().chain([ladder]) {
            assert_eq!(retry_policy(&retry_policy_text(&policy)).unwrap(), policy);
        }
        assert!(retry_policy("").is_err() && retry_policy("1,x").is_err());
    }

    #[test]
    fn headers_and_patterns_are_read_back() {
        let header = |name: &str, value: &str| Header { name: name.into(), value: value.into() };
        let given = vec![header("X-A", "b: c"), header("X-Empty", ""), header("X-Tab", "\t")];
        assert_eq!(headers(&headers_text(&given)).unwrap(), given);
        assert_eq!(headers("").unwrap(), []);
        let given: Vec<_> =
            ["*", "order.*", "order.create"].map(|text| Pattern::parse(text).unwrap()).into();
        assert_eq!(patterns(&patterns_text(&given)).unwrap(), given);
    }
}

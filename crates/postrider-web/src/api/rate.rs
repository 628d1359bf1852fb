//! How many requests a second a merchant's keys may make, when the operator set a limit.
//!
//! The generic cell rate algorithm: one time for each merchant says when its allowance would be
//! whole again. A second's worth may come at once; after that requests must keep the pace.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::time::Duration;

use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use parking_lot::Mutex;
use postrider_core::ids::MerchantId;
use postrider_core::limits;

use crate::error::ApiError;

const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");
/// Seconds after which any request passes again.
const SOON: HeaderValue = HeaderValue::from_static("1");

/// The limit, and who has used how much of it.
pub(crate) struct RequestRate {
    per_second: Option<NonZeroU32>,
    /// When the allowance of each merchant is whole again.
    whole_at: Mutex<HashMap<MerchantId, Duration>>,
}

impl RequestRate {
    pub(crate) fn new(per_second: Option<NonZeroU32>) -> Self {
        Self { per_second, whole_at: Mutex::default() }
    }

    /// Takes one request out of the allowance of `merchant`. `now` is a reading of the clock.
    pub(crate) fn take(&self, merchant: MerchantId, now: Duration) -> Result<(), ApiError> {
        let Some(per_second) = self.per_second else { return Ok(()) };
        let spacing = Duration::from_secs(1) / per_second.get();
        let mut all = self.whole_at.lock();
        if all.len() >= limits::RATES_REMEMBERED_MAX {
            all.retain(|_, whole_at| *whole_at > now);
        }
        let whole_at = all.get(&merchant).copied().unwrap_or_default().max(now) + spacing;
        if whole_at.saturating_sub(now) > Duration::from_secs(1) {
            return Err(refused(per_second));
        }
        if all.len() < limits::RATES_REMEMBERED_MAX || all.contains_key(&merchant) {
            all.insert(merchant, whole_at);
        }
        Ok(())
    }
}

fn refused(per_second: NonZeroU32) -> ApiError {
    let detail = format!(
        "The keys of this merchant may make {per_second} requests a second: send fewer, or several \
         events in one request."
    );
    ApiError::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", detail)
        .with_header(RETRY_AFTER, SOON)
        .with_header(LIMIT, per_second.get().into())
        .with_header(REMAINING, HeaderValue::from_static("0"))
        .with_header(RESET, SOON)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_of_requests_may_come_at_once_and_then_the_pace_is_kept() {
        let rate = RequestRate::new(NonZeroU32::new(10));
        let merchant = MerchantId::from_bits(1);
        let passed = |millis: u64, times: usize| {
            let now = Duration::from_millis(millis);
            (0..times).filter(|_| rate.take(merchant, now).is_ok()).count()
        };
        assert_eq!(passed(0, 15), 10);
        assert_eq!(passed(99, 1), 0);
        assert_eq!(passed(100, 2), 1);
        assert_eq!(passed(1_500, 15), 10);
        assert!(rate.take(MerchantId::from_bits(2), Duration::ZERO).is_ok(), "another merchant");
    }

    #[test]
    fn without_a_limit_nothing_is_remembered() {
        let rate = RequestRate::new(None);
        assert!(rate.take(MerchantId::from_bits(1), Duration::ZERO).is_ok());
        assert!(rate.whole_at.lock().is_empty());
    }
}

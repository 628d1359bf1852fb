//! A histogram of microseconds with bounded memory.
//!
//! Up to 255 µs every value has a bucket of its own; above, each power of two is cut into 128 equal
//! parts. A percentile is the upper edge of its bucket, so it is never too good, and too high by
//! less than 1/128 (0.8 %). Values beyond [`MICROS_MAX`] count as that.

use serde::{Deserialize, Serialize};

use super::figures::number;

/// Values below have a bucket each.
const EXACT: u64 = 256;
/// Parts of each power of two above.
const PARTS: u64 = 128;
/// The power of two at which the parts begin.
const FIRST_POWER: u32 = EXACT.ilog2();
/// The largest value told apart: about 19 hours.
pub(super) const MICROS_MAX: u64 = (1 << 36) - 1;
const BUCKETS: usize = bucket(MICROS_MAX) + 1;

/// How often each length of time was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<(usize, u64)>", into = "Vec<(usize, u64)>")]
pub(super) struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; BUCKETS], total: 0 }
    }
}

impl Histogram {
    pub(super) fn record(&mut self, micros: u64) {
        self.add(bucket(micros.min(MICROS_MAX)), 1);
    }

    pub(super) const fn count(&self) -> u64 {
        self.total
    }

    /// The value, in milliseconds, that `percent` of all are not above; `None` without any.
    pub(super) fn percentile_ms(&self, percent: u64) -> Option<f64> {
        self.percentile(percent).map(|micros| number(micros) / 1e3)
    }

    fn percentile(&self, percent: u64) -> Option<u64> {
        let rank = (self.total * percent).div_ceil(100).max(1);
        let mut below = 0;
        let found = self.counts.iter().position(|count| {
            below += count;
            below >= rank
        });
        found.map(upper_edge)
    }

    /// A bucket that does not exist can only come from another version's text, and is passed over.
    fn add(&mut self, bucket: usize, count: u64) {
        if let Some(held) = self.counts.get_mut(bucket) {
            *held += count;
            self.total += count;
        }
    }
}

impl From<Vec<(usize, u64)>> for Histogram {
    fn from(counts: Vec<(usize, u64)>) -> Self {
        let mut histogram = Self::default();
        for (bucket, count) in counts {
            histogram.add(bucket, count);
        }
        histogram
    }
}

impl From<Histogram> for Vec<(usize, u64)> {
    fn from(histogram: Histogram) -> Self {
        histogram.counts.into_iter().enumerate().filter(|(_, count)| *count > 0).collect()
    }
}

/// The bucket of a value of at most [`MICROS_MAX`].
const fn bucket(micros: u64) -> usize {
    if micros < EXACT {
        return narrow(micros);
    }
    let power = micros.ilog2();
    let part = (micros >> (power - PARTS.ilog2())) - PARTS;
    narrow(EXACT + (power - FIRST_POWER) as u64 * PARTS + part)
}

/// The largest value of a bucket.
fn upper_edge(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    let Some(above) = bucket.checked_sub(EXACT) else { return bucket };
    let (power, part) = (above / PARTS, above % PARTS);
    ((PARTS + part + 1) << (power + u64::from(FIRST_POWER - PARTS.ilog2()))) - 1
}

#[expect(clippy::cast_possible_truncation, reason = "buckets are some thousands")]
const fn narrow(bucket: u64) -> usize {
    bucket as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(values: &[u64]) -> Histogram {
        let mut histogram = Histogram::default();
        for value in values {
            histogram.record(*value);
        }
        histogram
    }

    #[test]
    fn buckets_follow_each_other_without_a_gap() {
        for number in 1..BUCKETS {
            assert_eq!(bucket(upper_edge(number - 1) + 1), number);
            assert_eq!(bucket(upper_edge(number)), number);
        }
        assert_eq!(upper_edge(BUCKETS - 1), MICROS_MAX);
        assert_eq!(of(&[u64::MAX]), of(&[MICROS_MAX]));
    }

    #[test]
    fn nothing_has_no_percentile() {
        assert_eq!(Histogram::default().percentile_ms(50), None);
    }

    proptest! {
        /// Against the exact percentile of the sorted values (nearest rank).
        #[test]
        fn a_percentile_is_never_too_low_and_too_high_by_less_than_its_error(
            mut values in proptest::collection::vec(0..=MICROS_MAX, 1..200), percent in 1_u8..=100
        ) {
            let found = of(&values).percentile(percent.into()).unwrap();
            values.sort_unstable();
            let exact = values[(values.len() * usize::from(percent)).div_ceil(100) - 1];
            prop_assert!(found >= exact);
            prop_assert!(found - exact <= exact / 128, "{found} for {exact}");
        }

        #[test]
        fn what_is_sent_as_text_comes_back(
            values in proptest::collection::vec(0_u64..10_000_000, 0..50)
        ) {
            let text = serde_json::to_string(&of(&values)).unwrap();
            prop_assert_eq!(serde_json::from_str::<Histogram>(&text).unwrap(), of(&values));
        }
    }
}

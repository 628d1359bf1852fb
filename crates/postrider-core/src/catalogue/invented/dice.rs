//! Draws from a seed: the same seed gives the same draws, on every machine and in every version.
//!
//! SplitMix64 (Steele, Lea, Flood 2014), written out because the outcome of a seed is shown to
//! people who repeat it later: a library's generator may change between versions.

use std::fmt::Write as _;

/// A source of draws. Not for secrets.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// A number from `low` to `high`, both included. The slight bias of the remainder harms nobody.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = high.saturating_sub(low).max(0).unsigned_abs() + 1;
        low.saturating_add_unsigned(self.roll() % span)
    }

    /// True once in `times`.
    pub(super) fn once_in(&mut self, times: i64) -> bool {
        self.between(1, times) == 1
    }

    /// One of `choices`; the default of their type when there are none.
    pub(super) fn one_of<T: Copy + Default>(&mut self, choices: &[T]) -> T {
        let last = i64::try_from(choices.len()).unwrap_or(i64::MAX) - 1;
        let at = usize::try_from(self.between(0, last)).unwrap_or_default();
        choices.get(at).copied().unwrap_or_default()
    }

    /// An id of the platform: 32 lower-case hex digits.
    pub(super) fn id(&mut self) -> String {
        let mut text = String::with_capacity(32);
        // Writing to a String cannot fail.
        let _ = write!(text, "{:016x}{:016x}", self.roll(), self.roll());
        text
    }
}

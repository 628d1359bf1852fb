//! A set of numbers counted from 0, one bit each: which events were accepted, which arrived.

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};

/// Numbers from here on are refused: 64 million take 8 MiB.
pub(super) const NUMBERS_MAX: u64 = 64 * 1024 * 1024;

/// A set of numbers below [`NUMBERS_MAX`]; as text, its bytes in hexadecimal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct Seen {
    bytes: Vec<u8>,
}

impl Seen {
    /// Whether the number is new; `None` when it is out of bounds.
    pub(super) fn insert(&mut self, number: u64) -> Option<bool> {
        if number >= NUMBERS_MAX {
            return None;
        }
        let at = usize::try_from(number / 8).ok()?;
        if at >= self.bytes.len() {
            self.bytes.resize(at + 1, 0);
        }
        let byte = self.bytes.get_mut(at)?;
        let is_new = *byte & bit(number) == 0;
        *byte |= bit(number);
        Some(is_new)
    }

    pub(super) fn contains(&self, number: u64) -> bool {
        let byte = usize::try_from(number / 8).ok().and_then(|at| self.bytes.get(at));
        byte.is_some_and(|byte| byte & bit(number) != 0)
    }

    pub(super) fn len(&self) -> u64 {
        self.bytes.iter().map(|byte| u64::from(byte.count_ones())).sum()
    }

    /// The numbers, ascending.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u64> {
        (0..self.bytes.len() as u64 * 8).filter(|number| self.contains(*number))
    }
}

impl From<Seen> for String {
    fn from(seen: Seen) -> Self {
        faster_hex::hex_string(&seen.bytes)
    }
}

impl TryFrom<String> for Seen {
    type Error = anyhow::Error;

    fn try_from(text: String) -> anyhow::Result<Self> {
        if !text.len().is_multiple_of(2) || text.len() as u64 > NUMBERS_MAX / 4 {
            bail!("a set of {} digits cannot be", text.len());
        }
        let mut bytes = vec![0; text.len() / 2];
        faster_hex::hex_decode(text.as_bytes(), &mut bytes).context("a set is not hexadecimal")?;
        Ok(Self { bytes })
    }
}

const fn bit(number: u64) -> u8 {
    1 << (number % 8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_holds_what_was_put_in_and_survives_being_sent(
            numbers in proptest::collection::vec(0_u64..2_000, 0..200)
        ) {
            let mut seen = Seen::default();
            let mut model = std::collections::BTreeSet::new();
            for number in numbers {
                prop_assert_eq!(seen.insert(number), Some(model.insert(number)));
            }
            let text = serde_json::to_string(&seen).unwrap();
            let back: Seen = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(back.numbers().collect::<Vec<_>>(), Vec::from_iter(model.clone()));
            prop_assert_eq!(back.len(), model.len() as u64);
        }
    }

    #[test]
    fn what_is_out_of_bounds_is_refused() {
        let mut seen = Seen::default();
        assert_eq!(seen.insert(NUMBERS_MAX), None);
        assert!(!seen.contains(NUMBERS_MAX));
        assert!(Seen::try_from("abc".to_owned()).is_err());
        assert!(Seen::try_from("zz".to_owned()).is_err());
    }
}

//! The mark every event of a bench carries, so that whoever receives it can tell which one it is.
//!
//! `pb-RUN-SEQUENCE-DUE`: the load it belongs to, its number in that load, and when it was meant to
//! be sent, in microseconds of the machine's clock. It is of the form of an event id. The receiver
//! looks for it anywhere in a request, so any sender can be measured that passes on a part of what
//! it was given.

use std::fmt;

/// What a mark begins with.
const START: &[u8] = b"pb-";
const RUN_BYTES: usize = 8;
const SEQUENCE_DIGITS: usize = 12;
const DUE_DIGITS: usize = 16;
const LENGTH: usize = START.len() + RUN_BYTES + 1 + SEQUENCE_DIGITS + 1 + DUE_DIGITS;

/// Which load an event belongs to: eight hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub(super) struct Run(pub(super) u32);

/// One event of a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) run: Run,
    pub(super) sequence: u64,
    pub(super) due: u64,
}

impl Mark {
    /// The first mark in the text.
    pub(super) fn find(text: &[u8]) -> Option<Self> {
        let mut rest = text;
        while let Some(at) = rest.windows(START.len()).position(|window| window == START) {
            let from = rest.get(at..)?;
            if let Some(mark) = from.get(..LENGTH).and_then(Self::read) {
                return Some(mark);
            }
            rest = from.get(START.len()..)?;
        }
        None
    }

    fn read(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let mut parts = text.split('-').skip(1);
        let mut part = |length: usize| {
            let digits = parts.next().filter(|part| part.len() == length)?;
            digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then_some(digits)
        };
        let run = u32::from_str_radix(part(RUN_BYTES)?, 16).ok()?;
        let sequence = part(SEQUENCE_DIGITS)?.parse().ok()?;
        Some(Self { run: Run(run), sequence, due: part(DUE_DIGITS)?.parse().ok()? })
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { run: Run(run), sequence, due } = self;
        write!(f, "pb-{run:08x}-{sequence:0SEQUENCE_DIGITS$}-{due:0DUE_DIGITS$}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_mark_is_found_in_whatever_surrounds_it(
            run: u32, sequence in 0_u64..1_000_000_000_000, due in 0_u64..10_000_000_000_000_000,
            before in "[ -~]{0,40}", after in "[ -~]{0,40}"
        ) {
            let mark = Mark { run: Run(run), sequence, due };
            let text = format!("{before}{mark}{after}");
            prop_assert_eq!(Mark::find(text.as_bytes()), Some(mark));
        }

        #[test]
        fn any_bytes_can_be_searched(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(Mark::find(&bytes), None);
        }
    }

    #[test]
    fn a_mark_is_an_event_id_and_half_a_mark_is_none() {
        let mark = Mark { run: Run(7), sequence: 12, due: 345 }.to_string();
        assert_eq!(mark, "pb-00000007-000000000012-0000000000000345");
        assert!(mark.len() == LENGTH && mark.len() <= 64, "{}", mark.len());
        assert_eq!(Mark::find(&mark.as_bytes()[..mark.len() - 1]), None);
        assert_eq!(Mark::find(format!("pb-pb-{mark}").as_bytes()).unwrap().sequence, 12);
    }
}

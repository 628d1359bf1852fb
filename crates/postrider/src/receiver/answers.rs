//! The status codes a receiver answers with, in turn.

use std::str::FromStr;

/// One status code per request; the last one repeats. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answers {
    first: Vec<u16>,
    last: u16,
}

impl Answers {
    /// Always this one.
    pub(crate) const fn always(status: u16) -> Self {
        Self { first: Vec::new(), last: status }
    }

    /// First `first` in turn, then always `last`.
    pub(crate) fn then(first: impl Into<Vec<u16>>, last: u16) -> Self {
        Self { first: first.into(), last }
    }

    /// The answer to the request with this number, counted from 0.
    pub(crate) fn nth(&self, turn: usize) -> u16 {
        self.first.get(turn).copied().unwrap_or(self.last)
    }
}

impl FromStr for Answers {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let code = |text: &str| text.trim().parse().ok().filter(|code| (200..=599).contains(code));
        let codes: Option<Vec<u16>> = text.split(',').map(code).collect();
        let mut first = codes.unwrap_or_default();
        let last = first.pop().ok_or("write status codes from 200 to 599 joined by commas")?;
        Ok(Self { first, last })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_in_turn_and_the_last_one_repeats() {
        let answers: Answers = "503, 500,200".parse().unwrap();
        assert_eq!([0, 1, 2, 3, 99].map(|turn| answers.nth(turn)), [503, 500, 200, 200, 200]);
        assert_eq!("204".parse(), Ok(Answers::always(204)));
        assert_eq!("503,200".parse(), Ok(Answers::then([503], 200)));
        for text in ["", "200,", "100", "600", "ok", "2e2"] {
            assert!(text.parse::<Answers>().is_err(), "{text}");
        }
    }
}

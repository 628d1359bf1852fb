//! Passwords that everybody tries first.
//!
//! The lists of what people choose are mostly short, and a short password is refused anyway. So the
//! list is of what long ones are made of: a password is common when it is one of the list, a run
//! such as `56789` or `aaaa`, one of these over and over, or two of them after each other, whatever
//! the case and whatever stands between.

use std::collections::HashSet;
use std::sync::LazyLock;

static LIST: LazyLock<HashSet<&'static str>> = LazyLock::new(|| entries().collect());

/// Letters and digits up to which a password is looked at; longer ones are nobody's first try.
const LENGTH_MAX: usize = 64;
/// A part this short adds nothing worth guessing.
const TAIL_MAX: usize = 2;

fn entries() -> impl Iterator<Item = &'static str> {
    let lines = include_str!("common.txt").lines().filter(|line| !line.starts_with('#'));
    lines.flat_map(str::split_whitespace)
}

/// Whether this is among the first passwords anybody would try.
pub(super) fn is_common(password: &str) -> bool {
    let letters: Vec<_> = password.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect();
    if letters.len() > LENGTH_MAX {
        return false;
    }
    // Without any letter or digit there may still be much to guess: only repetition tells.
    if letters.is_empty() {
        let all: Vec<_> = password.chars().take(LENGTH_MAX).collect();
        return is_run(&all);
    }
    is_simple(&letters)
        || (1..letters.len()).any(|at| {
            let (head, tail) = letters.split_at(at);
            is_simple(head) && is_simple(tail)
        })
}

/// Listed, a run, or one of these over and over; the last time may be cut short.
fn is_simple(letters: &[char]) -> bool {
    let is_unit = |unit: &[char]| {
        unit.len() <= TAIL_MAX
            || is_run(unit)
            || LIST.contains(unit.iter().collect::<String>().as_str())
    };
    let repeats =
        |period: &usize| letters.iter().zip(letters.iter().skip(*period)).all(|(a, b)| a == b);
    is_unit(letters)
        || (1..letters.len())
            .filter(repeats)
            .any(|period| letters.get(..period).is_some_and(is_unit))
}

/// Whether each letter is the one before, or always the next, or always the previous one; 0 is next
/// to 9 as on a keyboard.
fn is_run(letters: &[char]) -> bool {
    let steps = || letters.iter().zip(letters.iter().skip(1)).map(|(a, b)| step(*a, *b));
    [-1, 0, 1].into_iter().any(|step| steps().all(|each| each == step))
}

fn step(from: char, to: char) -> i64 {
    match (from, to) {
        ('9', '0') => 1,
        ('0', '9') => -1,
        _ => i64::from(u32::from(to)) - i64::from(u32::from(from)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits;

    /// The list counts only as far as it refuses passwords that are long enough.
    #[test]
    fn more_than_3000_passwords_of_allowed_length_are_refused() {
        let mut refused = HashSet::new();
        for entry in entries() {
            assert!(entry.len() >= 4 && entry.chars().all(char::is_alphanumeric), "{entry}");
            let length = entry.len().max(limits::PASSWORD_CHARS_MIN);
            let repeated: String = entry.chars().cycle().take(length).collect();
            let numbered = format!("{entry}1234567890123");
            for long in [repeated, numbered] {
                assert!(is_common(&long), "{long}");
                refused.insert(long);
            }
        }
        assert!(LIST.len() >= 3_000 && refused.len() >= 3_000, "{}", refused.len());
    }

    #[test]
    fn case_and_what_stands_between_change_nothing() {
        for password in [
            "PasswordPassword",
            "password-password-password",
            "Password 123456789!",
            "qwertyuiop12345",
            "aaaaaaaaaaaaaaaa",
            "abcdefghijklmnop",
            "987654321098765",
            "letmein.letmein.l",
            "!!!!!!!!!!!!!!!!",
        ] {
            assert!(is_common(password), "{password}");
        }
    }

    #[test]
    fn several_words_are_not_common_although_each_is() {
        for password in ["dragon monkey shadow", "master of football 9", "!?#$%&/()=+*~-_"] {
            assert!(!is_common(password), "{password}");
        }
    }
}

//! What the bench's receiver does with a request: its path says so.
//!
//! `/STATUS/TARGET` answers that status at once, `/wait/MILLISECONDS/TARGET` answers 200 after that
//! time, `/never/TARGET` keeps the connection and never answers, `/close/TARGET` closes it instead
//! of answering. `TARGET` counts from 0 the targets that all get the same event. Whatever is not
//! such a path is answered 200 and is target 0.

use std::time::Duration;

/// Targets told apart for one event.
pub(super) const TARGETS_MAX: u64 = 1_000;
/// Longest wait before an answer.
const WAIT_MAX: Duration = Duration::from_mins(10);

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Status(u16),
    Wait(Duration),
    Never,
    Close,
}

/// Reads the answer and the target from a path.
pub(super) fn read(path: &str) -> (Answer, u64) {
    told(path).unwrap_or((Answer::Status(200), 0))
}

fn told(path: &str) -> Option<(Answer, u64)> {
    let mut parts = path.trim_matches('/').split('/');
    let answer = match parts.next()? {
        "wait" => {
            let wait = Duration::from_millis(parts.next()?.parse().ok()?);
            Answer::Wait(wait.min(WAIT_MAX))
        }
        "never" => Answer::Never,
        "close" => Answer::Close,
        status => Answer::Status(status.parse().ok().filter(|it| (200..600).contains(it))?),
    };
    let target = parts.next().unwrap_or("0").parse().ok().filter(|it| *it < TARGETS_MAX)?;
    Some((answer, target))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_says_what_becomes_of_a_request() {
        assert_eq!(read("/200/3"), (Answer::Status(200), 3));
        assert_eq!(read("/500"), (Answer::Status(500), 0));
        assert_eq!(read("/wait/10000/10"), (Answer::Wait(Duration::from_secs(10)), 10));
        assert_eq!(read("/never/0"), (Answer::Never, 0));
        assert_eq!(read("/close/0/and/more"), (Answer::Close, 0));
        for path in ["/", "", "/hooks/42", "/100/0", "/200/1000", "/wait/x/0", "/wait"] {
            assert_eq!(read(path), (Answer::Status(200), 0), "{path}");
        }
    }
}

//! Progress: one line that is written over on a terminal, a few plain lines elsewhere.

use std::time::Duration;

use postrider_store::queue::Tally;

use crate::output::{is_terminal, overwrite, say};

/// Elsewhere than on a terminal a line is printed this often, and only if something changed.
const PLAIN_INTERVAL: Duration = Duration::from_secs(1);

/// What was shown last.
pub(super) struct Progress {
    is_terminal: bool,
    shown: Option<(Duration, Tally)>,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self { is_terminal: is_terminal(), shown: None }
    }

    /// Shows how far things are.
    pub(super) fn show(&mut self, elapsed: Duration, tally: &Tally) {
        let line = format!(
            "{:5.1} s  {} events  {} delivered  {} failed  {} pending  {} attempts",
            elapsed.as_secs_f64(),
            tally.events,
            tally.success,
            tally.failed,
            tally.pending,
            tally.attempts
        );
        if self.is_terminal {
            overwrite(&line);
        } else if self.is_worth_a_line(elapsed, tally) {
            say(&line);
            self.shown = Some((elapsed, *tally));
        }
    }

    fn is_worth_a_line(&self, elapsed: Duration, tally: &Tally) -> bool {
        let Some((at, before)) = &self.shown else { return true };
        let is_last = tally.pending == 0;
        before != tally && (is_last || elapsed.saturating_sub(*at) >= PLAIN_INTERVAL)
    }

    /// Leaves the last line standing.
    pub(super) fn finish(&self) {
        if self.is_terminal {
            say("");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_line_is_printed_once_a_second_on_change_and_at_the_end() {
        let pending = |pending| Tally { pending, ..Tally::default() };
        let seconds = Duration::from_secs_f64;
        let fresh = Progress { is_terminal: false, shown: None };
        assert!(fresh.is_worth_a_line(seconds(0.0), &pending(9)));
        let shown = Progress { is_terminal: false, shown: Some((seconds(1.0), pending(9))) };
        assert!(!shown.is_worth_a_line(seconds(1.2), &pending(8)));
        assert!(shown.is_worth_a_line(seconds(2.0), &pending(8)));
        assert!(!shown.is_worth_a_line(seconds(9.0), &pending(9)));
        assert!(shown.is_worth_a_line(seconds(1.2), &pending(0)));
    }
}

//! Whether the demo went as it should: the sentences that are printed, and on which the exit status
//! rests. Pure, so that each can be shown to fail.
//!
//! Three witnesses must agree: the answers to the posts, the API's own lists, and the receivers.

use std::collections::BTreeSet;

use postrider_core::delivery::State;

use super::cast::Role;
use super::figures::{Figures, Row, retries};
use super::script::Posted;

/// One sentence, and whether it is true.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Check {
    pub(super) holds: bool,
    pub(super) text: String,
}

/// Judges the whole play.
pub(super) fn judge(posted: &Posted, figures: &Figures) -> Vec<Check> {
    let wanted_by = |family| figures.rows.iter().filter(|row| row.role.wants(family)).count();
    let expected = posted.types.iter().map(|entry| wanted_by(entry.family)).sum();
    let mut checks = counts(posted, expected, figures);
    checks.extend(figures.rows.iter().map(judge_row));
    checks.push(judge_signatures(&figures.rows));
    checks
}

/// Nothing was lost and nothing was made twice, by three ways of counting.
fn counts(posted: &Posted, expected: usize, figures: &Figures) -> Vec<Check> {
    let Figures { rows, tally } = figures;
    let answered: BTreeSet<&str> = posted.deliveries.iter().map(String::as_str).collect();
    let listed: BTreeSet<&str> =
        rows.iter().flat_map(|row| row.deliveries.iter().map(|one| one.id.as_str())).collect();
    let states = tally.pending + tally.success + tally.failed + tally.canceled;
    let attempts: u64 = rows.iter().flat_map(|row| &row.deliveries).map(|one| one.attempts).sum();
    let events = posted.types.len();
    let is_same = posted.deliveries.len() == expected
        && listed == answered
        && listed.len() == expected
        && states == expected as u64;
    vec![
        Check {
            holds: tally.events == events as u64,
            text: format!("{events} events were accepted, and {} are stored", tally.events),
        },
        Check {
            holds: is_same,
            text: format!(
                "{expected} deliveries were due; {} were answered, {} are listed, and the states \
                 add up to {states}",
                posted.deliveries.len(),
                listed.len()
            ),
        },
        Check {
            holds: attempts == tally.attempts,
            text: format!("{attempts} attempts are counted, and {} are on record", tally.attempts),
        },
        Check {
            holds: tally.pending == 0,
            text: match tally.pending {
                0 => "nothing is pending".to_owned(),
                left => format!("{left} deliveries are still pending"),
            },
        },
    ]
}

/// A webhook's deliveries are where its role says, and its receiver saw each success.
fn judge_row(row: &Row) -> Check {
    let accepted: BTreeSet<&str> = row
        .seen
        .iter()
        .filter(|seen| (200..300).contains(&seen.status))
        .map(|seen| seen.delivery.as_str())
        .collect();
    let successes = row.deliveries.iter().filter(|one| one.state == State::Success);
    let successes: BTreeSet<&str> = successes.map(|one| one.id.as_str()).collect();
    let all = |state| !row.deliveries.is_empty() && row.deliveries.iter().all(|d| d.state == state);
    let retries = retries(&row.deliveries);
    let (count, name) = (row.deliveries.len(), row.role.name());
    match row.role {
        Role::Healthy => Check {
            holds: all(State::Success) && successes == accepted,
            text: format!(
                "{name}: {} of {count} delivered, and its receiver saw {} of them",
                successes.len(),
                successes.intersection(&accepted).count()
            ),
        },
        Role::Flaky => Check {
            holds: all(State::Success) && successes == accepted && retries > 0,
            text: format!(
                "{name}: {} of {count} delivered after {retries} retries, and its receiver saw {} \
                 of them",
                successes.len(),
                successes.intersection(&accepted).count()
            ),
        },
        Role::Dead => Check {
            holds: all(State::Failed)
                && row.deliveries.iter().all(|one| one.attempts == Role::DEAD_ATTEMPTS),
            text: format!(
                "{name}: {} of {count} given up, each after {} attempts",
                row.deliveries.iter().filter(|one| one.state == State::Failed).count(),
                Role::DEAD_ATTEMPTS
            ),
        },
    }
}

/// Every request that arrived was signed with its webhook's key.
fn judge_signatures(rows: &[Row]) -> Check {
    let seen: Vec<_> = rows.iter().flat_map(|row| &row.seen).collect();
    let verified = seen.iter().filter(|seen| seen.is_verified).count();
    Check {
        holds: verified == seen.len() && !seen.is_empty(),
        text: format!("{verified} of {} signatures verified", seen.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::demo::cast::Seen;
    use crate::commands::demo::figures::Delivered;

    fn row(role: Role, deliveries: &[(&str, State, u64)], seen: &[(&str, u16)]) -> Row {
        Row {
            role,
            deliveries: deliveries
                .iter()
                .map(|(id, state, attempts)| Delivered {
                    id: (*id).to_owned(),
                    state: *state,
                    attempts: *attempts,
                    took_ms: None,
                })
                .collect(),
            seen: seen
                .iter()
                .map(|(id, status)| Seen {
                    delivery: (*id).to_owned(),
                    is_verified: true,
                    status: *status,
                })
                .collect(),
        }
    }

    #[test]
    fn a_healthy_webhook_must_have_delivered_all_and_its_receiver_must_have_seen_it() {
        use State::{Failed, Success};
        assert!(judge_row(&row(Role::Healthy, &[("a", Success, 1)], &[("a", 200)])).holds);
        assert!(!judge_row(&row(Role::Healthy, &[("a", Failed, 1)], &[("a", 200)])).holds);
        assert!(!judge_row(&row(Role::Healthy, &[("a", Success, 1)], &[])).holds);
        assert!(!judge_row(&row(Role::Healthy, &[("a", Success, 1)], &[("a", 503)])).holds);
        assert!(
            !judge_row(&row(Role::Healthy, &[("a", Success, 1)], &[("a", 200), ("b", 200)])).holds
        );
        assert!(!judge_row(&row(Role::Healthy, &[], &[])).holds);
    }

    #[test]
    fn a_flaky_webhook_must_have_retried() {
        let seen = [("a", 503), ("a", 200)];
        assert!(judge_row(&row(Role::Flaky, &[("a", State::Success, 2)], &seen)).holds);
        assert!(!judge_row(&row(Role::Flaky, &[("a", State::Success, 1)], &seen)).holds);
    }

    #[test]
    fn a_dead_webhook_must_have_given_up_after_its_ladder() {
        assert!(judge_row(&row(Role::Dead, &[("a", State::Failed, 2)], &[])).holds);
        assert!(!judge_row(&row(Role::Dead, &[("a", State::Failed, 1)], &[])).holds);
        assert!(!judge_row(&row(Role::Dead, &[("a", State::Pending, 2)], &[])).holds);
    }

    #[test]
    fn one_signature_that_does_not_verify_fails_the_demo() {
        let mut one = row(Role::Healthy, &[], &[("a", 200), ("b", 200)]);
        assert!(judge_signatures(std::slice::from_ref(&one)).holds);
        one.seen[1].is_verified = false;
        assert!(!judge_signatures(&[one]).holds);
        assert!(!judge_signatures(&[]).holds);
    }
}

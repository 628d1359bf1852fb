//! Rotation rehearsals: what a receiver's answers to differently signed probes say about its keys.
//!
//! With two signatures on a request nobody can see which one the receiver checked. Asked with one at
//! a time, it tells by its status code. Owns the probes, what an answer to one means, and the verdict
//! over all of them; making and sending probes is left to the engine.
//!
//! A verdict is a function of the probes and is never stored beside them. It claims nothing that the
//! answers do not show: what is doubtful is [`Verdict::NoConclusion`].

use std::time::Duration;

use crate::event::EventType;
use crate::ids::{RehearsalId, WebhookId};
use crate::outcome::{Outcome, OutcomeKind};
use crate::time::Timestamp;

/// How a probe is signed. Stored as [`Probe::as_str`]; never rename.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// With the new key alone; outside of a rotation, with the only one there is.
    New,
    /// With the expiring key alone.
    Old,
    /// With both, the new key first: as every delivery is signed during a rotation.
    NewFirst,
    /// With both, the old key first.
    OldFirst,
    /// With a key made for this probe, which nobody knows.
    Random,
}

impl Probe {
    /// Every probe there is.
    pub const ALL: [Self; 5] = [Self::New, Self::Old, Self::NewFirst, Self::OldFirst, Self::Random];

    /// The probes of a rehearsal, in the order they are sent: what a receiver gets anyway comes
    /// first, so that one which trips over the others has answered that.
    pub fn of(is_rotating: bool, with_random: bool) -> impl Iterator<Item = Self> {
        let order = [Self::NewFirst, Self::New, Self::Old, Self::OldFirst, Self::Random];
        order.into_iter().filter(move |probe| match probe {
            Self::New => true,
            Self::Old | Self::NewFirst | Self::OldFirst => is_rotating,
            Self::Random => with_random,
        })
    }

    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Old => "old",
            Self::NewFirst => "new_first",
            Self::OldFirst => "old_first",
            Self::Random => "random",
        }
    }

    /// Reads the stable name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|probe| probe.as_str() == text)
    }
}

/// What came of one probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probed {
    /// How it was signed.
    pub probe: Probe,
    /// What happened.
    pub outcome: OutcomeKind,
    /// The status code, when a response head arrived.
    pub status_code: Option<u16>,
    /// How long it took.
    pub duration: Duration,
}

/// What an answer to a probe means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// The receiver took the request.
    Accepted,
    /// The receiver turned the request down.
    Refused,
    /// It says nothing about keys: no answer, a redirect, a fault of the receiver.
    Unclear,
}

impl Reply {
    /// Every reply there is.
    pub const ALL: [Self; 3] = [Self::Accepted, Self::Refused, Self::Unclear];

    /// The word of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Unclear => "unclear",
        }
    }
}

impl Probed {
    /// What came of `probe`, from an attempt's outcome.
    pub const fn new(probe: Probe, outcome: Outcome, duration: Duration) -> Self {
        Self { probe, outcome: outcome.kind, status_code: outcome.status_code, duration }
    }

    /// What the answer means. Only a 4xx is the receiver's own decision about the request, and two
    /// of them, 408 and 429, are about time.
    pub const fn reply(&self) -> Reply {
        match (self.outcome, self.status_code) {
            (OutcomeKind::Success, _) => Reply::Accepted,
            (OutcomeKind::Gone | OutcomeKind::HttpError, Some(400..=407 | 409..=499)) => {
                Reply::Refused
            }
            _ => Reply::Unclear,
        }
    }
}

/// One rehearsal, as it is kept as evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rehearsal {
    /// Its id.
    pub id: RehearsalId,
    /// The webhook it was made with.
    pub webhook: WebhookId,
    /// The type of its invented events.
    pub event_type: EventType,
    /// The webhook's configuration then; a rotation moves it.
    pub configuration_version: u64,
    /// Whether a rotation was under way.
    pub is_rotating: bool,
    /// When the first probe was sent.
    pub started_at: Timestamp,
    /// When the last was answered.
    pub ended_at: Timestamp,
    /// What came of the probes, in the order sent.
    pub probes: Vec<Probed>,
}

/// What a rehearsal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The receiver accepts the new key and refuses others: the old key can go.
    Switched,
    /// It accepts both keys and refuses others: safe to let the old one go.
    BothInstalled,
    /// It accepts the old key only.
    NotSwitched,
    /// It accepts what nobody could have signed.
    DoesNotVerify,
    /// The answers do not tell.
    NoConclusion,
}

impl Verdict {
    /// Every verdict there is.
    pub const ALL: [Self; 5] = [
        Self::Switched,
        Self::BothInstalled,
        Self::NotSwitched,
        Self::DoesNotVerify,
        Self::NoConclusion,
    ];

    /// The word of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Switched => "switched",
            Self::BothInstalled => "both_installed",
            Self::NotSwitched => "not_switched",
            Self::DoesNotVerify => "does_not_verify",
            Self::NoConclusion => "no_conclusion",
        }
    }
}

impl Rehearsal {
    fn reply(&self, probe: Probe) -> Option<Reply> {
        self.probes.iter().find(|probed| probed.probe == probe).map(Probed::reply)
    }

    /// What the answers show (peers.md 4 C, item 11).
    pub fn verdict(&self) -> Verdict {
        use Reply::{Accepted, Refused, Unclear};
        let [new, old, random] = [Probe::New, Probe::Old, Probe::Random].map(|p| self.reply(p));
        match (new, old, random) {
            (Some(Accepted), Some(Accepted) | None, Some(Accepted)) => Verdict::DoesNotVerify,
            // A receiver that tells the keys apart verifies, whether asked with a random one or not.
            (Some(Accepted), Some(Refused), Some(Refused) | None)
            | (Some(Accepted), None, Some(Refused)) => Verdict::Switched,
            (Some(Refused), Some(Accepted), Some(Refused) | None) => Verdict::NotSwitched,
            // Here only a random key tells a receiver that has the keys from one that has no lock.
            (Some(Accepted), Some(Accepted), Some(Refused)) => Verdict::BothInstalled,
            (Some(Accepted | Refused | Unclear) | None, _, _) => Verdict::NoConclusion,
        }
    }

    /// Whether the receiver looks at the first signature of several only, and so refuses requests
    /// that carry a right one; `None` when the answers do not tell (peers.md 4 C, item 12).
    pub fn reads_first_signature_only(&self) -> Option<bool> {
        use Reply::{Accepted, Refused};
        // Where one key is right and the other wrong, the order shows what is read.
        let wrong_first = match self.verdict() {
            Verdict::Switched => self.reply(Probe::OldFirst)?,
            Verdict::NotSwitched => self.reply(Probe::NewFirst)?,
            Verdict::BothInstalled | Verdict::DoesNotVerify | Verdict::NoConclusion => return None,
        };
        match wrong_first {
            Accepted => Some(false),
            Refused => Some(true),
            Reply::Unclear => None,
        }
    }

    /// The verdict in words, with what to do.
    pub fn words(&self) -> String {
        let mut words = self.verdict_words().to_owned();
        if self.reads_first_signature_only() == Some(true) {
            words.push_str(match self.verdict() {
                Verdict::NotSwitched => {
                    " It reads the first signature only, and during a rotation that is the new \
                     key's: it refuses deliveries now. Let it try every signature, or give it the \
                     new key at once."
                }
                _ => {
                    " It reads the first signature only: in the next rotation it will refuse \
                     deliveries from the first moment until it has the new key. Let it try every \
                     signature."
                }
            });
        }
        words
    }

    fn verdict_words(&self) -> &'static str {
        use Reply::{Accepted, Refused};
        match self.verdict() {
            Verdict::Switched if self.is_rotating => {
                "The receiver has switched: it accepts the new key and refuses the old one, which \
                 can go."
            }
            Verdict::Switched => {
                "The receiver verifies: it accepts the key and refuses one that nobody knows."
            }
            Verdict::BothInstalled => {
                "The receiver has both keys and refuses others: the old one can be retired safely."
            }
            Verdict::NotSwitched => {
                "The receiver has not switched yet: it accepts the old key only. Give it the new \
                 key before the old one ends."
            }
            Verdict::DoesNotVerify => {
                "The receiver does not verify signatures, or only after it has answered: it accepted \
                 a request signed with a key that nobody knows. Anyone can send it forged events."
            }
            Verdict::NoConclusion => match (self.reply(Probe::New), self.reply(Probe::Old)) {
                (Some(Accepted), Some(Accepted)) if self.reply(Probe::Random).is_none() => {
                    "No conclusion: the receiver accepts both keys, or does not verify at all. Ask \
                     again with a random key to tell these apart."
                }
                (Some(Accepted), None) if self.reply(Probe::Random).is_none() => {
                    "No conclusion: the receiver accepts the key, or does not verify at all. Ask \
                     again with a random key to tell these apart."
                }
                (Some(Refused), Some(Refused) | None) => {
                    "No conclusion: the receiver refuses every key. It may refuse test events or \
                     this event type, or the webhook's key was never installed."
                }
                _ => {
                    "No conclusion: some answers say nothing about keys, such as none at all or a \
                     fault of the receiver. See the probes, and ask again when it is well."
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probed(probe: Probe, status: u16) -> Probed {
        let outcome = if status == 0 {
            Outcome::without_response(OutcomeKind::Timeout)
        } else {
            Outcome::of_response(status, None)
        };
        Probed::new(probe, outcome, Duration::from_millis(3))
    }

    fn rehearsal(probes: Vec<Probed>) -> Rehearsal {
        let is_rotating = probes.iter().any(|probed| probed.probe == Probe::Old);
        Rehearsal {
            id: RehearsalId::from_bits(1),
            webhook: WebhookId::from_bits(1),
            event_type: EventType::parse("order.create").unwrap(),
            configuration_version: 1,
            is_rotating,
            started_at: Timestamp::EPOCH,
            ended_at: Timestamp::EPOCH,
            probes,
        }
    }

    /// New, old, random; 0 is no answer, and a random key of 1 was not sent.
    fn answered(new: u16, old: u16, random: u16) -> Rehearsal {
        let mut probes = vec![probed(Probe::New, new), probed(Probe::Old, old)];
        probes.extend((random != 1).then(|| probed(Probe::Random, random)));
        rehearsal(probes)
    }

    #[test]
    fn the_table_of_verdicts() {
        let mut words = std::collections::HashSet::new();
        for (new, old, random, verdict) in [
            (200, 401, 401, Verdict::Switched),
            (204, 200, 403, Verdict::BothInstalled),
            (401, 200, 401, Verdict::NotSwitched),
            (200, 200, 200, Verdict::DoesNotVerify),
            (401, 401, 401, Verdict::NoConclusion),
        ] {
            let rehearsal = answered(new, old, random);
            assert_eq!(rehearsal.verdict(), verdict, "{new} {old} {random}");
            assert!(words.insert(rehearsal.words()), "{}", rehearsal.words());
        }
    }

    #[test]
    fn nothing_is_claimed_that_the_answers_do_not_show() {
        for (new, old, random, verdict) in [
            // Without a random key, two accepted keys may mean no lock at all.
            (200, 200, 1, Verdict::NoConclusion),
            (200, 401, 1, Verdict::Switched),
            (401, 200, 1, Verdict::NotSwitched),
            (401, 401, 1, Verdict::NoConclusion),
            // No answer and faults of the receiver are no refusals.
            (0, 200, 401, Verdict::NoConclusion),
            (200, 0, 401, Verdict::NoConclusion),
            (200, 200, 0, Verdict::NoConclusion),
            (500, 200, 401, Verdict::NoConclusion),
            (429, 200, 401, Verdict::NoConclusion),
            (302, 200, 401, Verdict::NoConclusion),
            // A receiver that answers by chance.
            (401, 401, 200, Verdict::NoConclusion),
            (200, 401, 200, Verdict::NoConclusion),
        ] {
            let rehearsal = answered(new, old, random);
            assert_eq!(rehearsal.verdict(), verdict, "{new} {old} {random}");
            assert_eq!(rehearsal.reads_first_signature_only(), None);
        }
        let ask_again = answered(200, 200, 1).words();
        assert!(ask_again.contains("with a random key"), "{ask_again}");
    }

    #[test]
    fn outside_of_a_rotation_there_is_one_key() {
        let of = |key, random| {
            rehearsal(vec![probed(Probe::New, key), probed(Probe::Random, random)]).verdict()
        };
        assert_eq!(of(200, 401), Verdict::Switched);
        assert_eq!(of(200, 200), Verdict::DoesNotVerify);
        assert_eq!(of(401, 401), Verdict::NoConclusion);
        let alone = rehearsal(vec![probed(Probe::New, 200)]);
        assert_eq!(alone.verdict(), Verdict::NoConclusion);
        assert!(alone.words().contains("with a random key"));
    }

    #[test]
    fn the_order_of_signatures_shows_who_reads_only_the_first() {
        let with = |new, old, new_first, old_first| {
            let mut rehearsal = answered(new, old, 401);
            rehearsal.probes.push(probed(Probe::NewFirst, new_first));
            rehearsal.probes.push(probed(Probe::OldFirst, old_first));
            rehearsal
        };
        let switched = with(200, 401, 200, 401);
        assert_eq!(switched.reads_first_signature_only(), Some(true));
        assert!(switched.words().contains("in the next rotation"), "{}", switched.words());
        let not_switched = with(401, 200, 401, 200);
        assert_eq!(not_switched.reads_first_signature_only(), Some(true));
        assert!(not_switched.words().contains("deliveries now"), "{}", not_switched.words());
        assert_eq!(with(200, 401, 200, 200).reads_first_signature_only(), Some(false));
        assert_eq!(with(401, 200, 200, 200).reads_first_signature_only(), Some(false));
        assert_eq!(with(200, 200, 200, 200).reads_first_signature_only(), None);
        assert_eq!(with(200, 401, 200, 0).reads_first_signature_only(), None);
    }

    #[test]
    fn probes_are_sent_as_they_are_asked_for() {
        let of =
            |rotating, random| Probe::of(rotating, random).map(Probe::as_str).collect::<Vec<_>>();
        assert_eq!(of(true, true), ["new_first", "new", "old", "old_first", "random"]);
        assert_eq!(of(true, false), ["new_first", "new", "old", "old_first"]);
        assert_eq!(of(false, true), ["new", "random"]);
        assert_eq!(of(false, false), ["new"]);
        for probe in Probe::ALL {
            assert_eq!(Probe::parse(probe.as_str()), Some(probe));
        }
    }
}

//! Guessing passwords is slow: failures with one account, and failures from one address, make the
//! next guess wait (reliability.md U6).
//!
//! The first few failures cost nothing, each further one doubles the wait up to a bound, so nobody
//! is locked out for long whoever guesses. A guess counts as failed from its beginning, so that
//! many at once are no way around. The table is in memory and bounded: a restart forgets it, and
//! when it is full the fewest failures go first.
//!
//! Not counted are addresses of this machine: behind a proxy on it, everybody would share one.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use parking_lot::Mutex;
use postrider_core::limits;
use sha2::{Digest, Sha256};

/// Whose failures are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Subject {
    /// Digest of what was given as the account, whether there is one or not.
    Account([u8; 32]),
    Address(IpAddr),
}

impl Subject {
    const fn longest_wait(self) -> Duration {
        match self {
            Self::Account(_) => limits::SIGN_IN_ACCOUNT_WAIT_MAX,
            Self::Address(_) => limits::SIGN_IN_ADDRESS_WAIT_MAX,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    /// A reading of the monotonic clock.
    last: Duration,
}

/// Who failed lately.
#[derive(Default)]
pub(crate) struct Throttle(Mutex<HashMap<Subject, Failures>>);

/// A guess under way.
#[derive(Debug)]
pub(crate) struct Guess {
    account: Subject,
    address: Option<Subject>,
}

impl Throttle {
    /// Begins a guess at `account` from `peer`, or answers how long to wait before it.
    pub(crate) fn begin(
        &self,
        account: &str,
        peer: Option<IpAddr>,
        reading: Duration,
    ) -> Result<Guess, Duration> {
        let guess = Guess {
            account: Subject::Account(Sha256::digest(account.as_bytes()).into()),
            address: peer.and_then(counted).map(Subject::Address),
        };
        let mut table = self.0.lock();
        let waits = guess.subjects().map(|subject| wait(&table, subject, reading));
        let wait = waits.max().unwrap_or_default();
        if !wait.is_zero() {
            return Err(wait);
        }
        for subject in guess.subjects() {
            add(&mut table, subject, reading);
        }
        Ok(guess)
    }

    /// It was right: the account has no failures any more. Those from the address stay, or who
    /// guesses would wash them away with an account of their own.
    pub(crate) fn succeeded(&self, guess: &Guess) {
        let mut table = self.0.lock();
        table.remove(&guess.account);
        if let Some(address) = guess.address {
            take_back(&mut table, address);
        }
    }

    /// It could not be checked, and so counts for nothing.
    pub(crate) fn withdraw(&self, guess: &Guess) {
        let mut table = self.0.lock();
        for subject in guess.subjects() {
            take_back(&mut table, subject);
        }
    }
}

impl Guess {
    fn subjects(&self) -> impl Iterator<Item = Subject> {
        [Some(self.account), self.address].into_iter().flatten()
    }
}

/// What is counted of an address: a network of IPv6 is one line to the Internet.
fn counted(peer: IpAddr) -> Option<IpAddr> {
    let peer = peer.to_canonical();
    if peer.is_loopback() {
        return None;
    }
    Some(match peer {
        IpAddr::V4(_) => peer,
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64)).into(),
    })
}

fn wait(table: &HashMap<Subject, Failures>, subject: Subject, reading: Duration) -> Duration {
    let Some(failures) = table.get(&subject) else { return Duration::ZERO };
    let since = reading.saturating_sub(failures.last);
    if failures.count <= limits::SIGN_IN_FAILURES_FREE || since >= limits::SIGN_IN_MEMORY {
        return Duration::ZERO;
    }
    let doublings = failures.count - limits::SIGN_IN_FAILURES_FREE - 1;
    let seconds = 1_u64.checked_shl(doublings).unwrap_or(u64::MAX);
    Duration::from_secs(seconds).min(subject.longest_wait()).saturating_sub(since)
}

fn add(table: &mut HashMap<Subject, Failures>, subject: Subject, reading: Duration) {
    let is_recent = |last: Duration| reading.saturating_sub(last) < limits::SIGN_IN_MEMORY;
    if !table.contains_key(&subject) && table.len() >= limits::SIGN_IN_TABLE_MAX {
        table.retain(|_, failures| is_recent(failures.last));
        if table.len() >= limits::SIGN_IN_TABLE_MAX {
            let least = table.iter().min_by_key(|(_, failures)| (failures.count, failures.last));
            if let Some(least) = least.map(|(subject, _)| *subject) {
                table.remove(&least);
            }
        }
    }
    let failures = table.entry(subject).or_insert(Failures { count: 0, last: reading });
    let before = if is_recent(failures.last) { failures.count } else { 0 };
    *failures = Failures { count: before.saturating_add(1), last: reading };
}

fn take_back(table: &mut HashMap<Subject, Failures>, subject: Subject) {
    let Some(failures) = table.get_mut(&subject) else { return };
    failures.count = failures.count.saturating_sub(1);
    if failures.count == 0 {
        table.remove(&subject);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: &str = "ann@example.com";
    const OFFICE: [u8; 4] = [203, 0, 113, 7];

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(1_000_000 + seconds)
    }

    #[test]
    fn waits_double_from_the_fifth_failure_and_end() {
        let throttle = Throttle::default();
        let (mut now, mut waits) = (at(0), Vec::new());
        for _ in 0..20 {
            match throttle.begin(ANN, None, now) {
                Ok(_) => waits.push(0),
                Err(wait) => {
                    waits.push(wait.as_secs());
                    now += wait;
                    throttle.begin(ANN, None, now).unwrap();
                }
            }
        }
        assert_eq!(waits[..5], [0; 5]);
        assert_eq!(waits[5..15], [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]);
        assert!(waits[15..].iter().all(|wait| *wait == 900), "{waits:?}");
        assert!(throttle.begin("bea@example.com", None, now).is_ok());
        let right = throttle.begin(ANN, None, now + Duration::from_mins(15)).unwrap();
        throttle.succeeded(&right);
        assert!(throttle.begin(ANN, None, now).is_ok(), "a success forgives the account");
    }

    #[test]
    fn an_address_waits_whichever_accounts_are_guessed_and_though_one_is_right() {
        let throttle = Throttle::default();
        let peer = Some(IpAddr::from(OFFICE));
        for n in 0..5 {
            throttle.begin(&format!("user{n}@example.com"), peer, at(0)).unwrap();
        }
        assert_eq!(throttle.begin(ANN, peer, at(0)).unwrap_err(), Duration::from_secs(1));
        let own = throttle.begin("own@example.com", peer, at(1)).unwrap();
        throttle.succeeded(&own);
        assert!(throttle.begin(ANN, peer, at(1)).is_err());
        assert!(throttle.begin(ANN, Some(IpAddr::from([203, 0, 113, 8])), at(1)).is_ok());
        for n in 0..30 {
            let _ = throttle.begin(&format!("late{n}@example.com"), peer, at(n * 60));
        }
        assert!(throttle.begin(ANN, peer, at(30 * 60)).is_ok(), "a minute is the longest wait");
    }

    #[test]
    fn an_address_is_a_line_to_the_internet() {
        let of = |text: &str| counted(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2:3::4"), of("2001:db8:1:2:ffff::"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:203.0.113.7"), Some(IpAddr::from(OFFICE)));
        for own in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(of(own), None);
        }
    }

    #[test]
    fn guesses_at_once_are_counted_and_those_not_checked_are_not() {
        let throttle = Throttle::default();
        let peer = Some(IpAddr::from(OFFICE));
        let under_way: Vec<_> = (0..5).map(|_| throttle.begin(ANN, peer, at(0)).unwrap()).collect();
        assert!(throttle.begin(ANN, peer, at(0)).is_err());
        for guess in &under_way {
            throttle.withdraw(guess);
        }
        assert!(throttle.0.lock().is_empty());
    }

    #[test]
    fn the_table_is_bounded_and_keeps_who_failed_most() {
        let throttle = Throttle::default();
        for _ in 0..5 {
            throttle.begin(ANN, None, at(0)).unwrap();
        }
        for n in 0..limits::SIGN_IN_TABLE_MAX + 100 {
            throttle.begin(&format!("user{n}@example.com"), None, at(0)).unwrap();
        }
        assert_eq!(throttle.0.lock().len(), limits::SIGN_IN_TABLE_MAX);
        assert!(throttle.begin(ANN, None, at(0)).is_err());
        let later = at(0) + limits::SIGN_IN_MEMORY;
        assert!(throttle.begin(ANN, None, later).is_ok());
        throttle.begin("new@example.com", None, later).unwrap();
        assert_eq!(throttle.0.lock().len(), 2, "what is over is forgotten");
    }
}

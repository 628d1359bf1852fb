//! Requests refused for want of a right, in the audit log.
//!
//! Of each caller and route one entry is kept a minute; more would let a broken program fill the disk.
//! Those left out are counted, and the next entry tells how many they were.

use std::collections::HashMap;

use parking_lot::Mutex;
use postrider_core::audit::Stamp;
use postrider_core::limits;
use postrider_core::time::Timestamp;
use postrider_store::StoreError;
use postrider_store::catalog::Note;

use super::auth::Door;
use super::caller::Caller;

/// When the last entry was written, and refusals left out since.
struct Kept {
    at: Timestamp,
    left_out: u64,
}

/// What was noted lately.
#[derive(Default)]
pub(crate) struct Refusals {
    kept: Mutex<HashMap<(String, &'static str), Kept>>,
}

impl Refusals {
    /// Notes that `caller` was refused at `door`.
    pub(crate) async fn note(
        &self,
        door: &Door,
        caller: &Caller,
        stamp: Stamp,
    ) -> Result<(), StoreError> {
        let who = stamp.by.id.clone().unwrap_or_default();
        let due = self.due((who.clone(), door.path), stamp.at);
        let Some(left_out) = due else { return Ok(()) };
        let more = match left_out {
            0 => String::new(),
            more => format!("; {more} more since the last entry"),
        };
        let note = Note {
            merchant: caller.merchant(),
            action: "request.refused".to_owned(),
            object: who,
            detail: format!("{} {}{more}", door.method, door.path),
        };
        door.shared.engine.store().note(note, stamp).await
    }

    /// Whether an entry is due, and how many refusals it stands for beside its own.
    fn due(&self, place: (String, &'static str), now: Timestamp) -> Option<u64> {
        let is_recent = |kept: &Kept| now.since(kept.at) < limits::REFUSALS_NOTED_EVERY;
        let mut all = self.kept.lock();
        if let Some(kept) = all.get_mut(&place).filter(|kept| is_recent(kept)) {
            kept.left_out += 1;
            return None;
        }
        if all.len() >= limits::REFUSALS_REMEMBERED_MAX {
            all.retain(|_, kept| is_recent(kept));
        }
        if all.len() >= limits::REFUSALS_REMEMBERED_MAX {
            return None;
        }
        let earlier = all.insert(place, Kept { at: now, left_out: 0 });
        Some(earlier.map_or(0, |kept| kept.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_entry_a_minute_tells_of_those_left_out() {
        let refusals = Refusals::default();
        let at = Timestamp::from_unix_seconds;
        let place = |who: &str| (who.to_owned(), "/api/v1/webhooks");
        let due: Vec<_> = [0, 1, 59, 60, 61, 200].map(|s| refusals.due(place("ann"), at(s))).into();
        assert_eq!(due, [Some(0), None, None, Some(2), None, Some(1)]);
        assert_eq!(refusals.due(place("bea"), at(61)), Some(0));
    }

    #[test]
    fn no_more_is_remembered_than_the_bound() {
        let refusals = Refusals::default();
        let now = Timestamp::from_unix_seconds(0);
        for n in 0..=limits::REFUSALS_REMEMBERED_MAX {
            refusals.due((n.to_string(), "/"), now);
        }
        assert_eq!(refusals.kept.lock().len(), limits::REFUSALS_REMEMBERED_MAX);
        let later = Timestamp::from_unix_seconds(60);
        assert_eq!(refusals.due(("0".to_owned(), "/new"), later), Some(0));
        assert_eq!(refusals.kept.lock().len(), 1);
    }
}

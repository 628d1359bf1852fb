//! Pages by position: rows older or newer than a row, never "the n-th row".
//!
//! Q12: a position is the row's own id (or an event's place in the log), so rows added meanwhile
//! move nothing. Lists are newest first; walking towards newer rows reads them ascending and turns
//! them round.

use std::ops::RangeInclusive;

use postrider_core::limits;

use super::sift::Sifted;
use crate::catalog::{Cursor, Page, PageAsk};
use crate::error::Result;

/// A direction and where to begin, the beginning included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Walk {
    /// From here to older rows.
    Down(u128),
    /// From here to newer rows.
    Up(u128),
}

impl Walk {
    /// The beginning as an id is stored.
    pub(super) fn id(self) -> [u8; 16] {
        let (Self::Down(from) | Self::Up(from)) = self;
        from.to_be_bytes()
    }

    /// The beginning as a row number; beyond the last number is the last number.
    pub(super) fn seq(self) -> i64 {
        let (Self::Down(from) | Self::Up(from)) = self;
        i64::try_from(from).unwrap_or(i64::MAX)
    }

    /// The walk from the first place inside `bounds`; `None` when it passed them.
    pub(super) fn within(self, bounds: &RangeInclusive<u128>) -> Option<Self> {
        let walk = match self {
            Self::Down(from) => Self::Down(from.min(*bounds.end())),
            Self::Up(from) => Self::Up(from.max(*bounds.start())),
        };
        let (Self::Down(from) | Self::Up(from)) = walk;
        bounds.contains(&from).then_some(walk)
    }

    /// The walk from the place after `position`; `None` at the end of all places.
    pub(super) fn beyond(self, position: u128) -> Option<Self> {
        match self {
            Self::Down(_) => begin_down(position),
            Self::Up(_) => begin_up(position),
        }
    }

    /// The walk over events, where a position is an event's place and then a rank.
    pub(super) fn of_events(self) -> Self {
        match self {
            Self::Down(from) => Self::Down(from >> 64),
            Self::Up(from) => Self::Up(from >> 64),
        }
    }

    /// The last position of an event on this walk.
    pub(super) fn past_event(self, seq: u128) -> u128 {
        match self {
            Self::Down(_) => seq << 64,
            Self::Up(_) => (seq << 64) | u128::from(u64::MAX),
        }
    }

    /// Whether `position` lies on the way.
    pub(super) fn meets(self, position: u128) -> bool {
        match self {
            Self::Down(from) => position <= from,
            Self::Up(from) => position >= from,
        }
    }

    /// One of two statements.
    pub(super) fn pick(self, scan: &Scan) -> &'static str {
        match self {
            Self::Down(_) => scan.down,
            Self::Up(_) => scan.up,
        }
    }
}

/// One list in SQL, in both directions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scan {
    /// Newest first, from a position on.
    pub(super) down: &'static str,
    /// Oldest first, from a position on.
    pub(super) up: &'static str,
}

/// A row with its position.
pub(super) type Placed<T> = (u128, T);

/// Reads a page. `fetch` answers at most the given number of rows in the order of the walk. Where it
/// stopped before the end, rows may follow.
pub(super) fn page<T, S: Into<Sifted<T>>>(
    ask: PageAsk,
    mut fetch: impl FnMut(Walk, usize) -> Result<S>,
) -> Result<Page<T>> {
    let size = ask.size.clamp(1, limits::PAGE_SIZE_MAX);
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let Some(walk) = begin(ask.cursor) else {
        return Ok(Page { rows: Vec::new(), next: None, previous: None });
    };
    let Sifted { mut rows, stopped } = fetch(walk, size + 1)?.into();
    let has_more = rows.len() > size;
    let stopped = stopped.filter(|_| !has_more);
    rows.truncate(size);
    if matches!(walk, Walk::Up(_)) {
        rows.reverse();
    }
    // Without rows, the other direction begins where this one did.
    let (newest, oldest) = match (rows.first(), rows.last(), walk) {
        (Some(first), Some(last), _) => (first.0, last.0),
        (_, _, Walk::Down(from)) => (from, from.saturating_add(1)),
        (_, _, Walk::Up(from)) => (from.saturating_sub(1), from),
    };
    let mut has_any = |walk: Option<Walk>| -> Result<bool> {
        let Some(walk) = walk else { return Ok(false) };
        let found = fetch(walk, 1)?.into();
        Ok(!found.rows.is_empty() || found.stopped.is_some())
    };
    let (has_older, has_newer) = match walk {
        // The newest page has nothing above it, and a list is read again from the top by asking so.
        Walk::Down(_) => (has_more, ask.cursor.is_some() && has_any(begin_up(newest))?),
        Walk::Up(_) => (has_any(begin_down(oldest))?, has_more),
    };
    let (stopped_below, stopped_above) = match walk {
        Walk::Down(_) => (stopped, None),
        Walk::Up(_) => (None, stopped),
    };
    Ok(Page {
        rows: rows.into_iter().map(|(_, row)| row).collect(),
        next: stopped_below.or(has_older.then_some(oldest)).map(Cursor::Older),
        previous: stopped_above.or(has_newer.then_some(newest)).map(Cursor::Newer),
    })
}

fn begin(cursor: Option<Cursor>) -> Option<Walk> {
    match cursor {
        None => Some(Walk::Down(u128::MAX)),
        Some(Cursor::Older(position)) => begin_down(position),
        Some(Cursor::Newer(position)) => begin_up(position),
    }
}

fn begin_down(position: u128) -> Option<Walk> {
    position.checked_sub(1).map(Walk::Down)
}

fn begin_up(position: u128) -> Option<Walk> {
    position.checked_add(1).map(Walk::Up)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(rows: &[u128], size: u32, cursor: Option<Cursor>) -> Page<u128> {
        page(PageAsk { size, cursor }, |walk, limit| {
            let mut found: Vec<_> = match walk {
                Walk::Down(from) => rows.iter().rev().filter(|row| **row <= from).collect(),
                Walk::Up(from) => rows.iter().filter(|row| **row >= from).collect(),
            };
            found.truncate(limit);
            Ok(found.into_iter().map(|row| (*row, *row)).collect::<Vec<_>>())
        })
        .unwrap()
    }

    #[test]
    fn every_row_is_met_once_in_both_directions() {
        let rows: Vec<u128> = (0..7).map(|n| n * 10).collect();
        let first = read(&rows, 3, None);
        assert_eq!((&first.rows[..], first.previous), (&[60, 50, 40][..], None));
        let second = read(&rows, 3, first.next);
        assert_eq!(second.rows, [30, 20, 10]);
        let third = read(&rows, 3, second.next);
        assert_eq!((&third.rows[..], third.next), (&[0][..], None));
        assert_eq!(read(&rows, 3, third.previous).rows, [30, 20, 10]);
        let back = read(&rows, 3, second.previous);
        assert_eq!((&back.rows[..], back.previous), (&[60, 50, 40][..], None));
        assert_eq!(read(&rows, 3, back.next).rows, [30, 20, 10]);
    }

    #[test]
    fn a_page_that_stopped_early_leads_on_from_there() {
        let stop_at = |at| {
            move |walk: Walk, _: usize| {
                let rows = if matches!(walk, Walk::Down(_)) { vec![(90_u128, 90)] } else { vec![] };
                Ok(Sifted { rows, stopped: Some(at) })
            }
        };
        let down = page(PageAsk { size: 5, cursor: None }, stop_at(50)).unwrap();
        assert_eq!((&down.rows[..], down.next), (&[90][..], Some(Cursor::Older(50))));
        let cursor = Some(Cursor::Newer(20));
        let up = page(PageAsk { size: 5, cursor }, stop_at(70)).unwrap();
        assert_eq!((up.rows.len(), up.previous), (0, Some(Cursor::Newer(70))));
        assert!(up.next.is_some(), "what lies below was not ruled out");
    }

    #[test]
    fn a_page_past_either_end_is_empty_and_leads_back() {
        let rows = [10, 20];
        let below = read(&rows, 3, Some(Cursor::Older(10)));
        assert_eq!((&below.rows[..], below.next), (&[][..], None));
        assert_eq!(read(&rows, 3, below.previous).rows, [20, 10]);
        let above = read(&rows, 3, Some(Cursor::Newer(20)));
        assert_eq!((&above.rows[..], above.previous), (&[][..], None));
        assert_eq!(read(&rows, 3, above.next).rows, [20, 10]);
        for cursor in [Cursor::Older(0), Cursor::Newer(u128::MAX)] {
            assert!(read(&rows, 3, Some(cursor)).rows.is_empty());
        }
    }
}

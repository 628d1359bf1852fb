//! Pages by position: rows older or newer than a row, never "the n-th row".
//!
//! Q12: a position is the row's own id (or an event's place in the log), so rows added meanwhile
//! move nothing. Lists are newest first; walking towards newer rows reads them ascending and turns
//! them round.

use postrider_core::limits;

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

/// Reads a page. `fetch` answers at most the given number of rows in the order of the walk.
pub(super) fn page<T>(
    ask: PageAsk,
    mut fetch: impl FnMut(Walk, usize) -> Result<Vec<Placed<T>>>,
) -> Result<Page<T>> {
    let size = ask.size.clamp(1, limits::PAGE_SIZE_MAX);
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let Some(walk) = begin(ask.cursor) else {
        return Ok(Page { rows: Vec::new(), next: None, previous: None });
    };
    let mut rows = fetch(walk, size + 1)?;
    let has_more = rows.len() > size;
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
        Ok(!fetch(walk, 1)?.is_empty())
    };
    let (has_older, has_newer) = match walk {
        // The newest page has nothing above it, and a list is read again from the top by asking so.
        Walk::Down(_) => (has_more, ask.cursor.is_some() && has_any(begin_up(newest))?),
        Walk::Up(_) => (has_any(begin_down(oldest))?, has_more),
    };
    Ok(Page {
        rows: rows.into_iter().map(|(_, row)| row).collect(),
        next: has_older.then_some(Cursor::Older(oldest)),
        previous: has_newer.then_some(Cursor::Newer(newest)),
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
            Ok(found.into_iter().map(|row| (*row, *row)).collect())
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

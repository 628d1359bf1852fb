//! Reading a list through filters with bounded effort.
//!
//! Filters that no index serves are checked row by row. However few rows hold, a page reads no more
//! than `limits::PAGE_EFFORT_MAX` of them: it then ends where it stopped, and the next one goes on
//! from there.

use std::ops::RangeInclusive;

use postrider_core::limits;

use super::pages::{Placed, Walk};
use crate::error::Result;

/// Rows that hold, and where the reading stopped if it did before the end.
#[derive(Debug)]
pub(super) struct Sifted<T> {
    pub(super) rows: Vec<Placed<T>>,
    /// Everything up to here was looked at.
    pub(super) stopped: Option<u128>,
}

impl<T> From<Vec<Placed<T>>> for Sifted<T> {
    fn from(rows: Vec<Placed<T>>) -> Self {
        Self { rows, stopped: None }
    }
}

/// Candidates read at once at most.
const CHUNK_MAX: usize = 256;

/// Walks candidates within `bounds`. `candidates` answers at most the given number of them in the
/// order of the walk; `judge` adds the rows of one that hold, and says how many it read.
pub(super) fn sift<T>(
    walk: Walk,
    bounds: &RangeInclusive<u128>,
    limit: usize,
    mut candidates: impl FnMut(Walk, usize) -> Result<Vec<u128>>,
    mut judge: impl FnMut(u128, &mut Vec<Placed<T>>) -> Result<usize>,
) -> Result<Sifted<T>> {
    let mut rows = Vec::with_capacity(limit);
    let (mut effort, mut chunk) = (0, limit.min(CHUNK_MAX));
    let mut going = walk.within(bounds);
    while let Some(walk) = going {
        let found = candidates(walk, chunk)?;
        let is_last = found.len() < chunk;
        going = found.last().filter(|_| !is_last).and_then(|last| walk.beyond(*last));
        for position in found {
            if !bounds.contains(&position) {
                return Ok(rows.into());
            }
            effort += judge(position, &mut rows)?;
            if rows.len() >= limit {
                rows.truncate(limit);
                return Ok(rows.into());
            }
            if effort >= limits::PAGE_EFFORT_MAX {
                return Ok(Sifted { rows, stopped: Some(position) });
            }
        }
        chunk = (chunk * 2).min(CHUNK_MAX);
    }
    Ok(rows.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sifts the numbers from 1 to 10,000, of which `holds` are wanted, each for an effort of one.
    fn sifted(
        walk: Walk,
        bounds: RangeInclusive<u128>,
        limit: usize,
        holds: fn(u128) -> bool,
    ) -> (Vec<u128>, Option<u128>) {
        let candidates = |walk: Walk, limit: usize| {
            Ok(match walk {
                Walk::Down(from) => (1..=from.min(10_000)).rev().take(limit).collect::<Vec<_>>(),
                Walk::Up(from) => (from.max(1)..=10_000).take(limit).collect(),
            })
        };
        let judge = |position, rows: &mut Vec<Placed<()>>| {
            if holds(position) {
                rows.push((position, ()));
            }
            Ok(1)
        };
        let sifted = sift(walk, &bounds, limit, candidates, judge).unwrap();
        (sifted.rows.into_iter().map(|(position, ())| position).collect(), sifted.stopped)
    }

    #[test]
    fn rows_that_hold_are_found_in_order_within_bounds() {
        let all = 0..=u128::MAX;
        let tens = |n: u128| n.is_multiple_of(10);
        let top = Walk::Down(u128::MAX);
        assert_eq!(sifted(top, all.clone(), 3, tens), (vec![10_000, 9_990, 9_980], None));
        assert_eq!(sifted(Walk::Up(15), all.clone(), 2, tens), (vec![20, 30], None));
        assert_eq!(sifted(top, 20..=45, 9, tens), (vec![40, 30, 20], None));
        assert_eq!(sifted(Walk::Up(0), 20..=45, 9, tens), (vec![20, 30, 40], None));
        assert_eq!(sifted(Walk::Down(19), 20..=45, 9, tens), (vec![], None));
        assert_eq!(sifted(Walk::Up(9_995), all, 5, tens), (vec![10_000], None));
    }

    #[test]
    fn a_search_in_vain_stops_and_says_where() {
        let most = u128::try_from(limits::PAGE_EFFORT_MAX).unwrap();
        let (rows, stopped) = sifted(Walk::Down(u128::MAX), 0..=u128::MAX, 5, |_| false);
        assert_eq!((rows, stopped), (vec![], Some(10_001 - most)));
        let (rows, stopped) = sifted(Walk::Up(0), 0..=u128::MAX, 5, |n| n == 7);
        assert_eq!((rows, stopped), (vec![7], Some(most)));
    }
}

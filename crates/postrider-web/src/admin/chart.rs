//! The chart of deliveries by day: bars for people who would rather look, the same figures as rows for
//! those who would rather read.

use std::time::Duration;

use postrider_core::time::Timestamp;

use super::view::Day;

/// Days shown, as many as the figures beside it count.
const DAYS: u32 = 30;
const DAY: Duration = Duration::from_hours(24);
/// The height of the drawing, in its own units.
const HEIGHT: u64 = 60;

/// Thirty days, the last of them today.
pub(super) struct Chart {
    pub(super) bars: Vec<Bar>,
    /// Deliveries of the busiest day.
    pub(super) most: u64,
}

/// One day.
pub(super) struct Bar {
    /// Its place from the left.
    pub(super) x: usize,
    pub(super) day: String,
    pub(super) successful: u64,
    pub(super) failed: u64,
    pub(super) pending: u64,
    /// From the bottom up.
    pub(super) pieces: Vec<Piece>,
}

/// The part of a bar that stands for one state.
pub(super) struct Piece {
    pub(super) class: &'static str,
    pub(super) y: u64,
    pub(super) height: u64,
}

impl Chart {
    pub(super) fn of(days: &[Day], now: Timestamp) -> Self {
        let all = |day: &Day| day.successful + day.failed + day.pending_delivery;
        let most = days.iter().map(all).max().unwrap_or_default();
        let bars = (0..DAYS).rev().enumerate().map(|(x, ago)| {
            let day = (now - DAY * ago).rfc3339().get(..10).unwrap_or_default().to_owned();
            let counted = days.iter().find(|counted| counted.begins_at.day() == day);
            Bar::of(x, day, counted, most)
        });
        Self { bars: bars.collect(), most }
    }
}

impl Bar {
    fn of(x: usize, day: String, counted: Option<&Day>, most: u64) -> Self {
        let count = |of: fn(&Day) -> u64| counted.map(of).unwrap_or_default();
        let (successful, failed) = (count(|day| day.successful), count(|day| day.failed));
        let pending = count(|day| day.pending_delivery);
        let mut below = 0;
        let mut pieces = Vec::new();
        for (class, figure) in [("success", successful), ("failed", failed), ("pending", pending)] {
            if figure > 0 {
                // Whatever is there is seen, however little it is.
                let height = (figure * HEIGHT).div_ceil(most.max(1)).min(HEIGHT - below);
                below += height;
                pieces.push(Piece { class, y: HEIGHT - below, height });
            }
        }
        Self { x: x * 10, day, successful, failed, pending, pieces }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_chart_ends_today_and_shows_what_is_little_too() {
        let now = Timestamp::parse_rfc3339("2026-03-01T00:00:01Z").unwrap();
        let days: Vec<Day> = serde_json::from_value(json!([
            { "day": "2026-01-31T00:00:00Z", "failed": 1, "successful": 9_999, "pending_delivery": 0 },
            { "day": "2026-03-01T00:00:00Z", "failed": 0, "successful": 0, "pending_delivery": 3 },
        ]))
        .unwrap();
        let chart = Chart::of(&days, now);
        assert_eq!((chart.bars.len(), chart.most), (30, 10_000));
        assert_eq!(
            (chart.bars[0].day.as_str(), chart.bars[29].day.as_str()),
            ("2026-01-31", "2026-03-01")
        );
        let heights = |bar: &Bar| bar.pieces.iter().map(|piece| piece.height).collect::<Vec<_>>();
        assert_eq!((heights(&chart.bars[1]), heights(&chart.bars[29])), (vec![], vec![1]));
        assert_eq!(heights(&chart.bars[0]).iter().sum::<u64>(), HEIGHT);
    }
}

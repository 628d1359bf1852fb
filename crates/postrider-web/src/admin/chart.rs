//! Charts of deliveries by day and by hour: bars for people who would rather look, the same figures as rows for
//! those who would rather read.

use std::time::Duration;

use postrider_core::time::Timestamp;

use super::view::Span;

/// Days shown, as many as the figures beside it count.
const DAYS: u32 = 30;
const DAY: Duration = Duration::from_hours(24);
/// Hours shown, as many as the API tells apart.
const HOURS: u32 = 24;
const HOUR: Duration = Duration::from_hours(1);
/// How much of a time names a day, and an hour of it.
const DAY_CHARS: usize = "2026-01-31".len();
const HOUR_CHARS: usize = "2026-01-31T08".len();
/// The height of the drawing, in its own units.
const HEIGHT: u64 = 60;

/// Days up to today, or hours up to this one.
pub(super) struct Chart {
    pub(super) bars: Vec<Bar>,
    /// Deliveries of the busiest.
    pub(super) most: u64,
}

/// One day or hour.
pub(super) struct Bar {
    /// Its place from the left.
    pub(super) x: usize,
    /// As the API writes it, as far as it matters.
    pub(super) name: String,
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
    pub(super) fn of_days(days: &[Span], now: Timestamp) -> Self {
        Self::of(days, (0..DAYS).rev().map(|ago| now - DAY * ago), DAY_CHARS)
    }

    pub(super) fn of_hours(hours: &[Span], now: Timestamp) -> Self {
        Self::of(hours, (0..HOURS).rev().map(|ago| now - HOUR * ago), HOUR_CHARS)
    }

    fn of(spans: &[Span], moments: impl Iterator<Item = Timestamp>, chars: usize) -> Self {
        let all = |span: &Span| span.successful + span.failed + span.pending_delivery;
        let most = spans.iter().map(all).max().unwrap_or_default();
        let name = |text: &str| text.get(..chars).unwrap_or_default().to_owned();
        let bars = moments.enumerate().map(|(x, at)| {
            let own = name(&at.rfc3339());
            let counted = spans.iter().find(|span| name(span.begins_at.exact()) == own);
            Bar::of(x, own, counted, most)
        });
        Self { bars: bars.collect(), most }
    }

    /// The sums, for those who do not see the drawing.
    pub(super) fn words(&self) -> String {
        let sum = |of: fn(&Bar) -> u64| self.bars.iter().map(of).sum::<u64>();
        let (successful, failed) = (sum(|bar| bar.successful), sum(|bar| bar.failed));
        format!("{successful} successful, {failed} failed, {} pending", sum(|bar| bar.pending))
    }
}

impl Bar {
    fn of(x: usize, name: String, counted: Option<&Span>, most: u64) -> Self {
        let count = |of: fn(&Span) -> u64| counted.map(of).unwrap_or_default();
        let (successful, failed) = (count(|span| span.successful), count(|span| span.failed));
        let pending = count(|span| span.pending_delivery);
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
        Self { x: x * 10, name, successful, failed, pending, pieces }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_chart_ends_today_and_shows_what_is_little_too() {
        let now = Timestamp::parse_rfc3339("2026-03-01T00:00:01Z").unwrap();
        let days: Vec<Span> = serde_json::from_value(json!([
            { "day": "2026-01-31T00:00:00Z", "failed": 1, "successful": 9_999, "pending_delivery": 0 },
            { "day": "2026-03-01T00:00:00Z", "failed": 0, "successful": 0, "pending_delivery": 3 },
        ]))
        .unwrap();
        let chart = Chart::of_days(&days, now);
        assert_eq!((chart.bars.len(), chart.most), (30, 10_000));
        assert_eq!(
            (chart.bars[0].name.as_str(), chart.bars[29].name.as_str()),
            ("2026-01-31", "2026-03-01")
        );
        let heights = |bar: &Bar| bar.pieces.iter().map(|piece| piece.height).collect::<Vec<_>>();
        assert_eq!((heights(&chart.bars[1]), heights(&chart.bars[29])), (vec![], vec![1]));
        assert_eq!(heights(&chart.bars[0]).iter().sum::<u64>(), HEIGHT);
    }
}

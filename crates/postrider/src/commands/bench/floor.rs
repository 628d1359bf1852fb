//! The floor: what the machine can do without anything in between, measured in the same run.
//!
//! A bare client that posts to the receiver, a file that is synced after each block, and both at
//! once. A delivery takes two exchanges, one in and one out, and with several webhooks the one in is
//! shared; so the combined floor of deliveries is the rate of posts beside syncs, divided by that.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::Context as _;

use super::cases::Traffic;
use super::disk::Syncs;
use super::figures::{Figures, each, per_second};
use super::generator::{Outcome, Pace, Stream};
use super::part::Part;
use super::play::{Stage, event, load, start_receiver};
use super::post::url;

/// Time for a part to come up and to finish.
const MARGIN: Duration = Duration::from_mins(1);

impl Stage {
    /// Measures the floor, each of its three parts for so long.
    pub(super) async fn floor(&mut self, lasts: Duration) -> anyhow::Result<Figures> {
        let posts = self.bare_posts(lasts).await?;
        let syncs = self.bare_syncs(lasts).await?;
        // The loop of syncs outlasts the other, which takes a moment longer to begin.
        let longer = lasts + Duration::from_secs(1);
        self.loads += 1;
        let beside = tokio::try_join!(self.posts(lasts), self.bare_syncs(longer));
        let (beside, _) = beside.context("the floor")?;
        let rate = |outcome: &Outcome| {
            let posted = outcome.streams.first()?;
            per_second(posted.accepted.len(), posted.ended.saturating_sub(posted.began))
        };
        let latency = |percent| posts.streams.first()?.latency.percentile_ms(percent);
        let count = posts.streams.first().map_or(0, |posted| posted.accepted.len());
        let known = [
            ("posts_per_second", rate(&posts)),
            ("post_cpu_micros", each(posts.cpu_micros, count)),
            ("post_p50_ms", latency(50)),
            ("post_p99_ms", latency(99)),
            ("syncs_per_second", per_second(syncs.latency.count(), syncs.took_micros)),
            ("sync_p50_ms", syncs.latency.percentile_ms(50)),
            ("sync_p99_ms", syncs.latency.percentile_ms(99)),
            ("posts_per_second_with_syncs", rate(&beside)),
        ];
        Ok(known.into_iter().filter_map(|(name, figure)| Some((name, figure?))).collect())
    }

    async fn bare_posts(&mut self, lasts: Duration) -> anyhow::Result<Outcome> {
        self.loads += 1;
        self.posts(lasts).await
    }

    async fn posts(&self, lasts: Duration) -> anyhow::Result<Outcome> {
        let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let (mut receiver, places) = start_receiver(&self.folder, free, false).await?;
        let micros = u64::try_from(lasts.as_micros())?;
        let traffic = Traffic::counted(Pace::Closed { events: u64::MAX, micros }, 1);
        let stream = Stream {
            run: self.run_of(0),
            url: url(places.good, "/200/0"),
            senders: Vec::new(),
            body: event(traffic.event_type),
            pace: traffic.pace,
            batch: 1,
            connections: traffic.connections,
        };
        load(&self.folder, &mut receiver, vec![stream], 1).await
    }

    async fn bare_syncs(&self, lasts: Duration) -> anyhow::Result<Syncs> {
        let millis = lasts.as_millis().to_string();
        let mut disk = Part::start(&self.folder, &["disk", "--millis", &millis], &[])?;
        disk.hear(lasts + MARGIN).await
    }
}

/// Adds to a scenario's figures what they are compared with the floor.
pub(super) fn compare(figures: &mut Figures, floor: &Figures, targets: u64) {
    let quotient = |a: Option<&f64>, b: Option<f64>| {
        let (a, b) = (a?, b.filter(|b| *b > 0.0)?);
        Some(a / b)
    };
    // Exchanges for each delivery: the one out, and its share of the one in.
    let exchanges = 1.0 + each(1, targets).unwrap_or_default();
    let deliveries = floor.get("posts_per_second_with_syncs").map(|posts| posts / exchanges);
    let compared = [
        ("delivered_to_floor", quotient(figures.get("delivered_per_second"), deliveries)),
        (
            "cpu_to_floor",
            quotient(figures.get("cpu_micros_per_delivery"), floor.get("post_cpu_micros").copied()),
        ),
        (
            "accept_p50_to_sync",
            quotient(figures.get("accept_p50_ms"), floor.get("sync_p50_ms").copied()),
        ),
    ];
    figures.extend(compared.into_iter().filter_map(|(name, figure)| Some((name, figure?))));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exchange_that_brings_an_event_in_is_shared_by_its_deliveries() {
        let floor =
            Figures::from([("posts_per_second_with_syncs", 1_000.0), ("post_cpu_micros", 10.0)]);
        let compared = |targets| {
            let mut figures =
                Figures::from([("delivered_per_second", 500.0), ("cpu_micros_per_delivery", 20.0)]);
            compare(&mut figures, &floor, targets);
            (
                figures["delivered_to_floor"],
                figures["cpu_to_floor"],
                figures.get("accept_p50_to_sync").copied(),
            )
        };
        assert_eq!(compared(1), (1.0, 2.0, None));
        assert_eq!(compared(2), (0.75, 2.0, None));
    }
}

//! What the store costs: appending, leasing and settling, in microseconds and bytes per row.
//!
//! `cargo run --release -p postrider-store --example store_bench -- [DELIVERIES] [WEBHOOKS]…`
//! Bounded; each number of webhooks gets a fresh database in the directory for temporary files.

#![expect(clippy::unwrap_used, reason = "a benchmark stops at the first surprise")]
#![expect(clippy::print_stdout, reason = "its figures are its output")]
#![expect(clippy::disallowed_methods, reason = "it measures real time")]

use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use bytes::Bytes;
use postrider_core::delivery::Next;
use postrider_core::ids::DeliveryId;
use postrider_core::limits;
use postrider_core::time::Timestamp;
use postrider_store::catalog::DeliveryFilter;
use postrider_store::conformance::Harness;
use postrider_store::conformance::fixture::{
    ask, at, attempt, delivery_id, merchant, minted, sealer, webhook_id,
};
use postrider_store::queue::{
    Append, Change, LaneAsk, LeaseAsk, LeasedDelivery, NewEvent, Settlement,
};
use postrider_store::{OpenOptions, open};

const BATCH: u64 = 100;
/// Deliveries of the backlog are numbered from here: younger than those that went straight through.
const BACKLOG: u64 = 1_000_000_000;
const DATA_BYTES: usize = 700;

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u64>().unwrap());
    let deliveries = arguments.next().unwrap_or(50_000);
    let mut sizes: Vec<u64> = arguments.collect();
    if sizes.is_empty() {
        sizes = vec![10, 10_000];
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for webhooks in sizes {
        println!("{deliveries} deliveries of {DATA_BYTES} B events, {webhooks} webhooks");
        runtime.block_on(run(deliveries, webhooks));
    }
}

async fn run(deliveries: u64, webhooks: u64) {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", directory.path().join("bench.db").display());
    let mut harness = Harness::new(move |now| {
        Box::pin(open(OpenOptions { url: url.clone(), sealer: sealer(), now }))
    })
    .await;
    let per_merchant = u64::try_from(limits::WEBHOOKS_PER_MERCHANT_MAX).unwrap();
    for n in 1..=webhooks {
        let owner = n.div_ceil(per_merchant);
        if n % per_merchant == 1 {
            harness.add_merchant(owner).await;
        }
        harness.add_webhook(owner, n).await;
    }

    let start = Meter::start();
    straight_through(&harness, deliveries, webhooks).await;
    start.report("append born leased, settle, by 100", deliveries);

    let start = Meter::start();
    append(&harness, BACKLOG + 1..=BACKLOG + deliveries, webhooks, None).await;
    start.report("append a backlog, batches of 100", deliveries);

    let start = Meter::start();
    harness.restart(at(1)).await;
    start.report("restart, all pending and none leased", deliveries);
    let start = Meter::start();
    let leased = lease_all(&harness, webhooks).await;
    start.report("lease, up to 256 lanes at once", deliveries);
    assert_eq!(leased.len(), usize::try_from(deliveries).unwrap());

    let start = Meter::start();
    harness.restart(at(2)).await;
    start.report("restart, every delivery leased", deliveries);
    let start = Meter::start();
    let lanes = harness.backlog().await.unwrap().len();
    start.report("backlog (per lane)", u64::try_from(lanes).unwrap());
    let leased = lease_all(&harness, webhooks).await;
    let start = Meter::start();
    settle(&harness, &leased).await;
    start.report("settle, batches of 100", deliveries);
    pages(&harness).await;
    let start = Meter::start();
    harness.restart(at(4)).await;
    start.report("restart, nothing pending", deliveries);
}

/// The way of a delivery that meets a healthy receiver.
async fn straight_through(harness: &Harness, deliveries: u64, webhooks: u64) {
    for first in (1..=deliveries).step_by(usize::try_from(BATCH).unwrap()) {
        let numbers = first..=(first + BATCH - 1).min(deliveries);
        append(harness, numbers.clone(), webhooks, Some(at(60))).await;
        let settlements = numbers.map(|n| settlement(delivery_id(n), 1, 1));
        harness.settle(settlements.collect()).await.unwrap();
    }
}

async fn append(
    harness: &Harness,
    numbers: RangeInclusive<u64>,
    webhooks: u64,
    leased_until: Option<Timestamp>,
) {
    let per_merchant = u64::try_from(limits::WEBHOOKS_PER_MERCHANT_MAX).unwrap();
    // The version moves once for each webhook and merchant, from 1 on.
    let routing_version = 1 + webhooks + webhooks.div_ceil(per_merchant);
    let data = Bytes::from(format!("{{\"object\":{{\"text\":\"{}\"}}}}", "x".repeat(DATA_BYTES)));
    let all: Vec<u64> = numbers.collect();
    for chunk in all.chunks(usize::try_from(BATCH).unwrap()) {
        let requests = chunk.iter().map(|n| {
            // A stride that is prime to the number of webhooks scatters them.
            let target = n * 7_919 % webhooks + 1;
            let mut draft = minted(*n, 0).to(*n, target).of(target.div_ceil(per_merchant));
            if let Some(until) = leased_until {
                draft = draft.leased_until(until);
            }
            let mut event = NewEvent::from(draft);
            event.event.data = data.clone();
            Append { routing_version, events: vec![event] }
        });
        let answers = harness.append(requests.collect()).await.unwrap();
        assert!(answers.iter().all(Result::is_ok));
    }
}

async fn lease_all(harness: &Harness, webhooks: u64) -> Vec<LeasedDelivery> {
    let lanes_max = u64::try_from(limits::LEASE_LANES_MAX).unwrap();
    let mut all = Vec::new();
    for first in (1..=webhooks).step_by(limits::LEASE_LANES_MAX) {
        loop {
            let lane = |n| LaneAsk {
                webhook: webhook_id(n),
                limit: u32::try_from(limits::LEASE_MAX).unwrap(),
                lease_for: Duration::from_mins(1),
            };
            let lanes = (first..(first + lanes_max).min(webhooks + 1)).map(lane).collect();
            let leased = harness.lease(LeaseAsk { now: at(5), lanes }).await.unwrap();
            if leased.deliveries.is_empty() {
                break;
            }
            all.extend(leased.deliveries);
        }
    }
    all
}

async fn settle(harness: &Harness, leased: &[LeasedDelivery]) {
    let mut in_order: Vec<_> = leased.iter().collect();
    in_order.sort_by_key(|leased| leased.id);
    for chunk in in_order.chunks(usize::try_from(BATCH).unwrap()) {
        let settlement =
            |leased: &&LeasedDelivery| settlement(leased.id, leased.epoch, leased.attempts + 1);
        harness.settle(chunk.iter().map(settlement).collect()).await.unwrap();
    }
}

fn settlement(delivery: DeliveryId, epoch: u32, number: u32) -> Settlement {
    let mut record = Box::new(attempt(number, 6));
    record.request_headers = "x".repeat(400);
    record.response_headers = "x".repeat(200);
    let change = Change::Attempted { attempt: record, next: Next::Success };
    Settlement { delivery, epoch, at: at(6), change }
}

async fn pages(harness: &Harness) {
    for (name, cursor) in [
        ("page of 100 deliveries of one merchant", None),
        ("the same from the middle", Some(delivery_id(BACKLOG))),
    ] {
        let cursor = cursor
            .map(|id| postrider_store::catalog::Cursor::Older(u128::from_be_bytes(id.to_bytes())));
        let start = Meter::start();
        let filter = DeliveryFilter::default();
        let page = harness.deliveries(merchant(1), filter, ask(100, cursor)).await.unwrap();
        start.report(name, u64::try_from(page.rows.len()).unwrap());
    }
}

/// Time, processor time of the process and bytes written between two points.
struct Meter {
    began: Instant,
    written: u64,
    ticks: u64,
}

impl Meter {
    fn start() -> Self {
        Self { began: Instant::now(), written: written(), ticks: ticks() }
    }

    fn report(&self, what: &str, rows: u64) {
        let seconds = self.began.elapsed().as_secs_f64();
        let rows = f64::from(u32::try_from(rows).unwrap());
        let kilobytes = f64::from(u32::try_from((written() - self.written) / 1024).unwrap());
        // Ticks are 10 ms on Linux.
        let processor = f64::from(u32::try_from(ticks() - self.ticks).unwrap()) / 100.0;
        println!(
            "  {what:<40} {:>8.1} ms {:>8.2} us/row ({:>5.2} cpu) {:>9.0} rows/s {:>7.2} KB/row",
            seconds * 1e3,
            seconds * 1e6 / rows,
            processor * 1e6 / rows,
            rows / seconds,
            kilobytes / rows
        );
    }
}

fn written() -> u64 {
    let text = std::fs::read_to_string("/proc/self/io").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("write_bytes: "));
    line.and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn ticks() -> u64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let numbers = text.rsplit(')').next().unwrap_or_default();
    numbers.split(' ').skip(12).take(2).filter_map(|number| number.parse::<u64>().ok()).sum()
}

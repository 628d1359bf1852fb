//! What searching costs when much is stored, and what the search index costs those who store.
//!
//! `cargo run --release -p postrider-store --example search_bench -- [DELIVERIES]` (a million unless
//! said otherwise), in the directory for temporary files. A tenth as many customers, and one who has a
//! hundredth of all deliveries; ten webhooks of which one is dead. The cost of the index is that of the same work with and without it, in turns.

#![expect(clippy::unwrap_used, reason = "a benchmark stops at the first surprise")]
#![expect(clippy::print_stdout, reason = "its figures are its output")]
#![expect(clippy::disallowed_methods, reason = "it measures real time")]

use std::future::Future;
use std::time::{Duration, Instant};

use postrider_core::attempt::Attempt;
use postrider_core::delivery::{Next, State};
use postrider_core::event::EventType;
use postrider_core::ids::{DeliveryId, EventId};
use postrider_core::outcome::Outcome;
use postrider_core::terms::Term;
use postrider_core::time::Timestamp;
use postrider_store::catalog::{DeliveryFilter, EventFilter};
use postrider_store::conformance::Harness;
use postrider_store::conformance::fixture::{
    ask, at, attempt, merchant, named, sealer, webhook_id,
};
use postrider_store::open::open_unsearched;
use postrider_store::queue::{Append, Change, NewEvent, Settlement};
use postrider_store::{OpenOptions, open};

const BATCH: u64 = 200;
const WEBHOOKS: u64 = 10;
const DEAD: u64 = 10;
/// Questions of each kind.
const ROUNDS: u64 = 60;
/// Events of the log stand this far apart in time.
const STEP_MILLIS: i64 = 1_000;

fn main() {
    let deliveries = std::env::args().nth(1).map_or(1_000_000, |text| text.parse().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        compare(deliveries / 8).await;
        run(deliveries).await;
    });
}

/// A store in a directory that goes with it.
async fn fresh(is_searched: bool) -> (tempfile::TempDir, Harness) {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", directory.path().join("bench.db").display());
    let harness = Harness::new(move |now| {
        let options = OpenOptions { url: url.clone(), sealer: sealer(), now };
        Box::pin(async move {
            if is_searched { open(options).await } else { open_unsearched(options).await }
        })
    });
    let harness = harness.await;
    harness.add_merchant(1).await;
    for n in 1..=WEBHOOKS {
        harness.add_webhook(1, n).await;
    }
    (directory, harness)
}

/// Appends and settles with the index and without it, in turns; answers microseconds of each.
async fn compare(deliveries: u64) {
    let (mut spent, mut busy) = ([Duration::ZERO; 2], [Duration::ZERO; 2]);
    for is_searched in [false, true, true, false] {
        let (_directory, harness) = fresh(is_searched).await;
        let (began, ticks_before) = (Instant::now(), processor_time());
        fill(&harness, deliveries).await;
        spent[usize::from(is_searched)] += began.elapsed();
        busy[usize::from(is_searched)] += processor_time().saturating_sub(ticks_before);
    }
    let rows = 2.0 * f64::from(u32::try_from(deliveries).unwrap());
    let per_row = |time: Duration| time.as_secs_f64() * 1e6 / rows;
    println!(
        "append and settle, {deliveries} deliveries twice: without index {:.1} us each ({:.1} cpu), \
         with {:.1} ({:.1} cpu), ratio {:.2}",
        per_row(spent[0]),
        per_row(busy[0]),
        per_row(spent[1]),
        per_row(busy[1]),
        spent[1].as_secs_f64() / spent[0].as_secs_f64()
    );
}

/// Processor time of the whole process.
fn processor_time() -> Duration {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let numbers = text.rsplit(')').next().unwrap_or_default();
    let ticks = numbers.split(' ').skip(12).take(2).filter_map(|number| number.parse::<u64>().ok());
    // Ticks are 10 ms on Linux.
    Duration::from_millis(10 * ticks.sum::<u64>())
}

/// Stores deliveries 1 to `deliveries`; answers how long the slowest batch took.
async fn fill(harness: &Harness, deliveries: u64) -> Duration {
    let version = harness.version().await;
    let mut slowest = Duration::ZERO;
    for first in (1..=deliveries).step_by(usize::try_from(BATCH).unwrap()) {
        let batch = Instant::now();
        store(harness, version, first, deliveries).await;
        slowest = slowest.max(batch.elapsed());
    }
    slowest
}

async fn run(deliveries: u64) {
    let (_directory, mut harness) = fresh(true).await;
    let began = Instant::now();
    let slowest = fill(&harness, deliveries).await;
    let per_row =
        began.elapsed().as_secs_f64() * 1e6 / f64::from(u32::try_from(deliveries).unwrap());
    println!(
        "{deliveries} deliveries: append and settle {per_row:.1} us/delivery, slowest batch of {BATCH} {slowest:.1?}"
    );
    questions(&harness, deliveries).await;
    let began = Instant::now();
    harness.restart(at(9)).await;
    let filter = DeliveryFilter { terms: vec![Term::customer("c-5")], ..DeliveryFilter::default() };
    while harness.deliveries(merchant(1), filter.clone(), ask(25, None)).await.is_err() {
        tokio::task::yield_now().await;
    }
    println!("  restart until the first search is answered: {:.1?}", began.elapsed());
}

fn time_of(n: u64) -> Timestamp {
    at(0) + Duration::from_millis(n * STEP_MILLIS.unsigned_abs())
}

fn delivery_of(n: u64) -> DeliveryId {
    DeliveryId::from_parts(time_of(n), 0, n)
}

/// Whose event it is; the first has one of a hundred beside those that are due to everyone.
fn customer_of(n: u64, all: u64) -> u64 {
    if n.is_multiple_of(100) { 0 } else { n * 31 % (all / 10).max(1) }
}

fn webhook_of(n: u64) -> u64 {
    n * 7_919 % WEBHOOKS + 1
}

/// A batch of events, each with one delivery, which ends at once.
async fn store(harness: &Harness, version: u64, first: u64, last: u64) {
    let numbers = first..(first + BATCH).min(last + 1);
    let requests =
        numbers.clone().map(|n| Append { routing_version: version, events: vec![event(n, last)] });
    let answers = harness.append(requests.collect()).await.unwrap();
    assert!(answers.iter().all(Result::is_ok));
    let settlements = numbers.filter(|n| n % 1_000 != 0).map(settlement);
    harness.settle(settlements.collect()).await.unwrap();
}

fn event(n: u64, all: u64) -> NewEvent {
    let mut new =
        NewEvent::from(named("x", 1, 0).to(n, webhook_of(n)).leased_until(at(i64::MAX / 4_000)));
    new.event.id = EventId::minted(time_of(n), 0, n);
    new.digest = None;
    new.event.accepted_at = time_of(n);
    let customer = customer_of(n, all);
    new.event.data = format!(
        r#"{{"object":{{"type":"order","public_id":"o-{n}","customer":"c-{customer}","total":"25.00","text":"{}"}}}}"#,
        "x".repeat(400)
    )
    .into();
    let snapshot = format!(
        r#"{{"customer":{{"merchant_user_id":"c-{customer}","email":"c-{customer}@example.com","name":"{}"}}}}"#,
        "y".repeat(150)
    );
    new.event.snapshot = Some(snapshot.into());
    if n % 100_000 == 7 {
        new.event.event_type = EventType::parse("order.reject").unwrap();
    }
    for delivery in &mut new.deliveries {
        delivery.id = delivery_of(n);
    }
    for decision in &mut new.decisions {
        if let postrider_core::routing::Verdict::Deliver { delivery, .. } = &mut decision.verdict {
            *delivery = delivery_of(n);
        }
    }
    new
}

fn settlement(n: u64) -> Settlement {
    let is_dead = webhook_of(n) == DEAD;
    let next = if is_dead { Next::Failed } else { Next::Success };
    let outcome = Outcome::of_response(if is_dead { 500 } else { 200 }, None);
    let attempt = Box::new(Attempt {
        outcome,
        request_headers: "x".repeat(400),
        response_headers: "x".repeat(200),
        ..attempt(1, 0)
    });
    let change = Change::Attempted { attempt, next };
    Settlement { delivery: delivery_of(n), epoch: 1, at: time_of(n), change }
}

async fn questions(harness: &Harness, all: u64) {
    let some = |round: u64| round * 7_654_321 % all + 1;
    let deliveries = |filter: DeliveryFilter| async move {
        let page = harness.deliveries(merchant(1), filter, ask(25, None)).await.unwrap();
        page.rows.len()
    };
    let events = |filter: EventFilter| async move {
        harness.events(merchant(1), filter, ask(25, None)).await.unwrap().rows.len()
    };
    let none = DeliveryFilter::default;
    let by = |terms: Vec<Term>| DeliveryFilter { terms, ..none() };
    let customer =
        |round| Term::customer(&format!("c-{}", 1 + some(round) % (all / 10 - 1).max(1)));
    ask_many("deliveries, no filter", |_| deliveries(none())).await;
    ask_many("customer", |round| deliveries(by(vec![customer(round)]))).await;
    ask_many("email", |round| {
        let email = format!("C-{}@example.com", some(round) % (all / 10).max(1));
        deliveries(by(vec![Term::email(&email)]))
    })
    .await;
    ask_many("object", |round| deliveries(by(vec![Term::object(&format!("o-{}", some(round)))])))
        .await;
    ask_many("object that is not there", |round| {
        deliveries(by(vec![Term::object(&format!("no-{round}"))]))
    })
    .await;
    ask_many("customer, failed", |round| {
        deliveries(DeliveryFilter { state: Some(State::Failed), ..by(vec![customer(round)]) })
    })
    .await;
    ask_many("common type", |_| {
        deliveries(DeliveryFilter { event_type: EventType::parse("order.create"), ..none() })
    })
    .await;
    ask_many("rare type", |_| {
        deliveries(DeliveryFilter { event_type: EventType::parse("order.reject"), ..none() })
    })
    .await;
    ask_many("events by customer", |round| {
        events(EventFilter { terms: vec![customer(round)], ..EventFilter::default() })
    })
    .await;
    ask_many("test events, of which there are none", |_| {
        events(EventFilter { is_test: Some(true), ..EventFilter::default() })
    })
    .await;
    of_many(harness, all).await;
    in_vain(harness, all).await;
    figures(harness, all).await;
}

/// Lists of a customer with a hundredth of everything, and combinations that pass over most of it.
async fn of_many(harness: &Harness, all: u64) {
    let deliveries = |filter: DeliveryFilter| async move {
        let page = harness.deliveries(merchant(1), filter, ask(25, None)).await.unwrap();
        page.rows.len()
    };
    let events = |filter: EventFilter| async move {
        harness.events(merchant(1), filter, ask(25, None)).await.unwrap().rows.len()
    };
    let terms = vec![Term::customer("c-0")];
    let many = || DeliveryFilter { terms: terms.clone(), ..DeliveryFilter::default() };
    ask_many("much of one customer", |_| deliveries(many())).await;
    for (name, filter) in [
        ("failed", DeliveryFilter { state: Some(State::Failed), ..many() }),
        ("pending", DeliveryFilter { state: Some(State::Pending), ..many() }),
        ("canceled", DeliveryFilter { state: Some(State::Canceled), ..many() }),
        ("test", DeliveryFilter { is_test: Some(true), ..many() }),
        (
            "of another type",
            DeliveryFilter { event_type: EventType::parse("order.reject"), ..many() },
        ),
        ("before the middle", DeliveryFilter { created_before: Some(time_of(all / 2)), ..many() }),
        (
            "of a webhook, failed, in an hour",
            DeliveryFilter {
                webhook: Some(webhook_id(1)),
                state: Some(State::Failed),
                created_after: Some(time_of(all / 2)),
                created_before: Some(time_of(all / 2 + 3_600)),
                ..many()
            },
        ),
        (
            "and of another customer",
            DeliveryFilter { terms: vec![Term::customer("c-0"), Term::customer("c-1")], ..many() },
        ),
    ] {
        ask_many(&format!("much of one customer, {name}"), |_| deliveries(filter.clone())).await;
    }
    let of_events = EventFilter { terms: terms.clone(), ..EventFilter::default() };
    ask_many("events, much of one customer", |_| events(of_events.clone())).await;
    let none = EventFilter { is_test: Some(true), ..of_events };
    ask_many("events, much of one customer, test", |_| events(none.clone())).await;
}

/// Lists by state, type and time, most of which pass over many rows.
async fn in_vain(harness: &Harness, all: u64) {
    let none = DeliveryFilter::default;
    let some = |round: u64| round * 7_654_321 % all + 1;
    let deliveries = |filter: DeliveryFilter| async move {
        let page = harness.deliveries(merchant(1), filter, ask(25, None)).await.unwrap();
        page.rows.len()
    };
    for (name, state) in
        [("failed", State::Failed), ("pending", State::Pending), ("success", State::Success)]
    {
        ask_many(name, |_| deliveries(DeliveryFilter { state: Some(state), ..none() })).await;
        let webhook = Some(webhook_id(DEAD));
        let of_dead = DeliveryFilter { webhook, state: Some(state), ..none() };
        ask_many(&format!("{name}, of the dead webhook"), |_| deliveries(of_dead.clone())).await;
        let event_type = EventType::parse("order.cancel");
        let of_type = DeliveryFilter { state: Some(state), event_type, ..none() };
        ask_many(&format!("{name}, of a type that is not there"), |_| deliveries(of_type.clone()))
            .await;
        let event_type = EventType::parse("order.create");
        let of_dead = DeliveryFilter { event_type, ..of_dead };
        ask_many(&format!("{name}, of a common type and the dead webhook"), |_| {
            deliveries(of_dead.clone())
        })
        .await;
    }
    ask_many("test deliveries, of which there are none", |_| {
        deliveries(DeliveryFilter { is_test: Some(true), ..none() })
    })
    .await;
    ask_many("a day in the past", |round| {
        let after = time_of(some(round));
        let before = after + Duration::from_hours(24);
        deliveries(DeliveryFilter {
            created_after: Some(after),
            created_before: Some(before),
            ..none()
        })
    })
    .await;
    ask_many("a common type on a day in the past", |round| {
        let after = time_of(some(round));
        let before = after + Duration::from_hours(24);
        let event_type = EventType::parse("order.create");
        let of_type = DeliveryFilter { event_type, ..none() };
        deliveries(DeliveryFilter {
            created_after: Some(after),
            created_before: Some(before),
            ..of_type
        })
    })
    .await;
}

async fn figures(harness: &Harness, all: u64) {
    let metrics = |round: u64| async move {
        let webhook = webhook_id(round % WEBHOOKS + 1);
        let shown = harness.webhook_metrics(merchant(1), webhook, at(0)).await.unwrap();
        usize::try_from(shown.successful + shown.failed).unwrap()
    };
    ask_many("metrics", metrics).await;
    ask_many("undelivered", |_| async move {
        harness.undelivered(merchant(1), None).await.unwrap().groups.len()
    })
    .await;
    ask_many("balance", |_| async move {
        let balance = harness.balance().await.unwrap();
        assert!(balance.is_even() && balance.decided == all);
        1
    })
    .await;
}

/// Asks a question many times and prints how long the answers took.
async fn ask_many<F: Future<Output = usize>>(name: &str, question: impl Fn(u64) -> F) {
    let mut times = Vec::new();
    let mut rows = 0;
    for round in 0..ROUNDS {
        let began = Instant::now();
        rows += question(round).await;
        times.push(began.elapsed());
    }
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() * percent).div_ceil(100) - 1].as_secs_f64() * 1e3;
    println!(
        "  {name:<56} p50 {:>7.2} ms  p99 {:>7.2} ms  max {:>7.2} ms  ({} rows)",
        at(50),
        at(99),
        at(100),
        rows / usize::try_from(ROUNDS).unwrap()
    );
}

//! One scenario, once: its processes are started, it is played, and its figures are taken.
//!
//! Every play has a server, a receiver and a generator of its own, so that no play leaves anything
//! to the next: not memory at its peak, not a warm connection, not a full database.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use postrider_engine::{Clock, MachineClock};

use super::cases::{Case, Traffic};
use super::figures::{Figures, each, number, per_second};
use super::generator::{Outcome, Pace, Plan, Posted, Stream};
use super::kernel::Account;
use super::mark::Run;
use super::part::Part;
use super::post::url;
use super::receiver::{Arrivals, Ask, Places};
use super::server::{Merchant, Server};
use super::template::Template;

/// Without any arrival for so long, what is missing is lost.
const PATIENCE_MICROS: u64 = 15_000_000;
/// Between two looks at what has arrived; the time of the last arrival is the receiver's.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// After the last arrival, so that its settlement is in the account.
const REST: Duration = Duration::from_millis(500);
/// A part answers at once; this is for a machine that is very busy.
const ANSWER_TIME: Duration = Duration::from_mins(1);
/// What a generator may need beyond the length of its load: answers that do not come.
const GENERATOR_MARGIN: Duration = Duration::from_mins(1);
/// The event that is posted.
const EVENT: &str = include_str!("event.json");

/// A sender that others run.
#[derive(Debug, Clone)]
pub(super) struct Foreign {
    pub(super) url: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Template,
    /// Where it delivers to.
    pub(super) receiver: SocketAddr,
    pub(super) targets: u64,
    /// Its processes, for the account.
    pub(super) processes: Vec<u32>,
}

/// What plays take place on.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) folder: PathBuf,
    pub(super) foreign: Option<Foreign>,
    /// Counts loads, so that a straggler of one is not taken for one of another.
    pub(super) loads: u32,
    pub(super) clock: Clock,
}

impl Stage {
    /// Plays a scenario and answers its figures.
    pub(super) async fn play(&mut self, case: &Case) -> anyhow::Result<(Figures, Vec<String>)> {
        self.loads += 1;
        let folder = self.folder.join(self.loads.to_string());
        std::fs::create_dir(&folder).with_context(|| folder.display().to_string())?;
        let played = match self.foreign.clone() {
            None => self.play_own(case, &folder).await,
            Some(foreign) => self.play_foreign(case, &foreign, &folder).await,
        };
        let played = played.with_context(|| case.name.clone());
        std::fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
        played
    }

    async fn play_own(&self, case: &Case, folder: &Path) -> anyhow::Result<(Figures, Vec<String>)> {
        let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let (mut receiver, places) = start_receiver(folder, free, case.with_tls).await?;
        let mut server = Server::fresh(folder).await?;
        let mut crowds = Vec::new();
        for crowd in &case.crowds {
            crowds.push(server.set_up(crowd, places, case.with_tls).await?);
        }
        if case.is_backlog {
            server.pause(crowds.first().context("there is no crowd")?).await?;
        }
        let streams = case.traffic.iter().zip(0..).map(|(traffic, number)| {
            let merchants = crowds.get(traffic.crowd).context("there is no such crowd")?;
            Ok(stream(traffic, self.run_of(number), &server, merchants))
        });
        let streams = streams.collect::<anyhow::Result<Vec<_>>>()?;
        let before = server.account()?;
        let targets = case.traffic.first().map_or(0, |traffic| traffic.targets);
        let posted = load(folder, &mut receiver, streams, targets).await?;
        let mut played = Played { cost: cost(before, server.account()?), ..Played::of(posted) };
        let mut before = server.account()?;
        if case.is_backlog {
            let began = MachineClock::micros();
            server = server.restart().await?;
            played.ready_micros = Some(MachineClock::micros() - began);
            before = Account::default();
            played.drained_from = Some(MachineClock::micros());
            server.resume(crowds.first().context("there is no crowd")?).await?;
        }
        played.arrivals = self.wait(&mut receiver, &played.posted, targets).await?;
        played.add(cost(before, server.account()?));
        if case.is_backlog {
            let crowd = crowds.first().context("there is no crowd")?;
            played.pages = Box::pin(server.page_times(crowd)).await?;
        }
        Ok((played.figures(), played.complaints()))
    }

    async fn play_foreign(
        &self,
        case: &Case,
        foreign: &Foreign,
        folder: &Path,
    ) -> anyhow::Result<(Figures, Vec<String>)> {
        let (mut receiver, _) = start_receiver(folder, foreign.receiver, false).await?;
        let traffic = case.traffic.first().context("nothing is posted")?;
        let stream = Stream {
            run: self.run_of(0),
            url: foreign.url.clone(),
            senders: vec![foreign.headers.clone()],
            body: foreign.body.clone(),
            pace: traffic.pace,
            batch: 1,
            connections: traffic.connections,
        };
        let before = Account::of(&foreign.processes)?;
        let posted = load(folder, &mut receiver, vec![stream], foreign.targets).await?;
        let mut played = Played::of(posted);
        played.arrivals = self.wait(&mut receiver, &played.posted, foreign.targets).await?;
        played.cost = cost(before, Account::of(&foreign.processes)?);
        played.is_accounted = !foreign.processes.is_empty();
        Ok((played.figures(), played.complaints()))
    }

    /// Waits until everything accepted has arrived, or nothing more comes.
    async fn wait(
        &self,
        receiver: &mut Part,
        posted: &Posted,
        targets: u64,
    ) -> anyhow::Result<Arrivals> {
        let run = self.run_of(0);
        let (mut known, mut moved) = (0, MachineClock::micros());
        loop {
            let count: u64 = receiver.ask(&Ask::Count(run), ANSWER_TIME).await?;
            let now = MachineClock::micros();
            if count > known {
                (known, moved) = (count, now);
            }
            if now - moved >= PATIENCE_MICROS || known >= posted.accepted.len() * targets {
                break;
            }
            self.clock.sleep(LOOK_INTERVAL).await;
        }
        self.clock.sleep(REST).await;
        receiver.ask(&Ask::Report(run), ANSWER_TIME).await
    }

    /// The name of a load: other benches on the machine have other process ids.
    pub(super) fn run_of(&self, stream: u32) -> Run {
        Run((std::process::id() & 0xffff) << 16 | (self.loads & 0xfff) << 4 | stream & 0xf)
    }
}

fn stream(traffic: &Traffic, run: Run, server: &Server, merchants: &[Merchant]) -> Stream {
    Stream {
        run,
        url: url(server.address, "/api/v1/events"),
        senders: merchants.iter().map(|merchant| server.headers(merchant)).collect(),
        body: event(traffic.event_type),
        pace: traffic.pace,
        batch: traffic.batch,
        connections: traffic.connections,
    }
}

/// Posts everything; what is counted is the first stream.
pub(super) async fn load(
    folder: &Path,
    receiver: &mut Part,
    streams: Vec<Stream>,
    targets: u64,
) -> anyhow::Result<Outcome> {
    let run = streams.first().context("nothing is posted")?.run;
    let () = receiver.ask(&Ask::Watch { run, targets }, ANSWER_TIME).await?;
    let longest = streams.iter().map(|stream| match stream.pace {
        Pace::Closed { micros, .. } | Pace::Rate { micros, .. } => micros,
    });
    let limit = Duration::from_micros(longest.max().unwrap_or_default()) + GENERATOR_MARGIN;
    let mut generator = Part::start(folder, &["generator"], &[])?;
    generator.ask(&Plan { streams }, limit).await
}

/// Starts a receiver and answers where it is.
pub(super) async fn start_receiver(
    folder: &Path,
    listen: SocketAddr,
    with_tls: bool,
) -> anyhow::Result<(Part, Places)> {
    let listen = listen.to_string();
    let mut arguments = vec!["receiver", "--listen", &listen];
    arguments.extend(with_tls.then_some("--tls"));
    let mut receiver = Part::start(folder, &arguments, &[])?;
    let places = receiver.hear(ANSWER_TIME).await?;
    Ok((receiver, places))
}

/// The event that is posted, of a type.
pub(super) fn event(event_type: &str) -> Template {
    // The file is part of the program, and a test reads it.
    Template::parse(&EVENT.trim().replace("order.create", event_type)).unwrap_or_default()
}

/// What was spent between two looks; the peak is that of the second.
const fn cost(before: Account, after: Account) -> Account {
    Account {
        cpu_micros: after.cpu_micros.saturating_sub(before.cpu_micros),
        written_bytes: after.written_bytes.saturating_sub(before.written_bytes),
        peak_kib: after.peak_kib,
    }
}

/// Everything known about a play.
#[derive(Debug)]
struct Played {
    posted: Posted,
    /// What went wrong with events that are not counted.
    others: Vec<Posted>,
    arrivals: Arrivals,
    cost: Account,
    is_accounted: bool,
    ready_micros: Option<u64>,
    /// When what had been held back was let go.
    drained_from: Option<u64>,
    /// Milliseconds of pages, when they were looked at.
    pages: Vec<(&'static str, f64)>,
}

impl Played {
    fn of(outcome: Outcome) -> Self {
        let mut streams = outcome.streams.into_iter();
        Self {
            posted: streams.next().unwrap_or_default(),
            others: streams.collect(),
            arrivals: Arrivals::default(),
            cost: Account::default(),
            is_accounted: true,
            ready_micros: None,
            drained_from: None,
            pages: Vec::new(),
        }
    }

    fn add(&mut self, more: Account) {
        self.cost.cpu_micros += more.cpu_micros;
        self.cost.written_bytes += more.written_bytes;
        self.cost.peak_kib = self.cost.peak_kib.max(more.peak_kib);
    }

    fn figures(&self) -> Figures {
        let Self { posted, arrivals, cost, .. } = self;
        let accepted = posted.accepted.len();
        let kept = |number: &u64| posted.accepted.contains(number / arrivals.targets.max(1));
        let arrived_of_accepted = arrivals.seen.numbers().filter(kept).count() as u64;
        let expected = accepted * arrivals.targets;
        let from = self.drained_from.unwrap_or(posted.began);
        let accounted = |figure: Option<f64>| figure.filter(|_| self.is_accounted);
        // How long something waited that was told to wait says nothing.
        let latency = |percent| {
            let live = self.drained_from.is_none();
            arrivals.latency.percentile_ms(percent).filter(|_| live)
        };
        let known = [
            ("accepted", Some(number(accepted))),
            ("refused", Some(number(posted.refused))),
            ("delivered", Some(number(arrivals.arrived))),
            ("lost", Some(number(expected - arrived_of_accepted))),
            ("unaccepted_but_delivered", Some(number(arrivals.arrived - arrived_of_accepted))),
            ("duplicates", Some(number(arrivals.duplicates))),
            (
                "accepted_per_second",
                per_second(accepted, posted.ended.saturating_sub(posted.began)),
            ),
            (
                "delivered_per_second",
                per_second(arrivals.arrived, arrivals.last.saturating_sub(from)),
            ),
            ("accept_p50_ms", posted.latency.percentile_ms(50)),
            ("accept_p95_ms", posted.latency.percentile_ms(95)),
            ("accept_p99_ms", posted.latency.percentile_ms(99)),
            ("delivery_p50_ms", latency(50)),
            ("delivery_p95_ms", latency(95)),
            ("delivery_p99_ms", latency(99)),
            ("cpu_micros_per_delivery", accounted(each(cost.cpu_micros, arrivals.arrived))),
            ("written_bytes_per_delivery", accounted(each(cost.written_bytes, arrivals.arrived))),
            ("peak_memory_mib", accounted(each(cost.peak_kib, 1_024))),
            ("ready_seconds", self.ready_micros.and_then(|micros| each(micros, 1_000_000))),
        ];
        let known = known.into_iter().filter_map(|(name, figure)| Some((name, figure?)));
        known.chain(self.pages.iter().copied()).collect()
    }

    /// What senders were told instead of an acceptance.
    fn complaints(&self) -> Vec<String> {
        let all = std::iter::once(&self.posted).chain(&self.others);
        all.filter_map(|posted| posted.complaint.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_event_names_itself_and_its_type() {
        assert!(event("order.reminder").names_the_event());
        let mut text = String::new();
        let mark = crate::commands::bench::mark::Mark { run: Run(1), sequence: 2, due: 3 };
        event("order.reminder").fill(mark, 0, &mut text);
        let event: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (&event["id"], &event["type"]),
            (&mark.to_string().into(), &"order.reminder".into())
        );
        assert!((600..1_000).contains(&text.len()), "{}", text.len());
    }

    #[test]
    fn what_was_accepted_and_did_not_arrive_is_lost() {
        let (mut posted, mut arrivals) = (Posted::default(), Arrivals::default());
        for number in [0, 1, 3] {
            posted.accepted.insert(number);
        }
        posted.refused = 1;
        arrivals.targets = 2;
        // Both targets of 0, one of 1, none of 3, and one of 2, which was refused.
        for number in [0, 1, 2, 4] {
            arrivals.seen.insert(number);
            arrivals.arrived += 1;
        }
        let streams = vec![posted];
        let mut played = Played::of(Outcome { streams, cpu_micros: 0 });
        played.arrivals = arrivals;
        let figures = played.figures();
        assert_eq!((figures["accepted"], figures["delivered"], figures["lost"]), (3.0, 4.0, 3.0));
        assert_eq!(figures.get("unaccepted_but_delivered"), Some(&1.0));
        assert_eq!(figures.get("delivery_p50_ms"), None);
    }
}

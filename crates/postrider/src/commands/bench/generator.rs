//! The bench's generator: a process that posts events and measures how long acceptance takes.
//!
//! Two paces. *Closed*: so many clients, each posts, waits for the answer and posts the next; shows
//! how much goes through. *Rate*: every event has a moment at which it is due, whatever became of
//! those before; its time is measured from that moment, so a sender that stalls cannot hide behind
//! requests that were never made.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use parking_lot::Mutex;
use postrider_engine::{Clock, MachineClock};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use super::histogram::Histogram;
use super::kernel::Account;
use super::mark::{Mark, Run};
use super::part::Desk;
use super::post::{Connection, Target};
use super::seen::{NUMBERS_MAX, Seen};
use super::template::Template;

/// An answer that takes longer is no answer.
const ANSWER_TIME: Duration = Duration::from_secs(10);
/// Between making the connections and the first event that is due.
const START_DELAY_MICROS: u64 = 50_000;

/// What to post.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Plan {
    pub(super) streams: Vec<Stream>,
}

/// Events of one kind.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Stream {
    pub(super) run: Run,
    pub(super) url: String,
    /// In turn, the headers of whoever sends.
    pub(super) senders: Vec<Vec<(String, String)>>,
    pub(super) body: Template,
    pub(super) pace: Pace,
    /// Events in one request; more than one are wrapped as Postrider takes them.
    pub(super) batch: u64,
    pub(super) connections: usize,
}

/// How fast.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) enum Pace {
    /// As fast as answers come, until so many are posted or so long has passed.
    Closed { events: u64, micros: u64 },
    /// So many a second for so long.
    Rate { per_second: u32, micros: u64 },
}

/// What came of one stream.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Posted {
    pub(super) accepted: Seen,
    pub(super) refused: u64,
    /// The first thing that was not an acceptance.
    pub(super) complaint: Option<String>,
    /// From when a request was due until its answer had been read; of those accepted.
    pub(super) latency: Histogram,
    pub(super) began: u64,
    /// When the last acceptance came.
    pub(super) ended: u64,
}

/// What came of all streams.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Outcome {
    pub(super) streams: Vec<Posted>,
    /// Processor time of the generator.
    pub(super) cpu_micros: u64,
}

/// Posts one plan and says what came of it.
pub(super) async fn run() -> anyhow::Result<()> {
    let mut desk = Desk::open();
    let plan: Plan = desk.hear().await?.context("there is no plan")?;
    let own = [std::process::id()];
    let before = Account::of(&own)?.cpu_micros;
    let began = MachineClock::micros() + START_DELAY_MICROS;
    let mut loads = Vec::new();
    for stream in plan.streams {
        loads.push(Load::start(stream, began)?);
    }
    let mut streams = Vec::new();
    for load in loads {
        streams.push(load.finish().await?);
    }
    let cpu_micros = Account::of(&own)?.cpu_micros - before;
    desk.say(&Outcome { streams, cpu_micros })
}

/// A stream under way.
struct Load {
    shared: Arc<Shared>,
    workers: tokio::task::JoinSet<anyhow::Result<()>>,
    pacer: Option<std::thread::JoinHandle<()>>,
}

struct Shared {
    stream: Stream,
    target: Target,
    clock: Clock,
    began: u64,
    /// The number of the next event.
    next: AtomicU64,
    /// Events that are due; the pacer adds to it. Not used by a closed loop.
    due: Semaphore,
    posted: Mutex<Posted>,
}

impl Load {
    fn start(stream: Stream, began: u64) -> anyhow::Result<Self> {
        let target = Target::parse(&stream.url)?;
        let shared = Arc::new(Shared {
            target,
            clock: Clock::system(),
            began,
            next: AtomicU64::new(0),
            due: Semaphore::new(0),
            posted: Mutex::new(Posted { began, ended: began, ..Posted::default() }),
            stream,
        });
        let mut workers = tokio::task::JoinSet::new();
        for _ in 0..shared.stream.connections {
            workers.spawn(work(Arc::clone(&shared)));
        }
        let pacer = match shared.stream.pace {
            Pace::Closed { .. } => None,
            Pace::Rate { .. } => {
                let shared = Arc::clone(&shared);
                Some(std::thread::Builder::new().spawn(move || shared.pace())?)
            }
        };
        Ok(Self { shared, workers, pacer })
    }

    async fn finish(mut self) -> anyhow::Result<Posted> {
        while let Some(ended) = self.workers.join_next().await {
            ended.context("a client of the generator broke")??;
        }
        // The workers end after the last event, which the pacer has announced by then.
        drop(self.pacer);
        Ok(std::mem::take(&mut *self.shared.posted.lock()))
    }
}

impl Shared {
    /// Announces every event at its moment. A thread of its own, because the runtime's timers are
    /// too coarse.
    fn pace(&self) {
        for number in 0..self.events() {
            MachineClock::block_until(self.due_at(number));
            self.due.add_permits(1);
        }
        // One more for each worker, so that it finds out that there is nothing left.
        self.due.add_permits(self.stream.connections);
    }

    /// Events in all, at most.
    fn events(&self) -> u64 {
        match self.stream.pace {
            Pace::Closed { events, .. } => events.min(NUMBERS_MAX),
            Pace::Rate { per_second, micros } => {
                (u64::from(per_second) * micros / 1_000_000).min(NUMBERS_MAX)
            }
        }
    }

    fn due_at(&self, number: u64) -> u64 {
        match self.stream.pace {
            Pace::Closed { .. } => self.began,
            Pace::Rate { per_second, .. } => {
                self.began + number * 1_000_000 / u64::from(per_second.max(1))
            }
        }
    }

    /// The first of the next events and when it was due; `None` when all are posted.
    async fn next(&self) -> Option<(u64, u64)> {
        let batch = self.stream.batch;
        let Pace::Closed { micros, .. } = self.stream.pace else {
            // The semaphore is never closed.
            self.due.acquire().await.ok()?.forget();
            let number = self.next.fetch_add(batch, Ordering::Relaxed);
            return (number < self.events()).then(|| (number, self.due_at(number)));
        };
        let now = MachineClock::micros();
        if now.saturating_sub(self.began) > micros {
            return None;
        }
        let number = self.next.fetch_add(batch, Ordering::Relaxed);
        (number < self.events()).then_some((number, now))
    }

    /// The request for the events from `first` on.
    fn body(&self, first: u64, due: u64) -> (String, u64) {
        let mut body = String::new();
        let now = self.clock.now().unix_seconds();
        let mark = |sequence| Mark { run: self.stream.run, sequence, due };
        if self.stream.batch == 1 {
            self.stream.body.fill(mark(first), now, &mut body);
            return (body, first + 1);
        }
        let end = (first + self.stream.batch).min(self.events());
        body.push_str("{\"events\":[");
        for number in first..end {
            if number > first {
                body.push(',');
            }
            self.stream.body.fill(mark(number), now, &mut body);
        }
        body.push_str("]}");
        (body, end)
    }

    fn note(&self, first: u64, end: u64, due: u64, answered: Result<(), String>) {
        let now = MachineClock::micros();
        let mut posted = self.posted.lock();
        match answered {
            Ok(()) => {
                for number in first..end {
                    posted.accepted.insert(number);
                }
                posted.latency.record(now.saturating_sub(due));
                posted.ended = now;
            }
            Err(complaint) => {
                posted.refused += end - first;
                posted.complaint.get_or_insert(complaint);
            }
        }
    }
}

/// One client: a connection, and one request on it after another.
async fn work(shared: Arc<Shared>) -> anyhow::Result<()> {
    let mut connection = Connection::new(shared.target.clone());
    let senders = shared.stream.senders.len().max(1) as u64;
    while let Some((first, due)) = shared.next().await {
        let (body, end) = shared.body(first, due);
        let turn = usize::try_from(first / shared.stream.batch % senders)?;
        let headers = shared.stream.senders.get(turn).map(Vec::as_slice).unwrap_or_default();
        let answered = shared.clock.within(ANSWER_TIME, connection.post(headers, body)).await;
        let answered = answered.unwrap_or_else(|| {
            connection.close();
            Err(format!("no answer within {ANSWER_TIME:?}"))
        });
        shared.note(first, end, due, answered);
    }
    Ok(())
}

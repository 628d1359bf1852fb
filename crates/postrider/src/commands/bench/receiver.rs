//! The bench's receiver: a process that answers as the path says and notes what arrived when.
//!
//! It does as little as it can, because it runs on the same cores as what is measured: it finds the
//! mark, sets a bit, counts one length of time. Signatures are not verified here; the demo and the
//! tests do that. It listens on two addresses, so that targets that misbehave share no connection
//! with those that do not.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use postrider_engine::{Clock, MachineClock};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;

use super::answer::{self, Answer};
use super::histogram::Histogram;
use super::mark::{Mark, Run};
use super::part::Desk;
use super::seen::Seen;
use super::tls;

/// The largest body taken: four times what a sender may post.
const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Loads watched in the life of one receiver.
const RUNS_MAX: usize = 1_000;
/// Where misbehaving targets live: loopback as well, and another origin.
const BAD: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

/// Where it answers; the first thing it says.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Places {
    pub(super) good: SocketAddr,
    pub(super) bad: SocketAddr,
}

/// What it is asked.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) enum Ask {
    /// Note what arrives of this load, each event at so many targets.
    Watch { run: Run, targets: u64 },
    /// How many have arrived?
    Count(Run),
    /// Everything about a load, which is then forgotten.
    Report(Run),
}

/// What arrived of one load.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Arrivals {
    /// `sequence × targets + target` of everything that arrived.
    pub(super) seen: Seen,
    pub(super) targets: u64,
    pub(super) arrived: u64,
    pub(super) duplicates: u64,
    /// From when an event was due to be sent until it arrived the first time.
    pub(super) latency: Histogram,
    /// When the last one arrived that had not before.
    pub(super) last: u64,
}

/// What all connections share.
#[derive(Debug, Default)]
struct Ledger {
    runs: Mutex<HashMap<Run, Arrivals>>,
}

impl Ledger {
    fn note(&self, mark: Mark, target: u64, now: u64) {
        let mut runs = self.runs.lock();
        let Some(arrivals) = runs.get_mut(&mark.run).filter(|it| target < it.targets) else {
            return;
        };
        match arrivals.seen.insert(mark.sequence * arrivals.targets + target) {
            Some(true) => {
                arrivals.arrived += 1;
                arrivals.latency.record(now.saturating_sub(mark.due));
                arrivals.last = now;
            }
            Some(false) => arrivals.duplicates += 1,
            // No generator counts that far.
            None => {}
        }
    }
}

/// Answers requests until the bench has no more to ask.
pub(super) async fn run(good: SocketAddr, folder: &Path, with_tls: bool) -> anyhow::Result<()> {
    let tls = if with_tls { Some(tls::acceptor(folder)?) } else { None };
    let ledger = Arc::new(Ledger::default());
    let connections = TaskTracker::new();
    let mut addresses = Vec::new();
    for address in [good, SocketAddr::new(BAD, 0)] {
        let listener = TcpListener::bind(address).await;
        let listener = listener.with_context(|| format!("cannot listen on {address}"))?;
        addresses.push(listener.local_addr()?);
        let (ledger, tls) = (Arc::clone(&ledger), tls.clone());
        connections.spawn(accept(listener, tls, ledger, connections.clone()));
    }
    let &[good, bad] = addresses.as_slice() else { bail!("two addresses were asked for") };
    let mut desk = Desk::open();
    desk.say(&Places { good, bad })?;
    while let Some(ask) = desk.hear::<Ask>().await? {
        match ask {
            Ask::Watch { run, targets } => {
                let mut runs = ledger.runs.lock();
                if runs.len() >= RUNS_MAX {
                    bail!("more than {RUNS_MAX} loads at once");
                }
                runs.insert(run, Arrivals { targets, ..Arrivals::default() });
                desk.say(&())?;
            }
            Ask::Count(run) => {
                let count = ledger.runs.lock().get(&run).map_or(0, |it| it.arrived);
                desk.say(&count)?;
            }
            Ask::Report(run) => {
                let arrivals = ledger.runs.lock().remove(&run).unwrap_or_default();
                desk.say(&arrivals)?;
            }
        }
    }
    Ok(())
}

async fn accept(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    ledger: Arc<Ledger>,
    connections: TaskTracker,
) {
    let clock = Clock::system();
    // Connections are bounded by what the sender opens and by the process's open files.
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            clock.sleep(std::time::Duration::from_millis(10)).await;
            continue;
        };
        // Without it answers only come later.
        let _ = stream.set_nodelay(true);
        let (tls, ledger, clock) = (tls.clone(), Arc::clone(&ledger), clock.clone());
        connections.spawn(async move {
            match tls {
                None => serve(stream, ledger, clock).await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        serve(stream, ledger, clock).await;
                    }
                }
            }
        });
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, ledger: Arc<Ledger>, clock: Clock) {
    let service = hyper::service::service_fn(move |request| {
        let (ledger, clock) = (Arc::clone(&ledger), clock.clone());
        async move { reply(request, &ledger, &clock).await }
    });
    let server = hyper::server::conn::http1::Builder::new();
    // A connection that ends early is the sender's affair; what is missing is counted.
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}

/// Closes the connection instead of answering.
#[derive(Debug)]
struct Closed;

impl std::fmt::Display for Closed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("closed as the path says")
    }
}

impl std::error::Error for Closed {}

async fn reply(
    request: Request<Incoming>,
    ledger: &Ledger,
    clock: &Clock,
) -> Result<Response<Full<Bytes>>, Closed> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, BODY_BYTES_MAX).collect().await.map_err(|_| Closed)?.to_bytes();
    let now = MachineClock::micros();
    let (answer, target) = answer::read(head.uri.path());
    let in_head = || {
        let values = head.headers.values().find_map(|value| Mark::find(value.as_bytes()));
        values.or_else(|| Mark::find(head.uri.to_string().as_bytes()))
    };
    if let Some(mark) = Mark::find(&body).or_else(in_head) {
        ledger.note(mark, target, now);
    }
    let status = match answer {
        Answer::Status(status) => StatusCode::from_u16(status).unwrap_or(StatusCode::OK),
        Answer::Wait(wait) => {
            clock.sleep(wait).await;
            StatusCode::OK
        }
        Answer::Never => std::future::pending().await,
        Answer::Close => return Err(Closed),
    };
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_counted_once_at_each_of_its_targets_and_repeats_apart() {
        let ledger = Ledger::default();
        let run = Run(1);
        ledger.runs.lock().insert(run, Arrivals { targets: 2, ..Arrivals::default() });
        let mark = Mark { run, sequence: 3, due: 100 };
        for target in [0, 1, 1, 2] {
            ledger.note(mark, target, 150);
        }
        ledger.note(Mark { run: Run(2), ..mark }, 0, 150);
        let arrivals = ledger.runs.lock().remove(&run).unwrap();
        assert_eq!((arrivals.arrived, arrivals.duplicates, arrivals.last), (2, 1, 150));
        assert_eq!(arrivals.seen.numbers().collect::<Vec<_>>(), [6, 7]);
        assert_eq!(arrivals.latency.percentile_ms(99), Some(0.05));
    }
}

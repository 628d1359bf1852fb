//! A receiver of webhooks: verifies each request, notes it, and answers as told.
//!
//! Used by `postrider receiver`, by the demo and by tests of the binary. It is a small HTTP/1.1
//! server of its own and shares nothing with the sender but the signing rules of the core, so that
//! what it sees is what went over the wire. Judging signatures is left to `check`.
//!
//! Invariants: body and connections are bounded; a request is noted before it is answered, so one
//! whose sender gave up waiting is noted too.

mod answers;
mod check;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::header::HeaderMap;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use postrider_core::key::VerificationKey;
use postrider_engine::Clock;
use serde::Deserialize;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) use answers::Answers;
pub(crate) use check::Verdict;
use check::verdict;

/// The largest body taken: four times what a sender may post.
const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Connections at once; a sender opens at most a few hundred to one target.
const CONNECTIONS_MAX: usize = 512;
/// Time to send a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// Wait before accepting again when the process is out of file handles.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What a receiver does with each request.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// The key to verify with; without it nothing is verified.
    pub(crate) key: Option<VerificationKey>,
    /// The header that carries the `ordergroove` signature.
    pub(crate) signature_header: String,
    /// The status codes to answer with.
    pub(crate) answers: Answers,
    /// The wait before each answer.
    pub(crate) delay: Duration,
}

/// One request, as noted.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) delivery: Option<String>,
    pub(crate) attempt: Option<u32>,
    pub(crate) event: Option<String>,
    pub(crate) event_type: Option<String>,
    pub(crate) verdict: Verdict,
    /// The status it is answered with.
    pub(crate) status: u16,
    pub(crate) body: Bytes,
}

/// What a body is asked for; all else in it is the sender's business.
#[derive(Deserialize)]
struct Named {
    id: Option<String>,
    #[serde(rename = "type")]
    event_type: Option<String>,
}

/// A receiver that has its address and does not answer yet.
#[derive(Debug)]
pub(crate) struct Receiver {
    listener: TcpListener,
    clock: Clock,
}

type Note = dyn Fn(&Received) + Send + Sync;

/// What all connections of one receiver share.
struct Desk {
    plan: Plan,
    clock: Clock,
    answered: AtomicUsize,
    note: Box<Note>,
}

impl Receiver {
    /// Takes an address.
    pub(crate) async fn bind(listen: SocketAddr, clock: Clock) -> std::io::Result<Self> {
        Ok(Self { listener: TcpListener::bind(listen).await?, clock })
    }

    /// The address it has.
    pub(crate) fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers until `stop`; calls `note` for every request.
    pub(crate) async fn run(
        self,
        plan: Plan,
        note: impl Fn(&Received) + Send + Sync + 'static,
        stop: CancellationToken,
    ) {
        let Self { listener, clock } = self;
        let answered = AtomicUsize::new(0);
        let desk = Arc::new(Desk { plan, clock: clock.clone(), answered, note: Box::new(note) });
        let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let connections = TaskTracker::new();
        while let Some(stream) = next(&listener, &clock, &stop).await {
            // The semaphore is never closed, so this only waits.
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { break };
            let (desk, stop) = (Arc::clone(&desk), stop.clone());
            connections.spawn(async move {
                tokio::select! {
                    () = serve(stream, desk) => {}
                    () = stop.cancelled() => {}
                }
                drop(slot);
            });
        }
        connections.close();
        connections.wait().await;
    }
}

/// The next connection; `None` when it is time to stop.
async fn next(
    listener: &TcpListener,
    clock: &Clock,
    stop: &CancellationToken,
) -> Option<TcpStream> {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return None,
        };
        match accepted {
            Ok((stream, _)) => return Some(stream),
            Err(error) => {
                tracing::warn!(%error, "the receiver cannot accept a connection");
                clock.sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve(stream: TcpStream, desk: Arc<Desk>) {
    let service = hyper::service::service_fn(move |request| {
        let desk = Arc::clone(&desk);
        async move { Ok::<_, Infallible>(answer(request, &desk).await) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(REQUEST_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a connection to the receiver ended early");
    }
}

async fn answer(request: Request<Incoming>, desk: &Desk) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    if head.method != Method::POST {
        return empty(StatusCode::METHOD_NOT_ALLOWED);
    }
    // An announced length is believed before it is sent.
    if body.size_hint().lower() > BODY_BYTES_MAX as u64 {
        return empty(StatusCode::PAYLOAD_TOO_LARGE);
    }
    let collect = Limited::new(body, BODY_BYTES_MAX).collect();
    let body = match desk.clock.within(REQUEST_TIMEOUT, collect).await {
        None => return empty(StatusCode::REQUEST_TIMEOUT),
        Some(Err(_)) => return empty(StatusCode::PAYLOAD_TOO_LARGE),
        Some(Ok(body)) => body.to_bytes(),
    };
    let turn = desk.answered.fetch_add(1, Ordering::Relaxed);
    let received = examine(&head.headers, body, &desk.plan, desk.plan.answers.nth(turn));
    (desk.note)(&received);
    if !desk.plan.delay.is_zero() {
        desk.clock.sleep(desk.plan.delay).await;
    }
    empty(StatusCode::from_u16(received.status).unwrap_or(StatusCode::OK))
}

fn examine(headers: &HeaderMap, body: Bytes, plan: &Plan, status: u16) -> Received {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    let named = serde_json::from_slice::<Named>(&body).ok();
    let (event, event_type) = named.map_or((None, None), |named| (named.id, named.event_type));
    Received {
        delivery: text("postrider-delivery").map(str::to_owned),
        attempt: text("postrider-attempt").and_then(|number| number.parse().ok()),
        event,
        event_type,
        verdict: verdict(headers, &body, plan.key.as_ref(), &plan.signature_header),
        status,
        body,
    }
}

fn empty(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests;

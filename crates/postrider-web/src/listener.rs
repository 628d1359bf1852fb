//! The accept loop: how many connections there are, and how long each step of one may take.
//!
//! axum's own `serve` sets no timer, so that an unfinished head, a silent connection and a stalled
//! body stay open for ever (reliability.md 0.2, 1). Here:
//! - a permit is taken before a connection is accepted, so that further ones wait in the backlog;
//! - hyper's head timeout has a timer; it starts when a connection is idle, so that it bounds
//!   silent and idle connections as well as slow heads;
//! - the deadline of a body is kept where it is read (`api::body`), that of an answer in `stream`.
//!
//! Invariant: the loop ends only when told to stop, whatever accepting a connection comes to.

use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use postrider_core::limits;
use postrider_engine::Clock;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::front::Peer;
use crate::stream::GuardedStream;
use crate::{App, front};

/// Header lines of a request at most; hyper answers 431 beyond (reliability.md row 7).
pub(crate) const REQUEST_HEADERS_MAX: usize = 100;
/// Wait after an accept failed for want of files or memory; long enough for some to come free.
const ACCEPT_RETRY_WAIT: Duration = Duration::from_millis(100);

/// The bounds on connections.
#[derive(Debug, Clone, Copy)]
pub struct ListenerLimits {
    /// Connections served at once.
    pub connections_max: usize,
    /// Time for a request's head, and for silence between requests.
    pub head_timeout: Duration,
    /// Time for a request's body.
    pub body_timeout: Duration,
    /// Time an answer may wait for a client that does not read.
    pub write_timeout: Duration,
    /// Time for requests in flight once the listener is told to stop.
    pub stop_grace: Duration,
}

impl Default for ListenerLimits {
    fn default() -> Self {
        Self {
            connections_max: limits::CONNECTIONS_MAX,
            head_timeout: limits::REQUEST_HEAD_TIMEOUT,
            body_timeout: limits::REQUEST_BODY_TIMEOUT,
            // A client has as long to take an answer as to send a body.
            write_timeout: limits::REQUEST_BODY_TIMEOUT,
            stop_grace: limits::REQUEST_BODY_TIMEOUT,
        }
    }
}

/// What connections are told while the listener stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Serving,
    /// Finish the request in flight and take no further one.
    Draining,
    /// The grace is over.
    Closed,
}

/// Serves `app` until `stop` resolves; then returns when requests in flight have ended, or after
/// a bounded grace.
pub async fn serve(listener: TcpListener, app: App, stop: impl Future<Output = ()> + Send) {
    let limits = app.shared.limits;
    let clock = app.shared.engine.clock().clone();
    let permits = Arc::new(Semaphore::new(limits.connections_max));
    let (phase, phases) = watch::channel(Phase::Serving);
    let mut stop = pin!(stop);
    loop {
        let (stream, peer, permit) = tokio::select! {
            biased;
            () = &mut stop => break,
            accepted = accept(&listener, &permits, &clock) => accepted,
        };
        let connection = serve_connection(stream, peer, app.clone(), phases.clone(), permit);
        app.shared.engine.tracker().spawn(connection);
    }
    drop(listener);
    phase.send_replace(Phase::Draining);
    let all = u32::try_from(limits.connections_max).unwrap_or(u32::MAX);
    // All permits are back when all connections have ended.
    if clock.within(limits.stop_grace, permits.acquire_many(all)).await.is_none() {
        tracing::warn!("connections were closed with requests in flight: the grace is over");
        phase.send_replace(Phase::Closed);
        let _ = permits.acquire_many(all).await;
    }
}

/// The next connection, where it comes from, and its permit. Errors are waited out.
async fn accept(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
    clock: &Clock,
) -> (TcpStream, IpAddr, Option<OwnedSemaphorePermit>) {
    // The semaphore is never closed, so a permit always comes.
    let permit = Arc::clone(permits).acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return (stream, peer.ip(), permit),
            Err(error) if concerns_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                clock.sleep(ACCEPT_RETRY_WAIT).await;
            }
        }
    }
}

/// Whether an accept failed because the client had gone already.
fn concerns_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

async fn serve_connection(
    stream: TcpStream,
    peer: IpAddr,
    app: App,
    mut phases: watch::Receiver<Phase>,
    _permit: Option<OwnedSemaphorePermit>,
) {
    // Answers are small and written at once; waiting to fill a packet only delays them.
    let _ = stream.set_nodelay(true);
    let limits = app.shared.limits;
    let clock = app.shared.engine.clock().clone();
    let stream = GuardedStream::new(stream, clock, limits.write_timeout, front::bare_problem);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(Some(peer)));
        let app = app.clone();
        async move { Ok::<_, Infallible>(Box::pin(app.handle(request)).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_timeout)
        .max_headers(REQUEST_HEADERS_MAX)
        .max_buf_size(limits::REQUEST_HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a client's connection broke");
                }
                return;
            }
            told = phases.changed() => {
                let phase = *phases.borrow();
                match phase {
                    Phase::Closed => return,
                    _ if told.is_err() => return,
                    Phase::Draining => connection.as_mut().graceful_shutdown(),
                    Phase::Serving => {}
                }
            }
        }
    }
}

//! The HTTP client: makes one attempt and says what came of it.
//!
//! Owns the way from a target to an answer: judging, looking up, connecting, the handshake, one
//! POST, a bounded answer, and the connections kept for the next one. Leaves signing and headers
//! to the caller, and what an outcome means for the delivery to `postrider_core`.
//!
//! Invariants:
//! - Whatever a receiver does is an [`Outcome`], never an `Err`.
//! - One deadline spans everything, up to the last byte of the body.
//! - Nothing is dialled but what the address policy admitted for this very connection.
//! - Redirects, proxies, cookies and compression do not exist here: hyper is used at connection
//!   level, no environment variable is read, no Accept-Encoding is sent.
//! - Once a response head has arrived, it alone decides, whatever becomes of the body.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::{HOST, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Uri};
use postrider_core::address::{AddressPolicy, Denied};
use postrider_core::attempt::Phases;
use postrider_core::limits;
use postrider_core::outcome::{Outcome, OutcomeKind};
use postrider_core::target::TargetUrl;
use rustls::pki_types::CertificateDer;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;

mod connection;
mod fault;
mod head;
mod names;
mod pool;
mod reach;
mod tls;
mod trace;
mod wire;

#[cfg(test)]
mod tests;

pub(crate) use head::push_title_case;
pub use tls::tls_config;

use connection::Connection;
use fault::Fault;
use head::Head;
use names::Names;
use pool::Pool;
use reach::Reach;
use tls::Tls;
use trace::{Step, Trace};
use wire::Wire;

/// Who is asked for the addresses of a name.
#[derive(Debug, Clone)]
pub enum NameServers {
    /// The hosts file and resolv.conf of the system, as they are when the client is made.
    System,
    /// These, and no hosts file.
    Given(Vec<SocketAddr>),
}

/// Whose certificates are believed.
#[derive(Debug, Clone)]
pub enum Trust {
    /// The issuers the system trusts.
    System,
    /// These issuers.
    Roots(Vec<CertificateDer<'static>>),
}

/// What a client is made of.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// The source of time, also of the time certificates are judged by.
    pub clock: Clock,
    /// Where requests may go.
    pub addresses: Arc<AddressPolicy>,
    /// Who is asked for addresses.
    pub name_servers: NameServers,
    /// Whose certificates are believed.
    pub trust: Trust,
    /// Starts the task of each connection.
    pub tracker: TaskTracker,
}

/// Why a client could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The system's list of name servers could not be read, or makes no sense.
    #[error("cannot read which name servers to ask")]
    NameServers(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Without a trusted issuer every https target would fail, by our own fault.
    #[error("the system trusts no certificate issuer: install its CA certificates")]
    NoTrustedIssuers,
    /// The TLS library refused its configuration.
    #[error("cannot set up TLS")]
    Tls(#[source] rustls::Error),
}

/// One request to make. `Host` and `Content-Length` are added, nothing else.
#[derive(Debug)]
pub struct Post<'a> {
    /// Where to.
    pub target: &'a TargetUrl,
    /// All other head lines, sent in title case and in this order.
    pub headers: HeaderMap,
    /// The body, as it is.
    pub body: Bytes,
    /// The time for the whole attempt.
    pub timeout: Duration,
}

/// What came of one request: the part of an attempt's record that only the client knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What it came to.
    pub outcome: Outcome,
    /// Where the time went; `queue` is left to the caller.
    pub phases: Phases,
    /// Head lines of the response, `Name: value` each, joined by `\n`, cut to a bound.
    pub response_headers: String,
    /// The beginning of the body.
    pub response_body: Bytes,
    /// Whether more of the body was sent than is kept.
    pub is_response_truncated: bool,
    /// What is particular. Never names an address: tenants read it.
    pub note: Option<String>,
}

/// The client. Clones share everything.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    clock: Clock,
    reach: Reach,
    tls: Tls,
    pool: Arc<Pool>,
    tracker: TaskTracker,
}

impl Client {
    /// A client without any connection yet.
    pub fn new(options: ClientOptions) -> Result<Self, ClientError> {
        let ClientOptions { clock, addresses, name_servers, trust, tracker } = options;
        let names = Names::new(name_servers, clock.clone())?;
        let reach = Reach { clock: clock.clone(), addresses, names };
        let tls = Tls::new(trust, clock.clone())?;
        let pool =
            Arc::new(Pool::new(clock.clone(), tracker.clone(), limits::IDLE_CONNECTIONS_MAX));
        Ok(Self { shared: Arc::new(Shared { clock, reach, tls, pool, tracker }) })
    }

    /// Whether a target that is being configured leads somewhere allowed, as far as can be told now.
    pub async fn preview(&self, target: &TargetUrl) -> Result<(), Denied> {
        self.shared.reach.preview(target).await
    }

    /// Makes one attempt. Never an `Err`: whatever happens is an outcome.
    pub async fn post(&self, post: Post<'_>) -> Answer {
        let clock = &self.shared.clock;
        let mut trace = Trace::new(clock, post.timeout);
        let done = clock.within(post.timeout, self.shared.attempt(&post, &mut trace)).await;
        trace.into_answer(done)
    }

    /// Closes the idle connections and keeps none from now on: for stopping.
    pub fn close_idle(&self) {
        self.shared.pool.close();
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Client").field("pool", &self.shared.pool).finish_non_exhaustive()
    }
}

impl Shared {
    /// Sends the request on a kept connection if there is one, else on a new one. A kept connection
    /// may have been closed by the receiver just now; then, and only then, it is sent once more.
    async fn attempt(&self, post: &Post<'_>, trace: &mut Trace<'_>) -> Result<(), Fault> {
        if let Some(mut connection) = self.pool.take(pool::origin(post.target)) {
            trace.enter(Step::Response);
            match connection.send(request(post)?).await {
                Ok(response) => return self.receive(response, connection, trace).await,
                Err(error) if error.is_user() || connection.has_received() => {
                    return Err(fault::of_exchange(&error));
                }
                Err(_) => trace.note("sent again: the kept connection had been closed"),
            }
        }
        // Boxed, so that the future of the usual case stays small.
        let mut connection = Box::pin(self.connect(post.target, trace)).await?;
        trace.enter(Step::Response);
        let sent = connection.send(request(post)?).await;
        let response = sent.map_err(|error| fault::of_exchange(&error))?;
        self.receive(response, connection, trace).await
    }

    async fn connect(
        &self,
        target: &TargetUrl,
        trace: &mut Trace<'_>,
    ) -> Result<Connection, Fault> {
        let stream = self.reach.open(target, trace).await?;
        let wire = if target.scheme_is_https() {
            trace.enter(Step::Handshake);
            Wire::tls(self.tls.handshake(stream, target.host_str()).await?)
        } else {
            Wire::plain(stream)
        };
        Connection::open(wire, pool::origin(target), &self.tracker).await
    }

    /// Judges the head, then reads the body within bounds. Only a connection whose answer was read
    /// to its end is kept; dropping it closes it.
    async fn receive(
        &self,
        response: Response<hyper::body::Incoming>,
        connection: Connection,
        trace: &mut Trace<'_>,
    ) -> Result<(), Fault> {
        let (parts, mut body) = response.into_parts();
        trace.enter(Step::Body);
        let head = Head::judge(&parts, self.clock.now(), |text| trace.note(text));
        let head = trace.answered(head);
        if parts.status == StatusCode::SWITCHING_PROTOCOLS {
            return Ok(());
        }
        while let Some(frame) = body.frame().await {
            match frame {
                // Trailers mean nothing to us.
                Ok(frame) => match frame.into_data() {
                    Ok(data) if !head.keep(&data) => return Ok(()),
                    _ => {}
                },
                Err(error) if fault::is_too_much(&error) => {
                    head.is_body_truncated = true;
                    return Ok(());
                }
                Err(_) => {
                    trace.note("the connection broke before the end of the answer's body");
                    return Ok(());
                }
            }
        }
        self.pool.put(connection, trace.left());
        Ok(())
    }
}

/// The request on the wire. Made anew for each send, because hyper does not give one back that it
/// has begun to write.
fn request(post: &Post<'_>) -> Result<Request<Full<Bytes>>, Fault> {
    // Both are in normal form, so that neither fails.
    let (Ok(uri), Ok(host)) = (
        Uri::try_from(post.target.path_and_query()),
        HeaderValue::from_str(post.target.authority()),
    ) else {
        return Err(Fault::noted(OutcomeKind::Internal, "the target cannot be put in a request"));
    };
    let mut request = Request::new(Full::new(post.body.clone()));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri;
    let headers = request.headers_mut();
    headers.reserve(post.headers.len() + 2);
    headers.insert(HOST, host);
    for (name, value) in &post.headers {
        headers.append(name, value.clone());
    }
    Ok(request)
}

//! The listener over real sockets, with short deadlines. Nothing here sleeps: each test waits for
//! what the server does, which is to answer or to close.

use std::net::SocketAddr;
use std::time::Duration;

use postrider_core::address::AddressPolicy;
use postrider_engine::Clock;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::TestApp;
use crate::{ListenerLimits, serve};

/// A listener on loopback, and the way to stop it.
struct Server {
    app: TestApp,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    stopped: oneshot::Receiver<()>,
}

/// Deadlines no test waits for.
fn patient() -> ListenerLimits {
    ListenerLimits::default()
}

/// Deadlines short enough to be waited for.
fn hasty() -> ListenerLimits {
    let short = Duration::from_millis(50);
    ListenerLimits { head_timeout: short, body_timeout: short, write_timeout: short, ..patient() }
}

impl Server {
    async fn start(limits: ListenerLimits) -> Self {
        let app = TestApp::with(AddressPolicy::default(), Clock::system(), limits).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, told) = oneshot::channel();
        let (done, stopped) = oneshot::channel();
        let served = app.app.clone();
        app.engine.tracker().spawn(async move {
            serve(listener, served, async { drop(told.await) }).await;
            let _ = done.send(());
        });
        Self { app, address, stop, stopped }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends `bytes` and reads until the server closes.
    async fn exchange(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut stream = self.connect().await;
        stream.write_all(bytes.as_ref()).await.unwrap();
        read_to_end(&mut stream).await
    }

    /// A request for posting an event with these header lines.
    fn posting(&self, headers: &str) -> String {
        format!(
            "POST /api/v1/events HTTP/1.1\r\nhost: a\r\nx-api-key: {}\r\n\
             content-type: application/json\r\n{headers}\r\n\r\n",
            self.app.key
        )
    }

    async fn events_stored(&self) -> usize {
        self.app.get("/api/v1/events").await.ids().len()
    }
}

/// A reset ends an answer as well as a close does: unread bytes of ours cause one.
async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    while let Ok(count) = stream.read(&mut chunk).await {
        if count == 0 {
            break;
        }
        bytes.extend_from_slice(&chunk[..count]);
    }
    String::from_utf8(bytes).unwrap()
}

const GOOD: &str = r#"{"type":"order.create","data":{"object":{}}}"#;

/// Row 6: by hyper's head timeout, which also bounds silence before and between requests.
#[tokio::test]
async fn silent_unfinished_and_idle_connections_are_closed() {
    let server = Server::start(hasty()).await;
    assert_eq!(server.exchange("").await, "", "silent");
    assert_eq!(server.exchange("GET /healthz HTTP/1.1\r\nhost: a\r\n").await, "", "unfinished");
    let idle = server.exchange("GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert!(idle.starts_with("HTTP/1.1 200"), "idle after an answer: {idle}");
}

/// Row 4.
#[tokio::test]
async fn a_stalled_body_is_answered_408_and_nothing_is_stored() {
    let server = Server::start(hasty()).await;
    let answer = server.exchange(server.posting("content-length: 10") + "{}").await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("connection: close") && answer.contains("request_timeout"), "{answer}");
    assert_eq!(server.events_stored().await, 0);
}

/// Rows 2, 3 and 16.
#[tokio::test]
async fn a_body_too_long_is_refused_as_early_as_can_be() {
    let server = Server::start(patient()).await;
    let most = postrider_core::limits::REQUEST_BODY_BYTES_MAX;
    let announced = format!("content-length: {}\r\nexpect: 100-continue", most + 1);
    let answer = server.exchange(server.posting(&announced)).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "no 100 before it: {answer}");
    assert!(answer.contains("payload_too_large"));
    // Chunks without an end: the answer comes as soon as the limit is passed.
    let mut chunked = server.posting("transfer-encoding: chunked").into_bytes();
    chunked.extend_from_slice(format!("{:x}\r\n", most + 1).as_bytes());
    chunked.extend(std::iter::repeat_n(b' ', most + 1));
    let answer = server.exchange(chunked).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

/// Row 5.
#[tokio::test]
async fn a_client_that_leaves_in_mid_body_stores_nothing() {
    let server = Server::start(patient()).await;
    let mut stream = server.connect().await;
    let head = server.posting(&format!("content-length: {}", GOOD.len() + 1));
    stream.write_all(format!("{head}{GOOD}").as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let answer = read_to_end(&mut stream).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert_eq!(server.events_stored().await, 0);
}

/// Rows 7, 8, 10 and 17: what hyper refuses by itself comes as a problem document too.
#[tokio::test]
async fn what_is_not_http_is_answered_with_a_problem_and_closed() {
    let server = Server::start(patient()).await;
    let head = |lines: &str| format!("GET /healthz HTTP/1.1\r\nhost: a\r\n{lines}\r\n\r\n");
    let many: Vec<_> = (0..100).map(|n| format!("x-{n}: a")).collect();
    let long = format!("x: {}", "a".repeat(70 * 1024));
    for (request, status, code) in [
        (head(&many.join("\r\n")), 431, "headers_too_large"),
        (head(&long), 431, "headers_too_large"),
        (head("content-length: 1\r\ncontent-length: 2"), 400, "invalid_request"),
        (head("x-a : b"), 400, "invalid_request"),
        (head("x-a: b\r\n c"), 400, "invalid_request"),
        ("GET /healthz HTTP/1.1\r\n\r\n".to_owned(), 400, "invalid_host_header"),
        ("\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\r\n\r\n".to_owned(), 400, "invalid_request"),
    ] {
        let answer = server.exchange(&request).await;
        let shown: String = request.chars().take(60).collect();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{shown}: {answer}");
        assert!(answer.contains("content-type: application/problem+json"), "{shown}: {answer}");
        assert!(answer.contains("x-request-id: ") && answer.contains("connection: close"));
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}", body.len())), "{answer}");
        let problem: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!((&problem["status"], &problem["code"]), (&status.into(), &code.into()));
    }
    let preface = server.exchange("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    assert!(preface.is_empty() || preface.starts_with("HTTP/1.1 400"), "{preface}");
    let chunk = server.exchange(server.posting("transfer-encoding: chunked") + "zz\r\n").await;
    assert!(chunk.starts_with("HTTP/1.1 400") && chunk.contains("incomplete_body"), "{chunk}");
}

/// Row 9: also behind a good request on the same connection, which is answered first.
#[tokio::test]
async fn two_framings_are_answered_400_and_nothing_after_them_is_read() {
    let server = Server::start(patient()).await;
    let good = server.posting(&format!("content-length: {}", GOOD.len())) + GOOD;
    for headers in [
        "Content-Length: 4\r\nTransfer-Encoding: chunked",
        "transfer-encoding: chunked\r\nCONTENT-LENGTH: 4",
    ] {
        let twice = server.posting(headers) + "0\r\n\r\n" + &good;
        let answer = server.exchange(&twice).await;
        assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("connection: close"));
        assert!(answer.contains("invalid_request") && !answer.contains("202"), "{answer}");
    }
    assert_eq!(server.events_stored().await, 0);
    let twice = server.posting("content-length: 4\r\ntransfer-encoding: chunked");
    let chunked = server.posting("transfer-encoding: chunked");
    let chunked = format!("{chunked}{:x}\r\n{GOOD}\r\n0\r\n\r\n", GOOD.len());
    let answer = server.exchange(good.clone() + &chunked + &twice + "0\r\n\r\n" + &good).await;
    assert_eq!(answer.matches("HTTP/1.1 202 ").count(), 2, "{answer}");
    assert_eq!(answer.matches("HTTP/1.1 400 ").count(), 1, "{answer}");
    assert_eq!(server.events_stored().await, 2);
}

/// Row 19: answers that nobody reads break the connection.
#[tokio::test]
async fn a_client_that_never_reads_is_let_go() {
    let server = Server::start(ListenerLimits { connections_max: 1, ..hasty() }).await;
    let mut greedy = server.connect().await;
    let request = format!(
        "GET /api/v1/event-types HTTP/1.1\r\nhost: a\r\nx-api-key: {}\r\n\r\n",
        server.app.key
    );
    greedy.write_all(request.repeat(200).as_bytes()).await.unwrap();
    // The one place comes free only when the greedy connection is gone.
    let answer = server.exchange("GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    drop(greedy);
}

/// Rows 17, 19 and 47: bytes that are no request, many requests at once, a header too long.
#[tokio::test]
async fn noise_is_closed_floods_are_served_and_a_huge_header_is_refused() {
    let server = Server::start(patient()).await;
    let noise = server.exchange([0x00, 0xff, 0x80, 0x0a, 0x0d, 0x0a, 0x0d, 0x0a]).await;
    assert!(noise.is_empty() || noise.starts_with("HTTP/1.1 400"), "17: {noise}");
    let request = "GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n";
    let last = "GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let answers = server.exchange(request.repeat(999) + last).await;
    assert_eq!(answers.matches("HTTP/1.1 200").count(), 1_000, "19");
    let mut stream = server.connect().await;
    let huge = format!("GET /healthz HTTP/1.1\r\nhost: a\r\nauthorization: {}", "a".repeat(80_000));
    // The server may close before it has taken everything.
    let _ = stream.write_all(huge.as_bytes()).await;
    let answer = read_to_end(&mut stream).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "47: {answer}");
}

#[tokio::test]
async fn more_connections_than_there_are_places_wait_their_turn() {
    let server = Server::start(ListenerLimits { connections_max: 1, ..patient() }).await;
    let mut first = server.connect().await;
    let mut second = server.connect().await;
    let request = "GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    second.write_all(request.as_bytes()).await.unwrap();
    first.write_all(request.as_bytes()).await.unwrap();
    assert!(read_to_end(&mut first).await.starts_with("HTTP/1.1 200"));
    assert!(read_to_end(&mut second).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn stopping_finishes_the_request_in_flight_and_closes_idle_connections() {
    let server = Server::start(patient()).await;
    let mut idle = server.connect().await;
    idle.write_all(b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let mut some = [0; 16];
    idle.read_exact(&mut some).await.unwrap();
    let mut busy = server.connect().await;
    let head = server.posting(&format!("content-length: {}\r\nexpect: 100-continue", GOOD.len()));
    busy.write_all(head.as_bytes()).await.unwrap();
    // The body is asked for, so the request is in flight.
    busy.read_exact(&mut some).await.unwrap();
    server.stop.send(()).unwrap();
    read_to_end(&mut idle).await;
    busy.write_all(GOOD.as_bytes()).await.unwrap();
    let answer = read_to_end(&mut busy).await;
    assert!(answer.contains("HTTP/1.1 202"), "{answer}");
    server.stopped.await.unwrap();
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn the_grace_of_a_stop_is_bounded() {
    let grace = Duration::from_millis(50);
    let server = Server::start(ListenerLimits { stop_grace: grace, ..patient() }).await;
    let mut stalled = server.connect().await;
    let head = server.posting("content-length: 10\r\nexpect: 100-continue");
    stalled.write_all(head.as_bytes()).await.unwrap();
    stalled.read_exact(&mut [0; 16]).await.unwrap();
    server.stop.send(()).unwrap();
    server.stopped.await.unwrap();
}

//! A simple load: how fast the release binary accepts and delivers, and what it costs.
//!
//! ```sh
//! cargo build --release && cargo run --release --example closed_loop -- target/release/postrider
//! ```
//!
//! Starts the program on a fresh database, a receiver that answers 200 at once, and a closed loop of
//! clients that each post one event, wait for its 202 and post the next. Prints accepted and
//! delivered per second and the server's own CPU time and disk
//! writes per delivery (from the kernel's accounting).
//! Then queues 100,000 deliveries for a paused webhook and prints the peak of resident memory.
//! Everything is bounded in count; nothing but loopback is touched.

#![expect(clippy::print_stdout, reason = "a program that prints figures")]
#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on stops")]
#![expect(clippy::disallowed_methods, reason = "it measures from outside, by the machine's clock")]

use std::convert::Infallible;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

const CLIENTS: usize = 64;
const EVENTS: u32 = 100_000;
const QUEUED: usize = 100_000;
const BATCH: usize = 500;
/// Ticks of `/proc/PID/stat`, fixed in the Linux ABI.
const TICKS_PER_SECOND: f64 = 100.0;

#[tokio::main]
async fn main() {
    let binary = std::env::args().nth(1).unwrap_or_else(|| "target/release/postrider".to_owned());
    closed_loop(&Server::start(&binary)).await;
    queue(&Server::start(&binary)).await;
}

async fn closed_loop(server: &Server) {
    let (receiver, mut arrived) = receiver().await;
    server.create_webhook(receiver).await;
    let (began, cpu_before) = (Instant::now(), server.cpu_seconds());
    let left = Arc::new(AtomicU32::new(EVENTS));
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..CLIENTS {
        let (left, key, api) = (Arc::clone(&left), server.key.clone(), server.api);
        clients.spawn(async move {
            let mut connection = connect(api).await;
            let mut waits = Vec::new();
            let take = |left: &AtomicU32| {
                left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1))
                    .is_ok()
            };
            while take(&left) {
                let sent = Instant::now();
                post(&mut connection, &key, "/api/v1/events", event().to_string()).await;
                waits.push(sent.elapsed());
            }
            waits
        });
    }
    let mut waits: Vec<_> = clients.join_all().await.into_iter().flatten().collect();
    let accepted = began.elapsed().as_secs_f64();
    arrived.wait_for(|count| *count >= EVENTS).await.unwrap();
    let delivered = began.elapsed().as_secs_f64();
    let cpu = server.cpu_seconds() - cpu_before;
    waits.sort_unstable();
    let at = |percent: usize| waits[waits.len() * percent / 100].as_secs_f64() * 1e3;
    let events = f64::from(EVENTS);
    println!("closed loop       {EVENTS} events, {CLIENTS} clients, one webhook");
    println!("accepted          {:>8.0} /s", events / accepted);
    println!("delivered         {:>8.0} /s", events / delivered);
    println!("accept p50 / p99  {:>8.2} / {:.2} ms", at(50), at(99));
    println!("server CPU        {:>8.1} µs per delivery", cpu * 1e6 / events);
    println!("disk written      {:>8.1} KB per delivery", server.written_kb() / events);
    println!("database          {:>8.1} KB per delivery", server.database_kb() / events);
    println!("peak memory       {:>8.1} MiB", server.peak_mib());
}

/// Posts deliveries that wait, as for a webhook that is paused.
async fn queue(server: &Server) {
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 9));
    let webhook = server.create_webhook(nowhere).await;
    server.call(&format!("/api/v1/webhooks/{webhook}/pause"), json!({})).await;
    println!("memory at rest    {:>8.1} MiB", server.peak_mib());
    let mut connection = connect(server.api).await;
    for _ in 0..QUEUED / BATCH {
        let events = json!({"events": vec![event(); BATCH]}).to_string();
        post(&mut connection, &server.key, "/api/v1/events", events).await;
    }
    println!("peak memory       {:>8.1} MiB with {QUEUED} deliveries queued", server.peak_mib());
}

/// The program on a fresh database; ends with the value.
struct Server {
    child: Child,
    api: SocketAddr,
    key: String,
    directory: tempfile::TempDir,
}

impl Server {
    fn start(binary: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let database = format!("sqlite:{}", directory.path().join("load.db").display());
        let args = ["init", "--merchant", "Load", "--email", "load@example.com", "--json"];
        let init =
            Command::new(binary).args(args).args(["--database", &database]).output().unwrap();
        let keys: Value = serde_json::from_slice(&init.stdout).unwrap();
        let mut child = Command::new(binary)
            .args(["serve", "--database", &database, "--listen", "127.0.0.1:0"])
            .args(["--allow-target", "127.0.0.0/8", "--allow-http-targets"])
            .env("POSTRIDER_LOG_LEVEL", "warn")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let api = line.trim().rsplit("http://").next().and_then(|address| address.parse().ok());
        let api = api.unwrap_or_else(|| panic!("no address in {line:?}"));
        let key = keys["api_key"].as_str().unwrap().to_owned();
        Self { child, api, key, directory }
    }

    async fn create_webhook(&self, receiver: SocketAddr) -> String {
        let webhook = json!({"name": "load", "target_url": format!("http://{receiver}/"),
            "event_types": ["order.*"], "max_in_flight": 64});
        self.call("/api/v1/webhooks", webhook).await["id"].as_str().unwrap().to_owned()
    }

    async fn call(&self, path: &str, body: Value) -> Value {
        let mut connection = connect(self.api).await;
        let answer = post(&mut connection, &self.key, path, body.to_string()).await;
        serde_json::from_slice(&answer).unwrap()
    }

    /// CPU time so far, its own and the kernel's for it.
    fn cpu_seconds(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        // The name in parentheses may hold spaces; the fields after it are numbered from 3.
        let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        let ticks = |field: usize| fields[field - 3].parse::<f64>().unwrap();
        (ticks(14) + ticks(15)) / TICKS_PER_SECOND
    }

    /// What the kernel accounts to the process as written to disk.
    fn written_kb(&self) -> f64 {
        let io = std::fs::read_to_string(format!("/proc/{}/io", self.child.id())).unwrap();
        let line = io.lines().find(|line| line.starts_with("write_bytes:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1e3
    }

    fn database_kb(&self) -> f64 {
        let bytes = self.directory.path().join("load.db").metadata().unwrap().len();
        f64::from(u32::try_from(bytes / 1_000).unwrap())
    }

    fn peak_mib(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// About 700 bytes, as a real event of an order.
fn event() -> Value {
    let object = json!({"type": "order", "public_id": "0194c0ffee00aabbccddeeff00112233",
        "customer": "cust-20417", "payment": "a748aa648ac811e8af3bbc764e106cf4",
        "shipping_address": "b748aa648ac811e8af3bbc764e106cf4", "sub_total": "20.00",
        "tax_total": "5.00", "shipping_total": "0.00", "discount_total": "0.00", "total": "25.00",
        "created": 1_800_000_000, "place": "2027-02-01", "cancelled": null, "tries": 0,
        "generic_error_count": 0, "status": 1, "status_display": "Unsent",
        "order_merchant_id": null, "rejected_message": null, "extra_data": {"note": "x".repeat(160)}});
    json!({"type": "order.create", "data": {"object": object}})
}

/// Answers 200 to everything and counts what arrived.
async fn receiver() -> (SocketAddr, watch::Receiver<u32>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (count, arrived) = watch::channel(0);
    let count = Arc::new(count);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let count = Arc::clone(&count);
            let service =
                hyper::service::service_fn(move |request: Request<hyper::body::Incoming>| {
                    let count = Arc::clone(&count);
                    async move {
                        request.into_body().collect().await.unwrap();
                        count.send_modify(|count| *count += 1);
                        Ok::<_, Infallible>(hyper::Response::new(Full::<Bytes>::default()))
                    }
                });
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service);
            tokio::spawn(connection);
        }
    });
    (address, arrived)
}

async fn connect(api: SocketAddr) -> SendRequest<Full<Bytes>> {
    let stream = TcpStream::connect(api).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

async fn post(
    connection: &mut SendRequest<Full<Bytes>>,
    key: &str,
    path: &str,
    body: String,
) -> Bytes {
    let request = Request::post(path)
        .header("host", "127.0.0.1")
        .header("x-api-key", key)
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(body)))
        .unwrap();
    let response = connection.send_request(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert!(status.is_success(), "{path}: {status} {body:?}");
    connection.ready().await.unwrap();
    body
}

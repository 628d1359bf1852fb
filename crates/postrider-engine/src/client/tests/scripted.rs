//! Receivers and name servers that do what a test tells them, on real sockets of this machine.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

/// A receiver; each connection follows the same script.
pub(super) struct Receiver {
    pub(super) address: SocketAddr,
    accepted: Arc<AtomicUsize>,
    heard: mpsc::UnboundedReceiver<String>,
}

/// One connection, seen from the receiver.
pub(super) struct Peer {
    pub(super) stream: TcpStream,
    /// Counts from 0.
    pub(super) number: usize,
    said: mpsc::UnboundedSender<String>,
}

impl Receiver {
    pub(super) async fn start<F>(
        tracker: &TaskTracker,
        script: impl Fn(Peer) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let accepted = Arc::new(AtomicUsize::new(0));
        let (said, heard) = mpsc::unbounded_channel();
        let (count, peers) = (Arc::clone(&accepted), tracker.clone());
        tracker.spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                let number = count.fetch_add(1, Ordering::SeqCst);
                peers.spawn(script(Peer { stream, number, said: said.clone() }));
            }
        });
        Self { address, accepted, heard }
    }

    /// A receiver that answers each connection's first request with these bytes and closes.
    pub(super) async fn answering(tracker: &TaskTracker, answer: impl Into<Vec<u8>>) -> Self {
        let answer: Arc<[u8]> = answer.into().into();
        Self::start(tracker, move |mut peer| {
            let answer = Arc::clone(&answer);
            async move {
                peer.request().await;
                peer.send(&answer).await;
                peer.finish().await;
            }
        })
        .await
    }

    /// A receiver that answers every request of every connection.
    pub(super) async fn keeping(tracker: &TaskTracker, answer: &'static str) -> Self {
        Self::start(tracker, move |mut peer| async move {
            while peer.request().await {
                peer.send(answer.as_bytes()).await;
            }
        })
        .await
    }

    /// Connections accepted so far.
    pub(super) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    /// The next thing a peer said: a request as it arrived, or a signal of the script.
    pub(super) async fn hear(&mut self) -> String {
        self.heard.recv().await.unwrap()
    }
}

impl Peer {
    /// Reads one request and tells it to the test; false when the connection ended.
    pub(super) async fn request(&mut self) -> bool {
        let mut text = Vec::new();
        loop {
            if let Some(head) = text.windows(4).position(|four| four == b"\r\n\r\n") {
                let lines = String::from_utf8_lossy(&text[..head]).into_owned();
                let length = lines.lines().find_map(|line| line.strip_prefix("Content-Length: "));
                if text.len() >= head + 4 + length.unwrap().parse::<usize>().unwrap() {
                    let _ = self.said.send(String::from_utf8(text).unwrap());
                    return true;
                }
            }
            if !matches!(self.stream.read_buf(&mut text).await, Ok(count) if count > 0) {
                return false;
            }
        }
    }

    /// Sends bytes; the other side may be gone.
    pub(super) async fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
    }

    /// Tells the test something.
    pub(super) fn say(&self, text: &str) {
        let _ = self.said.send(text.to_owned());
    }

    /// Ends our side, and waits for the other, so that nothing is lost to a reset.
    pub(super) async fn finish(&mut self) {
        let _ = self.stream.shutdown().await;
        self.wait_for_end().await;
    }

    /// Closes with a reset.
    pub(super) fn reset(self) {
        self.stream.set_zero_linger().unwrap();
    }

    /// Waits until the other side has closed.
    pub(super) async fn wait_for_end(&mut self) {
        let mut bytes = [0; 4096];
        while matches!(self.stream.read(&mut bytes).await, Ok(count) if count > 0) {}
    }
}

/// What a name server says to one question.
pub(super) enum Reply {
    Addresses(Vec<IpAddr>),
    Alias(&'static str),
    Code(u8),
    Silence,
}

/// A name server on UDP and, for what does not fit, TCP.
pub(super) struct NameServer {
    pub(super) address: SocketAddr,
    asked: mpsc::UnboundedReceiver<(String, u16)>,
}

pub(super) const A: u16 = 1;
pub(super) const AAAA: u16 = 28;
const CNAME: u16 = 5;
const FITS_IN_UDP: usize = 1232;

impl NameServer {
    pub(super) async fn start(
        tracker: &TaskTracker,
        script: impl Fn(&str, u16) -> Reply + Send + 'static,
    ) -> Self {
        let (udp, tcp) = sockets().await;
        let address = udp.local_addr().unwrap();
        let (tell, asked) = mpsc::unbounded_channel();
        tracker.spawn(async move {
            let mut query = [0; 512];
            loop {
                tokio::select! {
                    received = udp.recv_from(&mut query) => {
                        let (length, from) = received.unwrap();
                        let (name, kind) = question(&query[..length]);
                        let reply = script(&name, kind);
                        let _ = tell.send((name, kind));
                        if let Some(reply) = encode(&query[..length], kind, &reply) {
                            let cut = encode(&query[..length], kind, &Reply::Code(0)).map(truncated);
                            let fits = if reply.len() <= FITS_IN_UDP { reply } else { cut.unwrap() };
                            udp.send_to(&fits, from).await.unwrap();
                        }
                    }
                    accepted = tcp.accept() => {
                        let (mut stream, _) = accepted.unwrap();
                        let length = usize::from(stream.read_u16().await.unwrap());
                        stream.read_exact(&mut query[..length]).await.unwrap();
                        let (name, kind) = question(&query[..length]);
                        if let Some(reply) = encode(&query[..length], kind, &script(&name, kind)) {
                            stream.write_u16(u16::try_from(reply.len()).unwrap()).await.unwrap();
                            stream.write_all(&reply).await.unwrap();
                        }
                    }
                }
            }
        });
        Self { address, asked }
    }

    /// The next question.
    pub(super) async fn asked(&mut self) -> (String, u16) {
        self.asked.recv().await.unwrap()
    }

    /// All questions not heard yet.
    pub(super) fn asked_so_far(&mut self) -> Vec<(String, u16)> {
        std::iter::from_fn(|| self.asked.try_recv().ok()).collect()
    }
}

/// A port that is free for both.
async fn sockets() -> (UdpSocket, TcpListener) {
    loop {
        let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()).await {
            return (udp, tcp);
        }
    }
}

/// Where the only question of a query ends, and what it asks.
fn end_of_question(query: &[u8]) -> usize {
    let mut at = 12;
    while query[at] != 0 {
        at += 1 + usize::from(query[at]);
    }
    at + 5
}

fn question(query: &[u8]) -> (String, u16) {
    let (mut at, mut labels) = (12, Vec::new());
    while query[at] != 0 {
        let end = at + 1 + usize::from(query[at]);
        labels.push(String::from_utf8_lossy(&query[at + 1..end]).into_owned());
        at = end;
    }
    (labels.join("."), u16::from_be_bytes([query[at + 1], query[at + 2]]))
}

fn truncated(mut reply: Vec<u8>) -> Vec<u8> {
    reply[2] |= 0x02;
    reply
}

fn encode(query: &[u8], kind: u16, reply: &Reply) -> Option<Vec<u8>> {
    let mut answers = Vec::new();
    let mut record = |kind: u16, data: &[u8]| {
        // The name of the question, class IN, and nothing to cache.
        answers.push([&[0xc0, 12], &kind.to_be_bytes()[..], &[0, 1, 0, 0, 0, 0]].concat());
        answers.push([&u16::try_from(data.len()).unwrap().to_be_bytes()[..], data].concat());
    };
    let code = match reply {
        Reply::Silence => return None,
        Reply::Code(code) => *code,
        Reply::Alias(name) => {
            let labels = name.split('.').flat_map(|label| {
                [&[u8::try_from(label.len()).unwrap()], label.as_bytes()].concat()
            });
            record(CNAME, &labels.chain([0]).collect::<Vec<_>>());
            0
        }
        Reply::Addresses(addresses) => {
            for address in addresses {
                match address {
                    IpAddr::V4(address) if kind == A => record(A, &address.octets()),
                    IpAddr::V6(address) if kind == AAAA => record(AAAA, &address.octets()),
                    _ => {}
                }
            }
            0
        }
    };
    let count = u16::try_from(answers.len() / 2).unwrap().to_be_bytes();
    let mut message = query[..2].to_vec();
    message.extend([0x81, 0x80 | code, 0, 1, count[0], count[1], 0, 0, 0, 0]);
    message.extend(&query[12..end_of_question(query)]);
    message.extend(answers.concat());
    Some(message)
}

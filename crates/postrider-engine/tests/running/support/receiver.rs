//! A scripted receiver: a real HTTP server on a free port that answers as told and keeps what it got.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use postrider_core::key::VerificationKey;
use postrider_core::sign;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};

/// One answer of the script.
#[derive(Debug, Clone)]
pub(crate) enum Say {
    /// A status with an empty body.
    Status(u16),
    /// A status with one header.
    With(u16, &'static str, String),
    /// Nothing, ever.
    Hang,
    /// Close the connection without an answer.
    Reset,
    /// A 200 whose body never ends.
    Endless,
    /// 200 to a signature that fits the lock, 401 to others.
    Verify(Lock),
}

/// What a receiver verifies signatures with.
#[derive(Debug, Clone)]
pub(crate) struct Lock {
    pub(crate) keys: Vec<VerificationKey>,
    /// Whether it looks at the first signature only.
    pub(crate) is_first_only: bool,
}

impl Lock {
    fn fits(&self, got: &Got) -> bool {
        let header = got.header("ordergroove-signature");
        let parts = if self.is_first_only { 2 } else { usize::MAX };
        let read: Vec<_> = header.split(',').take(parts).collect();
        let read = read.join(",");
        self.keys.iter().any(|key| sign::verify(&read, &got.body, key.reveal()).is_ok())
    }
}

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Got {
    pub(crate) headers: hyper::HeaderMap,
    pub(crate) body: Bytes,
}

impl Got {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

#[derive(Debug)]
struct Script {
    answers: Mutex<Vec<Say>>,
    got: Mutex<Vec<Got>>,
    count: watch::Sender<usize>,
    never: Notify,
}

#[derive(Debug, Clone)]
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    script: Arc<Script>,
}

impl Receiver {
    /// Answers 200 until told otherwise.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let script = Arc::new(Script {
            answers: Mutex::new(vec![Say::Status(200)]),
            got: Mutex::default(),
            count: watch::Sender::new(0),
            never: Notify::new(),
        });
        let serving = Arc::clone(&script);
        #[expect(clippy::disallowed_methods, reason = "the receiver is outside the engine")]
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&serving)));
            }
        });
        Self { address, script }
    }

    /// Answers in this order from now on; the last answer repeats.
    pub(crate) fn answers(&self, answers: impl IntoIterator<Item = Say>) {
        let mut answers: Vec<_> = answers.into_iter().collect();
        answers.reverse();
        *self.script.answers.lock() = answers;
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// Everything that arrived so far.
    pub(crate) fn got(&self) -> Vec<Got> {
        self.script.got.lock().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.script.got.lock().len()
    }

    /// Waits until `count` requests have arrived.
    pub(crate) async fn has_got(&self, count: usize) {
        self.script.count.subscribe().wait_for(|got| *got >= count).await.unwrap();
    }
}

async fn serve(stream: TcpStream, script: Arc<Script>) {
    let (stream, raw) = {
        let std = stream.into_std().unwrap();
        let raw = std.try_clone().unwrap();
        (TcpStream::from_std(std).unwrap(), raw)
    };
    let service = service_fn(move |request| {
        let script = Arc::clone(&script);
        let raw = raw.try_clone().unwrap();
        async move { Ok::<_, Infallible>(answer(request, &script, raw).await) }
    });
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answer(
    request: Request<Incoming>,
    script: &Script,
    raw: std::net::TcpStream,
) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let say = {
        let mut answers = script.answers.lock();
        if answers.len() > 1 { answers.pop().unwrap() } else { answers[0].clone() }
    };
    let got = Got { headers: head.headers, body };
    script.got.lock().push(got.clone());
    script.count.send_modify(|count| *count += 1);
    let respond = |status: u16| Response::builder().status(status);
    match say {
        Say::Status(status) => respond(status).body(Full::default()).unwrap(),
        Say::With(status, name, value) => {
            respond(status).header(name, value).body(Full::default()).unwrap()
        }
        Say::Verify(lock) => {
            respond(if lock.fits(&got) { 200 } else { 401 }).body(Full::default()).unwrap()
        }
        Say::Hang => {
            script.never.notified().await;
            unreachable!("nobody notifies")
        }
        Say::Reset => {
            raw.shutdown(std::net::Shutdown::Both).unwrap();
            respond(200).body(Full::default()).unwrap()
        }
        Say::Endless => {
            let mut raw = TcpStream::from_std(raw).unwrap();
            let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
            let chunk = [b"2000\r\n".to_vec(), vec![b'x'; 0x2000], b"\r\n".to_vec()].concat();
            let _ = raw.write_all(head).await;
            while raw.write_all(&chunk).await.is_ok() {}
            respond(200).body(Full::default()).unwrap()
        }
    }
}

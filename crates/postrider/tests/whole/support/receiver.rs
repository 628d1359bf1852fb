//! A receiver that outlives the program under test: a server on loopback that answers 200, or what it
//! is told, and keeps every request as it arrived.
//!
//! A request counts once it was read as a whole, before it is answered: what the sender then makes
//! of a broken connection is the sender's business.

use std::io::{BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use super::http::Message;

/// Longest time without any new request before a wait gives up. It covers the longest lease of a
/// killed process: its deliveries are due again only after that.
const SILENCE_MAX: Duration = Duration::from_secs(90);

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

#[derive(Debug, Default)]
struct Kept {
    messages: Mutex<Vec<Message>>,
    /// What requests are answered with, instead of 200.
    answer: Mutex<Option<String>>,
    arrived: Condvar,
}

#[derive(Debug, Clone)]
pub struct Receiver {
    address: SocketAddr,
    kept: Arc<Kept>,
}

impl Receiver {
    /// Starts to receive on a free port; ends with the test's process.
    pub fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let kept = Arc::<Kept>::default();
        let receiver = Self { address, kept: Arc::clone(&kept) };
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let kept = Arc::clone(&kept);
                std::thread::spawn(move || serve(&stream, &kept));
            }
        });
        receiver
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers with this from now on, byte for byte; `None`: with 200.
    pub fn answer_with(&self, answer: Option<&str>) {
        *self.kept.answer.lock().unwrap() = answer.map(str::to_owned);
    }

    /// Where to send to.
    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// What arrived so far, in the order of arrival.
    pub fn messages(&self) -> MutexGuard<'_, Vec<Message>> {
        self.kept.messages.lock().unwrap()
    }

    /// Waits until `is_enough` of what arrived, asked after each arrival. False when nothing more
    /// came for longer than anything takes.
    pub fn wait_until(&self, mut is_enough: impl FnMut(&[Message]) -> bool) -> bool {
        let mut messages = self.messages();
        while !is_enough(&messages) {
            let count = messages.len();
            let (woken, waited) = self.kept.arrived.wait_timeout(messages, SILENCE_MAX).unwrap();
            messages = woken;
            if waited.timed_out() && messages.len() == count {
                return false;
            }
        }
        true
    }

    /// Waits for that many requests and takes them out.
    pub fn take(&self, count: usize) -> Vec<Message> {
        let all_came = self.wait_until(|messages| messages.len() >= count);
        let taken = std::mem::take(&mut *self.messages());
        assert!(all_came, "only {} of {count} requests arrived", taken.len());
        taken
    }
}

/// Serves one connection until its other side goes away, orderly or not.
fn serve(stream: &TcpStream, kept: &Kept) {
    let mut from = BufReader::new(stream);
    while let Ok(Some(message)) = Message::read(&mut from) {
        kept.messages.lock().unwrap().push(message);
        kept.arrived.notify_all();
        let answer = kept.answer.lock().unwrap().clone();
        let mut stream = stream;
        if stream.write_all(answer.as_deref().unwrap_or(OK).as_bytes()).is_err() {
            return;
        }
    }
}

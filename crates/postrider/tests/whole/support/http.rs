//! HTTP/1.1 over a plain socket: just enough to call the API and to see deliveries as they are.
//!
//! Written by hand so that nothing stands between the tests and the bytes: header names keep their
//! case and bodies are never decoded. Owns messages and the client; the receiver is in
//! `receiver.rs`.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Longest time one answer may take. Not a schedule: only a program that hangs meets it.
const ANSWER_TIME_MAX: Duration = Duration::from_mins(1);

/// A request or an answer as read from the wire.
#[derive(Debug, Clone)]
pub struct Message {
    /// The request line or the status line.
    pub first_line: String,
    /// Names in the sender's case and order.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Message {
    /// The value of a header, by its name in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Reads one message; `None` when the other side closed before its first byte.
    pub fn read(from: &mut impl BufRead) -> io::Result<Option<Self>> {
        let first_line = read_line(from)?;
        if first_line.is_empty() {
            return Ok(None);
        }
        let mut headers = Vec::new();
        loop {
            let line = read_line(from)?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| bad(&line))?;
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        let mut message = Self { first_line, headers, body: Vec::new() };
        message.body = message.read_body(from)?;
        Ok(Some(message))
    }

    fn read_body(&self, from: &mut impl BufRead) -> io::Result<Vec<u8>> {
        if self.header("transfer-encoding").is_some() {
            return read_chunks(from);
        }
        let length = self.header("content-length").unwrap_or("0");
        let mut body = vec![0; length.parse().map_err(|_| bad(length))?];
        from.read_exact(&mut body)?;
        Ok(body)
    }
}

fn read_line(from: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    from.read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

fn read_chunks(from: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = read_line(from)?;
        let length = u64::from_str_radix(&line, 16).map_err(|_| bad(&line))?;
        from.take(length).read_to_end(&mut body)?;
        read_line(from)?;
        if length == 0 {
            return Ok(body);
        }
    }
}

fn bad(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("not HTTP: {text:?}"))
}

/// What the API answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// The value of `Retry-After`, if there is one.
    pub retry_after: Option<String>,
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self}"))
    }

    /// This answer, if it has that status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self}");
        self
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.status, String::from_utf8_lossy(&self.body))
    }
}

/// One connection to the API.
#[derive(Debug)]
pub struct Client {
    connection: BufReader<TcpStream>,
    key: String,
}

impl Client {
    /// Connects; every call will carry this API key.
    pub fn connect(address: SocketAddr, key: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_TIME_MAX))?;
        Ok(Self { connection: BufReader::new(stream), key: key.to_owned() })
    }

    /// One request and its answer. An error means that the outcome is unknown.
    pub fn call(
        &mut self,
        method: &str,
        path: &str,
        (media_type, body): (&str, &[u8]),
    ) -> io::Result<Answer> {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nx-api-key: {}\r\n\
             content-type: {media_type}\r\ncontent-length: {}\r\n\r\n",
            self.key,
            body.len()
        );
        let stream = self.connection.get_mut();
        stream.write_all(&[head.as_bytes(), body].concat())?;
        let closed = || io::Error::from(io::ErrorKind::ConnectionReset);
        let message = Message::read(&mut self.connection)?.ok_or_else(closed)?;
        let status = message.first_line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.ok_or_else(|| bad(&message.first_line))?;
        let retry_after = message.header("retry-after").map(str::to_owned);
        Ok(Answer { status, retry_after, body: message.body })
    }

    pub fn get(&mut self, path: &str) -> Answer {
        self.call("GET", path, ("application/json", b"")).unwrap()
    }

    pub fn post(&mut self, path: &str, body: &serde_json::Value) -> Answer {
        let body = body.to_string();
        self.call("POST", path, ("application/json", body.as_bytes())).unwrap()
    }

    /// Posts events, one per line.
    pub fn post_lines(&mut self, lines: &[u8]) -> io::Result<Answer> {
        self.call("POST", "/api/v1/events", ("application/x-ndjson", lines))
    }
}

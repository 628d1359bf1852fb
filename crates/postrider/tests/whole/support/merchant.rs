//! A merchant's own receiver, `tests/receiver.py`: written from the public pages alone, it holds one
//! key at a time and says of each delivery whether it accepts it.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver as Lines};
use std::time::Duration;

use serde_json::Value;

use super::foreign::workspace;

/// Longest wait for a line. Not a schedule: only something that hangs meets it.
const LINE_TIME_MAX: Duration = Duration::from_secs(30);

/// What it made of one delivery.
#[derive(Debug, PartialEq, Eq)]
pub struct Verdict {
    pub accepted: bool,
    /// Signatures in the header.
    pub signatures: u64,
}

#[derive(Debug)]
pub struct MerchantServer {
    child: Child,
    keys: ChildStdin,
    lines: Lines<String>,
    port: u64,
}

impl MerchantServer {
    /// Starts it; it holds no key yet.
    pub fn start() -> Self {
        let mut command = Command::new("python3");
        command.arg(workspace().join("tests/receiver.py"));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (keys, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (tell, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if tell.send(line).is_err() {
                    return;
                }
            }
        });
        let mut server = Self { child, keys, lines, port: 0 };
        server.port = server.next()["port"].as_u64().unwrap();
        server
    }

    /// Where to send to.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/webhooks", self.port)
    }

    /// Puts another key in place of the one it holds.
    pub fn hold(&mut self, key: &str) {
        writeln!(self.keys, "{key}").unwrap();
        while self.next().get("ready").is_none() {}
    }

    /// What it makes of the first delivery of `event`.
    pub fn verdict(&mut self, event: &str) -> Verdict {
        loop {
            let told = self.next();
            if told["event"] == event {
                let accepted = told["accepted"].as_bool().unwrap();
                return Verdict { accepted, signatures: told["signatures"].as_u64().unwrap() };
            }
        }
    }

    fn next(&self) -> Value {
        let line = self.lines.recv_timeout(LINE_TIME_MAX).unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

impl Drop for MerchantServer {
    fn drop(&mut self) {
        // Fails when it has ended by itself already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

//! Verifiers that others wrote, or that were written only from the description of the scheme.
//!
//! The programs are in `tests/verifiers`; the packages they need are put under the target
//! directory by `tests/verifiers/install`, which `scripts/test` runs.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
use serde_json::{Map, Value, json};

use super::Message;

/// One captured delivery and the key to verify it with.
#[derive(Debug, Clone)]
pub struct Captured {
    pub key: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Captured {
    pub fn new(message: &Message, key: &str) -> Self {
        let Message { headers, body, .. } = message.clone();
        Self { key: key.to_owned(), headers, body }
    }

    /// A header's value, to read or to change.
    pub fn header(&mut self, name: &str) -> &mut String {
        let found = self.headers.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map_or_else(|| panic!("no header {name}"), |(_, value)| value)
    }

    fn line(&self) -> String {
        let headers = self.headers.iter().map(|(name, value)| (name.clone(), json!(value)));
        let headers: Map<String, Value> = headers.collect();
        json!({"key": self.key, "headers": headers, "body": BASE64.encode(&self.body)}).to_string()
    }
}

/// A verifier that shares no code with the signer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verifier {
    /// `ordergroove`, Python, written from the documentation.
    Documented,
    /// `standard`, the package of PyPI.
    Python,
    /// `standard`, the package of npm.
    JavaScript,
    /// `standard`, the published Rust crate.
    Rust,
}

impl Verifier {
    pub const ALL: [Self; 4] = [Self::Documented, Self::Python, Self::JavaScript, Self::Rust];

    /// Whether each delivery is valid.
    pub fn judge(self, deliveries: &[Captured]) -> Vec<bool> {
        let programs = workspace().join("tests/verifiers");
        let installed = target().join("verifiers");
        let mut command = match self {
            Self::Rust => return deliveries.iter().map(judge_here).collect(),
            Self::Documented => with_file("python3".into(), programs.join("ordergroove.py")),
            Self::Python => with_file(
                present(installed.join("python/bin/python")),
                programs.join("standard.py"),
            ),
            Self::JavaScript => {
                let mut node = with_file("node".into(), programs.join("standard.mjs"));
                node.arg(present(installed.join("npm")));
                node
            }
        };
        let lines: Vec<_> = deliveries.iter().map(|delivery| delivery.line() + "\n").collect();
        let answer = feed(&mut command, lines.concat().as_bytes());
        let words = answer.lines().map(|word| match word {
            "valid" => true,
            "refused" => false,
            other => panic!("{self:?} said {other:?}"),
        });
        let words: Vec<_> = words.collect();
        assert_eq!(words.len(), deliveries.len(), "{self:?} judged each delivery");
        words
    }
}

fn judge_here(delivery: &Captured) -> bool {
    let mut headers = HeaderMap::new();
    for (name, value) in &delivery.headers {
        let name: HeaderName = name.parse().unwrap();
        headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    let verifier = standardwebhooks::Webhook::new(&delivery.key).unwrap();
    verifier.verify(&delivery.body, &headers).is_ok()
}

/// Runs a program that must succeed, with `input` on standard input; answers what it printed.
pub fn feed(command: &mut Command, input: &[u8]) -> String {
    let (succeeded, printed) = run(command, input);
    assert!(succeeded, "{command:?} failed after: {printed}");
    printed
}

/// Runs a program with `input` on standard input; whether it succeeded, and what it printed.
pub fn run(command: &mut Command, input: &[u8]) -> (bool, String) {
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = child.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    // Written beside the reading: a program that answers line by line would fill both pipes.
    // One that stops reading early says why by its exit status.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

fn with_file(program: PathBuf, file: PathBuf) -> Command {
    let mut command = Command::new(program);
    command.arg(file);
    command
}

fn present(path: PathBuf) -> PathBuf {
    let hint = "run tests/verifiers/install TARGET_DIRECTORY, or scripts/test";
    assert!(path.exists(), "{} is missing; {hint}", path.display());
    path
}

/// A file of a package of npm.
pub fn npm_file(path: &str) -> PathBuf {
    present(target().join("verifiers/npm/node_modules").join(path))
}

/// The root of the source tree.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Cargo's target directory: the parent of the folder it gives to tests.
fn target() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap()
}

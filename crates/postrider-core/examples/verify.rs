//! Verifies a delivery: `verify KEY 'ts=…,sig=…' < body` ends with status 0 when it is valid.
//! Needs the crates `hmac` and `sha2`.

use std::io::Read;
use std::process::ExitCode;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

pub(crate) fn is_valid(key: &str, header: &str, body: &[u8]) -> bool {
    let parts = header.strip_prefix("ts=").and_then(|rest| rest.split_once(",sig="));
    let Some((timestamp, signatures)) = parts else { return false };
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.as_bytes()) else { return false };
    mac.update(timestamp.as_bytes());
    mac.update(b".");
    mac.update(body);
    // During a rotation there are two signatures; one of them fits. Compares in constant time.
    let mut given = signatures.split(",sig=").filter_map(decode_hex);
    given.any(|signature| mac.clone().verify_slice(&signature).is_ok())
}

fn decode_hex(text: &str) -> Option<Vec<u8>> {
    let byte = |at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    (0..text.len()).step_by(2).map(byte).collect()
}

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().collect();
    let [_, key, header] = arguments.as_slice() else { return ExitCode::from(2) };
    let mut body = Vec::new();
    let is_read = std::io::stdin().read_to_end(&mut body).is_ok();
    if is_read && is_valid(key, header, &body) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

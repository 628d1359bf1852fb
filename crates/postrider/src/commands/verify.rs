//! `postrider verify`: does this signature header fit the body on standard input?
//!
//! For developers of receivers whose own check fails: the answer names the likely reason.

use std::io::Read as _;
use std::process::ExitCode;

use anyhow::Context as _;
use postrider_core::sign;
use postrider_core::time::Timestamp;
use postrider_engine::Clock;

use crate::cli::VerifyArgs;
use crate::failure::Failure;
use crate::output::say;

/// More than any body that was ever sent.
const BODY_BYTES_MAX: u64 = 16 * 1024 * 1024;

pub(crate) fn run(args: &VerifyArgs) -> Result<ExitCode, Failure> {
    let mut body = Vec::new();
    let mut input = std::io::stdin().lock().take(BODY_BYTES_MAX + 1);
    input.read_to_end(&mut body).context("cannot read the body from standard input")?;
    if body.len() as u64 > BODY_BYTES_MAX {
        return Err(Failure::usage("the body on standard input is longer than 16 MiB"));
    }
    match sign::verify(&args.header, &body, args.key.reveal()) {
        Ok(seconds) => {
            let at = Timestamp::from_unix_seconds(seconds);
            let age = Clock::system().now().since(at).as_secs();
            say(&format!("valid: signed at {}, {age} s ago", at.rfc3339()));
            Ok(ExitCode::SUCCESS)
        }
        Err(fault) => {
            say(&format!("invalid: {fault}"));
            Ok(ExitCode::FAILURE)
        }
    }
}

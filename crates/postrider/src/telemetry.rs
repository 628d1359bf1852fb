//! The log: one line per happening, on standard error, as text or JSON.
//!
//! Invariants: a log that cannot be written never stops the work (a closed standard error is passed
//! over in silence); other people's crates log from `warn` at most, because what they would say at
//! lower levels includes headers.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat, LogLevel};

/// Starts the log. A second call changes nothing.
pub(crate) fn start(log: Log) {
    let others = match log.level {
        LogLevel::Error => "error",
        LogLevel::Warn | LogLevel::Info | LogLevel::Debug | LogLevel::Trace => "warn",
    };
    // Our crates share the prefix, so one directive covers them.
    let filter = EnvFilter::new(format!("{others},postrider={}", log.level.as_str()));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .log_internal_errors(false);
    // A second subscriber can only come from a second call, which asks for nothing new.
    let _ = match log.format {
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).try_init(),
    };
}

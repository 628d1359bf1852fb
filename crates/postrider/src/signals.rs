//! What the operating system tells a running node.
//!
//! SIGTERM and SIGINT ask to stop; a second one asks to stop at once. SIGHUP, which would end a
//! program that does not listen for it, changes nothing and says so. Rust ignores SIGPIPE.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Listens for signals from when it is made.
#[derive(Debug)]
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    pub(crate) fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Returns when asked to stop, with the name of the signal.
    pub(crate) async fn stop(&mut self) -> &'static str {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return "SIGTERM",
                _ = self.interrupt.recv() => return "SIGINT",
                _ = self.hang_up.recv() => {
                    tracing::info!("SIGHUP: nothing to reload; restart to change settings");
                }
            }
        }
    }
}

//! Tests of the whole system: the real binary, real sockets, processes that are killed, verifiers
//! that others wrote. One crate, so that what they share is compiled once.
//!
//! - `crash`: nothing acknowledged is lost when the process is killed;
//! - `backup`: a copy made under load has what was acknowledged, and delivers what was pending;
//! - `bench`: a short bench adds up, and leaves nothing;
//! - `browser`: what people do in the admin, in a real browser; what assistive technology and hostile
//!   text make of its pages;
//! - `bytes`: what a sender wrote arrives as the same bytes;
//! - `verifiers`: others find the signatures right, and refuse what was changed;
//! - `disk`: a disk that is full, or fails to sync, makes nothing acknowledged and nothing lost;
//! - `listen`: a local server gets what a webhook is sent, also what came while nobody listened;
//! - `restarts`: restarts under load lose nothing and repeat nothing;
//! - `rotation`: a receiver written from the public pages passes through a rotation;
//! - `readme`: the snippets of the README do what it says.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    unreachable_pub,
    reason = "a test fails by panicking, prints its figures, and nobody imports it"
)]

mod backup;
mod bench;
mod browser;
mod bytes;
mod crash;
mod disk;
mod listen;
mod readme;
mod restarts;
mod rotation;
mod support;
mod verifiers;

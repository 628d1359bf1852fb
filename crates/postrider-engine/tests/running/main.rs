//! The engine as a whole: a real store, real HTTP over loopback, time moved by hand.
//!
//! One crate, so that the harness is built once and nothing of it is unused.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod chaos;
mod delivering;
mod recovering;
mod rehearsing;
mod retention;
mod rotation;
mod support;

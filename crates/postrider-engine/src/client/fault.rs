//! What went wrong on the way, told by the types and kinds of errors, never by their words.
//!
//! Invariant: a note quotes at most a bounded part of what a peer sent, and no resolved address.

use std::error::Error;
use std::fmt::Display;
use std::io;

use postrider_core::limits;
use postrider_core::outcome::OutcomeKind;

use super::tls;
use super::wire::TooMuch;

/// An attempt that ended without a response head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// What it comes to.
    pub(super) kind: OutcomeKind,
    /// What is particular.
    pub(super) note: Option<String>,
}

impl Fault {
    /// A fault whose kind says it all.
    pub(super) const fn plain(kind: OutcomeKind) -> Self {
        Self { kind, note: None }
    }

    /// A fault with detail.
    pub(super) fn noted(kind: OutcomeKind, detail: impl Display) -> Self {
        let mut note = detail.to_string();
        // As much of a peer's words as of its head lines.
        if note.len() > limits::RESPONSE_HEADERS_KEPT_MAX {
            note.truncate(note.floor_char_boundary(limits::RESPONSE_HEADERS_KEPT_MAX));
        }
        Self { kind, note: Some(note) }
    }
}

/// What it means that a request got no response head.
pub(super) fn of_exchange(error: &hyper::Error) -> Fault {
    if let Some(error) = cause::<rustls::Error>(error) {
        return tls::fault_of(error);
    }
    if let Some(error) = cause::<TooMuch>(error) {
        return Fault::noted(OutcomeKind::BadResponse, error);
    }
    if error.is_parse() {
        return Fault::noted(OutcomeKind::BadResponse, error);
    }
    if error.is_user() {
        return Fault::noted(OutcomeKind::Internal, error);
    }
    if error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
        return Fault::plain(OutcomeKind::ConnectionReset);
    }
    // What is left broke the connection in some way the system has a word for.
    match cause::<io::Error>(error) {
        Some(error) => Fault::noted(OutcomeKind::ConnectionReset, error.kind()),
        None => Fault::plain(OutcomeKind::ConnectionReset),
    }
}

/// Whether a body broke off because it was longer than we read.
pub(super) fn is_too_much(error: &hyper::Error) -> bool {
    cause::<TooMuch>(error).is_some()
}

/// What it means that a connection did not open.
pub(super) fn of_connect(error: &io::Error) -> Fault {
    // EMFILE and ENFILE, which have no kind of their own: our files have run out.
    const OUT_OF_FILES: [i32; 2] = [24, 23];
    if error.raw_os_error().is_some_and(|code| OUT_OF_FILES.contains(&code)) {
        return Fault::noted(OutcomeKind::Internal, "too many open files");
    }
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Fault::plain(OutcomeKind::ConnectRefused),
        io::ErrorKind::TimedOut => Fault::plain(OutcomeKind::ConnectTimeout),
        // It did open, and was torn down before we could look at it.
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::NotConnected => Fault::plain(OutcomeKind::ConnectionReset),
        // No local port or no memory is left.
        kind @ (io::ErrorKind::AddrNotAvailable | io::ErrorKind::OutOfMemory) => {
            Fault::noted(OutcomeKind::Internal, kind)
        }
        kind => Fault::noted(OutcomeKind::ConnectFailed, kind),
    }
}

/// The error of type `T` among an error and its causes.
pub(super) fn cause<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // `io::Error::source` passes over the error it wraps.
        next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

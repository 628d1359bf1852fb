//! Standard output and standard error of the commands.
//!
//! Invariant: a reader that went away (`postrider config show | head -1`) or a closed stream never
//! ends the program: what cannot be written is dropped, as `println!` would not.

use std::io::{IsTerminal, Write};

/// Writes a line to standard output.
pub(crate) fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Writes a line to standard error.
pub(crate) fn complain(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "postrider: {line}");
}

/// Whether standard output is a terminal, on which a line may be written over.
pub(crate) fn is_terminal() -> bool {
    std::io::stdout().is_terminal()
}

/// Replaces the present line of the terminal.
pub(crate) fn overwrite(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = write!(out, "\r\x1b[2K{line}").and_then(|()| out.flush());
}

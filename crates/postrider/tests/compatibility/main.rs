//! What of the documented webhook system Postrider serves, and which tests show it.
//!
//! The modules hold the register: every statement of the public documentation, in the order of its
//! subjects, each either served, with the tests that show it, or not, with the reason. Here it is
//! held to the code (every test that is named exists), to the catalogue (`fields`), and to
//! `docs/compatibility.md`, which must be what it prints. `scripts/compatibility` shows the list,
//! and with `--write` makes it the document.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a test fails by panicking, and nobody imports it"
)]

mod admin;
mod delivering;
mod events;
mod fields;
mod payloads;
mod print;
mod records;
mod rest;
mod signing;
mod tests_there_are;

/// What becomes of a statement.
#[derive(Debug, Clone, Copy)]
pub enum Answer {
    /// It holds; these tests show it, each as `crate name`.
    Served(&'static [&'static str]),
    /// It does not, and why.
    Not(&'static str),
}

/// One statement of the documentation, or several of a kind.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// What is said.
    pub what: &'static str,
    /// The names it is said of, apart by spaces; empty when there is nothing to list.
    pub names: &'static str,
    pub answer: Answer,
}

/// A statement without names.
pub const fn row(what: &'static str, answer: Answer) -> Row {
    Row { what, names: "", answer }
}

/// A statement about each of some names.
pub const fn each(what: &'static str, names: &'static str, answer: Answer) -> Row {
    Row { what, names, answer }
}

impl Row {
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.names.split_whitespace()
    }

    pub fn is_served(&self) -> bool {
        matches!(self.answer, Answer::Served(_))
    }
}

/// The statements about one subject.
#[derive(Debug, Clone, Copy)]
pub struct Section {
    pub title: &'static str,
    pub rows: &'static [Row],
}

/// The whole register.
pub const REGISTER: [Section; 10] = [
    events::ENVELOPE,
    events::CATALOGUE,
    payloads::PAYLOADS,
    records::SNAPSHOT,
    signing::TARGETS,
    signing::SIGNING,
    delivering::DELIVERING,
    admin::ADMIN,
    rest::REST,
    rest::CONVENTIONS,
];

pub fn rows() -> impl Iterator<Item = &'static Row> {
    REGISTER.iter().flat_map(|section| section.rows)
}

#[test]
fn every_row_says_something_and_says_it_once() {
    let mut seen = std::collections::HashSet::new();
    for row in rows() {
        assert!(!row.what.is_empty() && seen.insert(row.what), "{row:?}");
        match row.answer {
            Answer::Served(tests) => assert!(!tests.is_empty(), "{row:?}"),
            Answer::Not(reason) => assert!(reason.len() > 10, "{row:?}"),
        }
    }
}

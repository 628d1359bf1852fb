//! The house keeps its own rules: arrows between crates, who may touch what, and what files look
//! like. Each rule is a function from files to complaints, and each has a control: a small sample
//! that breaks it and must be complained about.
//!
//! - `tree`: the files;
//! - `arrows`: who may use whom;
//! - `looks`: what the files themselves look like.

#![expect(
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test fails by panicking, and nobody imports it"
)]

mod arrows;
mod looks;
mod tree;

use tree::File;

/// Fails with every complaint at once.
#[track_caller]
fn refuse(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

/// Whether `rule` complains about a file with that text, and about it alone.
fn complains(rule: impl Fn(&[File]) -> Vec<String>, path: &str, text: &str) -> bool {
    let complaints = rule(&[File::sample(path, text)]);
    complaints.iter().any(|complaint| complaint.starts_with(path))
}

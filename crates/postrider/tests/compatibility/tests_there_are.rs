//! The names of all tests, and that every test the register names is one of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::{Answer, rows};

/// A crate as the register calls it, and its folder.
const CRATES: [(&str, &str); 5] = [
    ("core", "postrider-core"),
    ("store", "postrider-store"),
    ("engine", "postrider-engine"),
    ("web", "postrider-web"),
    ("program", "postrider"),
];

/// How often each test occurs, as `crate name`.
fn tests() -> BTreeMap<String, usize> {
    let mut tests = BTreeMap::new();
    for (crate_name, folder) in CRATES {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut files = Vec::new();
        rust_files(&crates.join(folder), &mut files);
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap();
            // The store's suite has no attribute: a macro makes its tests, from a list that
            // a test of its own holds to the functions.
            let is_suite = file.to_str().unwrap().contains("/conformance/");
            for name in names(&text, is_suite) {
                *tests.entry(format!("{crate_name} {name}")).or_insert(0) += 1;
            }
        }
    }
    tests
}

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The functions of `text` that are tests.
fn names(text: &str, is_suite: bool) -> Vec<&str> {
    let mut names = Vec::new();
    let mut is_marked = false;
    for line in text.lines().map(str::trim) {
        if ["#[test]", "#[tokio::test"].iter().any(|mark| line.starts_with(mark)) {
            is_marked = true;
        } else if let Some(rest) = line.split_once("fn ").map(|(_, rest)| rest) {
            if is_marked || (is_suite && line.starts_with("pub async fn ")) {
                names.extend(rest.split_once('(').map(|(name, _)| name));
            }
            is_marked = false;
        }
    }
    names
}

#[test]
fn every_test_that_is_named_is_there_once() {
    let tests = tests();
    assert!(tests.len() > 200, "these are not the tests: {}", tests.len());
    let mut complaints = Vec::new();
    for row in rows() {
        let Answer::Served(named) = row.answer else { continue };
        for name in named {
            let count = tests.get(*name).copied().unwrap_or_default();
            if count != 1 {
                complaints.push(format!("{:?}: there are {count} of {name}", row.what));
            }
        }
    }
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn only_what_is_run_counts_as_a_test() {
    let text = "#[test]\nfn a() {}\nfn b() {}\n#[tokio::test]\nasync fn c() {}\n";
    assert_eq!(names(text, false), ["a", "c"]);
    assert_eq!(names("pub async fn d(h: H) {}\nfn e() {}", true), ["d"]);
    assert!(names("pub async fn d(h: H) {}", false).is_empty());
}

//! What files look like: their first line, their length, what they may not contain, and what the
//! tree as a whole must contain.

use std::collections::BTreeMap;

use crate::tree::{self, File};
use crate::{complains, refuse};

/// Lines from which a file is reported, and from which it is refused.
const LENGTH_LONG: usize = 400;
const LENGTH_MAX: usize = 500;

/// Numbers of the store's contract.
const CONTRACT: std::ops::RangeInclusive<u32> = 1..=12;

/// Marks of unfinished work and of looking away. Written with a dot inside, here and below, so that
/// this file does not contain what it looks for.
const UNFINISHED: &[&str] =
    &["TO·DO", "FIX·ME", "XX·X", "to·do!(", "unimple·mented!(", "#[ig·nore", "#[al·low("];

/// Traces of the machine a file was written on, and of where packages came from.
const TRACES: &[&str] =
    &["/wo·rk/", "/ro·ot/", "/ho·me/", "index.crates·.io", "registry.npm·js", "py·pi.org"];

/// The promise of the README, white space aside.
const PROMISE: &str = "an event answered with 2xx is attempted at least once for every webhook \
    that wants it, and retried until it succeeds, is exhausted or is canceled, across process \
    kill, power loss, full disk and database failover. Repeats carry the same id. Order is not \
    promised unless a webhook asks for it.";

fn plain(dotted: &str) -> String {
    dotted.replace('·', "")
}

#[test]
fn every_file_opens_with_what_it_owns() {
    refuse(&unopened(&tree::all()));
}

#[test]
fn no_file_is_too_long() {
    let files = tree::all();
    for file in files.iter().filter(|file| is_code(file)) {
        let length = file.text.lines().count();
        if length > LENGTH_LONG {
            println!("long: {} has {length} lines", file.path);
        }
    }
    refuse(&too_long(&files));
}

#[test]
fn nothing_is_unfinished_or_looked_away_from() {
    refuse(&containing(&tree::all(), UNFINISHED, |_| true));
}

#[test]
fn no_file_tells_where_it_was_written() {
    // The lock file names the index by its nature.
    refuse(&containing(&tree::all(), TRACES, |file| file.path != "Cargo.lock"));
}

#[test]
fn every_number_of_the_contract_has_a_test() {
    refuse(&unproven(&tree::all()));
}

#[test]
fn numbers_of_decisions_are_unique() {
    refuse(&doubled(&tree::all()));
}

#[test]
fn the_readme_prints_the_promise() {
    refuse(&unpromised(&tree::all()));
}

fn is_code(file: &File) -> bool {
    [".rs", ".py", ".mjs", ".js", ".sh", ".css"].iter().any(|ending| file.is(ending))
        || file.text.starts_with("#!")
}

/// How a file of that kind begins; `None` when it cannot hold comments.
fn opening(file: &File) -> Option<&'static str> {
    let openings =
        [(".rs", "//!"), (".py", "\"\"\""), (".mjs", "// "), (".js", "// "), (".sql", "-- ")];
    let by_name = openings.into_iter().find(|(ending, _)| file.is(ending)).map(|(_, start)| start);
    by_name.or_else(|| file.text.starts_with("#!").then_some("#!"))
}

fn unopened(files: &[File]) -> Vec<String> {
    let mut complaints = Vec::new();
    for file in files {
        let Some(opening) = opening(file) else { continue };
        // A script says what it owns right after the line that says what runs it.
        let is_opened = match opening {
            "#!" => file.text.lines().nth(1).is_some_and(|line| line.starts_with("# ")),
            other => file.text.starts_with(other),
        };
        if !is_opened {
            complaints.push(format!("{}: must open by saying what it owns", file.path));
        }
    }
    complaints
}

fn too_long(files: &[File]) -> Vec<String> {
    let mut complaints = Vec::new();
    for file in files.iter().filter(|file| is_code(file)) {
        let length = file.text.lines().count();
        if length > LENGTH_MAX {
            complaints.push(format!("{}: {length} lines, at most {LENGTH_MAX}", file.path));
        }
    }
    complaints
}

fn containing(files: &[File], dotted: &[&str], counts: impl Fn(&File) -> bool) -> Vec<String> {
    let mut complaints = Vec::new();
    let wanted: Vec<_> = dotted.iter().map(|text| plain(text)).collect();
    for file in files.iter().filter(|file| counts(file)) {
        for (line, number) in file.text.lines().zip(1..) {
            for found in wanted.iter().filter(|wanted| line.contains(wanted.as_str())) {
                complaints.push(format!("{}:{number}: {found}", file.path));
            }
        }
    }
    complaints
}

fn unproven(files: &[File]) -> Vec<String> {
    let suite =
        files.iter().filter(|f| f.path.starts_with("crates/postrider-store/src/conformance"));
    let suite: Vec<_> = suite.flat_map(|file| file.text.lines()).collect();
    let is_proven = |number: u32| {
        let start = format!("fn q{number}_");
        suite.iter().any(|line| line.contains(&start))
    };
    let unproven = CONTRACT.filter(|number| !is_proven(*number));
    unproven.map(|number| format!("Q{number} has no test in the suite")).collect()
}

fn doubled(files: &[File]) -> Vec<String> {
    let mut known = BTreeMap::new();
    let mut complaints = Vec::new();
    for file in files {
        let Some(name) = file.path.strip_prefix("docs/adr/") else { continue };
        let Some(number) = name.get(..4).filter(|n| n.parse::<u16>().is_ok()) else { continue };
        if let Some(other) = known.insert(number.to_owned(), &file.path) {
            complaints.push(format!("{}: its number is that of {other}", file.path));
        }
    }
    complaints
}

fn unpromised(files: &[File]) -> Vec<String> {
    let readme = files.iter().find(|file| file.path == "README.md");
    let text = readme.map_or("", |file| file.text.as_str());
    // Emphasis and quotation marks of Markdown are not part of the words.
    let text = text.replace(['*', '>', '_'], " ");
    let is_there = words(&text).contains(&words(PROMISE));
    let complaint = "README.md: the promise is not in it, word by word".to_owned();
    if is_there { Vec::new() } else { vec![complaint] }
}

/// The text with single spaces, in lower case.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

#[test]
fn the_controls_break_each_rule() {
    assert!(complains(unopened, "a.rs", "use x;\n"));
    assert!(complains(unopened, "a.py", "import x\n"));
    assert!(complains(unopened, "scripts/a", "#!/usr/bin/env bash\nset -e\n"));
    assert!(!complains(unopened, "a.rs", "//! Owns a.\n"));
    assert!(!complains(unopened, "a.json", "{}"));

    assert!(complains(too_long, "a.rs", &"x\n".repeat(LENGTH_MAX + 1)));
    assert!(!complains(too_long, "a.rs", &"x\n".repeat(LENGTH_MAX)));

    for rule in [UNFINISHED, TRACES] {
        let found = |text: &str| complains(|files| containing(files, rule, |_| true), "a.md", text);
        for dotted in rule {
            assert!(found(&format!("a\nb {} c\n", plain(dotted))), "{dotted}");
            assert!(!found(dotted), "{dotted}");
        }
    }

    let suite =
        |text: &str| unproven(&[File::sample("crates/postrider-store/src/conformance/a.rs", text)]);
    let tests: Vec<_> = CONTRACT.map(|n| format!("async fn q{n}_holds() {{}}\n")).collect();
    let whole = tests.concat();
    assert_eq!(suite(&whole), Vec::<String>::new());
    assert_eq!(suite(&whole.replace("q1_", "p1_")), ["Q1 has no test in the suite"]);

    let decision = |name: &str| File::sample(&format!("docs/adr/{name}"), "");
    assert_eq!(doubled(&[decision("0001-a.md"), decision("0001-b.md")]).len(), 1);
    assert!(doubled(&[decision("0001-a.md"), decision("0002-b.md")]).is_empty());

    let quoted = PROMISE.replace(". ", ".\n> ").replacen("an event", "*An event", 1);
    assert!(!complains(unpromised, "README.md", &format!("# x\n> {quoted}*\n")));
    assert!(complains(unpromised, "README.md", &quoted.replace("retried", "tried")));
}

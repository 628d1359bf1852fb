//! The register as a document, and that `docs/compatibility.md` is it.

use std::fmt::Write as _;
use std::path::Path;

use crate::{Answer, REGISTER, Row, Section, rows};

const OPENING: &str = "\
# Compatibility

What the public documentation of Ordergroove's webhooks says, and whether Postrider does it. Each row names the tests
that show it, as crate and name, or the reason why not. `scripts/compatibility` prints this page from the tests; one of
them fails when the two differ.
";

/// The longest line of names.
const WIDTH: usize = 120;

fn document() -> String {
    let served = rows().filter(|row| row.is_served()).count();
    let mut text =
        format!("{OPENING}\n{served} rows are served, {} are not.\n", rows().count() - served);
    for section in REGISTER {
        print_section(&section, &mut text);
    }
    text
}

fn print_section(section: &Section, text: &mut String) {
    write!(text, "\n## {}\n", section.title).unwrap();
    for row in section.rows {
        print_row(row, text);
    }
}

fn print_row(row: &Row, text: &mut String) {
    let word = if row.is_served() { "served" } else { "**not served**" };
    write!(text, "\n- {} — {word}\n", row.what).unwrap();
    let names: Vec<_> = row.names().map(|name| format!("`{name}`")).collect();
    if !names.is_empty() {
        wrap(&names, text);
    }
    match row.answer {
        Answer::Not(reason) => {
            let words: Vec<_> = reason.split(' ').map(str::to_owned).collect();
            wrap(&words, text);
        }
        Answer::Served(tests) => {
            for test in tests {
                let (crate_name, name) = test.split_once(' ').unwrap();
                writeln!(text, "  - {crate_name} `{name}`").unwrap();
            }
        }
    }
}

/// Words in lines below a list item.
fn wrap(words: &[String], text: &mut String) {
    let mut width = 0;
    for word in words {
        if width == 0 || width + 1 + word.len() > WIDTH {
            text.push_str(if width == 0 { "  " } else { "\n  " });
            width = 2;
        } else {
            text.push(' ');
            width += 1;
        }
        text.push_str(word);
        width += word.len();
    }
    text.push('\n');
}

#[test]
fn the_document_is_what_the_register_prints() {
    let printed = document();
    // Where scripts/compatibility finds it, whether or not the document is up to date.
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compatibility.md");
    std::fs::write(place, &printed).unwrap();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/compatibility.md");
    let document = std::fs::read_to_string(file).unwrap_or_default();
    assert!(document == printed, "run `scripts/compatibility --write`");
}

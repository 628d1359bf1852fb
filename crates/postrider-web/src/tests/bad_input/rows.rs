//! Finds rows of the table of bad inputs that no test holds.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const LAST_ROW: u8 = 82;

/// Rows without a test, as what they are about is not there.
const NOT_YET: &[(u8, &str)] = &[];

/// Parts of tested rows that do not apply, or are held elsewhere.
const NOT_IN_PART: &[(u8, &str)] = &[
    (40, "a delivery cannot be asked for at a time: the members that would do so are unknown"),
    (35, "memory in use is not measured here; bytes held are bounded by one budget"),
    (42, "there are no channels and labels; event types and events of a request are bounded"),
    (44, "keys do not expire"),
    (51, "an event's own id is the idempotency key, and `duplicate` the mark (product.md)"),
    (56, "DELETE answers 204 (product.md); 10^5 deliveries are the store's benchmark"),
    (75, "the server knows the address it listens on, and no name of its own"),
    (77, "the API shows punycode; the Unicode form beside it is the admin's"),
];

/// Where tests of these rows are.
const PLACES: [&str; 4] = [
    "src/tests",
    "src/tests/bad_input",
    "../postrider-core/src/target",
    "../postrider-engine/src/client/tests",
];

fn sources() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = PLACES.iter().flat_map(|place| std::fs::read_dir(root.join(place)).unwrap());
    let files = files.map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}

/// The rows named at the start of the documentation of tests.
fn rows_of(source: &str) -> BTreeSet<u8> {
    let lines: Vec<_> = source.lines().map(str::trim).collect();
    let mut rows = BTreeSet::new();
    for (at, line) in lines.iter().enumerate() {
        let label = line.strip_prefix("/// Rows ").or_else(|| line.strip_prefix("/// Row "));
        let below = lines.iter().skip(at).find(|line| !line.starts_with("///"));
        if let Some(label) = label
            && below.is_some_and(|line| ["#[test]", "#[tokio::test]"].contains(line))
        {
            rows.extend(numbers(label));
        }
    }
    rows
}

/// Reads `1, 4 to 6 and 8: whatever else`.
fn numbers(label: &str) -> BTreeSet<u8> {
    let mut rows = BTreeSet::new();
    let (mut last, mut is_range) = (0, false);
    for word in label.split_inclusive([' ', ':', '.']) {
        let bare = word.trim_end_matches([' ', ',', ':', '.']);
        match bare.parse() {
            Ok(row) => {
                rows.extend(if is_range { last..=row } else { row..=row });
                (last, is_range) = (row, false);
            }
            Err(_) if bare == "to" => is_range = true,
            Err(_) if bare == "and" => {}
            Err(_) => break,
        }
        if word.ends_with([':', '.']) {
            break;
        }
    }
    rows
}

#[test]
fn every_row_has_a_test_or_a_reason() {
    let mut tested = BTreeSet::new();
    for path in sources() {
        tested.extend(rows_of(&std::fs::read_to_string(path).unwrap()));
    }
    let excused: BTreeSet<_> = NOT_YET.iter().map(|(row, _)| *row).collect();
    let missing: Vec<_> =
        (1..=LAST_ROW).filter(|row| !tested.contains(row) && !excused.contains(row)).collect();
    assert!(missing.is_empty(), "rows with neither a test nor a reason: {missing:?}");
    let both: Vec<_> = tested.intersection(&excused).collect();
    assert!(both.is_empty(), "rows that are excused although they are tested: {both:?}");
    for (row, reason) in NOT_IN_PART {
        assert!(tested.contains(row), "row {row} is not tested at all: {reason}");
    }
}

#[test]
fn labels_are_read_as_people_read_them() {
    assert_eq!(
        numbers("1, 4 to 6 and 8: 9 of them").into_iter().collect::<Vec<_>>(),
        [1, 4, 5, 6, 8]
    );
    assert_eq!(numbers("7.").len(), 1);
    let (test, table) = ("/// Row 3.\n/// More.\n#[test]\n", "/// Row 4.\nconst A: u8 = 1;\n");
    assert_eq!(rows_of(&format!("{test}{table}")).into_iter().collect::<Vec<_>>(), [3]);
}

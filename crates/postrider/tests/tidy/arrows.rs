//! Arrows point down only: between crates, inside the web crate, and from the few files that may
//! touch the clock, chance, the environment and the database to everybody else.

use crate::tree::{self, File, has_word};
use crate::{complains, refuse};

/// Each crate of ours and those it may use.
const ARROWS: [(&str, &[&str]); 5] = [
    ("postrider-core", &[]),
    ("postrider-store", &["postrider-core"]),
    ("postrider-engine", &["postrider-core", "postrider-store"]),
    ("postrider-web", &["postrider-core", "postrider-store", "postrider-engine"]),
    ("postrider", &["postrider-core", "postrider-store", "postrider-engine", "postrider-web"]),
];

/// What the core must do without: it does no I/O.
const NOT_IN_CORE: [&str; 4] = ["tokio", "hyper", "axum", "rusqlite"];

/// Words and the only places (beginnings of paths) whose code may hold them.
const KEEPERS: [(&str, &[&str]); 10] = [
    ("rusqlite", &["crates/postrider-store/"]),
    ("SystemTime", &["crates/postrider-engine/src/clock.rs"]),
    ("Instant", &["crates/postrider-engine/src/clock.rs"]),
    ("getrandom", &["crates/postrider-engine/src/chance.rs"]),
    ("fastrand", &["crates/postrider-engine/src/chance.rs"]),
    ("env::var", &["crates/postrider/src/config.rs"]),
    ("env::var_os", &["crates/postrider/src/config.rs"]),
    ("env::vars", &["crates/postrider/src/config.rs"]),
    ("env::vars_os", &["crates/postrider/src/config.rs"]),
    ("env::home_dir", &["crates/postrider/src/config.rs"]),
];

#[test]
fn crates_use_only_the_crates_below_them() {
    let files = tree::all();
    let manifests = files.iter().filter(|file| is_manifest(file)).count();
    assert_eq!(manifests, ARROWS.len(), "a new crate needs an argument and its arrows");
    refuse(&crates_above(&files));
}

#[test]
fn api_and_admin_do_not_import_each_other() {
    refuse(&siblings(&tree::all()));
}

#[test]
fn clock_chance_environment_and_database_are_touched_in_one_place_each() {
    refuse(&trespassers(&tree::all()));
}

fn is_manifest(file: &File) -> bool {
    file.path.starts_with("crates/") && file.is("/Cargo.toml")
}

fn crates_above(files: &[File]) -> Vec<String> {
    let mut complaints = Vec::new();
    for file in files.iter().filter(|file| is_manifest(file)) {
        let name = file.path.split('/').nth(1).unwrap();
        let Some((_, below)) = ARROWS.iter().find(|(known, _)| *known == name) else {
            complaints.push(format!("{}: an unknown crate", file.path));
            continue;
        };
        for used in dependencies(&file.text) {
            let is_ours = used.starts_with("postrider") && used != name;
            let is_wrong = is_ours && !below.contains(&&*used)
                || name == "postrider-core" && NOT_IN_CORE.contains(&&*used)
                || name != "postrider-store" && used == "rusqlite";
            if is_wrong {
                complaints.push(format!("{}: may not use {used}", file.path));
            }
        }
    }
    complaints
}

/// Every dependency a manifest names, those of tests and builds included.
fn dependencies(manifest: &str) -> Vec<String> {
    let table: toml::Table = manifest.parse().unwrap();
    let sections = ["dependencies", "dev-dependencies", "build-dependencies"];
    let sections = sections.iter().filter_map(|section| table.get(*section)?.as_table());
    sections.flat_map(|section| section.keys().cloned()).collect()
}

fn siblings(files: &[File]) -> Vec<String> {
    let mut complaints = Vec::new();
    for (own, other) in [("api", "admin"), ("admin", "api")] {
        let folder = format!("crates/postrider-web/src/{own}/");
        for file in files.iter().filter(|file| file.path.starts_with(&folder)) {
            let import = [format!("crate::{other}::"), format!("super::super::{other}::")];
            for (number, line) in file.code() {
                if import.iter().any(|import| line.contains(import.as_str())) {
                    complaints.push(format!("{}:{number}: {own} imports {other}", file.path));
                }
            }
        }
    }
    complaints
}

fn trespassers(files: &[File]) -> Vec<String> {
    let mut complaints = Vec::new();
    for file in files.iter().filter(|file| file.is_source()) {
        let kept = |places: &[&str]| places.iter().any(|place| file.path.starts_with(place));
        for (word, places) in KEEPERS.iter().filter(|(_, places)| !kept(places)) {
            for (number, line) in file.code().filter(|(_, line)| has_word(line, word)) {
                let place = places[0];
                let line = line.trim();
                complaints.push(format!("{}:{number}: `{word}` is for {place}: {line}", file.path));
            }
        }
    }
    complaints
}

#[test]
fn the_controls_break_each_arrow() {
    let manifest = |name: &str, text: &str| {
        complains(crates_above, &format!("crates/{name}/Cargo.toml"), text)
    };
    assert!(manifest("postrider-store", "[dependencies]\npostrider-engine.workspace = true\n"));
    assert!(manifest("postrider-store", "[dev-dependencies]\npostrider-web.workspace = true\n"));
    assert!(manifest("postrider-core", "[dependencies]\ntokio.workspace = true\n"));
    assert!(manifest("postrider-web", "[dependencies]\nrusqlite.workspace = true\n"));
    assert!(manifest("postrider-more", ""));
    assert!(!manifest("postrider-engine", "[dependencies]\npostrider-store.workspace = true\n"));

    let api = "crates/postrider-web/src/api/keys.rs";
    assert!(complains(siblings, api, "use crate::admin::session;\n"));
    assert!(!complains(siblings, api, "use crate::api::auth; // not crate::admins\n"));
    assert!(complains(siblings, "crates/postrider-web/src/admin/a.rs", "use crate::api::error;\n"));

    let web = "crates/postrider-web/src/shared.rs";
    for line in [
        "use rusqlite::Connection;",
        "let now = std::time::SystemTime::now();",
        "let now = tokio::time::Instant::now();",
        "getrandom::fill(&mut bytes);",
        "let n = fastrand::u8(..);",
        "let home = std::env::var(\"HOME\");",
    ] {
        assert!(complains(trespassers, web, line), "{line}");
        assert!(!complains(trespassers, web, &format!("// {line}")), "{line}");
    }
    assert!(!complains(trespassers, "crates/postrider-engine/src/clock.rs", "SystemTime::now()"));
}

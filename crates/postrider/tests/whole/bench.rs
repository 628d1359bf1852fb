//! A short bench, whole: its counts add up, nothing is lost, and nothing it started goes on.

#![expect(clippy::float_cmp, reason = "counts are whole numbers")]

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{PROGRAM, Receiver};

const EVENTS: u64 = 300;

fn bench(arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.arg("bench").args(arguments).args(["--json", "-", "--seconds", "1"]);
    command.stdin(Stdio::null());
    command
}

fn processes_naming(mark: &str) -> usize {
    let processes = std::fs::read_dir("/proc").unwrap();
    let mut folders =
        processes.filter_map(|entry| std::fs::read_link(entry.ok()?.path().join("cwd")).ok());
    folders.by_ref().filter(|folder| folder.to_string_lossy().contains(mark)).count()
}

#[test]
fn a_short_bench_adds_up_loses_nothing_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    let events = EVENTS.to_string();
    let shape = ["--events", &events, "--backlog", "700", "--rate", "100"];
    let scenarios = ["burst", "steady", "fanout", "backlog", "tls"];
    let scenarios = scenarios.into_iter().flat_map(|name| ["--scenario", name]);
    let arguments: Vec<_> =
        shape.into_iter().chain(["--directory", place]).chain(scenarios).collect();
    let output = bench(&arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();

    let results = report["results"].as_array().unwrap();
    let names: Vec<_> = results.iter().map(|it| it["scenario"].as_str().unwrap()).collect();
    assert_eq!(names, ["burst", "steady-100", "fanout", "backlog", "tls"]);
    for (result, targets) in results.iter().zip([1.0, 1.0, 10.0, 1.0, 1.0]) {
        let figure = |name: &str| result["figures"][name]["median"].as_f64().unwrap();
        let (accepted, delivered) = (figure("accepted"), figure("delivered"));
        assert!(accepted > 0.0, "{result}");
        assert_eq!((figure("lost"), figure("duplicates")), (0.0, 0.0), "{result}");
        assert_eq!(delivered, accepted * targets, "{result}");
        assert!(figure("peak_memory_mib") > 0.0 && figure("accept_p99_ms") > 0.0, "{result}");
    }
    let posted = |at: usize| {
        let figure = |name: &str| results[at]["figures"][name]["median"].as_f64().unwrap();
        figure("accepted") + figure("refused")
    };
    assert!(posted(0) <= 300.0 && posted(1) == 100.0 && posted(3) == 700.0, "{report}");
    assert!(report["floor"]["figures"]["posts_per_second"]["median"].as_f64().unwrap() > 0.0);

    assert_eq!(processes_naming(place), 0);
    assert_eq!(std::fs::read_dir(place).unwrap().count(), 0, "its directory is removed");
}

#[test]
fn a_bench_that_fails_or_is_killed_ends_its_processes() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    for signal in ["-INT", "-KILL"] {
        let long = ["--scenario", "steady", "--seconds", "60", "--directory", place];
        let mut child =
            Command::new(PROGRAM).arg("bench").args(long).stdout(Stdio::piped()).spawn().unwrap();
        // Its first words come before its first process.
        let mut line = String::new();
        let mut lines = std::io::BufReader::new(child.stdout.take().unwrap());
        std::io::BufRead::read_line(&mut lines, &mut line).unwrap();
        while processes_naming(place) == 0 {
            std::thread::yield_now();
        }
        let killed = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        assert!(killed.success());
        assert!(!child.wait().unwrap().success());
        // What was killed takes a moment to be gone; what was forgotten stays, and the test with it.
        while processes_naming(place) > 0 {
            std::thread::yield_now();
        }
    }
}

#[test]
fn another_sender_is_measured_by_what_reaches_the_receiver() {
    // A sender that accepts and never delivers: everything is lost, and the bench says so.
    let sender = Receiver::start();
    let folder = tempfile::tempdir().unwrap();
    let body = folder.path().join("body.json");
    std::fs::write(&body, r#"{"key":"{{event}}","n":{{sequence}},"at":{{time}}}"#).unwrap();
    let url = format!("http://{}/send", sender.address());
    let body = body.to_str().unwrap();
    let arguments =
        ["--url", &url, "--body", body, "--receiver", "127.0.0.1:0", "--scenario", "burst"];
    let output =
        bench(&arguments).args(["--events", "20", "--header", "x-api-key: k"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let figures = &report["results"][0]["figures"];
    assert_eq!(figures["accepted"]["median"], 20.0);
    assert_eq!(figures["lost"]["median"], 20.0);
    assert_eq!(figures.get("cpu_micros_per_delivery"), None);
    let message = sender.take(1).remove(0);
    let posted: Value = serde_json::from_slice(&message.body).unwrap();
    assert!(posted["key"].as_str().unwrap().starts_with("pb-") && posted["n"].is_number());
}

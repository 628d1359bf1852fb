//! What the README tells people to run does what it says.
//!
//! A fenced block is run when the line right before its fence is `<!-- run: NAME -->`. The
//! `verify-…` blocks are whole programs that take key and header value as arguments and the raw
//! body on standard input; they must accept a real delivery and refuse it with one flipped bit.
//! `walkthrough` is run by bash with `$KEY` set, against a fresh installation on other ports.

use std::path::Path;
use std::process::Command;

use postrider_core::sign;
use serde_json::{Value, json};

use crate::support::foreign::{Captured, Verifier, run, workspace};
use crate::support::{Installation, Receiver, create_webhook, verification_key};
use crate::verifiers::{PARTS, flip};

/// The README's Rust program; the block must be its text.
#[expect(dead_code, reason = "a module has no use for the program's `main`")]
#[path = "../../../postrider-core/examples/verify.rs"]
mod verify;

/// Where the README's walk-through expects the program and the receiver.
const PROGRAM_ADDRESS: &str = "127.0.0.1:8080";
const RECEIVER_ADDRESS: &str = "127.0.0.1:8081";

#[test]
fn the_snippets_accept_a_real_delivery_and_refuse_a_flipped_bit() {
    let installation = Installation::fresh();
    let server = installation.serve();
    let receiver = Receiver::start();
    let mut client = installation.client(&server);
    let key = create_webhook(&mut client, &receiver, &json!({}));
    // A line break and a letter beyond ASCII: what careless programs trip over.
    let event = json!({"type": "order.create", "data": {"object": {"note": "Grüße\n"}}});
    client.post("/api/v1/events", &event).expect(202);
    let captured = Captured::new(&receiver.take(1)[0], &key);

    let folder = tempfile::tempdir().unwrap();
    let block = |name: &str| {
        let file = folder.path().join(name);
        let program = name.split('.').next().unwrap();
        std::fs::write(&file, marked_block(&readme(), program).unwrap()).unwrap();
        file
    };
    let python = block("verify-python.py");
    let javascript = block("verify-javascript.mjs");
    let shell = block("verify-shell.sh");
    for (program, file) in [("python3", &python), ("node", &javascript), ("sh", &shell)] {
        check(program, &captured, |delivery| accepts(program, file, delivery));
    }

    let example = workspace().join("crates/postrider-core/examples/verify.rs");
    let example = std::fs::read_to_string(example).unwrap();
    assert_eq!(marked_block(&readme(), "verify-rust").unwrap(), example);
    check("rust", &captured, |delivery| {
        let mut delivery = delivery.clone();
        let header = delivery.header(sign::SIGNATURE_HEADER).clone();
        verify::is_valid(&delivery.key, &header, &delivery.body)
    });
}

#[test]
fn the_walkthrough_delivers_a_signed_event() {
    let installation = Installation::fresh();
    let server = installation.serve();
    let receiver = Receiver::start();
    let script = marked_block(&readme(), "walkthrough").unwrap();
    assert!(script.contains(PROGRAM_ADDRESS) && script.contains(RECEIVER_ADDRESS), "{script}");
    let script = script
        .replace(PROGRAM_ADDRESS, &server.address.to_string())
        .replace(RECEIVER_ADDRESS, &receiver.address().to_string());

    let mut bash = Command::new("bash");
    bash.args(["-euo", "pipefail", "-c", &script]).env("KEY", &installation.api_key);
    let (succeeded, printed) = run(&mut bash, b"");
    assert!(succeeded, "{printed}");

    let message = receiver.take(1).remove(0);
    let body: Value = serde_json::from_slice(&message.body).unwrap();
    assert_eq!(body["type"], "order.create");
    let mut client = installation.client(&server);
    let webhooks = client.get("/api/v1/webhooks").expect(200).json();
    let key = verification_key(&mut client, &webhooks["results"][0]);
    let captured = Captured::new(&message, &key);
    assert_eq!(Verifier::Documented.judge(&[captured]), [true]);
}

/// Checks one verifier with the delivery as it is, under another key, with each part changed, and
/// during a rotation, when the fitting signature is the second one.
fn check(name: &str, captured: &Captured, accepts: impl Fn(&Captured) -> bool) {
    assert!(accepts(captured), "{name} accepts a real delivery");
    let other_key = Captured { key: format!("{}x", captured.key), ..captured.clone() };
    assert!(!accepts(&other_key), "{name} refuses another key");
    for (number, part) in PARTS.into_iter().enumerate() {
        let flipped = flip(captured, Verifier::Documented, part, number + 1);
        assert!(!accepts(&flipped), "{name} refuses a flipped bit in {part:?}");
    }
    let mut rotated = captured.clone();
    let header = rotated.header(sign::SIGNATURE_HEADER);
    *header = header.replacen(",sig=", &format!(",sig={},sig=", "0".repeat(64)), 1);
    assert!(accepts(&rotated), "{name} accepts the second of two signatures");
    let mut empty = captured.clone();
    "ts=1,sig=".clone_into(empty.header(sign::SIGNATURE_HEADER));
    assert!(!accepts(&empty), "{name} refuses an empty signature");
}

fn accepts(program: &str, file: &Path, delivery: &Captured) -> bool {
    let mut delivery = delivery.clone();
    let header = delivery.header(sign::SIGNATURE_HEADER).clone();
    let mut command = Command::new(program);
    run(command.arg(file).args([&delivery.key, &header]), &delivery.body).0
}

fn readme() -> String {
    std::fs::read_to_string(workspace().join("README.md")).unwrap()
}

/// The text of the one block marked with `name`, without its fences.
fn marked_block(text: &str, name: &str) -> Result<String, String> {
    let marker = format!("<!-- run: {name} -->\n```");
    let mut found = text.split(&marker).skip(1);
    let (Some(rest), None) = (found.next(), found.next()) else {
        return Err(format!("README.md needs exactly one block marked `run: {name}`"));
    };
    let block = rest.split_once('\n').and_then(|(_, rest)| rest.split_once("\n```"));
    block.map(|(block, _)| format!("{block}\n")).ok_or_else(|| format!("`{name}` has no end"))
}

#[test]
fn a_marked_block_is_found_once_and_without_its_fences() {
    let text = "a\n<!-- run: x -->\n```sh\none\n\ntwo\n```\nb\n```sh\nthree\n```\n";
    assert_eq!(marked_block(text, "x"), Ok("one\n\ntwo\n".to_owned()));
    assert!(marked_block(text, "y").is_err());
    assert!(marked_block(&text.repeat(2), "x").is_err());
}

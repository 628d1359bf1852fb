//! `postrider receiver`: a receiver for tries, which prints every delivery on a line.

use std::borrow::Cow;
use std::process::ExitCode;

use anyhow::Context as _;
use postrider_core::key::VerificationKey;
use postrider_engine::Clock;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::cli::ReceiverArgs;
use crate::config::{Log, LogFormat, LogLevel};
use crate::failure::Failure;
use crate::output::say;
use crate::receiver::{Plan, Received, Receiver, Verdict};
use crate::signals::Signals;
use crate::telemetry;

pub(crate) async fn run(args: ReceiverArgs) -> Result<ExitCode, Failure> {
    telemetry::start(Log { format: LogFormat::Text, level: LogLevel::Info });
    let mut signals = Signals::listen().context("cannot listen for signals")?;
    let receiver = Receiver::bind(args.listen, Clock::system()).await.map_err(|error| {
        let listen = args.listen;
        Failure::usage(format!("cannot listen on {listen}: {error}; choose another with --listen"))
    })?;
    let address = receiver.address().context("cannot tell the address")?;
    let plan = Plan {
        key: args.key.map(|key| VerificationKey::restored(key.reveal())),
        signature_header: args.signature_header,
        answers: args.answer,
        delay: args.delay.0,
    };
    // With --json every line on standard output is a delivery.
    let ready = format!("receiving on http://{address}");
    if args.json {
        tracing::info!("{ready}");
    } else {
        say(&ready);
    }
    let form = Form { is_json: args.json, with_body: args.print_body };
    let note = move |received: &Received| say(&line(received, form));
    tokio::select! {
        () = receiver.run(plan, note, CancellationToken::new()) => {}
        _ = signals.stop() => {}
    }
    Ok(ExitCode::SUCCESS)
}

/// How a delivery is printed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Form {
    pub(crate) is_json: bool,
    pub(crate) with_body: bool,
}

/// A delivery as one JSON line.
#[derive(Serialize)]
struct Line<'a> {
    delivery: Option<&'a str>,
    attempt: Option<u32>,
    event: Option<&'a str>,
    #[serde(rename = "type")]
    event_type: Option<&'a str>,
    verified: Option<bool>,
    status: u16,
    bytes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Cow<'a, str>>,
}

/// The line for one delivery.
pub(crate) fn line(received: &Received, form: Form) -> String {
    let reason = match &received.verdict {
        Verdict::Refused(reason) => Some(reason.as_str()),
        Verdict::NotChecked | Verdict::Verified => None,
    };
    let body = form.with_body.then(|| String::from_utf8_lossy(&received.body));
    if form.is_json {
        let line = Line {
            delivery: received.delivery.as_deref(),
            attempt: received.attempt,
            event: received.event.as_deref(),
            event_type: received.event_type.as_deref(),
            verified: received.verdict.is_verified(),
            status: received.status,
            bytes: received.body.len(),
            reason,
            body,
        };
        return serde_json::to_string(&line).unwrap_or_default();
    }
    let verdict = match (&received.verdict, reason) {
        (Verdict::Verified, _) => "verified".to_owned(),
        (_, Some(reason)) => format!("NOT VERIFIED: {reason}"),
        (_, None) => "not checked (no key)".to_owned(),
    };
    // Whatever a sender put there must not move the cursor of a terminal.
    let clean = |text: &Option<String>| text.as_deref().unwrap_or("-").escape_debug().to_string();
    let body = body.map(|body| format!("\n  {}", body.escape_debug())).unwrap_or_default();
    format!(
        "{}  delivery {} attempt {}  event {}  {} bytes  answered {}  {verdict}{body}",
        clean(&received.event_type),
        clean(&received.delivery),
        received.attempt.map_or("-".to_owned(), |number| number.to_string()),
        clean(&received.event),
        received.body.len(),
        received.status,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn received(verdict: Verdict) -> Received {
        Received {
            delivery: Some("d1".to_owned()),
            attempt: Some(2),
            event: Some("e1".to_owned()),
            event_type: Some("order.success\u{1b}[2J".to_owned()),
            verdict,
            status: 503,
            body: Bytes::from_static(b"{\"id\":\"e1\"}"),
        }
    }

    #[test]
    fn a_json_line_has_exactly_the_promised_fields() {
        let form = Form { is_json: true, with_body: false };
        let printed = line(&received(Verdict::Verified), form);
        let expected = concat!(
            r#"{"delivery":"d1","attempt":2,"event":"e1","type":"order.success\u001b[2J","#,
            r#""verified":true,"status":503,"bytes":11}"#
        );
        assert_eq!(printed, expected);
        let with_body =
            line(&received(Verdict::NotChecked), Form { is_json: true, with_body: true });
        assert!(with_body.contains(r#""verified":null"#), "{with_body}");
        assert!(with_body.ends_with(r#""body":"{\"id\":\"e1\"}"}"#), "{with_body}");
    }

    #[test]
    fn a_text_line_shows_the_reason_and_no_control_characters() {
        let form = Form { is_json: false, with_body: true };
        let printed = line(&received(Verdict::Refused("it does not fit".to_owned())), form);
        assert!(printed.contains("NOT VERIFIED: it does not fit"), "{printed}");
        assert!(!printed.contains('\u{1b}'), "{printed}");
    }
}

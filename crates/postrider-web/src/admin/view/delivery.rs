//! Deliveries as pages show them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Moment, millis};

/// Linux takes arguments of 128 KiB.
const CURL_BODY_BYTES_MAX: usize = 100 * 1024;
/// What curl makes by itself, of the address and the body.
const CURL_ADDS: [&str; 2] = ["host", "content-length"];

#[derive(Deserialize)]
pub(in crate::admin) struct Delivery {
    pub(in crate::admin) id: String,
    pub(in crate::admin) event: String,
    pub(in crate::admin) event_type: String,
    pub(in crate::admin) webhook: String,
    pub(in crate::admin) status: String,
    pub(in crate::admin) test: bool,
    pub(in crate::admin) attempts_count: u32,
    pub(in crate::admin) next_attempt_at: Option<Moment>,
    pub(in crate::admin) created_at: Moment,
    pub(in crate::admin) settled_at: Option<Moment>,
}

impl Delivery {
    /// What changes about it while somebody looks.
    pub(in crate::admin) fn standing(&self) -> String {
        let due = self.next_attempt_at.as_ref().map(Moment::exact).unwrap_or_default();
        format!("{} {} {due}", self.status, self.attempts_count)
    }

    /// Whether resending means anything.
    pub(in crate::admin) fn is_final(&self) -> bool {
        self.settled_at.is_some()
    }
}

#[derive(Deserialize)]
pub(in crate::admin) struct DeliveryCard {
    #[serde(flatten)]
    pub(in crate::admin) delivery: Delivery,
    pub(in crate::admin) request: Sent,
    pub(in crate::admin) attempts: Vec<Attempt>,
    pub(in crate::admin) masked: Vec<String>,
}

impl DeliveryCard {
    /// A command for a shell that sends the same request again, signature and all; none while parts
    /// are masked, before anything was sent, and when the body is longer than a shell takes.
    pub(in crate::admin) fn curl(&self, target: Option<&str>) -> Option<String> {
        let (target, headers) = (target?, self.request.headers.as_ref()?);
        if !self.masked.is_empty() || self.request.body.len() > CURL_BODY_BYTES_MAX {
            return None;
        }
        let mut command = format!("curl -i -X POST {}", quoted(target));
        for line in headers.iter().filter(|line| !CURL_ADDS.contains(&&*line.name.to_lowercase())) {
            let header = quoted(&format!("{}: {}", line.name, line.value));
            command.extend([" \\\n  -H ", &header]);
        }
        command.extend([" \\\n  --data-raw ", &quoted(&self.request.body)]);
        Some(command)
    }
}

/// A word of a POSIX shell that means `text` and nothing else.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[derive(Deserialize)]
pub(in crate::admin) struct Sent {
    pub(in crate::admin) headers: Option<Vec<HeaderLine>>,
    pub(in crate::admin) body: String,
}

impl Sent {
    /// The body, indented for reading; what is not JSON stays as it is.
    pub(in crate::admin) fn pretty(&self) -> String {
        let read: Result<&RawValue, _> = serde_json::from_str(&self.body);
        read.map_or_else(|_| self.body.clone(), |raw| indent(raw.get()))
    }
}

#[derive(Deserialize)]
pub(in crate::admin) struct HeaderLine {
    pub(in crate::admin) name: String,
    pub(in crate::admin) value: String,
}

#[derive(Deserialize)]
pub(in crate::admin) struct Attempt {
    pub(in crate::admin) number: u32,
    pub(in crate::admin) started_at: Moment,
    pub(in crate::admin) outcome: String,
    pub(in crate::admin) status_code: Option<u16>,
    duration_ms: f64,
    phases: BTreeMap<String, Option<f64>>,
    pub(in crate::admin) response_headers: Vec<HeaderLine>,
    pub(in crate::admin) response_body: String,
    pub(in crate::admin) response_truncated: bool,
    pub(in crate::admin) cause: Option<String>,
    pub(in crate::admin) remedy: Option<String>,
    pub(in crate::admin) note: Option<String>,
    pub(in crate::admin) configuration_version: u64,
}

/// The phases in the order they happen, with what to call them.
const PHASES: [(&str, &str); 5] = [
    ("queue_ms", "Waiting"),
    ("dns_ms", "Name"),
    ("connect_ms", "Connection"),
    ("tls_ms", "TLS"),
    ("first_byte_ms", "First byte"),
];

/// A piece of the bar of phases.
pub(in crate::admin) struct Phase {
    pub(in crate::admin) class: &'static str,
    pub(in crate::admin) name: &'static str,
    pub(in crate::admin) duration: String,
    /// Where it begins and how long it is, in thousandths of the bar.
    pub(in crate::admin) start: u32,
    pub(in crate::admin) width: u32,
}

impl Attempt {
    pub(in crate::admin) fn duration(&self) -> String {
        millis(self.duration_ms)
    }

    /// The phases that took place.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and 1000, by the division"
    )]
    pub(in crate::admin) fn bar(&self) -> Vec<Phase> {
        let taken: Vec<_> = PHASES
            .iter()
            .filter_map(|(member, name)| {
                let taken = self.phases.get(*member).copied().flatten()?;
                Some((member.trim_end_matches("_ms"), *name, taken.max(0.0)))
            })
            .collect();
        let named = taken.iter().map(|(.., taken)| taken).sum::<f64>();
        let mut taken = taken;
        taken.push(("rest", "Answer", (self.duration_ms - named).max(0.0)));
        let whole = named.max(self.duration_ms).max(f64::MIN_POSITIVE);
        let mut before = 0.0;
        let piece = |(class, name, taken): (&'static str, &'static str, f64)| {
            let start = (before / whole * 1000.0) as u32;
            before += taken;
            let width = (taken / whole * 1000.0) as u32;
            Phase { class, name, duration: millis(taken), start, width }
        };
        taken.into_iter().map(piece).collect()
    }
}

#[derive(Deserialize)]
pub(in crate::admin) struct Undelivered {
    pub(in crate::admin) results: Vec<UndeliveredGroup>,
    pub(in crate::admin) complete: bool,
}

#[derive(Deserialize)]
pub(in crate::admin) struct UndeliveredGroup {
    pub(in crate::admin) webhook: String,
    pub(in crate::admin) outcome: Option<String>,
    pub(in crate::admin) cause: Option<String>,
    pub(in crate::admin) remedy: Option<String>,
    pub(in crate::admin) count: u64,
    pub(in crate::admin) oldest: Moment,
    pub(in crate::admin) newest: Moment,
    pub(in crate::admin) example: String,
}

/// Indents JSON without touching a digit or a letter of it, so that what is shown is what was sent.
pub(in crate::admin) fn indent(json: &str) -> String {
    let (mut out, mut depth, mut in_text, mut escaped) = (String::new(), 0_usize, false, false);
    let mut glyphs = json.chars().peekable();
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    };
    while let Some(glyph) = glyphs.next() {
        if in_text {
            out.push(glyph);
            in_text = escaped || glyph != '"';
            escaped = !escaped && glyph == '\\';
            continue;
        }
        match glyph {
            '{' | '[' => {
                out.push(glyph);
                while glyphs.next_if(char::is_ascii_whitespace).is_some() {}
                if let Some(close) = glyphs.next_if(|next| matches!(next, '}' | ']')) {
                    out.push(close);
                } else {
                    depth += 1;
                    line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(glyph);
            }
            ',' => {
                out.push(glyph);
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            glyph if glyph.is_ascii_whitespace() => {}
            glyph => {
                in_text = glyph == '"';
                out.push(glyph);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn indenting_changes_nothing_but_space_between() {
        let shown = indent(r#"{"a":1.50,"b":[ ],"c":"x, {y\": z\\","d":[{"e":null}]}"#);
        let lines = "{\n  \"a\": 1.50,\n  \"b\": [],\n  \"c\": \"x, {y\\\": z\\\\\",\n  \"d\": [\n    {\n      \"e\": null\n    }\n  ]\n}";
        assert_eq!(shown, lines);
    }

    #[test]
    fn a_curl_command_means_the_same_to_a_shell() {
        let line = |name: &str, value: &str| json!({ "name": name, "value": value });
        let mut card = json!({
            "id": "d", "event": "e", "event_type": "order.create", "webhook": "w",
            "status": "success", "test": false, "attempts_count": 1, "next_attempt_at": null,
            "created_at": "x", "settled_at": null, "attempts": [], "masked": [],
            "request": {
                "headers": [line("Host", "a.example"), line("X-Name", "it's $HOME `id`")],
                "body": "{\"a\":\"'; rm -rf /\"}",
            },
        });
        let shown: DeliveryCard = serde_json::from_value(card.clone()).unwrap();
        let command = "curl -i -X POST 'https://a.example/?a=1&b=2' \\\n  \
                       -H 'X-Name: it'\\''s $HOME `id`' \\\n  \
                       --data-raw '{\"a\":\"'\\''; rm -rf /\"}'";
        assert_eq!(shown.curl(Some("https://a.example/?a=1&b=2")).as_deref(), Some(command));
        assert_eq!(shown.curl(None), None);
        card["masked"] = json!(["data.object.email"]);
        let masked: DeliveryCard = serde_json::from_value(card).unwrap();
        assert_eq!(masked.curl(Some("https://a.example/")), None);
    }
}

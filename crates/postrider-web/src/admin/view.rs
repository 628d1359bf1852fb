//! What pages show, as read from the answers of the API.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::client::Listed;

/// A time of the API.
#[derive(Deserialize, Clone)]
#[serde(transparent)]
pub(super) struct Moment(String);

impl Moment {
    /// As the API has it, for programs and for hovering.
    pub(super) fn exact(&self) -> &str {
        &self.0
    }

    /// To the second. The script of the pages turns it into the reader's own zone.
    pub(super) fn short(&self) -> String {
        let seconds = self.0.get(..19).unwrap_or(&self.0);
        format!("{} UTC", seconds.replace('T', " "))
    }
}

#[derive(Deserialize)]
pub(super) struct Webhook {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) target_url: String,
    pub(super) event_types: Vec<String>,
    pub(super) additional_data: BTreeMap<String, Vec<String>>,
    pub(super) status: String,
    pub(super) health: Health,
    pub(super) signature: String,
    pub(super) retry_policy: serde_json::Value,
    pub(super) timeout_seconds: u64,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) max_in_flight: u32,
    pub(super) rate_limit_per_second: Option<u32>,
    pub(super) created_at: Moment,
    pub(super) updated_at: Moment,
    pub(super) last_rehearsal: Option<Rehearsal>,
}

impl Webhook {
    /// The retry policy by its name, or its waits.
    pub(super) fn policy(&self) -> String {
        let waits = self.retry_policy.get("waits_seconds").and_then(serde_json::Value::as_array);
        match waits {
            Some(waits) => {
                let waits: Vec<_> = waits.iter().map(ToString::to_string).collect();
                format!("{} s", waits.join(", "))
            }
            None => self.retry_policy.as_str().unwrap_or_default().to_owned(),
        }
    }

    /// What is chosen of additional data, a family a line.
    pub(super) fn choices(&self) -> Vec<(&str, String)> {
        let chosen = self.additional_data.iter().filter(|(_, entities)| !entities.is_empty());
        chosen.map(|(family, entities)| (family.as_str(), entities.join(", "))).collect()
    }
}

#[derive(Deserialize)]
pub(super) struct Health {
    pub(super) status: String,
    pub(super) since: Option<Moment>,
}

#[derive(Deserialize)]
pub(super) struct Rehearsal {
    pub(super) verdict: String,
    pub(super) ended_at: Moment,
    pub(super) is_current: bool,
}

#[derive(Deserialize)]
pub(super) struct VerificationKeys {
    pub(super) verification_key: String,
    pub(super) expiring_verification_key: Option<String>,
    pub(super) expires_at: Option<Moment>,
}

#[derive(Deserialize)]
pub(super) struct Metrics {
    pub(super) failed: u64,
    pub(super) successful: u64,
    pub(super) successful_retries: u64,
    pub(super) pending_delivery: u64,
    pub(super) latency_ms: Option<Latency>,
}

#[derive(Deserialize)]
pub(super) struct Latency {
    p50: f64,
    p95: f64,
    p99: f64,
}

impl Latency {
    pub(super) fn lines(&self) -> [(&'static str, String); 3] {
        [("p50", self.p50), ("p95", self.p95), ("p99", self.p99)]
            .map(|(name, value)| (name, millis(value)))
    }
}

#[derive(Deserialize)]
pub(super) struct Delivery {
    pub(super) id: String,
    pub(super) event: String,
    pub(super) event_type: String,
    pub(super) webhook: String,
    pub(super) status: String,
    pub(super) test: bool,
    pub(super) attempts_count: u32,
    pub(super) next_attempt_at: Option<Moment>,
    pub(super) created_at: Moment,
    pub(super) settled_at: Option<Moment>,
}

impl Delivery {
    /// Whether resending means anything.
    pub(super) fn is_final(&self) -> bool {
        self.settled_at.is_some()
    }
}

#[derive(Deserialize)]
pub(super) struct DeliveryCard {
    #[serde(flatten)]
    pub(super) delivery: Delivery,
    pub(super) request: Sent,
    pub(super) attempts: Vec<Attempt>,
    pub(super) masked: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct Sent {
    pub(super) headers: Option<Vec<HeaderLine>>,
    pub(super) body: String,
}

impl Sent {
    /// The body, indented for reading; what is not JSON stays as it is.
    pub(super) fn pretty(&self) -> String {
        let read: Result<&RawValue, _> = serde_json::from_str(&self.body);
        read.map_or_else(|_| self.body.clone(), |raw| indent(raw.get()))
    }
}

#[derive(Deserialize)]
pub(super) struct HeaderLine {
    pub(super) name: String,
    pub(super) value: String,
}

#[derive(Deserialize)]
pub(super) struct Attempt {
    pub(super) number: u32,
    pub(super) started_at: Moment,
    pub(super) outcome: String,
    pub(super) status_code: Option<u16>,
    duration_ms: f64,
    phases: BTreeMap<String, Option<f64>>,
    pub(super) response_headers: Vec<HeaderLine>,
    pub(super) response_body: String,
    pub(super) response_truncated: bool,
    pub(super) cause: Option<String>,
    pub(super) remedy: Option<String>,
    pub(super) note: Option<String>,
    pub(super) configuration_version: u64,
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
pub(super) struct Phase {
    pub(super) class: &'static str,
    pub(super) name: &'static str,
    pub(super) duration: String,
    /// Where it begins and how long it is, in thousandths of the bar.
    pub(super) start: u32,
    pub(super) width: u32,
}

impl Attempt {
    pub(super) fn duration(&self) -> String {
        millis(self.duration_ms)
    }

    /// The phases that took place.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and 1000, by the division"
    )]
    pub(super) fn bar(&self) -> Vec<Phase> {
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
pub(super) struct Undelivered {
    pub(super) results: Vec<UndeliveredGroup>,
    pub(super) complete: bool,
}

#[derive(Deserialize)]
pub(super) struct UndeliveredGroup {
    pub(super) webhook: String,
    pub(super) outcome: Option<String>,
    pub(super) cause: Option<String>,
    pub(super) remedy: Option<String>,
    pub(super) count: u64,
    pub(super) oldest: Moment,
    pub(super) newest: Moment,
    pub(super) example: String,
}

#[derive(Deserialize)]
pub(super) struct EventType {
    pub(super) name: String,
    pub(super) family: String,
    description: String,
    pub(super) additional_data: Vec<String>,
    schema: Box<RawValue>,
    example: Box<RawValue>,
}

impl EventType {
    /// What it means. Backticks around code are for documents.
    pub(super) fn description(&self) -> String {
        self.description.replace('`', "")
    }

    pub(super) fn schema(&self) -> String {
        indent(self.schema.get())
    }

    pub(super) fn example(&self) -> String {
        indent(self.example.get())
    }
}

/// Event types of one family.
pub(super) struct FamilyGroup<'a> {
    pub(super) family: &'a str,
    pub(super) types: Vec<&'a EventType>,
}

/// The catalogue by family, in its own order.
pub(super) fn by_family(types: &[EventType]) -> Vec<FamilyGroup<'_>> {
    let mut groups: Vec<FamilyGroup<'_>> = Vec::new();
    for entry in types {
        match groups.iter_mut().find(|group| group.family == entry.family) {
            Some(group) => group.types.push(entry),
            None => groups.push(FamilyGroup { family: &entry.family, types: vec![entry] }),
        }
    }
    groups
}

#[derive(Deserialize)]
pub(super) struct ApiKey {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) hint: String,
    pub(super) scopes: Vec<String>,
    pub(super) created_at: Moment,
    pub(super) revoked_at: Option<Moment>,
}

#[derive(Deserialize)]
pub(super) struct User {
    pub(super) id: String,
    pub(super) email: String,
    pub(super) role: String,
    pub(super) disabled: bool,
    pub(super) has_password: bool,
    pub(super) created_at: Moment,
    pub(super) last_signed_in_at: Option<Moment>,
}

/// The pages around the one that is shown: the same address with another cursor.
pub(super) struct Around {
    pub(super) newer: Option<String>,
    pub(super) older: Option<String>,
}

impl Around {
    /// `query` is what the list is narrowed to, without a cursor.
    pub(super) fn of<T>(list: &Listed<T>, path: &str, query: &str) -> Self {
        let place = |link: &Option<String>| {
            let (_, asked) = link.as_deref()?.split_once('?')?;
            let cursor = asked.split('&').find(|pair| pair.starts_with("cursor="))?;
            let joint = if query.is_empty() { "" } else { "&" };
            Some(format!("{path}?{query}{joint}{cursor}"))
        };
        Self { newer: place(&list.previous), older: place(&list.next) }
    }
}

/// A duration for people.
fn millis(value: f64) -> String {
    if value >= 1_000.0 {
        format!("{:.2} s", value / 1_000.0)
    } else if value >= 10.0 {
        format!("{value:.0} ms")
    } else {
        format!("{value:.1} ms")
    }
}

/// Indents JSON without touching a digit or a letter of it, so that what is shown is what was sent.
pub(super) fn indent(json: &str) -> String {
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
    use super::indent;

    #[test]
    fn indenting_changes_nothing_but_space_between() {
        let shown = indent(r#"{"a":1.50,"b":[ ],"c":"x, {y\": z\\","d":[{"e":null}]}"#);
        let lines = "{\n  \"a\": 1.50,\n  \"b\": [],\n  \"c\": \"x, {y\\\": z\\\\\",\n  \"d\": [\n    {\n      \"e\": null\n    }\n  ]\n}";
        assert_eq!(shown, lines);
    }
}

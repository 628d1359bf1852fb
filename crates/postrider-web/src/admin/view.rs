//! What pages show, as read from the answers of the API.

mod delivery;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

pub(super) use delivery::{Delivery, DeliveryCard, Undelivered, UndeliveredGroup, indent};

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

    /// The day alone, `2026-01-31`.
    pub(super) fn day(&self) -> &str {
        self.0.get(..10).unwrap_or(&self.0)
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
    pub(super) two_signatures_until: Option<Moment>,
    pub(super) last_rehearsal: Option<Rehearsal>,
}

impl Webhook {
    /// When the rotation that is under way ends.
    pub(super) const fn rotation_end(&self) -> Option<&Moment> {
        self.two_signatures_until.as_ref()
    }

    /// Whether its target has not answered well for a while.
    pub(super) fn is_failing(&self) -> bool {
        self.health.status != "ok"
    }

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
    pub(super) days: Vec<Span>,
}

/// What became of the deliveries created within one day or hour.
#[derive(Deserialize)]
pub(super) struct Span {
    #[serde(alias = "day", alias = "hour")]
    pub(super) begins_at: Moment,
    pub(super) failed: u64,
    pub(super) successful: u64,
    pub(super) pending_delivery: u64,
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

//! Why an event was or was not sent, as data and in words.

use postrider_core::audit::{ActorKind, Entry};
use postrider_core::delivery::State;
use postrider_core::event::EventType;
use postrider_core::ids::WebhookId;
use postrider_core::pattern::Pattern;
use postrider_core::routing::Verdict;
use postrider_core::webhook::{DisabledBy, Health, Status, Webhook};
use postrider_store::catalog::{Delivery, StoredEvent};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;

use crate::openapi::schema;

/// What is known of one event and one webhook.
pub(crate) struct Case {
    pub(crate) webhook: WebhookId,
    /// `None`: the event was not put before this webhook.
    pub(crate) verdict: Option<Verdict>,
    pub(crate) delivery: Option<Delivery>,
    /// The webhook as it is now; `None` once it is deleted.
    pub(crate) now: Option<(Webhook, Health)>,
    /// The newest change of the webhook's status.
    pub(crate) moved: Option<Entry>,
}

/// Why an event was or was not sent.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Explanation")]
pub(crate) struct ExplainOut<'a> {
    #[schemars(schema_with = "schema::event_id")]
    event: &'a str,
    results: Vec<CaseOut<'a>>,
    explanation: String,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Case")]
struct CaseOut<'a> {
    #[schemars(schema_with = "schema::webhook_id")]
    webhook: String,
    webhook_name: Option<&'a str>,
    #[schemars(schema_with = "decision_shape")]
    decision: &'static str,
    /// What the event's type was matched by, as the webhook is now.
    matched_by: Option<String>,
    #[schemars(schema_with = "schema::delivery_id_or_null")]
    delivery: Option<String>,
    /// The delivery's.
    #[schemars(schema_with = "schema::state_or_null")]
    status: Option<&'static str>,
    #[schemars(schema_with = "schema::time_or_null")]
    next_attempt_at: Option<String>,
    /// Why not earlier.
    #[schemars(schema_with = "because_shape")]
    next_attempt_because: Option<&'static str>,
    /// `null` once the webhook is deleted.
    #[schemars(schema_with = "status_shape")]
    webhook_status: Option<&'static str>,
    #[schemars(schema_with = "schema::time_or_null")]
    webhook_status_since: Option<String>,
    webhook_status_by: Option<&'a str>,
    #[schemars(schema_with = "schema::time_or_null")]
    probing_since: Option<String>,
    #[schemars(schema_with = "schema::time_or_null")]
    next_probe_at: Option<String>,
    rate_limit_per_second: Option<u32>,
    explanation: String,
}

fn because_shape(_: &mut SchemaGenerator) -> Schema {
    let names = ["webhook_paused", "webhook_probing", "retry_schedule", "first_attempt"];
    schema::or_null(schema::one_of(&names))
}

fn status_shape(_: &mut SchemaGenerator) -> Schema {
    schema::or_null(schema::one_of(&["enabled", "paused", "disabled"]))
}

fn decision_shape(_: &mut SchemaGenerator) -> Schema {
    schema::one_of(&["deliver", "not_selected", "disabled", "other_webhook", "created_later"])
}

impl<'a> ExplainOut<'a> {
    pub(crate) fn new(stored: &'a StoredEvent, cases: &'a [Case]) -> Self {
        let sent = cases.iter().filter(|case| case.delivery.is_some()).count();
        let explanation = match (cases.len(), sent) {
            (0, _) => "Nobody listened: there was no webhook when the event was accepted.".into(),
            (all, sent) => format!("Webhooks looked at: {all}; deliveries made: {sent}."),
        };
        let results = cases.iter().map(|case| case.shown(stored)).collect();
        Self { event: stored.event.id.as_str(), results, explanation }
    }
}

impl Case {
    fn shown<'a>(&'a self, stored: &StoredEvent) -> CaseOut<'a> {
        let (decision, mut words) = self.decision(stored);
        let (webhook, health) =
            self.now.as_ref().map(|(webhook, health)| (webhook, health)).unzip();
        words.extend(self.delivery.as_ref().map(|delivery| self.standing(delivery)));
        words.push(self.present());
        CaseOut {
            webhook: self.webhook.to_string(),
            webhook_name: self.now.as_ref().map(|(webhook, _)| webhook.name.as_str()),
            decision,
            matched_by: self.pattern(&stored.event.event_type).map(ToString::to_string),
            delivery: self.delivery.as_ref().map(|delivery| delivery.id.to_string()),
            status: self.delivery.as_ref().map(|delivery| delivery.state.as_str()),
            next_attempt_at: self.delivery.as_ref().and_then(|one| one.due_at).map(super::time),
            next_attempt_because: self.because(),
            webhook_status: webhook.map(|webhook| webhook.status.as_str()),
            webhook_status_since: self.moved.as_ref().map(|entry| super::time(entry.stamp.at)),
            webhook_status_by: self.moved.as_ref().map(|entry| entry.stamp.by.name.as_str()),
            probing_since: health.and_then(|health| health.probing_since).map(super::time),
            next_probe_at: health.and_then(|health| health.next_probe_at).map(super::time),
            rate_limit_per_second: webhook.and_then(|webhook| webhook.rate_limit_per_second),
            explanation: words.join(" "),
        }
    }

    fn decision(&self, stored: &StoredEvent) -> (&'static str, Vec<String>) {
        let event_type = &stored.event.event_type;
        let (decision, words) = match self.verdict {
            Some(Verdict::Deliver { .. }) => ("deliver", self.matched(event_type)),
            Some(Verdict::NotSelected) => {
                let words = format!("The webhook had not selected {event_type}.");
                ("not_selected", format!("{words}{}", self.selects()))
            }
            Some(Verdict::Disabled) => {
                ("disabled", "The webhook was disabled when the event was accepted.".into())
            }
            None if stored.is_test => {
                ("other_webhook", "This is a test event, made for another webhook.".into())
            }
            None => {
                ("created_later", "The webhook was created after the event was accepted.".into())
            }
        };
        (decision, vec![words])
    }

    fn pattern(&self, event_type: &EventType) -> Option<&Pattern> {
        self.now.as_ref().and_then(|(webhook, _)| webhook.wants(event_type))
    }

    /// What a pending delivery waits for.
    fn because(&self) -> Option<&'static str> {
        let delivery = self.delivery.as_ref().filter(|one| one.state == State::Pending)?;
        let (webhook, health) = self.now.as_ref()?;
        Some(match () {
            () if webhook.status == Status::Paused => "webhook_paused",
            () if health.probing_since.is_some() => "webhook_probing",
            () if delivery.attempts > 0 => "retry_schedule",
            () => "first_attempt",
        })
    }

    fn matched(&self, event_type: &EventType) -> String {
        match self.pattern(event_type) {
            Some(pattern) => format!("The webhook selects {event_type} by `{pattern}`."),
            None => format!("The webhook was sent {event_type}, which it does not select now."),
        }
    }

    fn selects(&self) -> String {
        let Some((webhook, _)) = &self.now else { return String::new() };
        let types: Vec<_> = webhook.event_types.iter().map(ToString::to_string).collect();
        format!(" Now it selects {}.", types.join(", "))
    }

    fn standing(&self, delivery: &Delivery) -> String {
        let state = delivery.state.as_str();
        let attempts = delivery.attempts;
        let due = delivery.due_at.map(super::time).unwrap_or_default();
        let why = match self.because() {
            Some("webhook_paused") => " It waits for the webhook to be resumed.".to_owned(),
            Some("webhook_probing") => {
                let health = self.now.as_ref().map(|(_, health)| health);
                let until = health.and_then(|health| health.next_probe_at).map(super::time);
                let until = until.unwrap_or_default();
                format!(" The target is failing, so it waits behind the probe of {until}.")
            }
            Some("retry_schedule") => {
                format!(" The retry schedule says when it is tried again: {due}.")
            }
            Some(_) => {
                format!(" It waits for its first attempt, due since {due}{}.", self.throttle())
            }
            None => String::new(),
        };
        format!("The delivery is {state} after {attempts} attempt(s).{why}")
    }

    fn throttle(&self) -> String {
        let limit = self.now.as_ref().and_then(|(webhook, _)| webhook.rate_limit_per_second);
        match limit {
            Some(limit) => format!("; at most {limit} are sent a second"),
            None => String::new(),
        }
    }

    fn present(&self) -> String {
        let Some((webhook, health)) = &self.now else {
            return "The webhook has been deleted since.".to_owned();
        };
        let status = match webhook.status {
            Status::Enabled => "enabled",
            Status::Paused => "paused",
            Status::Disabled(DisabledBy::Request) => "disabled, as was asked",
            Status::Disabled(DisabledBy::Gone) => "disabled: its target answered 410 Gone",
            Status::Disabled(DisabledBy::Failing) => "disabled: its target failed for too long",
        };
        let since = match &self.moved {
            Some(entry) => format!(", since {} by {}", super::time(entry.stamp.at), by(entry)),
            None => String::new(),
        };
        let health = match health.probing_since {
            Some(since) => format!("probing since {}", super::time(since)),
            None => "ok".to_owned(),
        };
        format!("The webhook is now {status}{since}; its health is {health}.")
    }
}

/// Who did it, in words.
fn by(entry: &Entry) -> String {
    let actor = &entry.stamp.by;
    match actor.kind {
        ActorKind::System => format!("Postrider ({})", actor.name),
        ActorKind::Command => format!("the command `{}`", actor.name),
        ActorKind::Operator => format!("the operator key {:?}", actor.name),
        ActorKind::ApiKey => format!("the API key {:?}", actor.name),
        ActorKind::User => actor.name.clone(),
    }
}

//! Why an event was or was not sent, as data and in words.

use postrider_core::delivery::State;
use postrider_core::event::EventType;
use postrider_core::ids::WebhookId;
use postrider_core::routing::Verdict;
use postrider_core::webhook::{DisabledBy, Health, Status, Webhook};
use postrider_store::catalog::{Delivery, StoredEvent};
use serde::Serialize;

/// What is known of one event and one webhook.
pub(crate) struct Case {
    pub(crate) webhook: WebhookId,
    /// `None`: the event was not put before this webhook.
    pub(crate) verdict: Option<Verdict>,
    pub(crate) delivery: Option<Delivery>,
    /// The webhook as it is now; `None` once it is deleted.
    pub(crate) now: Option<(Webhook, Health)>,
}

#[derive(Serialize)]
pub(crate) struct ExplainOut<'a> {
    event: &'a str,
    results: Vec<CaseOut<'a>>,
    explanation: String,
}

#[derive(Serialize)]
struct CaseOut<'a> {
    webhook: String,
    webhook_name: Option<&'a str>,
    decision: &'static str,
    delivery: Option<String>,
    /// The delivery's.
    status: Option<&'static str>,
    next_attempt_at: Option<String>,
    explanation: String,
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
        words.extend(self.delivery.as_ref().map(|delivery| self.standing(delivery)));
        words.push(self.present());
        CaseOut {
            webhook: self.webhook.to_string(),
            webhook_name: self.now.as_ref().map(|(webhook, _)| webhook.name.as_str()),
            decision,
            delivery: self.delivery.as_ref().map(|delivery| delivery.id.to_string()),
            status: self.delivery.as_ref().map(|delivery| delivery.state.as_str()),
            next_attempt_at: self.delivery.as_ref().and_then(|one| one.due_at).map(super::time),
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

    fn matched(&self, event_type: &EventType) -> String {
        let pattern = self.now.as_ref().and_then(|(webhook, _)| webhook.wants(event_type));
        match pattern {
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
        let why = match (delivery.state, &self.now) {
            (State::Pending, Some((webhook, _))) if webhook.status == Status::Paused => {
                " It waits for the webhook to be resumed.".to_owned()
            }
            (State::Pending, Some((_, health))) if health.probing_since.is_some() => {
                let until = health.next_probe_at.map(super::time).unwrap_or_default();
                format!(" The target is failing, so it waits behind the probe of {until}.")
            }
            (State::Pending, _) if attempts > 0 => " The retry schedule says when.".to_owned(),
            (State::Pending, _) => " It waits for its first attempt.".to_owned(),
            _ => String::new(),
        };
        format!("The delivery is {state} after {attempts} attempt(s).{why}")
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
        let health = if health.probing_since.is_some() { "probing" } else { "ok" };
        format!("The webhook is now {status}; its health is {health}.")
    }
}

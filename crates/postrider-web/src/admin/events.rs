//! One event: what was sent, to which webhooks, and why it was not sent to others.

use askama::Template;
use axum::extract::Path;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::page::{Answer, Frame, render};
use super::view::{Moment, indent};
use super::visitor::Visitor;
use super::webhooks::checked;

#[derive(Deserialize)]
struct Event {
    id: String,
    r#type: String,
    accepted_at: Moment,
    test: bool,
    data: Option<Box<RawValue>>,
}

impl Event {
    fn pretty(&self) -> Option<String> {
        self.data.as_ref().map(|data| indent(data.get()))
    }
}

#[derive(Deserialize)]
struct Explanation {
    results: Vec<Case>,
    explanation: String,
}

/// What one webhook did about it.
#[derive(Deserialize)]
struct Case {
    webhook: String,
    webhook_name: Option<String>,
    delivery: Option<String>,
    status: Option<String>,
    explanation: String,
}

#[derive(Template)]
#[template(path = "event.html")]
struct EventPage<'a> {
    frame: Frame<'a>,
    event: Event,
    why: Explanation,
}

pub(super) async fn show(visitor: Visitor, Path(id): Path<String>) -> Answer {
    let id = checked(&id)?;
    let event = visitor.api.get(&format!("/api/v1/events/{id}")).await?;
    let why = visitor.api.get(&format!("/api/v1/explain?event={id}")).await?;
    render(&EventPage { frame: Frame { section: "deliveries", visitor: &visitor }, event, why })
}

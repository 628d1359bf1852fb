//! The overview: whether everything is all right, what needs somebody, and what happened last.

use askama::Template;
use serde::Deserialize;

use super::client::Listed;
use super::page::{Answer, Failure, Frame, lead_to, render};
use super::view::{Moment, Undelivered, UndeliveredGroup, Webhook};
use super::visitor::Visitor;

/// An event as the list shows it.
#[derive(Deserialize)]
struct Event {
    id: String,
    r#type: String,
    accepted_at: Moment,
    test: bool,
}

/// A recovery that is not over.
#[derive(Deserialize)]
struct Running {
    webhook: String,
    total: u64,
    resent: u64,
}

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage<'a> {
    frame: Frame<'a>,
    /// Each with its rotation.
    webhooks: Vec<Webhook>,
    /// Whether the merchant has more webhooks than are looked at.
    has_more: bool,
    undelivered: Undelivered,
    running: Vec<Running>,
    events: Vec<Event>,
}

impl OverviewPage<'_> {
    fn count(&self, status: &str) -> usize {
        self.webhooks.iter().filter(|webhook| webhook.status == status).count()
    }

    fn failing(&self) -> Vec<&Webhook> {
        self.webhooks.iter().filter(|webhook| webhook.is_failing()).collect()
    }

    fn paused(&self) -> Vec<&Webhook> {
        self.webhooks.iter().filter(|webhook| webhook.status == "paused").collect()
    }

    fn rotating(&self) -> Vec<(&Webhook, &Moment)> {
        let until = |webhook| Some((webhook, Webhook::rotation_end(webhook)?));
        self.webhooks.iter().filter_map(until).collect()
    }

    fn groups(&self) -> &[UndeliveredGroup] {
        &self.undelivered.results
    }

    fn name<'a>(&'a self, id: &'a str) -> &'a str {
        self.webhooks.iter().find(|webhook| webhook.id == id).map_or(id, |webhook| &webhook.name)
    }

    /// Whether nobody has to do anything.
    fn is_all_right(&self) -> bool {
        self.failing().is_empty() && self.paused().is_empty() && self.groups().is_empty()
    }
}

pub(super) async fn home(visitor: Visitor) -> Answer {
    drop(visitor);
    lead_to("/overview")
}

pub(super) async fn show(visitor: Visitor) -> Answer {
    let api = &visitor.api;
    let listed: Listed<Webhook> = api.get("/api/v1/webhooks?page_size=100").await?;
    let mut webhooks = Vec::with_capacity(listed.results.len());
    for webhook in listed.results {
        // Only the webhook itself says of its rotation; one that was deleted meanwhile is left out.
        match api.get(&format!("/api/v1/webhooks/{}", webhook.id)).await {
            Ok(webhook) => webhooks.push(webhook),
            Err(Failure::Refused(problem)) if problem.status() == 404 => {}
            Err(failure) => return Err(failure),
        }
    }
    let events: Listed<Event> = api.get("/api/v1/events?page_size=10").await?;
    let running: Listed<Running> = api.get("/api/v1/recoveries?status=running").await?;
    render(&OverviewPage {
        frame: Frame { section: "overview", visitor: &visitor },
        webhooks,
        has_more: listed.next.is_some(),
        undelivered: api.get("/api/v1/undelivered").await?,
        running: running.results,
        events: events.results,
    })
}

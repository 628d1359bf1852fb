//! What was not delivered, and sending it again: how many it would be, the recovery itself, and how
//! far it has come.

use std::sync::Arc;

use askama::Template;
use axum::extract::Path;
use axum::http::{Method, Uri};
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::Listed;
use super::deliveries::name_of;
use super::form::{Sent, asked};
use super::page::{Answer, Frame, lead_to, render};
use super::view::{Moment, Undelivered};
use super::visitor::Visitor;
use super::webhooks::{checked, names};

/// A recovery and how far it has come.
#[derive(Deserialize)]
struct Recovery {
    id: String,
    webhook: String,
    status: String,
    reason: Option<String>,
    total: u64,
    total_is_exact: bool,
    resent: u64,
    skipped: u64,
    created_at: Moment,
}

impl Recovery {
    fn can_be_canceled(&self) -> bool {
        matches!(self.status.as_str(), "running" | "waiting")
    }
}

/// What a recovery would do.
#[derive(Deserialize)]
struct DryRun {
    count: u64,
    count_is_exact: bool,
    oldest_at: Option<Moment>,
    newest_at: Option<Moment>,
    duration_seconds: u64,
}

impl DryRun {
    /// How long it would take, for people.
    fn duration(&self) -> String {
        match self.duration_seconds {
            0..=1 => "a second".to_owned(),
            seconds @ 2..120 => format!("{seconds} seconds"),
            seconds => format!("{} minutes", seconds.div_ceil(60)),
        }
    }
}

#[derive(Template)]
#[template(path = "undelivered.html")]
struct UndeliveredPage<'a> {
    frame: Frame<'a>,
    undelivered: Undelivered,
    recoveries: Vec<Recovery>,
    webhooks: Arc<[(String, String)]>,
}

impl UndeliveredPage<'_> {
    fn webhook_name<'a>(&'a self, id: &'a str) -> &'a str {
        name_of(&self.webhooks, id)
    }
}

#[derive(Template)]
#[template(path = "recover.html")]
struct RecoverPage<'a> {
    frame: Frame<'a>,
    webhook: &'a str,
    webhook_name: String,
    since: &'a str,
    would: DryRun,
}

pub(super) async fn list(visitor: Visitor) -> Answer {
    let undelivered = visitor.api.get("/api/v1/undelivered").await?;
    let recoveries: Listed<Recovery> = visitor.api.get("/api/v1/recoveries?page_size=5").await?;
    let webhooks = names(&visitor).await?;
    let frame = Frame { section: "undelivered", visitor: &visitor };
    render(&UndeliveredPage { frame, undelivered, recoveries: recoveries.results, webhooks })
}

/// Says what a recovery would do, before anything is done.
pub(super) async fn confirm(visitor: Visitor, uri: Uri) -> Answer {
    let asked = asked(&uri);
    let text = |name: &str| {
        let found = asked.iter().find(|(asked, _)| asked == name);
        found.map(|(_, value)| value.as_str()).unwrap_or_default()
    };
    let (webhook, since) = (checked(text("webhook"))?, text("since"));
    let mut body = wanted(webhook, since);
    body["dry_run"] = json!(true);
    let would = visitor.api.send(Method::POST, "/api/v1/recoveries", &body).await?;
    let webhook_name = name_of(&names(&visitor).await?, webhook).to_owned();
    let frame = Frame { section: "undelivered", visitor: &visitor };
    render(&RecoverPage { frame, webhook, webhook_name, since, would })
}

/// Sends all failed deliveries of a webhook again.
pub(super) async fn recover(Sent { visitor, fields }: Sent) -> Answer {
    let body = wanted(fields.text("webhook"), fields.text("since"));
    visitor.api.act(Method::POST, "/api/v1/recoveries", Some(&body)).await?;
    lead_to("/undelivered")
}

fn wanted(webhook: &str, since: &str) -> Value {
    json!({ "webhook": webhook, "since": since })
}

pub(super) async fn cancel(Path(id): Path<String>, Sent { visitor, .. }: Sent) -> Answer {
    let path = format!("/api/v1/recoveries/{}/cancel", checked(&id)?);
    visitor.api.act(Method::POST, &path, None).await?;
    lead_to("/undelivered")
}

//! Webhooks: the list, the details, and what their menu does.

use std::sync::Arc;

use askama::Template;
use axum::extract::Path;
use axum::http::{Method, StatusCode, Uri};
use serde::Deserialize;
use serde_json::json;

use super::chart::Chart;
use super::client::Listed;
use super::deliveries::{Search, Table};
use super::form::{Sent, asked};
use super::page::{Answer, Failure, Frame, lead_to, render};
use super::view::{Around, Metrics, Span, VerificationKeys, Webhook};
use super::visitor::Visitor;
use crate::error::ApiError;

#[derive(Template)]
#[template(path = "webhooks.html")]
struct ListPage<'a> {
    frame: Frame<'a>,
    /// Each with its last 24 hours.
    webhooks: Vec<(Webhook, Chart)>,
    around: Around,
}

#[derive(Template)]
#[template(path = "webhook.html")]
struct DetailsPage<'a> {
    frame: Frame<'a>,
    webhook: Webhook,
    metrics: Metrics,
    chart: Chart,
    /// Only when it was asked for.
    keys: Option<VerificationKeys>,
    table: Table,
    notice: Option<String>,
}

#[derive(Template)]
#[template(path = "confirm.html")]
struct ConfirmPage<'a> {
    frame: Frame<'a>,
    webhook: Webhook,
    action: &'static Action,
    pending: u64,
}

/// Something the menu of a webhook offers.
struct Action {
    /// As it stands in the address.
    name: &'static str,
    /// As it stands in the menu and above the question.
    title: &'static str,
    /// What will happen.
    says: &'static str,
    /// The button that does it.
    button: &'static str,
}

/// The words are those of `facts.md` section 8.
const ACTIONS: [Action; 9] = [
    Action {
        name: "enable",
        title: "Enable",
        says: "Events of the selected types are delivered again from now on.",
        button: "Enable",
    },
    Action {
        name: "disable",
        title: "Disable",
        says: "Events that happen while it is disabled are not delivered, also not later, and what is pending is canceled.",
        button: "Disable",
    },
    Action {
        name: "pause",
        title: "Pause",
        says: "Deliveries are kept and wait until you resume it.",
        button: "Pause",
    },
    Action {
        name: "resume",
        title: "Resume",
        says: "Choose what becomes of the deliveries that have waited.",
        button: "Resume",
    },
    Action {
        name: "test-events",
        title: "Send test events",
        says: "Made-up events of every selected type are sent to the target now, marked as tests.",
        button: "Confirm",
    },
    Action {
        name: "regenerate-key",
        title: "Regenerate key",
        says: "A new verification key is made. Deliveries carry both signatures for 24 hours, so that the receiver can move to the new key without losing any.",
        button: "Regenerate key",
    },
    Action {
        name: "rehearse",
        title: "Rehearse a rotation",
        says: "Test events signed in different ways are sent to the target now, which shows whether it takes both signatures of a rotation. It takes up to a minute; they are no deliveries.",
        button: "Rehearse",
    },
    Action {
        name: "reveal-key",
        title: "Reveal key",
        says: "The verification key is shown once, and the audit log says so.",
        button: "Reveal key",
    },
    Action {
        name: "delete",
        title: "Delete",
        says: "The webhook is removed and what is pending is canceled. This cannot be undone.",
        button: "Delete",
    },
];

impl Action {
    fn of(name: &str) -> Result<&'static Self, Failure> {
        let found = ACTIONS.iter().find(|action| action.name == name);
        found.ok_or_else(|| Failure::Refused(ApiError::not_found().into_problem()))
    }
}

/// The last 24 hours of a webhook.
#[derive(Deserialize)]
struct Hours {
    results: Vec<Span>,
}

pub(super) async fn list(visitor: Visitor, uri: Uri) -> Answer {
    let cursor = cursor_of(&uri);
    let path = format!("/api/v1/webhooks?{cursor}");
    let listed: Listed<Webhook> = visitor.api.get(path.trim_end_matches('?')).await?;
    let around = Around::of(&listed, "/webhooks", "");
    let frame = Frame { section: "webhooks", visitor: &visitor };
    let mut webhooks = Vec::with_capacity(listed.results.len());
    for webhook in listed.results {
        let path = format!("/api/v1/webhooks/{}/metrics/hours", webhook.id);
        let hours: Result<Hours, _> = visitor.api.get(&path).await;
        let hours = match hours {
            Ok(hours) => hours.results,
            // Deleted meanwhile.
            Err(Failure::Refused(problem)) if problem.status() == StatusCode::NOT_FOUND => continue,
            Err(failure) => return Err(failure),
        };
        let chart = Chart::of_hours(&hours, visitor.now);
        webhooks.push((webhook, chart));
    }
    render(&ListPage { frame, webhooks, around })
}

/// The cursor of an address, ready for the API's.
pub(super) fn cursor_of(uri: &Uri) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in asked(uri).iter().filter(|(name, _)| name == "cursor") {
        query.append_pair(name, value);
    }
    query.finish()
}

pub(super) async fn details(visitor: Visitor, Path(id): Path<String>, uri: Uri) -> Answer {
    let notice = asked(&uri).into_iter().find(|(name, _)| name == "done").map(|(_, done)| done);
    let notice = notice.and_then(|done| notice_of(&done));
    show(&visitor, &id, &uri, None, notice).await
}

async fn show(
    visitor: &Visitor,
    id: &str,
    uri: &Uri,
    keys: Option<VerificationKeys>,
    notice: Option<String>,
) -> Answer {
    let id = checked(id)?;
    let webhook: Webhook = visitor.api.get(&format!("/api/v1/webhooks/{id}")).await?;
    let metrics: Metrics = visitor.api.get(&format!("/api/v1/webhooks/{id}/metrics")).await?;
    let chart = Chart::of_days(&metrics.days, visitor.now);
    let search = Search::read(uri, Some(id));
    let table = Table::fetch(visitor, search, &format!("/webhooks/{id}")).await?;
    let frame = Frame { section: "webhooks", visitor };
    render(&DetailsPage { frame, webhook, metrics, chart, keys, table, notice })
}

/// Ids are letters, digits, `-` and `_`; anything else names nothing, and must not become part of a path.
pub(super) fn checked(id: &str) -> Result<&str, Failure> {
    if !id.is_empty()
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    {
        return Ok(id);
    }
    Err(Failure::Refused(ApiError::not_found().into_problem()))
}

pub(super) async fn confirm(
    visitor: Visitor,
    Path((id, action)): Path<(String, String)>,
) -> Answer {
    let (id, action) = (checked(&id)?, Action::of(&action)?);
    let webhook: Webhook = visitor.api.get(&format!("/api/v1/webhooks/{id}")).await?;
    let metrics: Metrics = visitor.api.get(&format!("/api/v1/webhooks/{id}/metrics")).await?;
    let frame = Frame { section: "webhooks", visitor: &visitor };
    render(&ConfirmPage { frame, webhook, action, pending: metrics.pending_delivery })
}

/// What an action that sends test events answers.
#[derive(Deserialize)]
struct SentTests {
    deliveries: Vec<String>,
}

/// What a rehearsal has shown.
#[derive(Deserialize)]
struct Rehearsed {
    words: String,
}

pub(super) async fn act(
    Path((id, action)): Path<(String, String)>,
    uri: Uri,
    Sent { visitor, fields }: Sent,
) -> Answer {
    let (id, action) = (checked(&id)?, Action::of(&action)?);
    let (api, place) = (&visitor.api, format!("/api/v1/webhooks/{id}"));
    let done = match action.name {
        "reveal-key" => {
            let keys = api.get(&format!("{place}/verification-key")).await?;
            return show(&visitor, id, &uri, Some(keys), None).await;
        }
        "regenerate-key" => {
            let overlap = if fields.text("overlap") == "none" { "none" } else { "24h" };
            let path = format!("{place}/verification-key/rotate");
            let body = json!({ "overlap": overlap });
            let keys = api.send(Method::POST, &path, &body).await?;
            let notice = Some("There is a new key. Copy it for the receiver.".to_owned());
            return show(&visitor, id, &uri, Some(keys), notice).await;
        }
        "delete" => {
            api.act(Method::DELETE, &place, None).await?;
            return lead_to("/webhooks");
        }
        "test-events" => {
            let path = format!("{place}/test-events");
            let sent: SentTests = api.send(Method::POST, &path, &json!({})).await?;
            format!("test-events-{}", sent.deliveries.len())
        }
        "rehearse" => {
            let path = format!("{place}/rehearsals");
            let shown: Rehearsed = api.send(Method::POST, &path, &json!({})).await?;
            return show(&visitor, id, &uri, None, Some(shown.words)).await;
        }
        "resume" => {
            let what = fields.given("backlog").unwrap_or("all");
            let path = format!("{place}/resume");
            api.act(Method::POST, &path, Some(&json!({ "backlog": what }))).await?;
            "resume".to_owned()
        }
        name => {
            api.act(Method::POST, &format!("{place}/{name}"), None).await?;
            name.to_owned()
        }
    };
    lead_to(&format!("/webhooks/{id}?done={done}"))
}

/// What was done, for the page after it.
fn notice_of(done: &str) -> Option<String> {
    if let Some(count) = done.strip_prefix("test-events-").and_then(|n| n.parse::<u32>().ok()) {
        return Some(format!("{count} test events are on their way."));
    }
    let said = match done {
        "create" => "The webhook was created. Copy its verification key for the receiver.",
        "save" => "The changes were saved.",
        "enable" => "The webhook is enabled.",
        "disable" => "The webhook is disabled.",
        "pause" => "The webhook is paused: deliveries wait.",
        "resume" => "The webhook delivers again.",
        _ => return None,
    };
    Some(said.to_owned())
}

/// Names of webhooks by their ids, for rows that refer to one.
pub(super) async fn names(visitor: &Visitor) -> Result<Arc<[(String, String)]>, Failure> {
    let listed: Listed<Webhook> = visitor.api.get("/api/v1/webhooks?page_size=100").await?;
    Ok(listed.results.into_iter().map(|webhook| (webhook.id, webhook.name)).collect())
}

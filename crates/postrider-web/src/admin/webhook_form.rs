//! Creating and editing a webhook.
//!
//! The form is shown again with what was typed and what the API says of it, so nothing typed is lost.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::Path;
use axum::http::{Method, StatusCode, Uri};
use postrider_core::limits;
use postrider_core::retry::RetryPolicy;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::client::Listed;
use super::form::{Fields, Sent, asked};
use super::page::{Answer, Failure, Frame, lead_to, render_as};
use super::view::{EventType, FamilyGroup, Webhook, by_family};
use super::visitor::Visitor;
use super::webhooks::checked;
use crate::error::Problem;

/// The retry policies that have a name.
pub(super) fn policies() -> impl Iterator<Item = &'static str> {
    RetryPolicy::NAMED.iter().filter_map(RetryPolicy::name)
}

/// How requests can be signed.
pub(super) const fn signatures() -> [&'static str; 3] {
    ["ordergroove", "standard", "both"]
}

/// A webhook as it stands in the form.
#[derive(Default)]
pub(super) struct Draft {
    name: String,
    target_url: String,
    event_types: Vec<String>,
    /// Chosen cells, `family.entity`.
    additional_data: Vec<String>,
    signature: String,
    retry_policy: String,
    timeout_seconds: String,
    max_in_flight: String,
    rate_limit_per_second: String,
    /// A header a line, `Name: value`.
    headers: String,
}

/// One row of the grid of additional data.
struct GridRow<'a> {
    family: &'a str,
    entities: &'a [String],
}

#[derive(Template)]
#[template(path = "webhook_form.html")]
struct FormPage<'a> {
    frame: Frame<'a>,
    /// The webhook that is edited; none while one is created.
    id: Option<&'a str>,
    draft: Draft,
    families: Vec<FamilyGroup<'a>>,
    problem: Option<Arc<Problem>>,
}

impl FormPage<'_> {
    fn is_picked(&self, pattern: &str) -> bool {
        self.draft.event_types.iter().any(|picked| picked == pattern)
    }

    fn is_whole(&self, family: &str) -> bool {
        self.is_picked("*") || self.is_picked(&format!("{family}.*"))
    }

    fn is_chosen(&self, family: &str, entity: &str) -> bool {
        let cell = format!("{family}.{entity}");
        self.draft.additional_data.contains(&cell)
    }

    fn grid(&self) -> Vec<GridRow<'_>> {
        let rows = self.families.iter().filter_map(|group| {
            let entities = group.types.first()?.additional_data.as_slice();
            (!entities.is_empty()).then_some(GridRow { family: group.family, entities })
        });
        rows.collect()
    }

    /// What is wrong with a field, if it is this one.
    fn wrong(&self, field: &str) -> Option<&str> {
        let problem = self.problem.as_ref()?;
        let about = problem.field().unwrap_or_default();
        let is_this = about == field
            || about.strip_prefix(field).is_some_and(|rest| rest.starts_with(['.', '[', '/']));
        is_this.then(|| problem.detail())
    }

    /// What is wrong as a whole: a problem that no field shows.
    fn wrong_otherwise(&self) -> Option<&str> {
        let problem = self.problem.as_ref()?;
        let shown = [
            "name",
            "target_url",
            "event_types",
            "additional_data",
            "signature",
            "retry_policy",
            "timeout_seconds",
            "max_in_flight",
            "rate_limit_per_second",
            "headers",
        ];
        shown.iter().all(|field| self.wrong(field).is_none()).then(|| problem.detail())
    }
}

impl Draft {
    fn fresh() -> Self {
        Self {
            signature: "ordergroove".to_owned(),
            retry_policy: RetryPolicy::default().name().unwrap_or_default().to_owned(),
            ..Self::default()
        }
    }

    fn of(webhook: Webhook) -> Self {
        let cells = webhook.additional_data.iter().flat_map(|(family, entities)| {
            entities.iter().map(move |entity| format!("{family}.{entity}"))
        });
        let lines = webhook.headers.iter().map(|(name, value)| format!("{name}: {value}\n"));
        Self {
            additional_data: cells.collect(),
            headers: lines.collect(),
            retry_policy: match webhook.retry_policy.as_str() {
                Some(name) => name.to_owned(),
                None => webhook.policy().trim_end_matches(" s").to_owned(),
            },
            name: webhook.name,
            target_url: webhook.target_url,
            event_types: webhook.event_types,
            signature: webhook.signature,
            timeout_seconds: webhook.timeout_seconds.to_string(),
            max_in_flight: webhook.max_in_flight.to_string(),
            rate_limit_per_second: webhook
                .rate_limit_per_second
                .map(|rate| rate.to_string())
                .unwrap_or_default(),
        }
    }

    pub(super) fn sent(fields: &Fields) -> Self {
        let all = |name| fields.all(name).map(str::to_owned).collect();
        let text = |name| fields.text(name).to_owned();
        Self {
            name: text("name"),
            target_url: text("target_url"),
            event_types: all("event_types"),
            additional_data: all("additional_data"),
            signature: text("signature"),
            retry_policy: text("retry_policy"),
            timeout_seconds: text("timeout_seconds"),
            max_in_flight: text("max_in_flight"),
            rate_limit_per_second: text("rate_limit_per_second"),
            headers: text("headers"),
        }
    }

    /// The body of the API's request. What cannot be read as a number goes as text, so that the API
    /// says what is wrong with it.
    fn body(&self) -> Value {
        let mut body = Map::new();
        body.insert("name".to_owned(), json!(self.name));
        body.insert("target_url".to_owned(), json!(self.target_url));
        body.insert("event_types".to_owned(), json!(self.picked()));
        body.insert("additional_data".to_owned(), json!(self.choices()));
        body.insert("signature".to_owned(), json!(self.signature));
        body.insert("retry_policy".to_owned(), self.policy());
        body.insert("headers".to_owned(), self.header_map());
        for (name, text) in
            [("timeout_seconds", &self.timeout_seconds), ("max_in_flight", &self.max_in_flight)]
        {
            if !text.is_empty() {
                body.insert(name.to_owned(), number(text));
            }
        }
        let rate = &self.rate_limit_per_second;
        let rate = if rate.is_empty() { Value::Null } else { number(rate) };
        body.insert("rate_limit_per_second".to_owned(), rate);
        Value::Object(body)
    }

    /// A whole family counts for its types.
    fn picked(&self) -> Vec<&str> {
        let whole =
            |family: &str| self.event_types.iter().any(|p| p.strip_suffix(".*") == Some(family));
        let kept = |pattern: &&str| {
            let family = pattern.split('.').next().unwrap_or_default();
            pattern.ends_with('*') || !whole(family)
        };
        self.event_types.iter().map(String::as_str).filter(kept).collect()
    }

    pub(super) fn choices(&self) -> BTreeMap<&str, Vec<&str>> {
        let mut choices: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for cell in &self.additional_data {
            if let Some((family, entity)) = cell.split_once('.') {
                choices.entry(family).or_default().push(entity);
            }
        }
        choices
    }

    /// A name, or waits in seconds between commas.
    fn policy(&self) -> Value {
        if !self.retry_policy.starts_with(|first: char| first.is_ascii_digit()) {
            return json!(self.retry_policy);
        }
        let waits: Vec<_> = self.retry_policy.split(',').map(|wait| number(wait.trim())).collect();
        json!({ "waits_seconds": waits })
    }

    fn header_map(&self) -> Value {
        let lines = self.headers.lines().filter(|line| !line.trim().is_empty());
        let pairs = lines.map(|line| {
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            (name.trim().to_owned(), json!(value.trim()))
        });
        Value::Object(pairs.collect())
    }
}

fn number(text: &str) -> Value {
    text.parse::<u64>().map_or_else(|_| json!(text), |number| json!(number))
}

/// An empty form, or one that is filled in as another webhook is.
pub(super) async fn new(visitor: Visitor, uri: Uri) -> Answer {
    let model = asked(&uri).into_iter().find(|(name, _)| name == "like").map(|(_, id)| id);
    let draft = match model {
        Some(id) => {
            let path = format!("/api/v1/webhooks/{}", checked(&id)?);
            let webhook: Webhook = visitor.api.get(&path).await?;
            let name =
                format!("Copy of {}", webhook.name).chars().take(limits::NAME_CHARS_MAX).collect();
            Draft { name, ..Draft::of(webhook) }
        }
        None => Draft::fresh(),
    };
    show(&visitor, None, draft, None).await
}

pub(super) async fn edit(visitor: Visitor, Path(id): Path<String>) -> Answer {
    let id = checked(&id)?;
    let webhook: Webhook = visitor.api.get(&format!("/api/v1/webhooks/{id}")).await?;
    show(&visitor, Some(id), Draft::of(webhook), None).await
}

/// What is needed of a webhook that was just made.
#[derive(Deserialize)]
struct Made {
    id: String,
}

pub(super) async fn create(Sent { visitor, fields }: Sent) -> Answer {
    let draft = Draft::sent(&fields);
    let made = visitor.api.send(Method::POST, "/api/v1/webhooks", &draft.body()).await;
    answer(&visitor, None, draft, made, "create").await
}

pub(super) async fn save(Path(id): Path<String>, Sent { visitor, fields }: Sent) -> Answer {
    let (id, draft) = (checked(&id)?, Draft::sent(&fields));
    let path = format!("/api/v1/webhooks/{id}");
    let made = visitor.api.send(Method::PATCH, &path, &draft.body()).await;
    answer(&visitor, Some(id), draft, made, "save").await
}

async fn answer(
    visitor: &Visitor,
    id: Option<&str>,
    draft: Draft,
    made: Result<Made, Failure>,
    done: &str,
) -> Answer {
    match made {
        Ok(made) => lead_to(&format!("/webhooks/{}?done={done}", made.id)),
        Err(failure) => show(visitor, id, draft, Some(failure.mendable()?)).await,
    }
}

async fn show(
    visitor: &Visitor,
    id: Option<&str>,
    draft: Draft,
    problem: Option<Arc<Problem>>,
) -> Answer {
    let status = problem.as_ref().map_or(StatusCode::OK, |problem| problem.status());
    let types: Listed<EventType> = visitor.api.get("/api/v1/event-types").await?;
    let families = by_family(&types.results);
    let frame = Frame { section: "webhooks", visitor };
    render_as(status, &FormPage { frame, id, draft, families, problem })
}

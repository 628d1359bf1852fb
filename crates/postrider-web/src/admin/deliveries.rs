//! Deliveries: the log, its search, and the card of one.

use std::sync::Arc;

use askama::Template;
use axum::extract::Path;
use axum::http::{Method, StatusCode, Uri};
use postrider_core::delivery::State;

use super::client::Listed;
use super::form::{Sent, asked};
use super::page::{Answer, Failure, Frame, lead_to, render};
use super::view::{Around, Delivery, DeliveryCard, EventType, Webhook};
use super::visitor::Visitor;
use super::webhooks::{checked, names};
use crate::error::Problem;

/// What one can search for: the word of the API and the word of the page.
const FINDS: [(&str, &str); 4] = [
    ("customer", "Customer ID"),
    ("email", "Customer Email"),
    ("event", "Event ID"),
    ("object", "Object ID"),
];

/// What one can search for, for the form.
pub(super) const fn finds() -> [(&'static str, &'static str); 4] {
    FINDS
}

/// What a delivery can have become, for the form.
pub(super) fn statuses() -> [&'static str; State::ALL.len()] {
    State::ALL.map(State::as_str)
}

/// What a table of deliveries is narrowed to, as it stands in the address.
#[derive(Default, Clone)]
pub(super) struct Search {
    pub(super) webhook: Option<String>,
    pub(super) find: String,
    pub(super) value: String,
    pub(super) status: String,
    pub(super) event_type: String,
    pub(super) after: String,
    pub(super) before: String,
    cursor: String,
    /// Whether the webhook belongs to the page and not to the search.
    is_of_page: bool,
}

impl Search {
    pub(super) fn read(uri: &Uri, webhook: Option<&str>) -> Self {
        let mut search = Self { webhook: webhook.map(str::to_owned), ..Self::default() };
        search.is_of_page = webhook.is_some();
        for (name, value) in asked(uri) {
            let value = value.trim().to_owned();
            match name.as_str() {
                "webhook" if webhook.is_none() && !value.is_empty() => search.webhook = Some(value),
                "find" => search.find = value,
                "value" => search.value = value,
                "status" => search.status = value,
                "event_type" => search.event_type = value,
                "created_after" => search.after = value,
                "created_before" => search.before = value,
                "cursor" => search.cursor = value,
                _ => {}
            }
        }
        search
    }

    /// The address of the page with this search, without a cursor.
    fn own(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let webhook = self.webhook.as_deref().filter(|_| !self.is_of_page).unwrap_or_default();
        let (find, value) =
            if self.value.is_empty() { ("", "") } else { (self.find.as_str(), &*self.value) };
        let all = [
            ("webhook", webhook),
            ("find", find),
            ("value", value),
            ("status", &self.status),
            ("event_type", &self.event_type),
            ("created_after", &self.after),
            ("created_before", &self.before),
        ];
        query.extend_pairs(all.iter().filter(|(_, value)| !value.is_empty()));
        query.finish()
    }

    /// The address of the export of everything that is found, in a format.
    pub(super) fn export(&self, format: &str) -> String {
        let of_page = Self { is_of_page: false, ..self.clone() };
        let own = of_page.own();
        let joint = if own.is_empty() { "" } else { "&" };
        format!("/deliveries/export?{own}{joint}format={format}")
    }

    /// The same as a question to the API.
    pub(super) fn asked(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let find = FINDS.iter().find(|(word, _)| *word == self.find).map_or("customer", |f| f.0);
        let (after, before) = (full_time(&self.after), full_time(&self.before));
        let all = [
            ("webhook", self.webhook.as_deref().unwrap_or_default()),
            (find, &self.value),
            ("status", &self.status),
            ("event_type", &self.event_type),
            ("created_after", &after),
            ("created_before", &before),
            ("cursor", &self.cursor),
        ];
        query.extend_pairs(all.iter().filter(|(_, value)| !value.is_empty()));
        query.finish()
    }

    /// Where rows that arrive come from; none on older pages, which do not change.
    pub(super) fn live(&self) -> Option<String> {
        let of_page = if self.is_of_page { "&of_page=1" } else { "" };
        let all = Self { is_of_page: false, ..self.clone() };
        self.cursor.is_empty().then(|| format!("/deliveries/live?{}{of_page}", all.own()))
    }

    pub(super) fn is_narrowed(&self) -> bool {
        !self.own().is_empty()
    }
}

/// Browsers give a time of day without seconds and zone; pages are in UTC.
fn full_time(given: &str) -> String {
    if given.len() == "2026-01-31T23:59".len() { format!("{given}:00Z") } else { given.to_owned() }
}

/// A table of deliveries and what is needed around it.
pub(super) struct Table {
    pub(super) search: Search,
    pub(super) rows: Vec<Delivery>,
    pub(super) around: Around,
    pub(super) event_types: Vec<String>,
    /// What is wrong with the search.
    pub(super) problem: Option<Arc<Problem>>,
    /// The page the search is sent to.
    pub(super) place: String,
    webhooks: Arc<[(String, String)]>,
}

impl Table {
    pub(super) async fn fetch(
        visitor: &Visitor,
        search: Search,
        place: &str,
    ) -> Result<Self, Failure> {
        let asked = format!("/api/v1/deliveries?{}", search.asked());
        let found = visitor.api.get(asked.trim_end_matches('?')).await;
        let (listed, problem): (Listed<Delivery>, _) = match found {
            Ok(listed) => (listed, None),
            Err(failure) => {
                let problem = failure.mendable()?;
                (Listed { results: Vec::new(), next: None, previous: None }, Some(problem))
            }
        };
        let around = Around::of(&listed, place, &search.own());
        let types: Listed<EventType> = visitor.api.get("/api/v1/event-types").await?;
        Ok(Self {
            search,
            rows: listed.results,
            around,
            event_types: types.results.into_iter().map(|entry| entry.name).collect(),
            problem,
            place: place.to_owned(),
            webhooks: names(visitor).await?,
        })
    }

    /// Whether every row is of the webhook whose page this is.
    pub(super) fn is_of_one_webhook(&self) -> bool {
        self.search.is_of_page
    }

    /// The name of a row's webhook, or its id when it is gone.
    pub(super) fn webhook_name<'a>(&'a self, id: &'a str) -> &'a str {
        name_of(&self.webhooks, id)
    }
}

pub(super) fn name_of<'a>(names: &'a [(String, String)], id: &'a str) -> &'a str {
    names.iter().find(|(of, _)| of == id).map_or(id, |(_, name)| name)
}

#[derive(Template)]
#[template(path = "deliveries.html")]
struct LogPage<'a> {
    frame: Frame<'a>,
    table: Table,
}

pub(super) async fn log(visitor: Visitor, uri: Uri) -> Answer {
    let table = Table::fetch(&visitor, Search::read(&uri, None), "/deliveries").await?;
    render(&LogPage { frame: Frame { section: "deliveries", visitor: &visitor }, table })
}

#[derive(Template)]
#[template(path = "delivery.html")]
struct CardPage<'a> {
    frame: Frame<'a>,
    card: DeliveryCard,
    webhook_name: String,
    /// The same request for a shell.
    curl: Option<String>,
}

pub(super) async fn card(visitor: Visitor, Path(id): Path<String>) -> Answer {
    let card: DeliveryCard =
        visitor.api.get(&format!("/api/v1/deliveries/{}", checked(&id)?)).await?;
    let path = format!("/api/v1/webhooks/{}", card.delivery.webhook);
    // It may be deleted by now.
    let webhook: Option<Webhook> = match visitor.api.get(&path).await {
        Ok(webhook) => Some(webhook),
        Err(Failure::Refused(problem)) if problem.status() == StatusCode::NOT_FOUND => None,
        Err(failure) => return Err(failure),
    };
    let curl = card.curl(webhook.as_ref().map(|webhook| webhook.target_url.as_str()));
    let webhook_name = webhook.map_or_else(|| card.delivery.webhook.clone(), |found| found.name);
    let frame = Frame { section: "deliveries", visitor: &visitor };
    render(&CardPage { frame, card, webhook_name, curl })
}

pub(super) async fn resend(Path(id): Path<String>, Sent { visitor, .. }: Sent) -> Answer {
    let id = checked(&id)?;
    visitor.api.act(Method::POST, &format!("/api/v1/deliveries/{id}/resend"), None).await?;
    lead_to(&format!("/deliveries/{id}"))
}

//! The body a webhook would get with what is chosen in its form, before anything is saved.

use askama::Template;
use axum::http::Method;
use serde::Deserialize;
use serde_json::{json, value::RawValue};

use super::form::Sent;
use super::page::{Answer, Frame, render};
use super::view::indent;
use super::webhook_form::Draft;

#[derive(Deserialize)]
struct Preview {
    event_type: String,
    body: String,
    bytes: usize,
    left_out: Vec<String>,
}

impl Preview {
    fn pretty(&self) -> String {
        let read: Result<&RawValue, _> = serde_json::from_str(&self.body);
        read.map_or_else(|_| self.body.clone(), |raw| indent(raw.get()))
    }
}

#[derive(Template)]
#[template(path = "preview.html")]
struct PreviewPage<'a> {
    frame: Frame<'a>,
    preview: Preview,
}

/// The documented example of a type, with the additional data that is ticked.
pub(super) async fn show(Sent { visitor, fields }: Sent) -> Answer {
    let asked = json!({
        "event_type": fields.text("preview_type"),
        "additional_data": Draft::sent(&fields).choices(),
    });
    let preview = visitor.api.send(Method::POST, "/api/v1/preview", &asked).await?;
    render(&PreviewPage { frame: Frame { section: "webhooks", visitor: &visitor }, preview })
}

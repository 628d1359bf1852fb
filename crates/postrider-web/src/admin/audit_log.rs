//! The audit log: who changed what, and when.

use askama::Template;
use axum::http::Uri;
use serde::Deserialize;

use super::client::Listed;
use super::page::{Answer, Frame, render};
use super::view::{Around, Moment};
use super::visitor::{Named, Visitor};
use super::webhooks::cursor_of;

#[derive(Deserialize)]
struct Entry {
    at: Moment,
    actor: Named,
    action: String,
    object: String,
    detail: String,
}

#[derive(Template)]
#[template(path = "audit_log.html")]
struct AuditPage<'a> {
    frame: Frame<'a>,
    entries: Vec<Entry>,
    around: Around,
}

pub(super) async fn list(visitor: Visitor, uri: Uri) -> Answer {
    let path = format!("/api/v1/audit-log?{}", cursor_of(&uri));
    let listed: Listed<Entry> = visitor.api.get(path.trim_end_matches('?')).await?;
    let around = Around::of(&listed, "/audit-log", "");
    let frame = Frame { section: "audit-log", visitor: &visitor };
    render(&AuditPage { frame, entries: listed.results, around })
}

//! Rows that arrive while somebody looks: the newest page of a search as server-sent events.
//!
//! Each answer is finite. It holds the rows when they are not as the browser has them, and ends; the
//! browser asks again by itself after a moment (HTML, "Server-sent events", 9.2.3). So an open page
//! holds no connection, an ended session shows nothing more, and stopping waits for nobody.

use std::fmt::Write as _;

use askama::Template;
use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue, Response, Uri};
use sha2::{Digest, Sha256};

use super::deliveries::{Search, Table};
use super::form::asked;
use super::page::{Answer, Failure};
use super::view::Delivery;
use super::visitor::Visitor;

/// Milliseconds until the browser asks again.
const AGAIN_MS: u32 = 1_000;

#[derive(Template)]
#[template(path = "live_rows.html")]
struct Rows {
    table: Table,
}

pub(super) async fn deliveries(visitor: Visitor, uri: Uri, headers: HeaderMap) -> Answer {
    let asked = asked(&uri);
    let find = |wanted: &str| {
        let found = asked.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.as_str())
    };
    let of_page = find("webhook").filter(|_| find("of_page").is_some());
    let table = Table::fetch(&visitor, Search::read(&uri, of_page), "/deliveries").await?;
    let standing = standing(&table.rows);
    let known = headers.get("last-event-id").and_then(|known| known.to_str().ok());
    let mut event = format!("retry: {AGAIN_MS}\n");
    if known != Some(standing.as_str()) {
        let rows = Rows { table }.render().map_err(|error| Failure::broken(error.to_string()))?;
        event.push_str("id: ");
        event.push_str(&standing);
        event.push('\n');
        for line in rows.lines() {
            event.push_str("data: ");
            event.push_str(line);
            event.push('\n');
        }
    }
    event.push('\n');
    let mut response = Response::new(Body::from(event));
    let kind = HeaderValue::from_static("text/event-stream");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    Ok(response)
}

/// What tells two states of a page apart.
fn standing(rows: &[Delivery]) -> String {
    let mut text = String::new();
    for row in rows {
        // Writing into a string cannot fail.
        let _ = write!(text, "{} {} ", row.id, row.standing());
    }
    let digest = faster_hex::hex_string(&Sha256::digest(text));
    digest.get(..16).unwrap_or_default().to_owned()
}

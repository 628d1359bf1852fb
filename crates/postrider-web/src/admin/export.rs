//! The deliveries that a search finds, as a file: CSV for tables, NDJSON for programs.
//!
//! Invariant: a cell holds only what we made or have checked (ids, event types, states, times), so none
//! begins with what a spreadsheet would take for a formula.

use axum::body::Body;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderValue, Response, Uri};
use serde_json::Value;
use serde_json::value::RawValue;

use super::client::Listed;
use super::deliveries::Search;
use super::form::asked;
use super::page::{Answer, Failure};
use super::visitor::Visitor;
use crate::error::ApiError;

/// Rows of a file at most: about three megabytes, made of a hundred pages of the list.
const ROWS_MAX: usize = 10_000;

const COLUMNS: [&str; 10] = [
    "id",
    "event",
    "event_type",
    "webhook",
    "status",
    "test",
    "attempts_count",
    "next_attempt_at",
    "created_at",
    "settled_at",
];

/// What kind of file.
#[derive(Clone, Copy)]
enum Format {
    Csv,
    Ndjson,
}

impl Format {
    fn read(uri: &Uri) -> Result<Self, Failure> {
        let given = asked(uri).into_iter().find(|(name, _)| name == "format").map(|(_, of)| of);
        match given.as_deref() {
            Some("csv") => Ok(Self::Csv),
            Some("ndjson") => Ok(Self::Ndjson),
            _ => Err(Failure::Refused(ApiError::not_found().into_problem())),
        }
    }

    /// How it begins.
    fn head(self) -> String {
        match self {
            Self::Csv => format!("{}\r\n", COLUMNS.join(",")),
            Self::Ndjson => String::new(),
        }
    }

    fn write(self, file: &mut String, row: &RawValue) -> Result<(), Failure> {
        match self {
            Self::Csv => return write_cells(file, row),
            // As the API has it.
            Self::Ndjson => file.push_str(row.get()),
        }
        file.push('\n');
        Ok(())
    }

    fn answer(self, file: String) -> Response<Body> {
        let (kind, disposition) = match self {
            Self::Csv => ("text/csv; charset=utf-8", "attachment; filename=\"deliveries.csv\""),
            Self::Ndjson => ("application/x-ndjson", "attachment; filename=\"deliveries.ndjson\""),
        };
        let mut response = Response::new(Body::from(file));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static(disposition));
        response
    }
}

pub(super) async fn deliveries(visitor: Visitor, uri: Uri) -> Answer {
    let format = Format::read(&uri)?;
    let mut file = format.head();
    let asked = Search::read(&uri, None).asked();
    let mut path = format!("/api/v1/deliveries?page_size=100&{asked}");
    let mut rows = 0;
    loop {
        let listed: Listed<Box<RawValue>> = visitor.api.get(path.trim_end_matches('&')).await?;
        for row in listed.results.iter().take(ROWS_MAX - rows) {
            format.write(&mut file, row)?;
            rows += 1;
        }
        match listed.next {
            Some(next) if rows < ROWS_MAX => path = next,
            _ => return Ok(format.answer(file)),
        }
    }
}

/// Nothing that a cell can hold needs quotes (see the head of this file).
fn write_cells(file: &mut String, row: &RawValue) -> Result<(), Failure> {
    let row: Value =
        serde_json::from_str(row.get()).map_err(|error| Failure::broken(error.to_string()))?;
    for (place, column) in COLUMNS.iter().enumerate() {
        if place > 0 {
            file.push(',');
        }
        match row.get(column) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) => file.push_str(text),
            Some(other) => file.push_str(&other.to_string()),
        }
    }
    file.push_str("\r\n");
    Ok(())
}

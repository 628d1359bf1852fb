//! Page numbers: `?page=`, from 1, with the addresses of the pages beside it.

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{Response, StatusCode};
use postrider_core::limits;
use schemars::{JsonSchema, json_schema};
use serde::Serialize;

use crate::api::{json, page, query};
use crate::error::ApiError;
use crate::openapi::field::Field;
use crate::openapi::schema;

const PAGE: &str = "page";
const PAGE_SIZE: &str = "page_size";

/// What every list can be asked.
pub(super) const PAGES: [Field; 2] = [
    Field::new(
        PAGE,
        |_| json_schema!({ "type": "integer", "minimum": 1, "default": 1 }),
        "Which page.",
    ),
    Field::new(
        PAGE_SIZE,
        |_| {
            json_schema!({
                "type": "integer",
                "minimum": 1,
                "maximum": limits::PAGE_SIZE_MAX,
                "default": limits::LEGACY_PAGE_SIZE_DEFAULT,
            })
        },
        "Rows of a page.",
    ),
];

/// A request for a page of a list.
pub(super) struct Numbered {
    number: usize,
    size: usize,
    /// What every link repeats.
    base: String,
}

/// A page of a list.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "{W}NumberedPage")]
pub(super) struct Document<W> {
    #[schemars(schema_with = "schema::link")]
    next: Option<String>,
    #[schemars(schema_with = "schema::link")]
    previous: Option<String>,
    results: Vec<W>,
}

impl Numbered {
    /// Reads a request. What is no page is not found; a size out of bounds is refused.
    pub(super) fn read(parts: &Parts) -> Result<Self, ApiError> {
        let pairs = query::pairs(&parts.uri);
        let given = |name: &str| pairs.iter().find(|(known, _)| known == name);
        let number = given(PAGE).map_or(Some(1), |(_, text)| text.parse().ok());
        let number = number.filter(|number| *number >= 1).ok_or_else(ApiError::not_found)?;
        let most = limits::PAGE_SIZE_MAX;
        let (size, size_given) = match given(PAGE_SIZE) {
            None => (limits::LEGACY_PAGE_SIZE_DEFAULT, String::new()),
            Some((_, text)) => {
                let size = text.parse().ok().filter(|size| (1..=most).contains(size));
                let refused = || {
                    let detail = format!("A page has 1 to {most} rows.");
                    ApiError::refused("invalid_parameter", PAGE_SIZE, detail)
                };
                let size = size.ok_or_else(refused)?;
                (size, format!("{PAGE_SIZE}={size}&"))
            }
        };
        let base = format!("{}?{size_given}", page::base(parts));
        Ok(Self { number, size: usize::try_from(size).unwrap_or(usize::MAX), base })
    }

    /// Rows to read from the beginning: those of the page, and one to know whether more follow.
    pub(super) fn reach(&self) -> usize {
        self.number.saturating_mul(self.size).saturating_add(1)
    }

    /// Answers the page out of `rows`, which are the first [`Self::reach`] of the list.
    pub(super) fn answer<'a, T, W: Serialize>(
        &self,
        rows: &'a [T],
        shape: impl Fn(&'a T) -> W,
    ) -> Result<Response<Body>, ApiError> {
        let before = self.size.saturating_mul(self.number - 1);
        let page = rows.get(before..).unwrap_or_default();
        if page.is_empty() && self.number > 1 {
            return Err(ApiError::not_found());
        }
        let link = |number: usize| format!("{}{PAGE}={number}", self.base);
        let document = Document {
            next: (page.len() > self.size).then(|| link(self.number + 1)),
            previous: (self.number > 1).then(|| link(self.number - 1)),
            results: page.iter().take(self.size).map(shape).collect(),
        };
        json(StatusCode::OK, &document)
    }
}

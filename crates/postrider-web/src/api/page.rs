//! Lists: page sizes, cursors, and the links to further pages.
//!
//! A cursor is opaque to callers: base64url of a direction, a position and a checksum over both,
//! the merchant, the path and the filters. It holds on every node and across restarts, so the
//! checksum has no secret: it is there against mistakes, such as another query's cursor. The wall
//! between merchants is the store's, which never looks beyond the merchant it is given.

use axum::body::Body;
use axum::http::header::HOST;
use axum::http::request::Parts;
use axum::http::{Response, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use postrider_core::ids::MerchantId;
use postrider_core::limits;
use postrider_store::catalog::{Cursor, PageAsk};
use schemars::{JsonSchema, json_schema};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::query::Query;
use crate::error::ApiError;
use crate::openapi::field::Field;
use crate::openapi::schema;

const PAGE_SIZE: &str = "page_size";
const CURSOR: &str = "cursor";
/// What every list can be asked beside its filters.
pub(crate) const PAGE: [Field; 2] = [
    Field::new(
        PAGE_SIZE,
        |_| {
            json_schema!({
                "type": "integer",
                "minimum": 1,
                "maximum": limits::PAGE_SIZE_MAX,
                "default": limits::PAGE_SIZE_DEFAULT,
            })
        },
        "Rows of a page.",
    ),
    Field::new(
        CURSOR,
        schema::cursor,
        "Where the page begins. Opaque: follow `next` and `previous`, which contain it.",
    ),
];
/// Bytes of the checksum in a cursor: enough that no mistake passes.
const CHECKSUM_BYTES: usize = 12;

/// A request for a page of a list.
pub(crate) struct Listing {
    pub(crate) query: Query,
    pub(crate) ask: PageAsk,
    binding: Binding,
    /// `http://host/path`, or the path alone when the client named no host.
    base: String,
}

/// What a cursor holds for.
pub(crate) struct Binding(Sha256);

impl Listing {
    /// Reads a request for a list of `merchant`'s rows with these filters.
    pub(crate) fn read(
        parts: &Parts,
        merchant: Option<MerchantId>,
        filters: &[Field],
    ) -> Result<Self, ApiError> {
        let known: Vec<_> = filters.iter().chain(&PAGE).copied().collect();
        let query = Query::read(&parts.uri, &known)?;
        let range = 1..=limits::PAGE_SIZE_MAX;
        let allowed = format!("a whole number from 1 to {}", limits::PAGE_SIZE_MAX);
        let size = query.parsed(PAGE_SIZE, &allowed, |text| {
            text.parse().ok().filter(|size| range.contains(size))
        })?;
        let size = size.unwrap_or(limits::PAGE_SIZE_DEFAULT);
        let binding = Binding::new(parts.uri.path(), merchant, &query);
        let cursor = match query.get(CURSOR) {
            None => None,
            Some(text) => Some(binding.read(text).ok_or_else(bad_cursor)?),
        };
        Ok(Self { query, ask: PageAsk { size, cursor }, binding, base: base(parts) })
    }

    /// Answers a page whose rows are in their JSON shape already.
    pub(crate) fn answer<W: Serialize>(
        &self,
        results: Vec<W>,
        next: Option<Cursor>,
        previous: Option<Cursor>,
    ) -> Result<Response<Body>, ApiError> {
        let link = |cursor: Option<Cursor>| cursor.map(|cursor| self.link(cursor));
        let document = Document { results, next: link(next), previous: link(previous) };
        super::json(StatusCode::OK, &document)
    }

    fn link(&self, cursor: Cursor) -> String {
        let is_filter = |(name, _): &(&str, &str)| *name != CURSOR && *name != PAGE_SIZE;
        let filters = self.query.sorted().into_iter().filter(is_filter);
        let filters = filters.map(|(name, value)| format!("{name}={}&", percent_encoded(value)));
        let (filters, size): (String, u32) = (filters.collect(), self.ask.size);
        let cursor = self.binding.write(cursor);
        format!("{}?{filters}{PAGE_SIZE}={size}&{CURSOR}={cursor}", self.base)
    }
}

/// The address of a list without its query.
pub(crate) fn base(parts: &Parts) -> String {
    let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok());
    let origin = host.map_or_else(String::new, |host| format!("http://{host}"));
    format!("{origin}{}", parts.uri.path())
}

/// A page of a list, newest first.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "{W}Page")]
pub(crate) struct Document<W> {
    /// The rows of this page.
    pub(crate) results: Vec<W>,
    /// Where older rows are; `null` at the end.
    #[schemars(schema_with = "schema::link")]
    pub(crate) next: Option<String>,
    /// Where newer rows are; `null` at the beginning.
    #[schemars(schema_with = "schema::link")]
    pub(crate) previous: Option<String>,
}

impl Binding {
    pub(crate) fn new(path: &str, merchant: Option<MerchantId>, query: &Query) -> Self {
        let mut hash = Sha256::new_with_prefix(b"postrider cursor 1\0");
        hash.update(merchant.map_or([0; 16], MerchantId::to_bytes));
        hash.update(path);
        for (name, value) in query.sorted() {
            // The size of pages may change between them.
            if name != CURSOR && name != PAGE_SIZE {
                // Lengths keep `a=b,c=d` apart from a value that contains it.
                hash.update((name.len() as u64).to_be_bytes());
                hash.update(name);
                hash.update((value.len() as u64).to_be_bytes());
                hash.update(value);
            }
        }
        Self(hash)
    }

    pub(crate) fn write(&self, cursor: Cursor) -> String {
        let (direction, position) = match cursor {
            Cursor::Older(position) => (b'o', position),
            Cursor::Newer(position) => (b'n', position),
        };
        let mut bytes = vec![direction];
        bytes.extend_from_slice(&position.to_be_bytes());
        let sum = self.checksum(&bytes);
        bytes.extend_from_slice(&sum);
        BASE64.encode(bytes)
    }

    pub(crate) fn read(&self, text: &str) -> Option<Cursor> {
        let bytes = BASE64.decode(text).ok()?;
        let (signed, sum) = bytes.split_last_chunk::<CHECKSUM_BYTES>()?;
        let (direction, position) = signed.split_first()?;
        let position = u128::from_be_bytes(position.try_into().ok()?);
        if *sum != self.checksum(signed) {
            return None;
        }
        match direction {
            b'o' => Some(Cursor::Older(position)),
            b'n' => Some(Cursor::Newer(position)),
            _ => None,
        }
    }

    fn checksum(&self, bytes: &[u8]) -> [u8; CHECKSUM_BYTES] {
        let sum: [u8; 32] = self.0.clone().chain_update(bytes).finalize().into();
        let mut short = [0; CHECKSUM_BYTES];
        short.iter_mut().zip(sum).for_each(|(short, long)| *short = long);
        short
    }
}

fn bad_cursor() -> ApiError {
    let detail = "The cursor is not one of this list; follow `next` and `previous` unchanged, or \
                  leave `cursor` out to begin at the newest.";
    let error = ApiError::bad_request("bad_cursor", detail);
    error.about(CURSOR)
}

/// A value as it can stand in a query.
fn percent_encoded(value: &str) -> String {
    let encoded = |byte: u8| {
        if byte.is_ascii_alphanumeric() || b"-_.~*".contains(&byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    value.bytes().map(encoded).collect()
}

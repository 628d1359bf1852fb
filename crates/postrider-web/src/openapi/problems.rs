//! The refusals of the document: those that follow from what a route is, and those it names.

use axum::http::{Method, StatusCode};
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::api::auth::Access;
use crate::error::Document;
use crate::legacy;
use crate::router::Route;

pub(crate) const REQUEST_ID: &str = "The id of this request, which finds it in the log.";

/// What each status of a refusal means wherever nothing more particular is said.
const MEANINGS: [(u16, &str); 19] = [
    (400, "The request could not be read: `invalid_request`, `invalid_json`, `empty_body`, …"),
    (401, "No valid key; or one in the address, where it must not be (`key_in_url`)."),
    (403, "The key may not do this: `scope_missing`, `operator_required`, …"),
    (404, "There is nothing under this id, or it is not yours: the two cannot be told apart."),
    (405, "The path does not take this method; `Allow` names those it takes."),
    (408, "The body did not arrive in time; nothing was stored."),
    (409, "Things are not in a state that fits: `conflict`, and what the operation names."),
    (412, "`If-Match` was given and it has changed since: `precondition_failed`."),
    (413, "The body is too large: `payload_too_large`."),
    (414, "The path and query are too long: `uri_too_long`."),
    (415, "The body has another content type or encoding than those read."),
    (422, "The request was read and is not allowed; `field` says where."),
    (429, "Too many requests; wait for `Retry-After`."),
    (431, "Too many headers, or too long: `headers_too_large`."),
    (500, "A fault of ours: `internal`."),
    (502, "Something behind the service could not be asked."),
    (503, "Not now: `overloaded`, `storage_unavailable`. Wait for `Retry-After`, then repeat."),
    (504, "Something behind the service did not answer in time."),
    (507, "The disk is full; nothing was stored: `storage_full`."),
];

fn key(status: u16) -> String {
    let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    reason.unwrap_or("Problem").replace(' ', "")
}

/// The refusals of a route by status.
pub(super) fn of(route: &Route) -> Map<String, Value> {
    let mut statuses = vec![400, 405, 414, 431, 500, 503];
    if route.access != Access::Public {
        statuses.extend([401, 422, 429]);
    }
    if !matches!(route.access, Access::Public | Access::AnyKey) {
        statuses.push(403);
    }
    if !route.operation.path.is_empty() {
        statuses.push(404);
    }
    if route.operation.body.is_some() {
        statuses.extend([408, 413, 415]);
    }
    if route.method != Method::GET {
        statuses.push(507);
    }
    if legacy::owns(route.path) {
        return older(route, &statuses);
    }
    let shared = statuses.into_iter().map(|status| {
        let reference = format!("#/components/responses/{}", key(status));
        (status.to_string(), json!({ "$ref": reference }))
    });
    let mut responses: Map<_, _> = shared.collect();
    for (status, meaning) in &route.operation.problems {
        responses.insert(status.to_string(), problem(meaning));
    }
    responses
}

/// The same in the form of the older API, where what is read and not allowed is 400.
fn older(route: &Route, statuses: &[u16]) -> Map<String, Value> {
    let meaning = |status: u16| MEANINGS.iter().find(|(known, _)| *known == status);
    let shared = statuses.iter().filter_map(|status| meaning(*status));
    let bad = (400, "The request cannot be read or is not allowed; a member names the field.");
    let own = [bad].into_iter().chain(route.operation.problems.iter().copied());
    let all = shared.filter(|(status, _)| *status != 422).copied().chain(own);
    let told = all.map(|(status, meaning)| {
        // Its answers have no codes, which the meanings name.
        let (meaning, _) = meaning.split_once(": `").unwrap_or((meaning, ""));
        let content = json!({ "application/json": { "schema": legacy::refusal_shape() } });
        let described = json!({ "description": meaning, "content": content });
        (status.to_string(), described)
    });
    told.collect()
}

/// The refusals many operations share.
pub(super) fn components(generator: &mut SchemaGenerator) -> Map<String, Value> {
    generator.subschema_for::<Document<'static>>();
    MEANINGS.iter().map(|(status, meaning)| (key(*status), problem(meaning))).collect()
}

fn problem(meaning: &str) -> Value {
    let reference = format!("#/components/schemas/{}", Document::schema_name());
    json!({
        "description": meaning,
        "headers": {
            "x-request-id": { "description": REQUEST_ID, "schema": { "type": "string" } },
        },
        "content": { "application/problem+json": { "schema": { "$ref": reference } } },
    })
}

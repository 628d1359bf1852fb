//! The description of the API as an OpenAPI 3.1 document, made from the code that answers.
//!
//! Routes come from the list in `router`, what callers may write from the fields their readers
//! know ([`field`]), what is answered from the structs it is written with, and refusals that
//! follow from a route's access and body from [`problems`]. Only words are written down for the
//! document, in `api::docs`, one function a route.
//!
//! To add a route: write its function in `api::docs`, and name it in the route list with `.doc`;
//! without one the list does not compile. The tests hold every answer they get against it.

pub(crate) mod field;
pub(crate) mod operation;
mod problems;
pub(crate) mod schema;

use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};

use crate::api::auth::Access;
use crate::router::{Route, routes};
use field::Field;
use operation::{Answer, Operation, Tag};

/// Names the merchant an operator acts for.
const ACTING_FOR: Field = Field::new(
    "Postrider-Merchant",
    schema::merchant_id,
    "The merchant to act for, when the key is an operator's. A merchant's key may leave it out.",
);

const ABOUT: &str = "\
Postrider sends the webhooks of a subscription program. A platform posts events; Postrider stores \
them durably, decides which webhooks want them, and delivers a signed request to each until it \
succeeds, is exhausted or is canceled.

Every answer carries `x-request-id`. Refusals are `application/problem+json`: act on `code`; \
`detail` is for people. Lists are newest first; follow `next` and `previous` unchanged. An id that \
belongs to another merchant answers the same as one that does not exist.";

/// The document.
pub(crate) fn document() -> Value {
    let mut generator = schema::generator();
    let mut paths: Map<String, Value> = Map::new();
    for route in routes() {
        let described = describe(&route, &mut generator);
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        if let Some(methods) = path.as_object_mut() {
            methods.insert(route.method.as_str().to_ascii_lowercase(), described);
        }
    }
    let responses = problems::components(&mut generator);
    let tags = Tag::ALL.map(|tag| json!({ "name": tag.name(), "description": tag.meaning() }));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Postrider",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": { "name": "Apache-2.0 OR MIT", "identifier": "Apache-2.0 OR MIT" },
        },
        "servers": [{ "url": "/" }],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": generator.take_definitions(true),
            "responses": responses,
            "securitySchemes": {
                "apiKey": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "x-api-key",
                    "description": "A merchant's key (pr_mk_…), an operator's (pr_op_…), or a session (pr_se_…).",
                },
                "bearer": { "type": "http", "scheme": "bearer", "description": "The same key." },
            },
        },
    })
}

fn describe(route: &Route, generator: &mut SchemaGenerator) -> Value {
    let (operation, needs) = (&route.operation, needs(route.access));
    let mut described = json!({
        "operationId": operation.id,
        "tags": [operation.tag.name()],
        "summary": operation.summary,
        "description": format!("{} {needs}", operation.description),
        "x-needs": needs,
        "security": security(route.access),
        "parameters": parameters(route, generator),
        "responses": responses(route, generator),
    });
    if let (Some(body), Some(members)) = (&operation.body, described.as_object_mut()) {
        members.insert("requestBody".to_owned(), body.render(generator));
    }
    described
}

/// Who may call.
fn needs(access: Access) -> String {
    match access {
        Access::Public => "Open to anyone.".to_owned(),
        Access::AnyKey => "Any key or session will do.".to_owned(),
        Access::Operator => "Needs an operator's key.".to_owned(),
        Access::Merchant(scope) | Access::MerchantInBody(scope) => {
            format!("Needs the scope `{}`.", scope.as_str())
        }
        Access::Administration => {
            "Needs an owner who is signed in, or an operator's key.".to_owned()
        }
        Access::Session => "Needs somebody who is signed in.".to_owned(),
    }
}

fn security(access: Access) -> Value {
    match access {
        Access::Public => json!([]),
        _ => json!([{ "apiKey": [] }, { "bearer": [] }]),
    }
}

fn parameters(route: &Route, generator: &mut SchemaGenerator) -> Vec<Value> {
    let Operation { path, query, headers, .. } = &route.operation;
    let acting_for = (route.access != Access::Public).then_some(ACTING_FOR);
    let headers = headers.iter().copied().chain(acting_for);
    let path = path.iter().copied().map(|field| (field, "path"));
    let query = query.iter().copied().map(|field| (field, "query"));
    let all = path.chain(query).chain(headers.map(|field| (field, "header")));
    all.map(|(field, place)| field.parameter(place, generator)).collect()
}

fn responses(route: &Route, generator: &mut SchemaGenerator) -> Map<String, Value> {
    let mut responses = problems::of(route);
    for answer in &route.operation.answers {
        responses.insert(answer.status.to_string(), good(answer, generator));
    }
    responses
}

fn good(answer: &Answer, generator: &mut SchemaGenerator) -> Value {
    let header = |meaning: &str| json!({ "description": meaning, "schema": { "type": "string" } });
    let mut headers = Map::new();
    headers.insert("x-request-id".to_owned(), header(problems::REQUEST_ID));
    for (name, meaning) in &answer.headers {
        headers.insert((*name).to_owned(), header(meaning));
    }
    let mut described = json!({ "description": answer.meaning, "headers": headers });
    if let (Some((kind, shape)), Some(members)) = (answer.content, described.as_object_mut()) {
        let content = json!({ kind: { "schema": shape(generator) } });
        members.insert("content".to_owned(), content);
    }
    described
}

//! The reference: the OpenAPI document as a page for people, made by the server.
//!
//! One page without scripts that loads nothing: its style is inside it and named by its hash in the
//! content security policy. Everything on it comes from the document, so it cannot say anything else.

mod example;
mod html;
mod shape;

use std::sync::LazyLock;

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderValue, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::error::ApiError;
use crate::openapi;
use html::Html;

const STYLE: &str = include_str!("style.css");

/// The page, which is the same for everyone, so it is made once.
pub(crate) fn answer() -> Result<Response<Body>, ApiError> {
    static PAGE: LazyLock<Bytes> = LazyLock::new(|| page(&openapi::document()).into());
    let hash = BASE64.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    );
    let mut response = Response::new(Body::from(PAGE.clone()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    let policy = HeaderValue::try_from(policy).map_err(ApiError::internal)?;
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    Ok(response)
}

/// An operation and where it is.
struct Place<'a> {
    method: &'a str,
    path: &'a str,
    operation: &'a Value,
}

impl<'a> Place<'a> {
    fn text(&self, member: &str) -> &'a str {
        text(self.operation, member)
    }
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value.get(member).and_then(Value::as_str).unwrap_or_default()
}

fn object<'a>(value: &'a Value, pointer: &str) -> Option<&'a Map<String, Value>> {
    value.pointer(pointer).and_then(Value::as_object)
}

/// The operations of a group.
fn places<'a>(document: &'a Value, tag: &str) -> Vec<Place<'a>> {
    let paths = object(document, "/paths").into_iter().flatten();
    let all = paths.flat_map(|(path, methods)| {
        let methods = methods.as_object().into_iter().flatten();
        methods.map(move |(method, operation)| Place { method, path, operation })
    });
    all.filter(|place| place.operation.pointer("/tags/0").is_some_and(|own| own == tag)).collect()
}

/// The groups, in the order of the document.
fn tags(document: &Value) -> impl Iterator<Item = &Value> {
    document.get("tags").and_then(Value::as_array).into_iter().flatten()
}

/// The page of a document.
pub(crate) fn page(document: &Value) -> String {
    let mut html = Html::default();
    html.markup("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">")
        .markup("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">")
        .markup("<meta name=\"color-scheme\" content=\"light dark\">")
        .markup("<title>Postrider API</title><style>")
        .markup(STYLE)
        .markup("</style></head><body><main><h1>Postrider API <small>")
        .text(document.pointer("/info/version").and_then(Value::as_str).unwrap_or_default())
        .markup("</small></h1><p class=\"jump\"><a href=\"#contents\">Contents</a></p>");
    let about = document.pointer("/info/description").and_then(Value::as_str).unwrap_or_default();
    for paragraph in about.split("\n\n") {
        html.markup("<p>").prose(paragraph).markup("</p>");
    }
    html.markup("<p>For programs: <a href=\"/api/v1/openapi.json\">the OpenAPI 3.1 document</a> ")
        .markup("this page is made from.</p>");
    for tag in tags(document) {
        html.markup("<section><h2 id=\"").text(&group(tag)).markup("\">").text(text(tag, "name"));
        html.markup("</h2><p>").prose(text(tag, "description")).markup("</p>");
        for place in places(document, text(tag, "name")) {
            describe(&mut html, document, &place);
        }
        html.markup("</section>");
    }
    shapes(&mut html, document);
    html.markup("</main>");
    contents(&mut html, document);
    html.markup("</body></html>");
    html.finish()
}

fn group(tag: &Value) -> String {
    format!("group-{}", text(tag, "name").to_lowercase().replace(' ', "-"))
}

/// The way to everything: beside the page where there is room, below it where there is not.
fn contents(html: &mut Html, document: &Value) {
    html.markup("<nav id=\"contents\" aria-label=\"Contents\">");
    for tag in tags(document) {
        html.markup("<h2>").link(&group(tag), text(tag, "name")).markup("</h2><ul>");
        for place in places(document, text(tag, "name")) {
            html.markup("<li>").link(place.text("operationId"), place.text("summary"));
            html.markup("</li>");
        }
        html.markup("</ul>");
    }
    html.markup("<h2><a href=\"#shapes\">Shapes</a></h2></nav>");
}

fn describe(html: &mut Html, document: &Value, place: &Place<'_>) {
    html.markup("<article id=\"").text(place.text("operationId")).markup("\"><h3>");
    html.link(place.text("operationId"), place.text("summary")).markup("</h3>");
    html.markup("<p class=\"route\"><b class=\"").text(place.method).markup("\">");
    html.text(&place.method.to_uppercase()).markup("</b> ").code(place.path).markup("</p><p>");
    let needs = place.text("x-needs");
    html.prose(place.text("description").trim_end_matches(needs)).markup("</p>");
    html.markup("<p class=\"needs\">").prose(needs).markup("</p>");
    parameters(html, place);
    body(html, place);
    answers(html, document, place);
    html.markup("<h4>Example</h4><pre tabindex=\"0\"><code>");
    html.text(&example::curl(place.method, place.path, place.operation));
    html.markup("</code></pre></article>");
}

fn parameters(html: &mut Html, place: &Place<'_>) {
    let parameters = place.operation.get("parameters").and_then(Value::as_array);
    let Some(parameters) = parameters.filter(|all| !all.is_empty()) else { return };
    html.markup("<h4>Parameters</h4><dl>");
    for parameter in parameters {
        let is_required = parameter.get("required") == Some(&Value::Bool(true));
        let mut notes = vec![text(parameter, "in")];
        notes.extend((!is_required).then_some("may be left out"));
        let schema = parameter.get("schema").unwrap_or(&Value::Null);
        shape::entry(
            html,
            text(parameter, "name"),
            schema,
            &notes,
            Some(text(parameter, "description")),
        );
    }
    html.markup("</dl>");
}

fn body(html: &mut Html, place: &Place<'_>) {
    let Some(kinds) = object(place.operation, "/requestBody/content") else { return };
    let is_required = place.operation.pointer("/requestBody/required") == Some(&Value::Bool(true));
    html.markup("<h4>Body").markup(if is_required {
        ""
    } else {
        " <small>may be left out</small>"
    });
    html.markup("</h4>");
    for (kind, content) in kinds {
        let schema = content.get("schema").unwrap_or(&Value::Null);
        html.markup("<p class=\"kind\">").code(kind).markup("</p>");
        match shape::alternatives(schema) {
            Some(several) => {
                for (index, one) in several.iter().enumerate() {
                    html.markup(if index > 0 { "<p>or</p>" } else { "" });
                    shape::members(html, one);
                }
            }
            None if schema
                .get("properties")
                .is_some_and(|all| all != &Value::Object(Map::new())) =>
            {
                shape::members(html, schema);
            }
            None => {
                html.markup("<p class=\"shape\">");
                shape::words(html, schema);
                html.markup("</p>");
            }
        }
    }
}

/// Good answers, then refusals.
fn answers(html: &mut Html, document: &Value, place: &Place<'_>) {
    let Some(responses) = object(place.operation, "/responses") else { return };
    let resolved = |response: &'_ Value| -> Value {
        let pointer = text(response, "$ref").trim_start_matches('#');
        let referred = if pointer.is_empty() { None } else { document.pointer(pointer) };
        referred.unwrap_or(response).clone()
    };
    let is_good = |status: &String| status.starts_with('2');
    html.markup("<h4>Answer</h4><dl>");
    for (status, response) in responses.iter().filter(|(status, _)| is_good(status)) {
        good(html, status, &resolved(response));
    }
    html.markup("</dl><details><summary>Refusals</summary><dl>");
    for (status, response) in responses.iter().filter(|(status, _)| !is_good(status)) {
        html.markup("<dt>").code(status).markup("</dt><dd><p>");
        html.prose(text(&resolved(response), "description")).markup("</p></dd>");
    }
    html.markup("</dl></details>");
}

fn good(html: &mut Html, status: &str, response: &Value) {
    html.markup("<dt>").code(status).markup("</dt><dd><p>");
    html.prose(text(response, "description")).markup("</p>");
    for (kind, content) in object(response, "/content").into_iter().flatten() {
        html.markup("<p class=\"shape\">").code(kind).markup(": ");
        shape::words(html, content.get("schema").unwrap_or(&Value::Null));
        html.markup("</p>");
    }
    let headers = object(response, "/headers").into_iter().flatten();
    // What every answer carries is said once, at the top.
    for (name, header) in headers.filter(|(name, _)| *name != "x-request-id") {
        html.markup("<p class=\"shape\">").code(name).markup(": ");
        html.prose(text(header, "description")).markup("</p>");
    }
    html.markup("</dd>");
}

/// What answers are made of.
fn shapes(html: &mut Html, document: &Value) {
    html.markup("<section><h2 id=\"shapes\">Shapes</h2><p>What answers are made of.</p>");
    for (name, schema) in object(document, "/components/schemas").into_iter().flatten() {
        html.markup("<article id=\"").text(&shape::anchor(name)).markup("\"><h3>");
        html.link(&shape::anchor(name), name).markup("</h3><p>");
        html.prose(text(schema, "description")).markup("</p>");
        shape::members(html, schema);
        html.markup("</article>");
    }
    html.markup("</section>");
}

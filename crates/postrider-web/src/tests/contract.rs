//! Every answer a test gets is held against the OpenAPI document: that the operation may answer
//! with this status, in this media type, with a body of this shape. So a difference between code
//! and document fails whichever test meets it.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use axum::http::StatusCode;
use jsonschema::Validator;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::Answer;
use crate::legacy;
use crate::openapi::document;

pub(super) static DOCUMENT: LazyLock<Value> = LazyLock::new(document);
/// Compiled shapes by where they stand in the document.
static SHAPES: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

/// Whether `answer` is one the document promises for this request, or why not.
pub(super) fn check(method: &str, path: &str, answer: &Answer) -> Result<(), String> {
    let method = if method == "HEAD" { "GET" } else { method };
    let Some((template, methods)) = find(path) else {
        return check_stray(path, answer, StatusCode::NOT_FOUND);
    };
    let Some(operation) = methods.get(method.to_ascii_lowercase()) else {
        return check_stray(path, answer, StatusCode::METHOD_NOT_ALLOWED);
    };
    let at = format!("{method} {template} {}: {}", answer.status, answer.text);
    let promised = operation["responses"].get(answer.status.as_str());
    let promised = resolved(promised.ok_or_else(|| format!("{at}: no such status"))?);
    let Some(content) = promised.get("content").and_then(Value::as_object) else {
        return if answer.text.is_empty() { Ok(()) } else { Err(format!("{at}: has a body")) };
    };
    let (kind, entry) = content.iter().next().unwrap();
    // Parameters, such as a character set, are no part of the media type.
    if answer.header("content-type").split(';').next() != Some(kind) {
        return Err(format!("{at}: {} for {kind}", answer.header("content-type")));
    }
    if !kind.ends_with("json") {
        return Ok(());
    }
    check_shape(&entry["schema"], answer).map_err(|error| format!("{at}: {error}"))
}

fn check_shape(schema: &Value, answer: &Answer) -> Result<(), String> {
    if answer.json.is_null() {
        // Payloads are shown as they were posted, with numbers that no type of ours holds.
        let text = serde_json::from_str::<&RawValue>(&answer.text);
        return text.map(drop).map_err(|error| error.to_string());
    }
    match shape(schema).iter_errors(&answer.json).next() {
        Some(error) => Err(format!("{error} at {}", error.instance_path())),
        None => Ok(()),
    }
}

/// What reaches no operation is refused like anything else.
fn check_stray(path: &str, answer: &Answer, usual: StatusCode) -> Result<(), String> {
    // Heads that cannot be read are refused before anything is looked for.
    if answer.status != usual && ![400, 414, 431].contains(&answer.status.as_u16()) {
        return Err(format!("{path}: {} from what is not in the document", answer.status));
    }
    if legacy::owns(path) {
        return check_shape(&legacy::refusal_shape(), answer);
    }
    check_shape(&DOCUMENT["components"]["schemas"]["Problem"], answer)
}

/// The path of the document a request's path is one of: the one with the fewest parameters.
pub(super) fn find(path: &str) -> Option<(&'static str, &'static Value)> {
    let path = if legacy::owns(path) { path.strip_suffix('/').unwrap_or(path) } else { path };
    let fits = |template: &str| {
        let (mut given, mut known) = (path.split('/'), template.split('/'));
        loop {
            match (given.next(), known.next()) {
                (None, None) => return true,
                (Some(given), Some(known)) if known.starts_with('{') && !given.is_empty() => {}
                (Some(given), Some(known)) if given == known => {}
                _ => return false,
            }
        }
    };
    let paths = DOCUMENT["paths"].as_object().unwrap().iter();
    let fitting = paths.filter(|(template, _)| fits(template));
    let found = fitting.min_by_key(|(template, _)| template.matches('{').count());
    found.map(|(template, methods)| (template.as_str(), methods))
}

/// What a `$ref` refers to.
pub(super) fn resolved(value: &'static Value) -> &'static Value {
    let reference = value.get("$ref").and_then(Value::as_str);
    reference.map_or(value, |reference| DOCUMENT.pointer(&reference[1..]).unwrap())
}

/// A validator of a shape of the document.
pub(super) fn shape(schema: &Value) -> Arc<Validator> {
    let mut shapes = SHAPES.lock().unwrap();
    let made = shapes.entry(schema.to_string()).or_insert_with(|| {
        let mut whole = schema.clone();
        whole["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
        whole["components"] = DOCUMENT["components"].clone();
        let options = jsonschema::options().should_validate_formats(true);
        Arc::new(options.build(&whole).unwrap())
    });
    Arc::clone(made)
}

/// The control: an answer that is not as promised is noticed, whatever is wrong with it.
#[tokio::test]
async fn an_answer_that_is_not_as_promised_is_noticed() {
    let app = super::TestApp::new().await;
    let id = app.webhook("http://127.0.0.1:9/", &["order.*"]).await;
    let path = format!("/api/v1/webhooks/{id}");
    let good = app.get(&path).await;
    let complains = |method: &str, path: &str, doctor: &dyn Fn(&mut Answer)| {
        let mut answer = good.clone();
        doctor(&mut answer);
        check(method, path, &answer).is_err()
    };
    assert!(!complains("GET", &path, &|_| {}), "the answer itself is as promised");
    assert!(complains("GET", &path, &|answer| answer.json["more"] = json!(1)));
    assert!(complains("GET", &path, &|answer| answer.json["status"] = json!("on")));
    assert!(complains("GET", &path, &|answer| answer.json["name"] = json!(7)));
    assert!(complains("GET", &path, &|answer| answer.json["created_at"] = json!("today")));
    assert!(complains("GET", &path, &|answer| answer.json["health"]["more"] = json!(1)));
    assert!(complains("GET", &path, &|answer| {
        answer.json.as_object_mut().unwrap().remove("headers");
    }));
    assert!(complains("GET", &path, &|answer| answer.status = StatusCode::CREATED));
    assert!(complains("GET", &path, &|answer| {
        answer.headers.insert("content-type", "text/plain".parse().unwrap());
    }));
    assert!(complains("DELETE", &path, &|_| {}), "another operation");
    assert!(complains("PUT", &path, &|_| {}), "no operation");
    assert!(complains("GET", "/api/v1/nothing", &|_| {}), "no path");
}

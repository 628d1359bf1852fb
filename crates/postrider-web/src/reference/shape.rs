//! JSON Schemas in words: what a member is, its limits, and its own members below it.

use serde_json::{Map, Value};

use super::html::Html;

/// Where a shape of the document stands on the page.
pub(super) fn anchor(name: &str) -> String {
    format!("shape-{name}")
}

fn text<'a>(schema: &'a Value, member: &str) -> Option<&'a str> {
    schema.get(member).and_then(Value::as_str)
}

/// The name of the shape a schema refers to.
fn referred(schema: &Value) -> Option<&str> {
    text(schema, "$ref").and_then(|reference| reference.rsplit('/').next())
}

/// The alternatives of a schema.
pub(super) fn alternatives(schema: &Value) -> Option<&Vec<Value>> {
    let one_of = schema.get("oneOf").or_else(|| schema.get("anyOf"));
    one_of.and_then(Value::as_array)
}

/// The types a schema names but `null`, and whether it names that too.
fn types(schema: &Value) -> (Vec<&str>, bool) {
    let named = match schema.get("type") {
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(one)) => vec![one.as_str()],
        _ => Vec::new(),
    };
    let is_nullable = named.contains(&"null");
    (named.into_iter().filter(|name| *name != "null").collect(), is_nullable)
}

/// What may stand there: a type with its limits.
pub(super) fn words(html: &mut Html, schema: &Value) {
    if let Some(name) = referred(schema) {
        html.link(&anchor(name), name);
        return;
    }
    if let Some(several) = alternatives(schema) {
        for (index, one) in several.iter().enumerate() {
            html.markup(if index > 0 { " or " } else { "" });
            words(html, one);
        }
        return;
    }
    if let Some(names) = schema.get("enum").and_then(Value::as_array) {
        for (index, name) in names.iter().enumerate() {
            html.markup(if index > 0 { " or " } else { "" }).code(&plain(name));
        }
        return;
    }
    let (named, is_nullable) = types(schema);
    match named.as_slice() {
        [] if is_nullable => {
            html.code("null");
        }
        [] => {
            html.markup("any JSON");
        }
        ["array"] => {
            html.markup("list of ");
            words(html, schema.get("items").unwrap_or(&Value::Null));
        }
        ["string"] => {
            html.text(&string(schema));
        }
        ["integer"] => {
            html.markup("whole number");
        }
        ["boolean"] => {
            html.code("true").markup(" or ").code("false");
        }
        ["object"] => {
            html.markup("object");
            members_of_any_name(html, schema);
        }
        _ => {
            html.text(&named.join(" or "));
        }
    }
    limits(html, schema);
    html.markup(if is_nullable && !named.is_empty() { " or <code>null</code>" } else { "" });
}

fn members_of_any_name(html: &mut Html, schema: &Value) {
    let open = schema.get("additionalProperties").filter(|open| open.is_object());
    if let Some(open) = open {
        html.markup(" whose members are each ");
        words(html, open);
    }
}

/// What a string is.
fn string(schema: &Value) -> String {
    match (text(schema, "x-names"), text(schema, "format")) {
        (Some("cursor"), _) => "cursor".to_owned(),
        (Some("any"), _) => "id".to_owned(),
        (Some(of), _) => format!("id of {} {}", article(of), of.replace('_', " ")),
        (None, Some("date-time")) => "time, as in 2026-05-04T03:02:01.000Z".to_owned(),
        (None, Some("uri")) => "URL".to_owned(),
        (None, Some("uri-reference")) => "link".to_owned(),
        (None, Some("email")) => "e-mail address".to_owned(),
        _ => "text".to_owned(),
    }
}

fn article(noun: &str) -> &'static str {
    if noun.starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" }
}

/// The bounds of a schema.
fn limits(html: &mut Html, schema: &Value) {
    let bounds = [
        ("minimum", "maximum", ""),
        ("minLength", "maxLength", " characters"),
        ("minItems", "maxItems", " items"),
        ("minProperties", "maxProperties", " members"),
    ];
    for (least, most, of) in bounds {
        let bound = |name| schema.get(name).and_then(Value::as_u64).filter(|bound| *bound > 0);
        match (bound(least), bound(most)) {
            (Some(least), Some(most)) => html.text(&format!(", {least} to {most}{of}")),
            (Some(least), None) => html.text(&format!(", at least {least}{of}")),
            (None, Some(most)) => html.text(&format!(", at most {most}{of}")),
            (None, None) => html,
        };
    }
    if let Some(pattern) = text(schema, "pattern") {
        html.markup(", matching ").code(pattern);
    }
    if let Some(default) = schema.get("default") {
        html.markup(", ").code(&plain(default)).markup(" when left out");
    }
    if let Some([example, ..]) = schema.get("examples").and_then(Value::as_array).map(Vec::as_slice)
    {
        html.markup(", such as ").code(&plain(example));
    }
}

/// A value as people would write it.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The members of an object, each with its own below it.
pub(super) fn members(html: &mut Html, schema: &Value) {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
    let required = schema.get("required").and_then(Value::as_array);
    let is_required = |name: &str| required.is_some_and(|all| all.iter().any(|one| one == name));
    html.markup("<dl>");
    for (name, member) in in_order(properties, &is_required) {
        let notes: &[&str] = if is_required(name) { &[] } else { &["may be left out"] };
        entry(html, name, member, notes, text(member, "description"));
    }
    html.markup("</dl>");
}

/// What must be there first.
fn in_order<'a>(
    properties: &'a Map<String, Value>,
    is_required: &dyn Fn(&str) -> bool,
) -> Vec<(&'a String, &'a Value)> {
    let mut all: Vec<_> = properties.iter().collect();
    all.sort_by_key(|(name, _)| !is_required(name));
    all
}

/// One member or parameter: name, shape, meaning, and what is inside it.
pub(super) fn entry(
    html: &mut Html,
    name: &str,
    schema: &Value,
    notes: &[&str],
    meaning: Option<&str>,
) {
    html.markup("<dt>").code(name);
    html.markup(" <small>").text(&notes.join(", ")).markup("</small></dt><dd>");
    if let Some(meaning) = meaning {
        html.markup("<p>").prose(meaning).markup("</p>");
    }
    html.markup("<p class=\"shape\">");
    words(html, schema);
    html.markup("</p>");
    members(html, schema);
    if let Some(items) = schema.get("items") {
        members(html, items);
    }
    for one in alternatives(schema).into_iter().flatten() {
        members(html, one);
    }
    html.markup("</dd>");
}

//! A call one can paste into a shell.

use serde_json::Value;

/// Where `postrider serve` listens unless told otherwise.
const BASE: &str = "http://127.0.0.1:8080";

/// The command for an operation.
pub(super) fn curl(method: &str, path: &str, operation: &Value) -> String {
    let mut address = path.to_owned();
    let mut query = Vec::new();
    let parameters = operation.get("parameters").and_then(Value::as_array);
    for parameter in parameters.into_iter().flatten() {
        let text = |member: &str| parameter.get(member).and_then(Value::as_str).unwrap_or_default();
        let names = parameter.pointer("/schema/x-names").and_then(Value::as_str);
        let stand_in = stand_in(names.unwrap_or(text("name")));
        match text("in") {
            "path" => address = address.replace(&format!("{{{}}}", text("name")), &stand_in),
            "query" if parameter.get("required") == Some(&Value::Bool(true)) => {
                query.push(format!("{}={stand_in}", text("name")));
            }
            _ => {}
        }
    }
    if !query.is_empty() {
        address = format!("{address}?{}", query.join("&"));
    }
    let mut lines = vec![match method {
        "get" => format!("curl {}", quoted(&format!("{BASE}{address}"))),
        _ => format!("curl -X {} {}", method.to_uppercase(), quoted(&format!("{BASE}{address}"))),
    }];
    let needs_key = operation.get("security").and_then(Value::as_array);
    if needs_key.is_some_and(|ways| !ways.is_empty()) {
        lines.push("-H 'x-api-key: KEY'".to_owned());
    }
    if let Some(body) = body(operation) {
        lines.push("-H 'content-type: application/json'".to_owned());
        lines.push(format!("-d {}", quoted(&body.to_string())));
    }
    lines.join(" \\\n  ")
}

/// What stands for something of the reader's.
fn stand_in(names: &str) -> String {
    match names {
        "cursor" | "any" => "ID".to_owned(),
        of => format!("{}_ID", of.to_uppercase()),
    }
}

/// The example of the document, or what must be there at least.
fn body(operation: &Value) -> Option<Value> {
    let content = operation.pointer("/requestBody/content/application~1json")?;
    if let Some(example) = content.get("example") {
        return Some(example.clone());
    }
    let schema = content.get("schema")?;
    let required = schema.get("required").and_then(Value::as_array)?;
    let stand_in = |name: &Value| name.as_str().map(|name| (name.to_owned(), Value::from("…")));
    Some(Value::Object(required.iter().filter_map(stand_in).collect()))
}

/// A text in single quotes, for a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_of_an_example_do_not_end_the_argument() {
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}

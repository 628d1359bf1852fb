//! The older API's errors: the same refusals, told in its few forms (facts.md 10).

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::error::Problem;

/// The status and the document of a refusal.
pub(crate) fn render(problem: &Problem) -> (StatusCode, Vec<u8>) {
    let status = problem.status();
    let detail = |text: &str| json!({ "detail": text });
    let (status, document) = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            (status, detail("Authentication Failed"))
        }
        StatusCode::NOT_FOUND => (status, detail("Not found.")),
        // The only conflict here is a change that others were always quicker than.
        StatusCode::CONFLICT => {
            let text = "Resource is currently in use. Please try again shortly.";
            (StatusCode::LOCKED, json!({ "details": text }))
        }
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => {
            let document = match problem.field() {
                Some(field) => json!({ field: [problem.detail()] }),
                None => detail(problem.detail()),
            };
            (StatusCode::BAD_REQUEST, document)
        }
        _ => (status, detail(problem.detail())),
    };
    (status, document.to_string().into_bytes())
}

/// Any of these forms.
pub(crate) fn refusal_shape() -> Value {
    let text = json!({ "type": "string" });
    let texts = json!({ "type": "array", "items": text, "minItems": 1 });
    json!({
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": { "oneOf": [text, texts] },
    })
}

//! How to receive: programs that verify signatures, and why one does not match.

use std::sync::LazyLock;

use askama::Template;
use axum::http::{Method, Uri};
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::Listed;
use super::form::{Sent, asked};
use super::page::{Answer, Frame, render};
use super::view::{Moment, Webhook};
use super::visitor::Visitor;
use super::webhooks::checked;

/// The programs of the README, which tests run.
static SNIPPETS: LazyLock<Vec<Snippet>> = LazyLock::new(|| {
    let readme = include_str!("../../../../README.md");
    let all =
        [("Python", "verify-python"), ("JavaScript", "verify-javascript"), ("Rust", "verify-rust")];
    all.iter().filter_map(|(language, name)| Snippet::find(readme, language, name)).collect()
});

/// A program that verifies.
struct Snippet {
    language: &'static str,
    code: &'static str,
}

impl Snippet {
    fn find(readme: &'static str, language: &'static str, name: &str) -> Option<Self> {
        let (_, after) = readme.split_once(&format!("<!-- run: {name} -->\n```"))?;
        let (_, code) = after.split_once('\n')?;
        Some(Self { language, code: code.split_once("```")?.0 })
    }
}

/// What the API has found.
#[derive(Deserialize)]
struct Check {
    valid: bool,
    words: String,
    signed_at: Option<Moment>,
}

/// What was pasted.
#[derive(Default)]
struct Pasted {
    webhook: String,
    headers: String,
    body: String,
}

#[derive(Template)]
#[template(path = "receive.html")]
struct ReceivePage<'a> {
    frame: Frame<'a>,
    webhooks: Vec<Webhook>,
    header: &'a str,
    snippets: &'static [Snippet],
    pasted: Pasted,
    check: Option<Check>,
}

pub(super) async fn page(visitor: Visitor, uri: Uri) -> Answer {
    let asked = asked(&uri).into_iter().find(|(name, _)| name == "webhook");
    let webhook = asked.map(|(_, id)| id).unwrap_or_default();
    show(&visitor, Pasted { webhook, ..Pasted::default() }, None).await
}

/// Looks at what was pasted. The key is not shown again.
pub(super) async fn check(Sent { visitor, fields }: Sent) -> Answer {
    let pasted = Pasted {
        webhook: checked(fields.text("webhook"))?.to_owned(),
        headers: fields.text("headers").to_owned(),
        // Browsers send line breaks as CR LF; a body with any of its own would not be compact JSON.
        body: fields.secret("body").replace("\r\n", "\n"),
    };
    let mut asked = json!({ "headers": pasted.headers, "body": pasted.body });
    if !fields.secret("key").is_empty() {
        asked["key"] = Value::from(fields.secret("key"));
    }
    let path = format!("/api/v1/webhooks/{}/signature-checks", pasted.webhook);
    let found = visitor.api.send(Method::POST, &path, &asked).await?;
    show(&visitor, pasted, Some(found)).await
}

async fn show(visitor: &Visitor, pasted: Pasted, check: Option<Check>) -> Answer {
    let listed: Listed<Webhook> = visitor.api.get("/api/v1/webhooks?page_size=100").await?;
    let (frame, header) = (Frame { section: "receive", visitor }, &*visitor.signature_header);
    let webhooks = listed.results;
    render(&ReceivePage { frame, webhooks, header, snippets: &SNIPPETS, pasted, check })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_is_found_in_the_readme() {
        let languages: Vec<_> = SNIPPETS.iter().map(|snippet| snippet.language).collect();
        assert_eq!(languages, ["Python", "JavaScript", "Rust"]);
        assert!(SNIPPETS.iter().all(|snippet| snippet.code.contains("sig=")));
    }
}

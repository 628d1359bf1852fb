//! A client of the HTTP API: what any sender or merchant could do with `curl`.

use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::CONTENT_TYPE;
use hyper::{Method, Request};
use postrider_engine::Clock;
use serde_json::Value;

use crate::failure::Failure;
use crate::http_client::Server;

/// An API answers in milliseconds; beyond this it does not work.
const TIMEOUT: Duration = Duration::from_secs(10);
const JSON: &str = "application/json";
const NDJSON: &str = "application/x-ndjson";

/// The API of one node, with a key.
#[derive(Clone)]
pub(crate) struct Api {
    server: Server,
    key: String,
    /// The merchant an operator's key speaks for.
    merchant: Option<String>,
    clock: Clock,
}

impl Api {
    /// The API at `url`.
    pub(crate) fn new(url: &str, key: &str, clock: Clock) -> Result<Self, Failure> {
        let server = Server::parse(url).map_err(Failure::usage)?;
        Ok(Self { server, key: key.to_owned(), merchant: None, clock })
    }

    /// The same for an operator's key, which speaks for a merchant.
    pub(crate) fn for_merchant(&self, merchant: &str) -> Self {
        Self { merchant: Some(merchant.to_owned()), ..self.clone() }
    }

    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.call(Method::GET, path, JSON, String::new(), TIMEOUT).await
    }

    /// A question whose answer may take up to `wait` by itself.
    pub(crate) async fn get_waiting(&self, path: &str, wait: Duration) -> anyhow::Result<Value> {
        self.call(Method::GET, path, JSON, String::new(), wait + TIMEOUT).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.post_text(path, body.to_string()).await
    }

    /// JSON that is written already, and goes out as it is.
    pub(crate) async fn post_text(&self, path: &str, body: String) -> anyhow::Result<Value> {
        self.call(Method::POST, path, JSON, body, TIMEOUT).await
    }

    pub(crate) async fn post_lines(&self, path: &str, lines: String) -> anyhow::Result<Value> {
        self.call(Method::POST, path, NDJSON, lines, TIMEOUT).await
    }

    /// Every row of a list, page after page.
    pub(crate) async fn list(&self, path: &str) -> anyhow::Result<Vec<Value>> {
        let mut rows = Vec::new();
        let mut next = Some(path.to_owned());
        while let Some(path) = next.take() {
            let mut page = self.get(&path).await?;
            let Value::Array(results) = page["results"].take() else {
                bail!("GET {path} did not answer a list");
            };
            rows.extend(results);
            next = page["next"].as_str().map(path_of);
        }
        Ok(rows)
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        content_type: &str,
        body: String,
        timeout: Duration,
    ) -> anyhow::Result<Value> {
        let what = format!("{method} {path}");
        let merchant = self.merchant.iter().map(|merchant| ("postrider-merchant", merchant));
        let request =
            merchant.fold(Request::builder(), |request, (name, value)| request.header(name, value));
        let request = request
            .method(method)
            .uri(format!("{}{path}", self.server.prefix()))
            .header("x-api-key", &self.key)
            .header(CONTENT_TYPE, content_type)
            .body(Full::new(Bytes::from(body)))
            .with_context(|| what.clone())?;
        let answered = self.clock.within(timeout, self.server.exchange(request)).await;
        let answered = answered.ok_or_else(|| anyhow!("no answer within {timeout:?}"));
        let (status, body) =
            answered.and_then(|answered| answered).with_context(|| what.clone())?;
        if !status.is_success() {
            let refusal = Refused { status: status.as_u16(), problem: problem(&body) };
            return Err(anyhow::Error::new(refusal).context(what));
        }
        serde_json::from_slice(&body).with_context(|| format!("{what} did not answer JSON"))
    }
}

/// The API understood and said no, or failed.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) status: u16,
    problem: String,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "answered {}: {}", self.status, self.problem)
    }
}

impl std::error::Error for Refused {}

/// What a problem document says, for people.
fn problem(body: &[u8]) -> String {
    let problem: Value = serde_json::from_slice(body).unwrap_or_default();
    match (problem["field"].as_str(), problem["detail"].as_str()) {
        (Some(field), Some(detail)) => format!("{field}: {detail}"),
        (None, Some(detail)) => detail.to_owned(),
        (_, None) => String::from_utf8_lossy(body).chars().take(500).collect(),
    }
}

/// The path and query of a link, which may name the host too.
fn path_of(link: &str) -> String {
    let rest = link.split_once("://").map_or(link, |(_, rest)| rest);
    rest.find('/').map_or_else(|| rest.to_owned(), |start| rest[start..].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_followed_with_or_without_a_host() {
        assert_eq!(path_of("http://127.0.0.1:1/api/v1/x?a=b"), "/api/v1/x?a=b");
        assert_eq!(path_of("/api/v1/x?a=b"), "/api/v1/x?a=b");
    }

    #[test]
    fn problems_are_told_in_their_own_words() {
        let body = br#"{"status":422,"field":"type","detail":"There is none."}"#;
        assert_eq!(problem(body), "type: There is none.");
        assert_eq!(problem(b"<html>"), "<html>");
    }
}

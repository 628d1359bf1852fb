//! The demo's client of the HTTP API: what any sender or merchant could do with `curl`.
//!
//! One connection per request: the demo makes a few dozen.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use postrider_engine::Clock;
use serde_json::Value;
use tokio::net::TcpStream;

/// A local API answers in milliseconds; beyond this it does not work.
const TIMEOUT: Duration = Duration::from_secs(10);
const JSON: &str = "application/json";
const NDJSON: &str = "application/x-ndjson";

/// The API of one node, with a key.
#[derive(Clone)]
pub(super) struct Api {
    address: SocketAddr,
    key: String,
    clock: Clock,
}

impl Api {
    pub(super) fn new(address: SocketAddr, key: String, clock: Clock) -> Self {
        Self { address, key, clock }
    }

    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.call(Method::GET, path, JSON, String::new()).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.call(Method::POST, path, JSON, body.to_string()).await
    }

    pub(super) async fn post_lines(&self, path: &str, lines: String) -> anyhow::Result<Value> {
        self.call(Method::POST, path, NDJSON, lines).await
    }

    /// Every row of a list, page after page.
    pub(super) async fn list(&self, path: &str) -> anyhow::Result<Vec<Value>> {
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
    ) -> anyhow::Result<Value> {
        let what = format!("{method} {path}");
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, self.address.to_string())
            .header("x-api-key", &self.key)
            .header(CONTENT_TYPE, content_type)
            .body(Full::new(Bytes::from(body)))
            .with_context(|| what.clone())?;
        let answered = self.clock.within(TIMEOUT, self.exchange(request)).await;
        let answered = answered.ok_or_else(|| anyhow!("no answer within 10 s"));
        let (status, body) =
            answered.and_then(|answered| answered).with_context(|| what.clone())?;
        if !status.is_success() {
            bail!("{what} answered {status}: {}", String::from_utf8_lossy(&body));
        }
        serde_json::from_slice(&body).with_context(|| format!("{what} did not answer JSON"))
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> anyhow::Result<(StatusCode, Bytes)> {
        let stream = TcpStream::connect(self.address).await?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let exchange = async {
            let response = sender.send_request(request).await?;
            let status = response.status();
            anyhow::Ok((status, response.into_body().collect().await?.to_bytes()))
        };
        // The connection does the reading and writing, so both run side by side in this task.
        tokio::pin!(exchange);
        tokio::select! {
            done = &mut exchange => done,
            ended = connection => {
                ended?;
                exchange.await
            }
        }
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
}

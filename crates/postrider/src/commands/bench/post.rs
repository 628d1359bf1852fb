//! Requests on one kept connection, as cheap as hyper makes them: this is also the bare client of
//! the floor.

use std::net::SocketAddr;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

/// The largest answer read.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Characters shown of an answer that was no acceptance.
const ANSWER_SHOWN_CHARS: usize = 300;

/// Where requests go.
#[derive(Debug, Clone)]
pub(super) struct Target {
    authority: String,
    path: Uri,
}

impl Target {
    /// Reads `http://HOST:PORT/PATH`.
    pub(super) fn parse(url: &str) -> anyhow::Result<Self> {
        let uri: Uri = url.parse().with_context(|| format!("{url:?} is no URL"))?;
        let (Some("http"), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            bail!("{url:?} must be like http://HOST:PORT/PATH");
        };
        let port = authority.port_u16().unwrap_or(80);
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).parse()?;
        Ok(Self { authority: format!("{}:{port}", authority.host()), path })
    }
}

/// One connection, made when it is needed and again after it was lost.
#[derive(Debug)]
pub(super) struct Connection {
    target: Target,
    open: Option<(SendRequest<Full<Bytes>>, JoinHandle<()>)>,
}

impl Connection {
    pub(super) const fn new(target: Target) -> Self {
        Self { target, open: None }
    }

    pub(super) fn close(&mut self) {
        if let Some((_, task)) = self.open.take() {
            task.abort();
        }
    }

    /// Posts a body; says what was answered unless it was accepted (2xx).
    pub(super) async fn post(
        &mut self,
        headers: &[(String, String)],
        body: String,
    ) -> Result<(), String> {
        let posted = self.exchange(headers, body).await;
        if posted.is_err() {
            self.close();
        }
        posted.map_err(|error| format!("{error:#}"))?
    }

    async fn exchange(
        &mut self,
        headers: &[(String, String)],
        body: String,
    ) -> anyhow::Result<Result<(), String>> {
        let mut request = Request::post(self.target.path.clone())
            .header(HOST, &self.target.authority)
            .header(CONTENT_TYPE, "application/json");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(Bytes::from(body)))?;
        let sender = self.sender().await?;
        sender.ready().await?;
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(anyhow::Error::from_boxed)?.to_bytes();
        if status.is_success() {
            return Ok(Ok(()));
        }
        let text = String::from_utf8_lossy(&body);
        let text: String = text.chars().take(ANSWER_SHOWN_CHARS).collect();
        Ok(Err(format!("{status}: {text}")))
    }

    /// Asks for a page and reads all of it.
    pub(super) async fn get(
        &mut self,
        path: &str,
        (name, value): &(String, String),
    ) -> anyhow::Result<StatusCode> {
        let request = Request::get(path).header(HOST, &self.target.authority).header(name, value);
        let request = request.body(Full::new(Bytes::new()))?;
        let sender = self.sender().await?;
        sender.ready().await?;
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
        body.map_err(anyhow::Error::from_boxed)?;
        Ok(status)
    }

    async fn sender(&mut self) -> anyhow::Result<&mut SendRequest<Full<Bytes>>> {
        if self.open.as_ref().is_none_or(|(sender, _)| sender.is_closed()) {
            let stream = TcpStream::connect(&self.target.authority).await?;
            stream.set_nodelay(true)?;
            let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
            let task = TaskTracker::new().spawn(async move {
                // Whoever waits for an answer is told.
                let _ = connection.await;
            });
            self.open = Some((sender, task));
        }
        self.open.as_mut().map(|(sender, _)| sender).context("there is no connection")
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.close();
    }
}

/// The URL of a path at an address.
pub(super) fn url(address: SocketAddr, path: &str) -> String {
    format!("http://{address}{path}")
}

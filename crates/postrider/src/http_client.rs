//! One HTTP request on a connection of its own, for commands that speak to an API or a local server.
//!
//! Deliveries do not go this way: they have the engine's client, which judges addresses. Here a
//! person names the server, on loopback as often as not.

use std::fmt;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use postrider_engine::Clock;
use postrider_engine::client::{Trust, tls_config};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// The largest answer taken: a page of deliveries with their bodies.
const ANSWER_BYTES_MAX: usize = 256 * 1024 * 1024;

/// A server, by the address a person gave.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    host: String,
    port: u16,
    is_tls: bool,
    /// What stands before the path of every request, without a slash at its end.
    prefix: String,
}

impl Server {
    /// Reads `http://HOST:PORT/PATH` or its `https` form.
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        let problem = || format!("{url:?} is no URL; write http://HOST:PORT or https://HOST");
        let uri: Uri = url.parse().map_err(|_| problem())?;
        let is_tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(problem()),
        };
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(problem)?;
        if uri.query().is_some() || uri.authority().is_none_or(|it| it.as_str().contains('@')) {
            return Err(problem());
        }
        Ok(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 }),
            is_tls,
            prefix: uri.path().trim_end_matches('/').to_owned(),
        })
    }

    /// What stands before the path of every request.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Sends one request, whose URI is a path, and reads the whole answer.
    pub(crate) async fn exchange(
        &self,
        mut request: Request<Full<Bytes>>,
    ) -> anyhow::Result<(StatusCode, Bytes)> {
        let host = HeaderValue::try_from(self.to_string()).context("the host's name")?;
        request.headers_mut().insert(HOST, host);
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        if !self.is_tls {
            return talk(stream, request).await;
        }
        let name = ServerName::try_from(self.host.clone()).context("the host's name")?;
        let config = tls_config(Trust::System, Clock::system())?;
        talk(TlsConnector::from(Arc::new(config)).connect(name, stream).await?, request).await
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let default = if self.is_tls { 443 } else { 80 };
        let host = &self.host;
        match (host.contains(':'), self.port == default) {
            (false, true) => write!(f, "{host}"),
            (false, false) => write!(f, "{host}:{}", self.port),
            (true, true) => write!(f, "[{host}]"),
            (true, false) => write!(f, "[{host}]:{}", self.port),
        }
    }
}

async fn talk(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> anyhow::Result<(StatusCode, Bytes)> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let exchange = async {
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| anyhow!("the answer cannot be read: {error}"))?;
        anyhow::Ok((status, body.to_bytes()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_read_and_shown_as_in_a_host_header() {
        let host = |url| Server::parse(url).map(|server| server.to_string());
        assert_eq!(host("http://127.0.0.1:8080"), Ok("127.0.0.1:8080".to_owned()));
        assert_eq!(host("http://[::1]:8080/"), Ok("[::1]:8080".to_owned()));
        assert_eq!(host("https://hooks.example.com/"), Ok("hooks.example.com".to_owned()));
        assert_eq!(Server::parse("https://a.example/under/").unwrap().prefix(), "/under");
        for url in ["", "8080", "ftp://a/", "http://", "http://u:p@a/", "//a/", "http://a/?b=c"] {
            assert!(Server::parse(url).is_err(), "{url:?}");
        }
    }
}

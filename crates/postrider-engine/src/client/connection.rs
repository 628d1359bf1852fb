//! One HTTP/1.1 connection: the sending end here, the reading and writing in a task of its own.
//!
//! Invariant: the task ends no later than its [`Connection`] is dropped. It is aborted, because a
//! polite shutdown waits for a peer who may never read again.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use postrider_core::limits;
use tokio::task::AbortHandle;
use tokio_util::task::TaskTracker;

use super::fault::{self, Fault};
use super::wire::{Meter, Wire};

/// An open connection that carries one request at a time.
#[derive(Debug)]
pub(super) struct Connection {
    origin: Arc<str>,
    sender: SendRequest<Full<Bytes>>,
    meter: Arc<Meter>,
    task: AbortHandle,
}

impl Connection {
    /// Begins HTTP on an open wire.
    pub(super) async fn open(
        wire: Wire,
        origin: &str,
        tracker: &TaskTracker,
    ) -> Result<Self, Fault> {
        let meter = wire.meter();
        let handshake = Builder::new()
            .title_case_headers(true)
            .max_headers(limits::RESPONSE_HEADERS_MAX)
            .max_buf_size(limits::RESPONSE_HEAD_BYTES_MAX)
            .handshake(TokioIo::new(wire))
            .await;
        let (sender, connection) = handshake.map_err(|error| fault::of_exchange(&error))?;
        // Its error is told to whoever waits for the answer; nobody misses it when idle.
        let task = tracker.spawn(async move { drop(connection.await) }).abort_handle();
        Ok(Self { origin: Arc::from(origin), sender, meter, task })
    }

    /// Sends a request and waits for the head of its response.
    pub(super) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> hyper::Result<Response<Incoming>> {
        self.meter.reset();
        self.sender.send_request(request).await
    }

    /// Whether any byte of the current answer has arrived.
    pub(super) fn has_received(&self) -> bool {
        self.meter.received() > 0
    }

    /// Whether another request can be sent right now.
    pub(super) fn is_ready(&self) -> bool {
        self.sender.is_ready()
    }

    /// Waits until another request can be sent; false when none ever can.
    pub(super) async fn becomes_ready(&mut self) -> bool {
        self.sender.ready().await.is_ok()
    }

    /// Scheme, host and port it leads to.
    pub(super) fn origin(&self) -> &Arc<str> {
        &self.origin
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

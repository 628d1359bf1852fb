//! A client's connection with three things added that hyper leaves out.
//!
//! - A write that makes no progress for too long breaks the connection, so that a client which
//!   asks and never reads cannot hold a place for ever (reliability.md row 19).
//! - hyper answers a head it cannot read (400, 414, 431) by itself and with an empty body, before
//!   any code of ours runs. Such an answer is recognised on its way out and given the problem
//!   document every other refusal has.
//! - A head that frames its body twice is made one that hyper refuses (`framing`).
//!
//! Invariant: bytes of our own answers are never touched: they carry a request id, hyper's do not.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use postrider_engine::Clock;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::framing::Framing;

/// Makes the whole answer that replaces hyper's bare one with this status code.
pub(crate) type Replacement = fn(&Clock, u16) -> Option<Vec<u8>>;

/// A stream with a deadline on stalled writes.
pub(crate) struct GuardedStream<S> {
    inner: S,
    clock: Clock,
    write_timeout: Duration,
    /// Runs while a write waits for the client.
    stalled: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    replacement: Replacement,
    /// A replacing answer, and how much of it was written.
    replacing: Option<(Vec<u8>, usize)>,
    framing: Framing,
}

impl<S: AsyncRead + AsyncWrite + Unpin> GuardedStream<S> {
    pub(crate) fn new(
        inner: S,
        clock: Clock,
        write_timeout: Duration,
        replacement: Replacement,
    ) -> Self {
        let (stalled, replacing, framing) = (None, None, Framing::new());
        Self { inner, clock, write_timeout, stalled, replacement, replacing, framing }
    }

    /// Passes a result of the inner stream on, and gives up when it has been pending for too long.
    fn guard<T>(
        &mut self,
        cx: &mut Context<'_>,
        progress: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if progress.is_ready() {
            self.stalled = None;
            return progress;
        }
        let (clock, timeout) = (&self.clock, self.write_timeout);
        let stalled = self.stalled.get_or_insert_with(|| {
            let clock = clock.clone();
            Box::pin(async move { clock.sleep(timeout).await })
        });
        match stalled.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }

    fn write_inner(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let progress = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.guard(cx, progress)
    }

    /// Writes all of the replacing answer, if there is one.
    fn write_replacing(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some((bytes, done)) = self.replacing.take() {
            if done >= bytes.len() {
                break;
            }
            let progress = self.write_inner(cx, bytes.get(done..).unwrap_or_default());
            let written = if let Poll::Ready(Ok(written)) = &progress { *written } else { 0 };
            self.replacing = Some((bytes, done + written));
            if ready!(progress)? == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// An answer of hyper's own has three short header lines.
const BARE_BYTES_MAX: usize = 512;

/// The status code when `bytes` are exactly one answer hyper made by itself.
fn bare_status(bytes: &[u8]) -> Option<u16> {
    if !bytes.starts_with(b"HTTP/1.1 4") || bytes.len() > BARE_BYTES_MAX {
        return None;
    }
    let head = std::str::from_utf8(bytes).ok()?;
    let is_bare = head.ends_with("\r\n\r\n")
        && head.contains("\r\ncontent-length: 0\r\n")
        && !head.contains("\r\nx-request-id: ");
    if is_bare { head.get(9..12)?.parse().ok() } else { None }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for GuardedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buffer))?;
        self.framing.follow(buffer.filled_mut().get_mut(before..).unwrap_or_default());
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for GuardedStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.replacing.is_none() {
            let made = bare_status(bytes).and_then(|code| (self.replacement)(&self.clock, code));
            let Some(made) = made else { return self.write_inner(cx, bytes) };
            self.replacing = Some((made, 0));
        }
        // hyper offers the same bytes again until told that they are written.
        ready!(self.write_replacing(cx))?;
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let progress = Pin::new(&mut self.inner).poll_flush(cx);
        self.guard(cx, progress)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let progress = Pin::new(&mut self.inner).poll_shutdown(cx);
        self.guard(cx, progress)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_answers_hyper_made_by_itself_are_replaced() {
        let bare = "HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\n\
                    content-length: 0\r\ndate: x\r\n\r\n";
        assert_eq!(bare_status(bare.as_bytes()), Some(431));
        for ours in [
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 404 Not Found\r\nx-request-id: a\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\n{}",
            "{\"a\":1}",
            "HTTP/1.1 4",
        ] {
            assert_eq!(bare_status(ours.as_bytes()), None, "{ours}");
        }
    }
}

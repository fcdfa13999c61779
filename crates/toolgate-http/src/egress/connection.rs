use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::AbortHandle;
use tokio::time::{Instant, Sleep, sleep, timeout};

use super::config::EgressConfig;

/// One HTTP/1.1 connection to a server, carrying one exchange at a time.
///
/// Dropping it closes the socket, whatever state the exchange is in: that is how a call is
/// cancelled (P8.20). Its task ends with it, or by itself when the server closes or it idles.
#[derive(Debug)]
pub(super) struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    task: AbortHandle,
    notes: Arc<Notes>,
}

/// What the connection's owner and its task tell each other.
#[derive(Debug)]
struct Notes {
    start: Instant,
    /// Bytes given to the transport so far.
    written: AtomicU64,
    /// When the connection was laid aside, or `BUSY`.
    idle_since_ms: AtomicU64,
    /// How long it may lie there.
    idle_limit_ms: AtomicU64,
}

const BUSY: u64 = u64::MAX;

/// Servers close connections that were unused for seconds; what was used just now is open.
const SETTLE_AFTER: Duration = Duration::from_millis(100);

/// A connection that takes longer to settle isn't worth waiting for: a new one is as fast.
const READY_MAX: Duration = Duration::from_millis(100);

/// Why an exchange didn't give an answer.
#[derive(Debug)]
pub(super) enum ExchangeError {
    /// The connection was gone before the request was looked at; here it is back.
    Unused(Box<Request<Full<Bytes>>>, hyper::Error),
    /// The request was taken, but the connection failed before one byte of it was written.
    Unwritten(hyper::Error),
    /// Some of the request was written.
    Written(hyper::Error),
}

impl Connection {
    /// Starts HTTP/1.1 on a transport, with a task of its own.
    pub(super) async fn start<S>(stream: S, config: &EgressConfig) -> hyper::Result<Self>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let notes = Arc::new(Notes::new(config.idle_timeout));
        let io = CountingIo {
            inner: TokioIo::new(stream),
            notes: Arc::clone(&notes),
        };
        let (sender, http) = http1_builder(config).handshake(io).await?;
        let task = tokio::spawn(Driven {
            http: Box::pin(http),
            timer: Box::pin(sleep(config.idle_timeout)),
            notes: Arc::clone(&notes),
        });
        Ok(Self {
            sender,
            task: task.abort_handle(),
            notes,
        })
    }

    /// Sends one request and waits for the head of its answer. Dropping the future closes the
    /// connection as soon as this value is dropped too.
    pub(super) async fn exchange(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, ExchangeError> {
        let written_before = self.notes.written.load(Relaxed);
        self.sender
            .try_send_request(request)
            .await
            .map_err(|mut error: TrySendError<_>| {
                let request = error.take_message();
                let written = self.notes.written.load(Relaxed) != written_before;
                match (request, error.into_error()) {
                    (Some(request), error) => ExchangeError::Unused(Box::new(request), error),
                    (None, error) if written => ExchangeError::Written(error),
                    (None, error) => ExchangeError::Unwritten(error),
                }
            })
    }

    /// Lays the connection aside.
    pub(super) fn rest(&self) {
        self.notes.idle_since_ms.store(self.notes.now_ms(), Relaxed);
    }

    /// Takes it up again; `None` if it is closed or has lain for too long.
    pub(super) async fn wake(mut self) -> Option<Self> {
        let idle = self.notes.idle_time();
        if idle >= self.notes.idle_limit() {
            return None;
        }
        if idle >= SETTLE_AFTER {
            // The server may have closed it meanwhile. The first turn lets the runtime ask the
            // system, the second lets the connection's task act on the answer. A request written
            // to a connection that is closed could not be sent again.
            tokio::task::yield_now().await;
            tokio::task::yield_now().await;
        }
        self.notes.idle_since_ms.store(BUSY, Relaxed);
        // The task may not have run since the last answer was read to its end. It may also still be
        // writing, to a server that answered before it had read the request, and never finish.
        if !self.sender.is_ready() {
            timeout(READY_MAX, self.sender.ready()).await.ok()?.ok()?;
        }
        Some(self)
    }

    /// Limits how long it may lie unused: the server said when it will close.
    pub(super) fn limit_idle(&self, limit: Duration) {
        let limit_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        self.notes.idle_limit_ms.fetch_min(limit_ms, Relaxed);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // The task would end by itself, but shuts the transport down in good order first, and for
        // that TLS needs a peer that reads.
        self.task.abort();
    }
}

fn http1_builder(config: &EgressConfig) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .max_header_size(config.max_header_bytes)
        .max_buf_size(READ_BUFFER_BYTES);
    // hyper keeps its own 100 on the stack; any number given goes to the heap for each answer.
    if config.max_headers != HYPER_MAX_HEADERS {
        builder.max_headers(config.max_headers);
    }
    builder
}

/// hyper's built-in number of header fields.
const HYPER_MAX_HEADERS: usize = 100;
/// Grown to at most this while a long answer comes in.
const READ_BUFFER_BYTES: usize = 400 * 1024;

impl Notes {
    fn new(idle_timeout: Duration) -> Self {
        Self {
            start: Instant::now(),
            written: AtomicU64::new(0),
            idle_since_ms: AtomicU64::new(BUSY),
            idle_limit_ms: AtomicU64::new(
                u64::try_from(idle_timeout.as_millis()).unwrap_or(u64::MAX),
            ),
        }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// How long it has lain unused.
    fn idle_time(&self) -> Duration {
        match self.idle_since_ms.load(Relaxed) {
            BUSY => Duration::ZERO,
            since => Duration::from_millis(self.now_ms().saturating_sub(since)),
        }
    }

    fn idle_limit(&self) -> Duration {
        Duration::from_millis(self.idle_limit_ms.load(Relaxed))
    }
}

/// The connection's task: hyper's state machine, and a timer that ends a connection nobody uses.
struct Driven<C> {
    http: Pin<Box<C>>,
    timer: Pin<Box<Sleep>>,
    notes: Arc<Notes>,
}

impl<C: Future<Output = hyper::Result<()>>> Future for Driven<C> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        // An error reaches whoever waits for an answer; if nobody does, nobody minds.
        if this.http.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        while this.timer.as_mut().poll(cx).is_ready() {
            let (idle, limit) = (this.notes.idle_time(), this.notes.idle_limit());
            if idle >= limit {
                return Poll::Ready(());
            }
            let rest = limit.saturating_sub(idle).max(TIMER_MIN);
            this.timer.as_mut().reset(Instant::now() + rest);
        }
        Poll::Pending
    }
}

/// The timer never rings more often than this.
const TIMER_MIN: Duration = Duration::from_millis(500);

/// A transport that counts the bytes it takes, so that "nothing was sent" is a fact.
struct CountingIo<T> {
    inner: T,
    notes: Arc<Notes>,
}

impl<T> CountingIo<T> {
    fn count(&self, result: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(bytes)) = result {
            // Only this task writes, so a load and a store do.
            let written = self.notes.written.load(Relaxed) + *bytes as u64;
            self.notes.written.store(written, Relaxed);
        }
    }
}

impl<T: Read + Unpin> Read for CountingIo<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<T: Write + Unpin> Write for CountingIo<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.inner).poll_write(cx, buf);
        self.count(&result);
        result
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.inner).poll_write_vectored(cx, bufs);
        self.count(&result);
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

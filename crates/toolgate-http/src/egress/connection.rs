use std::fmt;
use std::future::Future;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout};

use super::config::EgressConfig;

/// One HTTP/1.1 connection to a server, carrying one exchange at a time.
///
/// It has no task of its own: whoever waits for an answer moves it along, so that a call costs no hand-over
/// between tasks. It goes from hand to hand, so it lives in a box. Dropping it closes the socket, whatever state the exchange is in: that is how a call is
/// cancelled (P8.20).
pub(super) struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    /// hyper's side of the connection; `None` once it ended.
    http: Http,
    /// Bytes given to the transport so far.
    written: Arc<AtomicU64>,
    idle_since: Instant,
    /// How long it may lie unused.
    idle_limit: Duration,
    /// Held by every connection of an endpoint, to count them.
    counted: Option<Arc<()>>,
}

/// hyper's side of a connection, for whichever transport.
type Http = Option<Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>>;

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
    /// Starts HTTP/1.1 on a transport.
    pub(super) async fn start<S>(stream: S, config: &EgressConfig) -> hyper::Result<Box<Self>>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let written = Arc::new(AtomicU64::new(0));
        let io = CountingIo {
            inner: TokioIo::new(stream),
            written: Arc::clone(&written),
        };
        let (sender, http) = http1_builder(config).handshake(io).await?;
        Ok(Box::new(Self {
            sender,
            http: Some(Box::pin(http)),
            written,
            idle_since: Instant::now(),
            idle_limit: config.idle_timeout,
            counted: None,
        }))
    }

    /// Counts it as long as it is open, by whoever else holds this.
    pub(super) fn count(&mut self, open: &Arc<()>) {
        self.counted = Some(Arc::clone(open));
    }

    /// Sends one request and waits for the head of its answer. Dropping the future closes the
    /// connection as soon as this value is dropped too.
    pub(super) async fn exchange(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, ExchangeError> {
        let written_before = self.written.load(Relaxed);
        let mut answer = pin!(self.sender.try_send_request(request));
        let http = &mut self.http;
        let answered = poll_fn(|cx| poll_moving(http, cx, |cx| answer.as_mut().poll(cx))).await;
        answered.map_err(|mut error: TrySendError<_>| {
            let request = error.take_message();
            let written = self.written.load(Relaxed) != written_before;
            match (request, error.into_error()) {
                (Some(request), error) => ExchangeError::Unused(Box::new(request), error),
                (None, error) if written => ExchangeError::Written(error),
                (None, error) => ExchangeError::Unwritten(error),
            }
        })
    }

    /// Polls something that this connection brings, moving it along.
    pub(super) fn poll_moving<T>(
        &mut self,
        cx: &mut Context<'_>,
        what: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        poll_moving(&mut self.http, cx, what)
    }

    /// Lays the connection aside.
    pub(super) fn rest(&mut self) {
        self.idle_since = Instant::now();
    }

    /// Takes it up again; `None` if it is closed or has lain for too long.
    pub(super) async fn wake(mut self: Box<Self>) -> Option<Box<Self>> {
        let idle = self.idle_since.elapsed();
        if idle >= self.idle_limit {
            return None;
        }
        if idle >= SETTLE_AFTER {
            // The server may have closed it meanwhile: a turn lets the runtime ask the system. A request
            // written to a connection that is closed could not be sent again.
            tokio::task::yield_now().await;
            if !self.is_open() {
                return None;
            }
        }
        if !self.sender.is_ready() {
            // It may still be writing, to a server that answered before it had read the request, and
            // never finish.
            let (http, sender) = (&mut self.http, &mut self.sender);
            let ready = poll_fn(|cx| poll_moving(http, cx, |cx| sender.poll_ready(cx)));
            timeout(READY_MAX, ready).await.ok()?.ok()?;
        }
        Some(self)
    }

    /// Whether it may still be used, as far as the runtime has heard: it has neither lain for too long nor ended.
    pub(super) fn is_fresh(&mut self) -> bool {
        self.idle_since.elapsed() < self.idle_limit && self.is_open()
    }

    fn is_open(&mut self) -> bool {
        move_along(&mut self.http, &mut Context::from_waker(Waker::noop()));
        self.http.is_some()
    }

    /// Limits how long it may lie unused: the server said when it will close.
    pub(super) fn limit_idle(&mut self, limit: Duration) {
        self.idle_limit = self.idle_limit.min(limit);
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("open", &self.http.is_some())
            .finish_non_exhaustive()
    }
}

/// Polls something that a connection brings. Nothing but the connection moves it, so only the connection's
/// own waiting has to wake the task, and only when there is something to wait for: hyper's inner channels
/// would wake it again for what it is just doing itself.
fn poll_moving<T>(
    http: &mut Http,
    cx: &mut Context<'_>,
    mut what: impl FnMut(&mut Context<'_>) -> Poll<T>,
) -> Poll<T> {
    let mut quiet = Context::from_waker(Waker::noop());
    if let ready @ Poll::Ready(_) = what(&mut quiet) {
        return ready;
    }
    move_along(http, &mut quiet);
    if let ready @ Poll::Ready(_) = what(&mut quiet) {
        return ready;
    }
    move_along(http, cx);
    if http.is_some() {
        what(&mut quiet)
    } else {
        // It ended, which settles whatever was waited for; the rest, if any, is the runtime's own delay.
        what(cx)
    }
}

fn move_along(http: &mut Http, cx: &mut Context<'_>) {
    let ended = http
        .as_mut()
        .is_some_and(|http| http.as_mut().poll(cx).is_ready());
    if ended {
        // An error reaches whoever waits for an answer; if nobody does, nobody minds.
        *http = None;
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
/// Grown to at most this while a long answer comes in. Larger reads cost memory and no less time: what was read has to
/// be gone through while it is still near the processor.
const READ_BUFFER_BYTES: usize = 64 * 1024;

/// A transport that counts the bytes it takes, so that "nothing was sent" is a fact.
struct CountingIo<T> {
    inner: T,
    written: Arc<AtomicU64>,
}

impl<T> CountingIo<T> {
    fn count(&self, result: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(bytes)) = result {
            // Only whoever moves the connection writes, so a load and a store do.
            let written = self.written.load(Relaxed) + *bytes as u64;
            self.written.store(written, Relaxed);
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

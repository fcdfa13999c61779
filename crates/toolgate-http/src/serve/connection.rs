use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use futures::FutureExt;
use futures::future::BoxFuture;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::unconstrained;
use tokio::time::{Instant, Sleep, sleep, sleep_until, timeout};

use super::Handler;
use super::activity::{Activity, RequestMark, Version};
use super::drain::Drain;
use super::limits::ServeLimits;
use super::reply_body::{BrokenOff, ReplyBody};
use super::slices::Slices;
use super::sniff::sniff;
use super::watched_io::WatchedIo;

/// Serves one connection until it ends, is too slow, or has drained.
pub(super) async fn serve_connection<H, S>(
    mut stream: S,
    peer: SocketAddr,
    limits: ServeLimits,
    handler: Arc<H>,
    drain: Drain,
) where
    H: Handler,
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let sniffed = tokio::select! {
        sniffed = timeout(limits.first_byte, sniff(&mut stream)) => sniffed,
        // Who has just connected may have a request on its way.
        () = async { drain.draining().await; sleep(PARTING).await } => return,
    };
    let Ok(Ok((version, prefix))) = sniffed else {
        return;
    };

    let activity = Arc::new(Activity::new(version));
    let io = WatchedIo::new(TokioIo::new(stream), prefix, Arc::clone(&activity));
    let noting = Arc::clone(&activity);
    let service = service_fn(move |request| {
        let mark = RequestMark::new(Arc::clone(&noting));
        answer(Arc::clone(&handler), request, peer, mark)
    });
    match version {
        Version::Http1 => {
            let connection = http1_builder(&limits).serve_connection(io, service);
            Watched::new(connection, activity, limits, drain).await;
        }
        Version::Http2 => {
            let connection = http2_builder(&limits).serve_connection(io, service);
            Watched::new(connection, activity, limits, drain).await;
        }
    }
}

/// Runs the handler. A panic in it ends this request with a 500 and touches no other (S-63).
async fn answer<H: Handler>(
    handler: Arc<H>,
    request: Request<Incoming>,
    peer: SocketAddr,
    mark: RequestMark,
) -> Result<Response<MarkedBody>, Infallible> {
    // The handler is shared, so whatever it shares is behind locks or atomics; what the request
    // owned is dropped by the unwinding. Nothing half-changed is seen again.
    let reply = AssertUnwindSafe(async move { handler.handle(request, peer).await });
    let reply = reply.catch_unwind().await.unwrap_or_else(|_| {
        tracing::error!("a request handler panicked; the request was answered with 500");
        let mut reply = Response::new(ReplyBody::empty());
        *reply.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        reply
    });
    Ok(reply.map(|body| MarkedBody { body, mark }))
}

fn http1_builder(limits: &ServeLimits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        // `Activity` keeps this limit; see there.
        .header_read_timeout(None)
        .max_header_size(limits.max_header_bytes as usize)
        .max_buf_size(READ_BUFFER_BYTES)
        .half_close(false);
    // hyper keeps its own 100 on the stack; any number given goes to the heap for each request.
    if limits.max_headers != HYPER_MAX_HEADERS {
        builder.max_headers(limits.max_headers);
    }
    builder
}

fn http2_builder(limits: &ServeLimits) -> http2::Builder<TokioExecutor> {
    // Streams run as tasks of the executor. Each ends with its stream, and hyper ends all streams
    // with the connection, which is what `serve` joins.
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.max_streams)
        .max_header_list_size(limits.max_header_bytes)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_frame_size(FRAME_BYTES)
        .max_send_buf_size(SEND_BUFFER_BYTES)
        .max_local_error_reset_streams(MAX_RESETS)
        .max_pending_accept_reset_streams(MAX_PENDING_RESETS)
        // A peer that vanished without a word is found out even while a stream is open.
        .keep_alive_interval(limits.idle)
        .keep_alive_timeout(limits.write_stall);
    builder
}

/// One connection with its timer and its ear for draining.
struct Watched<C> {
    http: Pin<Box<C>>,
    activity: Arc<Activity>,
    limits: ServeLimits,
    timer: Pin<Box<Sleep>>,
    drain: Drain,
    draining: Option<BoxFuture<'static, ()>>,
    heard_once: bool,
    /// How long an idle connection still waits for a request before it closes.
    parting: Option<Pin<Box<Sleep>>>,
}

impl<C: GracefulConnection> Watched<C> {
    fn new(http: C, activity: Arc<Activity>, limits: ServeLimits, drain: Drain) -> Self {
        let first = activity
            .deadline(&limits)
            .unwrap_or_else(|| Instant::now() + limits.idle);
        let listening = drain.clone();
        Self {
            http: Box::pin(http),
            activity,
            limits,
            timer: Box::pin(sleep_until(first)),
            drain,
            draining: Some(Box::pin(async move { listening.draining().await })),
            heard_once: false,
            parting: None,
        }
    }

    /// Tells the connection to finish what it is doing and then close, once draining has begun.
    fn hear_drain(&mut self, cx: &mut Context<'_>) {
        // The first poll leaves this task's waker there, and the task is always the same one, so
        // polling again before the flag is up would only take a lock on every wake-up.
        if self.heard_once && !self.drain.is_draining() {
            return;
        }
        self.heard_once = true;
        let Some(draining) = &mut self.draining else {
            return;
        };
        if draining.as_mut().poll(cx).is_ready() {
            self.draining = None;
            self.parting = Some(Box::pin(sleep(PARTING)));
        }
    }

    /// Closes in good order while draining: at the end of the request under way, which its answer says, or when
    /// none came for a moment. Closed at once, an idle connection would break a request that crosses the close.
    fn poll_parting(&mut self, cx: &mut Context<'_>) {
        let Some(parting) = &mut self.parting else {
            return;
        };
        if self.activity.is_busy() || parting.as_mut().poll(cx).is_ready() {
            self.parting = None;
            self.http.as_mut().finish();
        }
    }

    /// Whether the connection has been as it is for too long.
    fn poll_too_long(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let deadline = self.activity.deadline(&self.limits);
            // The timer is set again only when it would ring too late. Otherwise it rings early,
            // finds that things have moved, and is set for the rest: no timer work per request.
            if let Some(deadline) = deadline
                && deadline < self.timer.deadline()
            {
                self.timer.as_mut().reset(deadline);
            }
            // A flood uses up this task's share of a turn, and a timer that heeds the share would then
            // never ring.
            std::task::ready!(pin!(unconstrained(self.timer.as_mut())).poll(cx));
            let now = Instant::now();
            match deadline {
                Some(deadline) if deadline <= now => return Poll::Ready(()),
                Some(deadline) => self.timer.as_mut().reset(deadline),
                None => self.timer.as_mut().reset(now + self.limits.idle),
            }
        }
    }
}

impl<C: GracefulConnection> Future for Watched<C> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.hear_drain(cx);
        self.poll_parting(cx);
        let mut polled = self.http.as_mut().poll(cx);
        if self.parting.is_some() && polled.is_pending() {
            self.poll_parting(cx);
            // What was asked to finish may have nothing left to do.
            polled = self.http.as_mut().poll(cx);
        }
        match polled {
            Poll::Ready(Ok(())) => Poll::Ready(()),
            Poll::Ready(Err(error)) => {
                // The peer's doing, whatever it is; its class is all that is worth knowing.
                tracing::debug!(
                    parse = error.is_parse(),
                    incomplete = error.is_incomplete_message(),
                    "a client connection ended with an error"
                );
                Poll::Ready(())
            }
            Poll::Pending => self.poll_too_long(cx),
        }
    }
}

/// What HTTP/1 and 2 connections have in common but no trait of hyper's says.
trait GracefulConnection: Future<Output = hyper::Result<()>> {
    fn finish(self: Pin<&mut Self>);
}

impl<I, S> GracefulConnection for http1::Connection<I, S>
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin + 'static,
    S: hyper::service::HttpService<Incoming>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    S::ResBody: Body + 'static,
    <S::ResBody as Body>::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn finish(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<I, S, E> GracefulConnection for http2::Connection<I, S, E>
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin,
    S: hyper::service::HttpService<Incoming>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    S::ResBody: Body + 'static,
    <S::ResBody as Body>::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    E: hyper::rt::bounds::Http2ServerConnExec<S::Future, S::ResBody>,
{
    fn finish(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

/// A reply's body with the mark of the request it answers.
struct MarkedBody {
    body: ReplyBody,
    mark: RequestMark,
}

impl Body for MarkedBody {
    type Data = Slices;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Slices>, BrokenOff>>> {
        if let Some(slices) = self.body.take_slices() {
            self.mark.handed_over(slices.remaining());
            return Poll::Ready(Some(Ok(Frame::data(slices))));
        }
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &frame {
            self.mark
                .handed_over(frame.data_ref().map_or(0, Bytes::len));
        }
        // hyper asks for the next frame as soon as the client has room for it.
        let waits = matches!(frame, Poll::Ready(Some(Ok(_)))) && !self.body.is_end_stream();
        self.mark.set_stuck(waits);
        frame.map_ok(|frame| frame.map_data(Slices::from))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// How long a connection without a request is kept while draining.
const PARTING: Duration = Duration::from_secs(1);
/// hyper's built-in number of header fields.
const HYPER_MAX_HEADERS: usize = 100;
/// Grown to at most this while a large body comes in; an idle connection gives it back. As much of an answer waits for
/// a client that is slow.
const READ_BUFFER_BYTES: usize = 64 * 1024;
/// HTTP/2 windows and frames (S-61).
const STREAM_WINDOW_BYTES: u32 = 64 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;
const FRAME_BYTES: u32 = 16 * 1024;
const SEND_BUFFER_BYTES: usize = 64 * 1024;
/// Streams a client made us reset before its connection is closed (S-61, rapid reset and kin).
const MAX_RESETS: usize = 1024;
const MAX_PENDING_RESETS: usize = 20;

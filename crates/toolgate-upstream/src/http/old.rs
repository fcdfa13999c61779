//! HTTP+SSE of 2024-11-05: a GET stream that carries every answer, and a second URL to POST to.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use http_body_util::BodyExt;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use toolgate_http::InBody;
use toolgate_namespace::Isolation;
use toolgate_protocol::framing::{SseDecoder, SseEvent};
use toolgate_protocol::mcp::ServerSnapshot;
use toolgate_protocol::{Body, Era, Outcome};
use url::Url;

use super::answer::refused;
use super::legacy::{initialize_failed, initialize_params};
use super::link::{HttpLink, Outgoing, base_headers, same_origin};
use super::reader::{MAX_MESSAGE, Media, media};
use crate::call::Call;
use crate::channel::{Channel, Conversation, Ending, Outbound};
use crate::error::{Trouble, UpstreamError, UpstreamErrorKind};
use crate::pool::{Key, Lease, NoLease, Pool, PoolLimits};
use crate::shared::Shared;

/// How long the `endpoint` event may take (P8.1 step 7).
const ENDPOINT: Duration = Duration::from_secs(5);
/// How long `initialize` may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long the 202 of a POST may take.
const ACCEPT: Duration = Duration::from_secs(30);
/// POSTs of one session that may wait for their 202 at once.
const MAX_POSTING: usize = 64;
/// Streams to one server at most.
const MAX_STREAMS: usize = 1024;

/// A server that speaks the transport of 2024-11-05.
#[derive(Debug)]
pub(crate) struct HttpSse {
    link: Arc<HttpLink>,
    pool: Arc<Pool<Conversation>>,
}

impl HttpSse {
    pub(crate) fn new(link: Arc<HttpLink>) -> Arc<Self> {
        let pool = Arc::new(Pool::new(PoolLimits { max: MAX_STREAMS }));
        Arc::new(Self { link, pool })
    }

    pub(crate) fn pool(&self) -> &Arc<Pool<Conversation>> {
        &self.pool
    }

    pub(crate) fn link(&self) -> &Arc<HttpLink> {
        &self.link
    }

    fn shared(&self) -> &Arc<Shared> {
        self.link.shared()
    }

    fn key(&self, call: &Call) -> Key {
        match self.shared().spec.isolation {
            Isolation::Auto | Isolation::Session => {
                Key::session(&call.isolation, &call.capabilities)
            }
            Isolation::Principal => Key::principal(&call.isolation, &call.capabilities),
            Isolation::Shared => Key::shared(),
        }
    }

    /// The stream that carries a call, opened if there is none.
    pub(crate) async fn conversation(
        self: &Arc<Self>,
        call: &Call,
    ) -> Result<Lease<Conversation>, Trouble> {
        let (shared, key) = (self.shared(), self.key(call));
        if let Some(lease) = self.pool.get(&key, shared.now_ms()) {
            if !lease.value.channel.is_over() {
                return Ok(lease);
            }
            if self.pool.discard(&key, &lease.value) {
                shared.lost(lease.value.channel.board());
            }
        }
        let sse = Arc::clone(self);
        let open = |key: Key| async move { sse.open(&key).await };
        let closed = shared.not_sent(UpstreamErrorKind::Closed);
        let evicted = |conversation: Arc<Conversation>| conversation.stop();
        let lease = self
            .pool
            .lease(key, shared.now_ms(), &shared.tasks, closed, open, evicted);
        let lease = lease.await.map_err(|error| match error {
            NoLease::Trouble(trouble) => trouble,
            NoLease::Full => shared.not_sent(UpstreamErrorKind::Busy).into(),
        })?;
        shared.stands();
        Ok(lease)
    }

    async fn open(&self, key: &Key) -> Result<Arc<Conversation>, Trouble> {
        let timed_out = |_| self.shared().not_sent(UpstreamErrorKind::TimedOut);
        let mut stream = timeout(ENDPOINT, Stream::open(&self.link))
            .await
            .map_err(timed_out)??;
        let target = timeout(ENDPOINT, stream.endpoint())
            .await
            .map_err(timed_out)??;
        let (channel, ending) = self.carry(stream, target, key)?;
        let snapshot = timeout(HANDSHAKE, self.handshake(&channel, key))
            .await
            .map_err(timed_out)??;
        Ok(Arc::new(Conversation::new(channel, Some(snapshot), ending)))
    }

    /// Starts the tasks that read the stream and write to the second URL.
    fn carry(
        &self,
        stream: Stream,
        target: Url,
        key: &Key,
    ) -> Result<(Arc<Channel>, Ending), UpstreamError> {
        let shared = self.shared();
        let (channel, queue) = Channel::new(Arc::clone(shared), Era::Legacy, key);
        let (stop, stopped) = watch::channel(false);
        let (over, ended) = watch::channel(());
        let writing = write(Arc::clone(&self.link), Arc::clone(&channel), target, queue);
        let reading = read(stream, Arc::clone(&channel));
        let task = carry_until_stopped(Arc::clone(&channel), reading, writing, stopped, over);
        if !shared.tasks.spawn(task) {
            return Err(shared.not_sent(UpstreamErrorKind::Busy));
        }
        Ok((channel, Ending { stop, ended }))
    }

    async fn handshake(
        &self,
        channel: &Arc<Channel>,
        key: &Key,
    ) -> Result<ServerSnapshot, Trouble> {
        let shared = self.shared();
        let not_sent = |error: UpstreamError| shared.not_sent(error.kind);
        let params = initialize_params(shared, key);
        let outcome = channel
            .request("initialize", &params)
            .await
            .map_err(not_sent)?;
        let result = match outcome {
            Outcome::Result(result) => result,
            Outcome::Error(error) => return Err(initialize_failed(shared, error.code)),
        };
        let snapshot = ServerSnapshot::from_initialize(&result).map_err(|_| {
            shared.not_sent(UpstreamErrorKind::Protocol(
                "initialize gave no revision that we speak",
            ))
        })?;
        channel
            .notify("notifications/initialized")
            .await
            .map_err(not_sent)?;
        shared.tell_snapshot(&snapshot);
        Ok(snapshot)
    }
}

/// The GET stream, event by event.
struct Stream {
    link: Arc<HttpLink>,
    body: InBody,
    events: SseDecoder,
}

impl Stream {
    async fn open(link: &Arc<HttpLink>) -> Result<Self, UpstreamError> {
        let shared = link.shared();
        let response = link.send(Outgoing::get(base_headers())).await?;
        if !response.status().is_success() {
            return Err(refused(shared, response.status()));
        }
        if media(response.headers()) != Media::EventStream {
            return Err(shared.not_sent(UpstreamErrorKind::Protocol(
                "a GET that gave no event stream",
            )));
        }
        // The stream lives as long as the session; its events are bounded one by one.
        let body = response.into_body().limited(usize::MAX);
        Ok(Self {
            link: Arc::clone(link),
            body,
            events: SseDecoder::new(MAX_MESSAGE),
        })
    }

    async fn next(&mut self) -> Option<SseEvent> {
        loop {
            if let Some(event) = self.events.next().ok()? {
                return Some(event);
            }
            let frame = self.body.frame().await?.ok()?;
            if let Ok(data) = frame.into_data() {
                self.events.push(&data);
            }
        }
    }

    /// Where to POST: the first event says it. Another origin is refused, since our secrets would go
    /// there (P8.4).
    async fn endpoint(&mut self) -> Result<Url, UpstreamError> {
        let shared = Arc::clone(self.link.shared());
        let broke = |what| shared.not_sent(UpstreamErrorKind::Protocol(what));
        let event = self
            .next()
            .await
            .ok_or_else(|| broke("a stream without an endpoint"))?;
        if event.event.as_deref() != Some("endpoint") {
            return Err(broke("a stream that does not begin with its endpoint"));
        }
        let base = self.link.url()?;
        let text =
            std::str::from_utf8(&event.data).map_err(|_| broke("an endpoint that is no URL"))?;
        let target = base
            .join(text.trim())
            .map_err(|_| broke("an endpoint that is no URL"))?;
        if !same_origin(&base, &target) || !target.username().is_empty() {
            return Err(broke("an endpoint of another origin"));
        }
        Ok(target)
    }
}

/// The stream's end is the session's end: its calls have unknown outcomes (section 8.5).
async fn carry_until_stopped(
    channel: Arc<Channel>,
    reading: impl Future<Output = ()>,
    writing: impl Future<Output = ()>,
    mut stopped: watch::Receiver<bool>,
    _over: watch::Sender<()>,
) {
    tokio::select! {
        () = reading => channel.fail(&UpstreamErrorKind::Unreachable("the stream closed")),
        () = writing => channel.fail(&UpstreamErrorKind::Unreachable("the stream closed")),
        _ = stopped.wait_for(|stop| *stop) => channel.fail(&UpstreamErrorKind::Closed),
    }
}

async fn read(mut stream: Stream, channel: Arc<Channel>) {
    while let Some(event) = stream.next().await {
        let is_message = event.event.as_deref().is_none_or(|name| name == "message");
        if !is_message || event.data.is_empty() {
            continue;
        }
        match stream.link.shared().read(event.data) {
            Ok(Body::One(message)) => channel.hear(message),
            Ok(Body::Batch(messages)) => channel.hear_all(messages),
            Err(_) => stream.link.shared().count_dropped(),
        }
    }
}

/// POSTs what is queued. Calls go side by side, since some servers answer the POST only when the call
/// is done; everything else keeps its order, so that no call overtakes `notifications/initialized`.
async fn write(
    link: Arc<HttpLink>,
    channel: Arc<Channel>,
    target: Url,
    mut queue: mpsc::Receiver<Outbound>,
) {
    let mut posting = FuturesUnordered::new();
    loop {
        let delivered = tokio::select! {
            Some(delivered) = posting.next(), if !posting.is_empty() => delivered,
            outbound = queue.recv(), if posting.len() < MAX_POSTING => match outbound {
                Some(outbound) if outbound.call.is_some() => {
                    posting.push(deliver(&link, &channel, &target, outbound));
                    continue;
                }
                Some(outbound) => deliver(&link, &channel, &target, outbound).await,
                None => return,
            },
        };
        if delivered == Delivered::SessionLost {
            return;
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Delivered {
    Done,
    SessionLost,
}

/// POSTs one message; the answer to it is only an acknowledgement.
async fn deliver(
    link: &HttpLink,
    channel: &Channel,
    target: &Url,
    outbound: Outbound,
) -> Delivered {
    let target = Some(target.clone());
    let out = Outgoing {
        target,
        ..Outgoing::post(base_headers(), outbound.message)
    };
    let error = match timeout(ACCEPT, link.send(out)).await {
        Ok(Ok(response)) if response.status().is_success() => return Delivered::Done,
        Ok(Ok(response)) => refused(link.shared(), response.status()),
        Ok(Err(error)) => error,
        // It may still be at it; the call has its own limits.
        Err(_) => return Delivered::Done,
    };
    let session_lost = error.kind == UpstreamErrorKind::Refused(404);
    if let Some(call) = outbound.call {
        channel.fail_call(call, error);
    }
    if session_lost {
        Delivered::SessionLost
    } else {
        Delivered::Done
    }
}

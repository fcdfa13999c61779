//! One connection that carries many calls: standard input and output, or the 2024-11-05 stream.
//!
//! Whoever reads the connection hands each message to [`Channel::hear`], which puts it into the inbox
//! of the call it belongs to and never waits: a caller that does not read loses its progress and
//! logs, never its answer, and never holds up the others. Whoever writes takes [`Outbound`]
//! from a bounded queue.

mod exchange;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use toolgate_protocol::mcp::ServerSnapshot;
use toolgate_protocol::{Era, Malformed, Message, Outcome, RequestId, Response, Revision, write};

pub(crate) use exchange::ChannelExchange;

use crate::book::Entry;
use crate::dialogue::cancelled;
use crate::error::{UpstreamError, UpstreamErrorKind};
use crate::inbox::Inbox;
use crate::level::LogLevel;
use crate::pool::Key;
use crate::shared::Shared;
use crate::switchboard::{Back, Switchboard};

/// Messages that wait for the writer; a full queue makes callers wait, never the reader (P8.24).
const OUTBOUND: usize = 64;
/// How long a courtesy may wait for room in the queue.
const COURTESY: Duration = Duration::from_secs(5);

/// One message on its way out.
#[derive(Debug)]
pub(crate) struct Outbound {
    /// The call it starts, which fails if it cannot be written.
    pub(crate) call: Option<u64>,
    pub(crate) message: Bytes,
}

impl Outbound {
    /// One that starts no call.
    pub(crate) fn beside(message: Bytes) -> Self {
        Self {
            call: None,
            message,
        }
    }
}

/// The calls of one connection.
#[derive(Debug)]
pub(crate) struct Channel {
    shared: Arc<Shared>,
    era: Era,
    next_id: AtomicU64,
    board: Arc<Switchboard>,
    outbound: mpsc::Sender<Outbound>,
}

/// A channel after its handshake, and the way to end it.
#[derive(Debug)]
pub(crate) struct Conversation {
    pub(crate) channel: Arc<Channel>,
    /// What the server said in its handshake; modern servers have none.
    pub(crate) snapshot: Option<ServerSnapshot>,
    pub(crate) level: LogLevel,
    ending: Ending,
}

/// The end of a channel as its owner sees it.
#[derive(Debug)]
pub(crate) struct Ending {
    pub(crate) stop: watch::Sender<bool>,
    /// Closed when everything behind the channel has ended.
    pub(crate) ended: watch::Receiver<()>,
}

impl Conversation {
    pub(crate) fn new(
        channel: Arc<Channel>,
        snapshot: Option<ServerSnapshot>,
        ending: Ending,
    ) -> Self {
        Self {
            level: LogLevel::new(snapshot.as_ref(), channel.board.origin()),
            channel,
            snapshot,
            ending,
        }
    }

    pub(crate) fn revision(&self) -> Revision {
        self.snapshot
            .as_ref()
            .map_or(Revision::LATEST, |snapshot| snapshot.revision)
    }

    /// Makes the server log as a call wants it (P9.35).
    pub(crate) async fn set_level(&self, level: Option<&str>) {
        let tell = |params: Bytes| async move {
            let told = self.channel.request("logging/setLevel", &params).await;
            told.map(drop)
        };
        self.level.follow(level, tell).await;
    }

    /// Asks the other side to end, in good order.
    pub(crate) fn stop(&self) {
        self.ending.stop.send_replace(true);
    }

    /// Ends it and waits until nothing is left.
    pub(crate) async fn end(&self) {
        self.stop();
        let mut ended = self.ending.ended.clone();
        // Fails when the other half is gone, which is what is waited for.
        while ended.changed().await.is_ok() {}
    }
}

impl Channel {
    /// For a connection that was opened under this key, and the messages it wants to send.
    pub(crate) fn new(
        shared: Arc<Shared>,
        era: Era,
        key: &Key,
    ) -> (Arc<Self>, mpsc::Receiver<Outbound>) {
        let (outbound, queue) = mpsc::channel(OUTBOUND);
        let channel = Self {
            board: Switchboard::new(&shared, key, Back::Queue(outbound.clone())),
            shared,
            era,
            next_id: AtomicU64::new(1),
            outbound,
        };
        (Arc::new(channel), queue)
    }

    pub(crate) fn board(&self) -> &Arc<Switchboard> {
        &self.board
    }

    pub(crate) fn era(&self) -> Era {
        self.era
    }

    /// Enters a call under a new id (P3.6). Fails when the connection is over or full.
    pub(crate) fn enter(&self, inbox: Inbox) -> Result<Entry, UpstreamError> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let entered = self.board.calls().enter(id, inbox);
        entered.map_err(|kind| self.shared.not_sent(kind))
    }

    /// Whether nothing can be sent any more.
    pub(crate) fn is_over(&self) -> bool {
        self.board.is_over()
    }

    /// Ends every call and refuses new ones; the first reason stands.
    pub(crate) fn fail(&self, kind: &UpstreamErrorKind) {
        for inbox in self.board.calls().close(kind) {
            inbox.fail(self.shared.unknown(kind.clone()));
        }
    }

    /// Ends one call whose request could not be written.
    pub(crate) fn fail_call(&self, id: u64, error: UpstreamError) {
        if let Some(inbox) = self.board.calls().remove(id) {
            inbox.fail(error);
        }
    }

    /// Takes a message that was read. Returns at once.
    pub(crate) fn hear(&self, message: Message) {
        let known = match message {
            Message::Response(response) => self.hear_response(response),
            Message::Notification(notification) => self.board.hear_notification(notification),
            // Only legacy servers ask so (P8.23).
            Message::Request(request) => {
                self.era == Era::Legacy && self.board.hear_request(request)
            }
        };
        if !known {
            self.shared.count_dropped();
        }
    }

    /// Takes a batch apart; what in it is no message is dropped and counted.
    pub(crate) fn hear_all(&self, messages: Vec<Result<Message, Malformed>>) {
        for message in messages {
            match message {
                Ok(message) => self.hear(message),
                Err(_) => self.shared.count_dropped(),
            }
        }
    }

    /// An answer to nobody's open request is dropped: never shown to another call (S-47).
    fn hear_response(&self, response: Response) -> bool {
        let inbox = self.board.calls().answered(response.id.as_ref());
        inbox.is_some_and(|inbox| {
            inbox.answer(response);
            true
        })
    }

    /// Queues a message, waiting while the queue is full.
    pub(crate) async fn send(
        &self,
        call: Option<u64>,
        message: Bytes,
    ) -> Result<(), UpstreamError> {
        let sent = self.outbound.send(Outbound { call, message }).await;
        sent.map_err(|_| self.shared.not_sent(UpstreamErrorKind::Closed))
    }

    /// Tells the server that a call is cancelled, without waiting.
    pub(crate) fn send_cancelled(self: &Arc<Self>, id: u64, reason: &str) {
        let notice = Outbound::beside(cancelled(id, reason));
        let Err(mpsc::error::TrySendError::Full(notice)) = self.outbound.try_send(notice) else {
            return;
        };
        let channel = Arc::clone(self);
        self.shared.tasks.courtesy(async move {
            let _ = timeout(COURTESY, channel.outbound.send(notice)).await;
        });
    }

    /// A request of our own, such as `initialize`, and its outcome.
    pub(crate) async fn request(
        &self,
        method: &str,
        params: &[u8],
    ) -> Result<Outcome, UpstreamError> {
        let entry = self.enter(Inbox::own())?;
        let message = write::request(&RequestId::number(entry.id), method, Some(params));
        self.send(Some(entry.id), message).await?;
        loop {
            match entry.inbox.next().await? {
                Message::Response(response) => return Ok(response.outcome),
                Message::Notification(_) | Message::Request(_) => {}
            }
        }
    }

    /// A notification of our own.
    pub(crate) async fn notify(&self, method: &str) -> Result<(), UpstreamError> {
        self.send(None, write::notification(method, None)).await
    }
}

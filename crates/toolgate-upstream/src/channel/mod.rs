//! One connection that carries many calls: standard input and output, or the 2024-11-05 stream.
//!
//! Whoever reads the connection hands each message to [`Channel::hear`], which puts it into the inbox
//! of the call it belongs to and never waits: a caller that does not read loses its progress and
//! logs, never its answer, and never holds up the others. Whoever writes takes [`Outbound`]
//! from a bounded queue.

mod exchange;
mod inbox;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use toolgate_protocol::mcp::ServerSnapshot;
use toolgate_protocol::{
    Era, Json, Malformed, Message, Notification, Outcome, Request, RequestId, Response, Revision,
    write,
};

pub(crate) use exchange::ChannelExchange;
use inbox::Inbox;

use crate::dialogue::{cancelled, may_ask, notice, pong, refusal};
use crate::error::{UpstreamError, UpstreamErrorKind};
use crate::shared::Shared;

/// Messages that wait for the writer; a full queue makes callers wait, never the reader (P8.24).
const OUTBOUND: usize = 64;
/// Calls under way on one connection; the router allows fewer.
const MAX_CALLS: usize = 1024;

/// One message on its way out.
#[derive(Debug)]
pub(crate) struct Outbound {
    /// The call it starts, which fails if it cannot be written.
    pub(crate) call: Option<u64>,
    pub(crate) message: Bytes,
}

/// The calls of one connection.
#[derive(Debug)]
pub(crate) struct Channel {
    shared: Arc<Shared>,
    era: Era,
    next_id: AtomicU64,
    calls: Mutex<Calls>,
    outbound: mpsc::Sender<Outbound>,
}

#[derive(Debug, Default)]
struct Calls {
    open: HashMap<u64, Arc<Inbox>>,
    /// Why the connection is over, once it is.
    over: Option<UpstreamErrorKind>,
}

/// A channel after its handshake, and the way to end it.
#[derive(Debug)]
pub(crate) struct Conversation {
    pub(crate) channel: Arc<Channel>,
    /// What the server said in its handshake; modern servers have none.
    pub(crate) snapshot: Option<ServerSnapshot>,
    stop: watch::Sender<bool>,
    /// Closed when everything behind the channel has ended.
    ended: watch::Receiver<()>,
}

/// The end of a channel as its owner sees it.
#[derive(Debug)]
pub(crate) struct Ending {
    pub(crate) stop: watch::Sender<bool>,
    pub(crate) ended: watch::Receiver<()>,
}

impl Conversation {
    pub(crate) fn new(
        channel: Arc<Channel>,
        snapshot: Option<ServerSnapshot>,
        ending: Ending,
    ) -> Self {
        Self {
            channel,
            snapshot,
            stop: ending.stop,
            ended: ending.ended,
        }
    }

    pub(crate) fn revision(&self) -> Revision {
        self.snapshot
            .as_ref()
            .map_or(Revision::LATEST, |snapshot| snapshot.revision)
    }

    /// Asks the other side to end, in good order.
    pub(crate) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Ends it and waits until nothing is left.
    pub(crate) async fn end(&self) {
        self.stop();
        let mut ended = self.ended.clone();
        // Fails when the other half is gone, which is what is waited for.
        while ended.changed().await.is_ok() {}
    }
}

impl Channel {
    pub(crate) fn new(shared: Arc<Shared>, era: Era) -> (Arc<Self>, mpsc::Receiver<Outbound>) {
        let (outbound, queue) = mpsc::channel(OUTBOUND);
        let (next_id, calls) = (AtomicU64::new(1), Mutex::default());
        (
            Arc::new(Self {
                shared,
                era,
                next_id,
                calls,
                outbound,
            }),
            queue,
        )
    }

    pub(crate) fn era(&self) -> Era {
        self.era
    }

    fn lock(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens an inbox under a new id (P3.6). Fails when the connection is over or full.
    fn open(&self, inbox: Inbox) -> Result<(u64, Arc<Inbox>), UpstreamError> {
        let mut calls = self.lock();
        if let Some(kind) = &calls.over {
            return Err(self.shared.not_sent(kind.clone()));
        }
        if calls.open.len() >= MAX_CALLS {
            return Err(self.shared.not_sent(UpstreamErrorKind::Busy));
        }
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let inbox = Arc::new(inbox);
        calls.open.insert(id, Arc::clone(&inbox));
        Ok((id, inbox))
    }

    /// Forgets a call: what still comes for it is dropped and counted.
    fn forget(&self, id: u64) -> bool {
        self.lock().open.remove(&id).is_some()
    }

    /// Whether nothing can be sent any more.
    pub(crate) fn is_over(&self) -> bool {
        self.lock().over.is_some()
    }

    /// Ends every call and refuses new ones.
    pub(crate) fn fail(&self, kind: &UpstreamErrorKind) {
        let open = {
            let mut calls = self.lock();
            calls.over.get_or_insert_with(|| kind.clone());
            std::mem::take(&mut calls.open)
        };
        for inbox in open.into_values() {
            inbox.fail(self.shared.unknown(kind.clone()));
        }
    }

    /// Ends one call whose request could not be written.
    pub(crate) fn fail_call(&self, id: u64, error: UpstreamError) {
        let inbox = self.lock().open.remove(&id);
        if let Some(inbox) = inbox {
            inbox.fail(error);
        }
    }

    /// Takes a message that was read. Returns at once.
    pub(crate) fn hear(&self, message: Message) {
        let known = match message {
            Message::Response(response) => self.hear_response(response),
            Message::Notification(notification) => self.hear_notification(notification),
            Message::Request(request) => self.hear_request(request),
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
        let id = response.id.as_ref().and_then(RequestId::as_u64);
        let inbox = id.and_then(|id| self.lock().open.remove(&id));
        inbox.is_some_and(|inbox| {
            inbox.answer(response);
            true
        })
    }

    fn hear_notification(&self, notification: Notification) -> bool {
        if let Some(notice) = notice(&notification) {
            self.shared.tell(notice);
            return true;
        }
        let owner = match &*notification.method {
            "notifications/progress" => {
                // Our tokens are the ids of the calls.
                let token = notification
                    .params
                    .get("progressToken")
                    .and_then(|t| t.as_u64());
                token.and_then(|token| self.lock().open.get(&token).cloned())
            }
            "notifications/message" => self.only_call(),
            _ => None,
        };
        owner.is_some_and(|inbox| inbox.push(Message::Notification(notification)))
    }

    /// The call in flight, if there is one only: logs have no other mark of their owner (P9.36).
    fn only_call(&self) -> Option<Arc<Inbox>> {
        let calls = self.lock();
        let mut open = calls.open.values();
        match (open.next(), open.next()) {
            (Some(only), None) => Some(Arc::clone(only)),
            _ => None,
        }
    }

    /// A question belongs to the newest call that may be asked (P11.3). All calls of a channel that
    /// declared anything are of one principal (P2.5).
    fn hear_request(&self, request: Request) -> bool {
        if self.era == Era::Modern {
            return false;
        }
        let answer = if &*request.method == "ping" {
            pong(&request.id)
        } else {
            let owner = {
                let calls = self.lock();
                let may = calls
                    .open
                    .iter()
                    .filter(|(_, i)| may_ask(i.capabilities(), &request));
                may.max_by_key(|(id, _)| **id)
                    .map(|(_, inbox)| Arc::clone(inbox))
            };
            match owner {
                Some(inbox) => return inbox.push(Message::Request(request)),
                None => refusal(&request.id),
            }
        };
        // The reader never waits for the writer: with a full queue the server waits for its answer.
        self.outbound
            .try_send(Outbound {
                call: None,
                message: answer,
            })
            .is_ok()
    }

    /// Queues a message, waiting while the queue is full.
    async fn send(&self, call: Option<u64>, message: Bytes) -> Result<(), UpstreamError> {
        let sent = self.outbound.send(Outbound { call, message }).await;
        sent.map_err(|_| self.shared.not_sent(UpstreamErrorKind::Closed))
    }

    /// Tells the server that a call is cancelled, without waiting.
    fn send_cancelled(self: &Arc<Self>, id: u64, reason: &str) {
        let notice = Outbound {
            call: None,
            message: cancelled(id, reason),
        };
        let Err(mpsc::error::TrySendError::Full(notice)) = self.outbound.try_send(notice) else {
            return;
        };
        let channel = Arc::clone(self);
        self.shared.tasks.courtesy(async move {
            let _ = timeout(Duration::from_secs(5), channel.outbound.send(notice)).await;
        });
    }

    /// A request of our own, such as `initialize`, and its outcome.
    pub(crate) async fn request(
        self: &Arc<Self>,
        method: &str,
        params: &[u8],
    ) -> Result<Outcome, UpstreamError> {
        let (id, inbox) = self.open(Inbox::new(Json::empty_object()))?;
        let registration = Registration {
            channel: Arc::clone(self),
            id,
        };
        let message = write::request(&RequestId::number(id), method, Some(params));
        self.send(Some(id), message).await?;
        let outcome = loop {
            match inbox.next().await? {
                Message::Response(response) => break response.outcome,
                Message::Notification(_) | Message::Request(_) => {}
            }
        };
        drop(registration);
        Ok(outcome)
    }

    /// A notification of our own.
    pub(crate) async fn notify(&self, method: &str) -> Result<(), UpstreamError> {
        self.send(None, write::notification(method, None)).await
    }
}

/// An open inbox; dropped, the call is forgotten.
#[derive(Debug)]
struct Registration {
    channel: Arc<Channel>,
    id: u64,
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.channel.forget(self.id);
    }
}

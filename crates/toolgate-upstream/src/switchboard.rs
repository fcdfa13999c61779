//! To whom a message belongs that came outside a call's own stream (P11.3, P11.10, P9.36).

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use hyper::HeaderMap;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use toolgate_protocol::mcp::may_ask;
use toolgate_protocol::{Era, Json, Message, Notification, Request, RpcError, codes, write};

use crate::book::{Asked, CallBook};
use crate::call::{Answer, Origin};
use crate::channel::Outbound;
use crate::dialogue::{MAX_ASK_BYTES, notice, pong, refusal};
use crate::http::link::{HttpLink, Outgoing};
use crate::notice::Question;
use crate::pool::Key;
use crate::shared::Shared;

/// How long a question waits for a call that may be asked (P11.10).
const FOR_CALL: Duration = Duration::from_secs(10);
/// The same in a session that was opened for a client session: after that the client itself is asked.
const FOR_CALL_OF_SESSION: Duration = Duration::from_millis(250);
/// How long an answer may wait for room on its way out.
const ROOM: Duration = Duration::from_secs(5);

/// Hears what one session says beside its calls, finds the call it is meant for, and else tells everybody
/// or asks the client whose session it is. Nothing here makes a reader wait.
pub(crate) struct Switchboard {
    shared: Arc<Shared>,
    calls: Arc<CallBook>,
    origin: Origin,
    /// What the session was opened with: all that anybody behind it can be asked for.
    capabilities: Json,
    back: Back,
    /// Somebody makes sure that the session stands, and tells when it had to be replaced.
    kept: AtomicBool,
}

/// The way back to the server, beside the calls.
#[derive(Debug)]
pub(crate) enum Back {
    /// Into the queue of a channel.
    Queue(mpsc::Sender<Outbound>),
    /// By a POST of its own.
    Post(Arc<HttpLink>, HeaderMap),
}

impl fmt::Debug for Switchboard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Switchboard")
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

impl Switchboard {
    /// For a session that was opened under this key.
    pub(crate) fn new(shared: &Arc<Shared>, key: &Key, back: Back) -> Arc<Self> {
        let limits = toolgate_protocol::JsonLimits::CLIENT;
        let capabilities = Json::parse(key.capabilities.clone(), &limits);
        Arc::new(Self {
            shared: Arc::clone(shared),
            calls: Arc::default(),
            origin: key.scope.origin(),
            capabilities: capabilities.unwrap_or_else(|_| Json::empty_object()),
            back,
            kept: AtomicBool::new(false),
        })
    }

    pub(crate) fn calls(&self) -> &Arc<CallBook> {
        &self.calls
    }

    /// Whose session it is.
    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Whether the session is lost or ended.
    pub(crate) fn is_over(&self) -> bool {
        self.calls.is_closed()
    }

    pub(crate) fn is_kept(&self) -> bool {
        self.kept.load(Ordering::Relaxed)
    }

    pub(crate) fn set_kept(&self, kept: bool) {
        self.kept.store(kept, Ordering::Relaxed);
    }

    /// Takes a notification; `false` if it means nothing to anybody.
    pub(crate) fn hear_notification(&self, notification: Notification) -> bool {
        if let Some(id) = listen_id(&notification) {
            // Of a listen that was replaced it is a double (P9.48).
            let listen = self.calls.get(id);
            return listen.is_some_and(|inbox| inbox.push(Message::Notification(notification)));
        }
        if let Some(inbox) = self.calls.owner_of(&notification) {
            return inbox.push(Message::Notification(notification));
        }
        match notice(&notification, &self.origin) {
            Some(notice) => {
                self.shared.tell(notice);
                true
            }
            None => false,
        }
    }

    /// Takes a request of the server; `false` if nobody could even be told that it is refused.
    pub(crate) fn hear_request(self: &Arc<Self>, request: Request) -> bool {
        if &*request.method == "ping" {
            return self.send_now(pong(&request.id));
        }
        let declared = may_ask(&self.capabilities, &request.method, &request.params)
            && request.params.bytes().len() <= MAX_ASK_BYTES;
        if !declared {
            // In a session of one token the newest call learns what its client would have to declare (P11.23).
            let call = self.origin.principal.as_ref().and(self.calls.newest());
            return match call {
                Some(inbox) => inbox.push(Message::Request(request)),
                None => self.send_now(refusal(&request.id)),
            };
        }
        match self.calls.ask(&request) {
            Asked::ByCall(inbox) => inbox.push(Message::Request(request)),
            Asked::Refused => self.send_now(refusal(&request.id)),
            Asked::Waits(ticket) => {
                let board = Arc::clone(self);
                let waits = self.shared.tasks.spawn(board.find_somebody(ticket));
                if !waits {
                    self.calls.forget_waiting(ticket);
                }
                waits || self.send_now(refusal(&request.id))
            }
        }
    }

    /// Waits for a call that may be asked, then asks the client itself if there is one (P11.24).
    async fn find_somebody(self: Arc<Self>, ticket: u64) {
        let patience = match &self.origin.session {
            Some(_) => FOR_CALL_OF_SESSION,
            None => FOR_CALL,
        };
        let asking = async {
            tokio::time::sleep(patience).await;
            if let Some(request) = self.calls.take_waiting(ticket) {
                let message = self.ask_client(request).await;
                self.send(message).await;
            }
        };
        tokio::select! {
            () = asking => {}
            () = self.calls.closed() => {}
        }
        self.calls.forget_waiting(ticket);
    }

    /// The answer of the client whose session it is, or that there is none.
    async fn ask_client(&self, request: Request) -> Bytes {
        let nobody = || {
            let error = RpcError::new(codes::INTERNAL_ERROR, "no client connected");
            write::error(Some(&request.id), &error, Era::Legacy)
        };
        if self.origin.session.is_none() {
            return nobody();
        }
        let (answer, answered) = oneshot::channel();
        self.shared.ask(Question {
            method: request.method.clone(),
            params: request.params.clone(),
            origin: self.origin.clone(),
            answer,
        });
        match answered.await {
            Ok(Answer::Result(result)) => write::result(&request.id, result.bytes()),
            Ok(Answer::Error(error)) => write::error(Some(&request.id), &error, Era::Legacy),
            Err(_) => nobody(),
        }
    }

    /// Sends without waiting. With a full queue the server waits for its answer, not the reader for the
    /// writer.
    fn send_now(&self, message: Bytes) -> bool {
        match &self.back {
            Back::Queue(queue) => queue.try_send(Outbound::beside(message)).is_ok(),
            Back::Post(link, headers) => {
                let (link, out) = (Arc::clone(link), Outgoing::post(headers.clone(), message));
                let sending = async move { link.courtesy(out).await };
                self.shared.tasks.courtesy(sending)
            }
        }
    }

    async fn send(&self, message: Bytes) {
        match &self.back {
            Back::Queue(queue) => {
                let _ = timeout(ROOM, queue.send(Outbound::beside(message))).await;
            }
            Back::Post(link, headers) => {
                link.courtesy(Outgoing::post(headers.clone(), message))
                    .await;
            }
        }
    }
}

/// The listen that a notification belongs to, by the id of our request (P9.45).
pub(crate) fn listen_id(notification: &Notification) -> Option<u64> {
    let meta = notification.params.object("_meta")?;
    meta.get("io.modelcontextprotocol/subscriptionId")?.as_u64()
}

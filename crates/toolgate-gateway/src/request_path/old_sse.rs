//! The transport of 2024-11-05 towards clients: one stream that carries every answer, and a second URL to
//! post to (section 6.2).

use std::sync::{Arc, OnceLock, Weak};

use bytes::Bytes;
use dashmap::DashMap;
use futures::stream;
use hyper::header::HeaderMap;
use hyper::{Response, StatusCode};
use tokio::sync::mpsc;
use toolgate_http::ReplyBody;
use toolgate_policy::Principal;
use toolgate_protocol::framing::{SSE_KEEP_ALIVE, sse_named};
use toolgate_protocol::{
    Body, Era, JsonLimits, Message, Request, RpcError, codes, parse_body, write,
};

use super::answer::KEEP_ALIVE;
use super::call::{self, Step};
use super::entry::Accept;
use super::{Visit, legacy, stream as streams};
use crate::bootstrap;
use crate::gateway::Gateway;
use crate::notices::Reader;
use crate::reply::{self, Refusal};
use crate::session::{Reach, Session};
use crate::snapshot::Admitted;

/// Messages that wait for one client; a client that reads slower holds up its own calls only (P7.9).
const QUEUE: usize = 64;

/// Every open connection, by the id in its second URL.
#[derive(Debug, Default)]
pub(crate) struct Connections(DashMap<String, Arc<Connection>>);

impl Connections {
    /// Open streams.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// One stream and what belongs to it.
#[derive(Debug)]
struct Connection {
    token: String,
    workspace: String,
    queue: mpsc::Sender<Item>,
    session: OnceLock<Arc<Session>>,
}

/// What the stream shows.
#[derive(Debug)]
enum Item {
    Message(Bytes),
    /// From now on the session's own messages as well.
    Opened(Arc<Session>),
}

/// Opens the stream; its first event says where to post (P6.16).
pub(super) fn open(gateway: &Arc<Gateway>, admitted: &Admitted) -> Response<ReplyBody> {
    let Ok(nonce) = bootstrap::random::<16>() else {
        return reply::empty(StatusCode::SERVICE_UNAVAILABLE);
    };
    let id = format!("{:032x}", u128::from_be_bytes(nonce));
    let (queue, items) = mpsc::channel(QUEUE);
    let token = admitted.principal.token();
    let connection = Arc::new(Connection {
        token: token.id.as_str().to_owned(),
        workspace: token.workspace.as_str().to_owned(),
        queue,
        session: OnceLock::new(),
    });
    gateway
        .connections()
        .0
        .insert(id.clone(), connection.clone());
    let slug = admitted.workspace.workspace.slug();
    let endpoint = format!("/ws/{slug}/messages?session={id}");
    let shown = Shown {
        first: Some(sse_named("endpoint", endpoint.as_bytes())),
        items,
        reader: None,
        gateway: gateway.clone(),
        admitted: admitted.clone(),
        _end: End {
            gateway: Arc::downgrade(gateway),
            admitted: admitted.clone(),
            connection,
            id,
        },
    };
    let events = stream::unfold(shown, |mut shown| async move {
        let event = shown.next().await?;
        Some((event, shown))
    });
    reply::event_stream(ReplyBody::stream(events))
}

/// The stream's end is the session's end (P6.18).
struct End {
    gateway: Weak<Gateway>,
    admitted: Admitted,
    connection: Arc<Connection>,
    id: String,
}

impl Drop for End {
    fn drop(&mut self) {
        let Some(gateway) = self.gateway.upgrade() else {
            return;
        };
        gateway.connections().0.remove(&self.id);
        if let Some(session) = self.connection.session.get() {
            gateway.end_session(session, &self.admitted.workspace);
        }
    }
}

struct Shown {
    first: Option<Bytes>,
    items: mpsc::Receiver<Item>,
    reader: Option<Reader>,
    gateway: Arc<Gateway>,
    admitted: Admitted,
    _end: End,
}

impl Shown {
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        loop {
            let item = tokio::select! {
                biased;
                () = self.admitted.token.life.ended() => return None,
                () = self.gateway.drained() => return None,
                item = self.items.recv() => item?,
                letter = letter(self.reader.as_ref()) => Item::Message(streams::message(letter)),
                () = tokio::time::sleep(KEEP_ALIVE) => {
                    return Some(Bytes::from_static(SSE_KEEP_ALIVE));
                }
            };
            match item {
                Item::Message(message) => return Some(sse_named("message", &message)),
                Item::Opened(session) => self.reader = Some(session.mailbox.reader()),
            }
        }
    }
}

async fn letter(reader: Option<&Reader>) -> crate::notices::Letter {
    match reader {
        Some(reader) => reader.next().await,
        None => std::future::pending().await,
    }
}

impl Connection {
    fn is_of(&self, principal: &Principal) -> bool {
        let token = principal.token();
        self.token == token.id.as_str() && self.workspace == token.workspace.as_str()
    }

    async fn send(&self, message: Bytes) {
        // A stream that is gone needs no answer.
        let _ = self.queue.send(Item::Message(message)).await;
    }
}

/// Takes one message; what it leads to comes on the stream (P6.17).
pub(super) fn post(visit: &Visit<'_>, connection: &str, body: Bytes) -> Response<ReplyBody> {
    let found = visit
        .gateway
        .connections()
        .0
        .get(connection)
        .map(|entry| entry.value().clone())
        .filter(|connection| connection.is_of(&visit.admitted.principal));
    let Some(connection) = found else {
        return reply::empty(StatusCode::NOT_FOUND);
    };
    let bytes_in = body.len();
    let message = match parse_body(body, &JsonLimits::CLIENT) {
        Ok(Body::One(message)) => message,
        Ok(Body::Batch(_)) => {
            let what = "this transport takes one message a request";
            return Refusal::new(
                StatusCode::BAD_REQUEST,
                RpcError::new(codes::INVALID_REQUEST, what),
                None,
            )
            .into_response(Era::Legacy);
        }
        Err(malformed) => {
            return Refusal::new(StatusCode::BAD_REQUEST, malformed.error, malformed.id)
                .into_response(Era::Legacy);
        }
    };
    match message {
        Message::Request(request) => {
            let asked = Asked {
                gateway: visit.gateway.clone(),
                admitted: visit.admitted.clone(),
                headers: visit.headers.clone(),
                bytes_in,
                connection,
            };
            visit.gateway.background().spawn(asked.serve(request));
        }
        Message::Notification(notification) => {
            if let Some(session) = connection.session.get() {
                legacy::notified(session, &notification);
            }
        }
        Message::Response(response) => {
            if let Some(session) = connection.session.get() {
                legacy::answered(session, response);
            }
        }
    }
    reply::empty(StatusCode::ACCEPTED)
}

/// A request and everything needed to answer it after its POST was.
struct Asked {
    gateway: Arc<Gateway>,
    admitted: Admitted,
    headers: HeaderMap,
    bytes_in: usize,
    connection: Arc<Connection>,
}

impl Asked {
    async fn serve(self, request: Request) {
        let visit = Visit {
            gateway: &self.gateway,
            admitted: self.admitted.clone(),
            headers: &self.headers,
            accept: Accept::Both,
            bytes_in: self.bytes_in,
        };
        if &*request.method == "initialize" {
            return self.initialize(&visit, &request).await;
        }
        let session = self.connection.session.get();
        if session.is_none() && &*request.method != "ping" {
            let error = RpcError::new(codes::SESSION_NEEDED, "send `initialize` first");
            return self.refuse(&request, &error).await;
        }
        let (Some(session), Some(method)) = (session, legacy::routed(&visit, &request)) else {
            let answer = legacy::simple_answer(&visit, session, &request).await;
            return self.connection.send(answer.joined()).await;
        };
        if session.is_running(&request.id) {
            // On one shared stream the two answers could not be told apart (P3.5).
            let error = RpcError::new(codes::INVALID_REQUEST, "a call of this id is under way");
            return self.refuse(&request, &error).await;
        }
        let client = legacy::client_side(&request, Some(session.clone()), Accept::Both);
        let mut run = match call::start(&visit, client, method, request.params).await {
            Ok(run) => run,
            Err(refused) => return self.connection.send(refused.joined()).await,
        };
        loop {
            match run.next().await {
                Step::Interim(message) => self.connection.send(message).await,
                Step::Answer(answer) => return self.connection.send(answer.joined()).await,
                // An answer comes in parts only to who asks for that.
                Step::Begin(_) | Step::Part(_) => {}
                Step::Last(_) | Step::Broken(_) | Step::Silence | Step::Revoked => return,
            }
        }
    }

    async fn initialize(&self, visit: &Visit<'_>, request: &Request) {
        let introduced = match legacy::introduced(&request.params) {
            Ok(introduced) => introduced,
            Err(error) => return self.refuse(request, &error).await,
        };
        let result = legacy::welcome(visit, introduced.revision).await;
        let opened = self
            .gateway
            .open_session(&self.admitted, introduced, Reach::Connection);
        let Some(session) = opened else {
            let error = RpcError::new(codes::INTERNAL_ERROR, "no session could be opened");
            return self.refuse(request, &error).await;
        };
        if self.connection.session.set(session.clone()).is_err() {
            let error = RpcError::new(codes::INVALID_REQUEST, "this connection is initialised");
            return self.refuse(request, &error).await;
        }
        self.connection
            .send(write::result(&request.id, &result))
            .await;
        // The session's own messages follow the answer that opened it.
        let _ = self.connection.queue.send(Item::Opened(session)).await;
    }

    async fn refuse(&self, request: &Request, error: &RpcError) {
        let answer = write::error(Some(&request.id), error, Era::Legacy);
        self.connection.send(answer).await;
    }
}

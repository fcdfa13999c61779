//! Streamable HTTP of 2025-03-26 to 2025-11-25: sessions, and servers that have none (section 8.2).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use hyper::HeaderMap;
use hyper::header::HeaderValue;
use tokio::time::timeout;
use toolgate_namespace::Isolation;
use toolgate_protocol::mcp::ServerSnapshot;
use toolgate_protocol::upstream::Forwarded;
use toolgate_protocol::{Json, Message, ObjectEdit, Outcome, RequestId, Revision, codes, write};

use super::answer::{Posted, Refusal, refused, unreadable};
use super::exchange::let_go;
use super::link::{HttpLink, Outgoing, PROTOCOL_VERSION, SESSION_ID, base_headers};
use super::listen::Listener;
use super::reader::Reader;
use crate::book::Entry;
use crate::call::Call;
use crate::error::{Trouble, UpstreamError, UpstreamErrorKind};
use crate::inbox::Inbox;
use crate::level::LogLevel;
use crate::pool::{Key, Lease, NoLease, Pool, PoolLimits};
use crate::shared::Shared;
use crate::switchboard::{Back, Switchboard};

/// How long `initialize` and `notifications/initialized` may take together.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Sessions with one server at most; a client session holds one while it is used.
const MAX_SESSIONS: usize = 4096;

/// A legacy server over streamable HTTP.
#[derive(Debug)]
pub(crate) struct Legacy {
    link: Arc<HttpLink>,
    pool: Arc<Pool<Session>>,
    /// The server hands out no session ids, so everybody shares one handshake (P2.5).
    stateless: AtomicBool,
}

/// What `initialize` established.
#[derive(Debug)]
pub(crate) struct Session {
    /// What every later request carries: session id and version where they apply (P8.6).
    headers: HeaderMap,
    stateful: bool,
    pub(crate) snapshot: ServerSnapshot,
    next_id: AtomicU64,
    pub(crate) level: LogLevel,
    listener: Listener,
}

impl Session {
    pub(crate) fn revision(&self) -> Revision {
        self.snapshot.revision
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    pub(crate) fn has_id(&self) -> bool {
        self.stateful
    }

    /// A place for a call among those whose messages may come on the general stream; `None` when
    /// there is no such stream.
    pub(crate) fn enter(&self, id: u64, capabilities: Json) -> Option<Entry> {
        let calls = self.listener.calls()?;
        calls.enter(id, Inbox::new(capabilities)).ok()
    }

    pub(crate) fn board(&self) -> &Arc<Switchboard> {
        self.listener.board()
    }

    /// The server does not know the session any more.
    pub(crate) fn lose(&self) {
        // Calls on streams of their own hear it from those.
        self.board().calls().close(&UpstreamErrorKind::SessionLost);
    }

    /// Ids start at 1 and are never used again in a session (P3.6).
    pub(crate) fn next_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// The request for a call, under our own id and token.
    pub(crate) fn outgoing(&self, id: u64, call: &Call) -> Outgoing {
        let body = legacy_request(id, call);
        Outgoing::post(self.headers.clone(), body)
    }
}

/// A legacy request, under our own id and token.
pub(crate) fn legacy_request(id: u64, call: &Call) -> Bytes {
    Forwarded {
        id: &RequestId::number(id),
        method: &call.method,
        params: &call.params,
        bare_name: call.name.as_deref(),
        own_meta: None,
        wants_progress: call.wants_progress,
        extra: &[],
    }
    .write()
}

impl Legacy {
    pub(crate) fn new(link: Arc<HttpLink>) -> Arc<Self> {
        let pool = Arc::new(Pool::new(PoolLimits { max: MAX_SESSIONS }));
        Arc::new(Self {
            link,
            pool,
            stateless: AtomicBool::new(false),
        })
    }

    pub(crate) fn link(&self) -> &Arc<HttpLink> {
        &self.link
    }

    pub(crate) fn pool(&self) -> &Arc<Pool<Session>> {
        &self.pool
    }

    fn shared(&self) -> &Arc<Shared> {
        self.link.shared()
    }

    fn key(&self, call: &Call) -> Key {
        if self.stateless.load(Ordering::Relaxed) {
            return Key::shared();
        }
        match self.shared().spec.isolation {
            Isolation::Auto | Isolation::Session => {
                Key::session(&call.isolation, &call.capabilities)
            }
            Isolation::Principal => Key::principal(&call.isolation, &call.capabilities),
            Isolation::Shared => Key::shared(),
        }
    }

    /// The session that carries a call, opened if it does not stand.
    pub(crate) async fn session(self: &Arc<Self>, call: &Call) -> Result<Lease<Session>, Trouble> {
        let key = self.key(call);
        if let Some(lease) = self.pool.get(&key, self.shared().now_ms()) {
            if !lease.value.board().is_over() {
                return Ok(lease);
            }
            self.discard(&lease);
        }
        Box::pin(self.opened(key, call)).await
    }

    /// A session that does not stand yet.
    async fn opened(self: &Arc<Self>, key: Key, call: &Call) -> Result<Lease<Session>, Trouble> {
        let lease = self.lease(key).await?;
        self.shared().stands();
        if self.shared().spec.isolation == Isolation::Shared {
            return Ok(lease);
        }
        if lease.value.stateful {
            if !self.stateless.swap(false, Ordering::Relaxed) {
                return Ok(lease);
            }
            // It handed out no ids before and does now: what was opened for everybody is nobody's.
            if lease.key == Key::shared() && self.pool.discard(&lease.key, &lease.value) {
                self.end(Arc::clone(&lease.value));
            }
            return self.lease(self.key(call)).await;
        }
        if !self.stateless.swap(true, Ordering::Relaxed) {
            self.pool.insert(
                Key::shared(),
                Arc::clone(&lease.value),
                self.shared().now_ms(),
            );
        }
        Ok(lease)
    }

    async fn lease(self: &Arc<Self>, key: Key) -> Result<Lease<Session>, Trouble> {
        let shared = self.shared();
        let closed = shared.not_sent(UpstreamErrorKind::Closed);
        let legacy = Arc::clone(self);
        let open = |key: Key| async move { legacy.open(key).await };
        let evicted = |session| self.end(session);
        let lease = self
            .pool
            .lease(key, shared.now_ms(), &shared.tasks, closed, open, evicted);
        match lease.await {
            Ok(lease) => Ok(lease),
            Err(NoLease::Trouble(trouble)) => Err(trouble),
            Err(NoLease::Full) => Err(shared.not_sent(UpstreamErrorKind::Busy).into()),
        }
    }

    /// A session in place of one that the server lost; one attempt for all who lost it (P8.8).
    pub(crate) async fn renew(
        self: Arc<Self>,
        lost: Lease<Session>,
        call: Arc<Call>,
    ) -> Result<Lease<Session>, UpstreamError> {
        lost.value.lose();
        self.discard(&lost);
        drop(lost);
        let lease = self.session(&call).await.map_err(Trouble::into_error)?;
        // The level of the session before was lost with it (P8.9).
        self.set_level(&lease.value, call.log_level.as_deref())
            .await;
        Ok(lease)
    }

    /// Makes a session log as a call wants it (P9.35).
    pub(crate) async fn set_level(&self, session: &Session, level: Option<&str>) {
        let tell = |params: Bytes| async move {
            let told = self.request(session, "logging/setLevel", &params).await;
            told.map(drop)
        };
        session.level.follow(level, tell).await;
    }

    /// Forgets a session that the server lost.
    fn discard(&self, lost: &Lease<Session>) {
        let first = self.pool.discard(&lost.key, &lost.value);
        if lost.key != Key::shared() {
            // A server without ids that lost its state is known by both keys.
            self.pool.discard(&Key::shared(), &lost.value);
        }
        if first {
            self.shared().lost(lost.value.board());
        }
    }

    async fn open(self: Arc<Self>, key: Key) -> Result<Arc<Session>, Trouble> {
        let handshake = self.handshake(&key);
        match timeout(HANDSHAKE, handshake).await {
            Ok(outcome) => outcome.map(Arc::new),
            Err(_) => Err(self.shared().not_sent(UpstreamErrorKind::TimedOut).into()),
        }
    }

    /// `initialize`, then `notifications/initialized`, whose answer is awaited (P8.5).
    async fn handshake(&self, key: &Key) -> Result<Session, Trouble> {
        let shared = self.shared();
        let params = initialize_params(shared, key);
        let body = write::request(&RequestId::number(1), "initialize", Some(&params));
        let response = self
            .link
            .send(Outgoing::post(base_headers(), body))
            .await
            .map_err(unsent)?;
        let session_id = response.headers().get(SESSION_ID).cloned();
        let posted = Posted::read(shared, response, Revision::LATEST_LEGACY).await;
        let result = match posted.map_err(|error| unsent(unreadable(shared, error)))? {
            Posted::Refused(refusal) => return Err(initialize_refused(shared, &refusal)),
            Posted::Answer(mut reader) => self.first_answer(&mut reader).await?,
        };
        let snapshot = ServerSnapshot::from_initialize(&result)
            .map_err(|_| self.not_legacy("initialize gave no revision that we speak"))?;
        let headers = session_headers(&snapshot, session_id.as_ref())
            .ok_or_else(|| self.not_legacy("a session id that is not visible ASCII"))?;
        self.initialized(headers.clone()).await?;
        shared.tell_snapshot(&snapshot);
        // Without an id at the server the session is everybody's, whoever opened it (P2.5).
        let shared_key = Key::shared();
        let key = if session_id.is_some() {
            key
        } else {
            &shared_key
        };
        let back = Back::Post(Arc::clone(&self.link), headers.clone());
        let board = Switchboard::new(shared, key, back);
        let level = LogLevel::new(Some(&snapshot), board.origin());
        let listener = Listener::start(&self.link, &headers, snapshot.revision, board).await;
        Ok(Session {
            headers,
            stateful: session_id.is_some(),
            level,
            snapshot,
            next_id: AtomicU64::new(2),
            listener,
        })
    }

    /// The result of `initialize`; an error of it decides about the era (P8.2).
    async fn first_answer(&self, reader: &mut Reader) -> Result<Json, Trouble> {
        let shared = self.shared();
        loop {
            let message = reader
                .next()
                .await
                .map_err(|error| unsent(unreadable(shared, error)))?;
            let response = match message {
                Some(Message::Response(response)) => response,
                Some(_) => continue,
                None => return Err(self.not_legacy("initialize was not answered").into()),
            };
            if response
                .id
                .as_ref()
                .is_some_and(|id| id.as_u64() != Some(1))
            {
                shared.count_dropped();
                continue;
            }
            return match response.outcome {
                Outcome::Result(result) => Ok(result),
                Outcome::Error(error) => Err(initialize_failed(shared, error.code)),
            };
        }
    }

    async fn initialized(&self, headers: HeaderMap) -> Result<(), UpstreamError> {
        let shared = self.shared();
        let body = write::notification("notifications/initialized", None);
        let response = self
            .link
            .send(Outgoing::post(headers, body))
            .await
            .map_err(plain_unsent)?;
        // 200, 202 and 204 are all fine (P8.12).
        if response.status().is_success() {
            return Ok(());
        }
        Err(plain_unsent(refused(shared, response.status())))
    }

    fn not_legacy(&self, what: &'static str) -> UpstreamError {
        self.shared().not_sent(UpstreamErrorKind::Protocol(what))
    }

    /// A request of our own in a session, and its outcome.
    pub(crate) async fn request(
        &self,
        session: &Session,
        method: &str,
        params: &[u8],
    ) -> Result<Outcome, UpstreamError> {
        let shared = self.shared();
        let id = session.next_id();
        let body = write::request(&RequestId::number(id), method, Some(params));
        let response = self
            .link
            .send(Outgoing::post(session.headers.clone(), body))
            .await?;
        let posted = Posted::read(shared, response, session.revision()).await;
        let mut reader = match posted.map_err(|error| unreadable(shared, error))? {
            Posted::Answer(reader) => reader,
            Posted::Refused(refusal) if refusal.is_session_loss(session.stateful) => {
                session.lose();
                return Err(shared.not_sent(UpstreamErrorKind::SessionLost));
            }
            Posted::Refused(refusal) => return refusal.into_outcome(shared),
        };
        loop {
            let message = reader.next().await;
            let known = match message.map_err(|error| unreadable(shared, error))? {
                Some(Message::Response(response))
                    if response
                        .id
                        .as_ref()
                        .is_none_or(|given| given.as_u64() == Some(id)) =>
                {
                    let_go(shared, reader);
                    return Ok(response.outcome);
                }
                Some(Message::Response(_)) => false,
                Some(Message::Notification(notification)) => {
                    session.board().hear_notification(notification)
                }
                Some(Message::Request(request)) => session.board().hear_request(request),
                None => {
                    let kind = UpstreamErrorKind::Unreachable("the answer broke off");
                    return Err(shared.unknown(kind));
                }
            };
            if !known {
                shared.count_dropped();
            }
        }
    }

    /// Ends a session at the server, if it has an id there (P8.10).
    pub(crate) fn end(&self, session: Arc<Session>) {
        if !session.stateful {
            return;
        }
        let link = Arc::clone(&self.link);
        self.shared()
            .tasks
            .courtesy(async move { delete(&link, session).await });
    }

    /// Ends sessions and waits for it.
    pub(crate) async fn end_all(&self, sessions: Vec<Arc<Session>>) {
        let ended = sessions
            .into_iter()
            .filter(|s| s.stateful)
            .map(|s| delete(&self.link, s));
        futures::future::join_all(ended).await;
    }
}

async fn delete(link: &HttpLink, session: Arc<Session>) {
    session.listener.stop();
    link.courtesy(Outgoing::delete(session.headers.clone()))
        .await;
}

/// The parameters of `initialize`: our newest legacy revision, and exactly the client's capabilities (P8.5, P11.2).
pub(crate) fn initialize_params(shared: &Shared, key: &Key) -> bytes::Bytes {
    let limits = toolgate_protocol::JsonLimits::CLIENT;
    let capabilities = Json::parse(key.capabilities.clone(), &limits);
    ObjectEdit::new()
        .set(
            "protocolVersion",
            Json::from_text(Revision::LATEST_LEGACY.as_str()),
        )
        .set(
            "capabilities",
            capabilities.unwrap_or_else(|_| Json::empty_object()),
        )
        .set("clientInfo", shared.client_info.clone())
        .finish()
}

/// What every request of a session carries (P8.6); `None` if the id cannot be sent back.
fn session_headers(snapshot: &ServerSnapshot, id: Option<&HeaderValue>) -> Option<HeaderMap> {
    let mut headers = base_headers();
    if let Some(id) = id {
        id.to_str().ok()?;
        let mut id = id.clone();
        // Whoever has it can speak in our name.
        id.set_sensitive(true);
        headers.insert(SESSION_ID, id);
    }
    if snapshot.revision >= Revision::V2025_06_18 {
        headers.insert(
            PROTOCOL_VERSION,
            HeaderValue::from_static(snapshot.revision.as_str()),
        );
    }
    Some(headers)
}

/// A handshake that failed leaves the call itself unsent.
fn plain_unsent(error: UpstreamError) -> UpstreamError {
    UpstreamError {
        outcome: crate::error::Delivery::NotSent,
        ..error
    }
}

fn unsent(error: UpstreamError) -> Trouble {
    Trouble::Failed(plain_unsent(error))
}

/// `initialize` was refused over HTTP: another era or transport, unless the status says otherwise.
fn initialize_refused(shared: &Shared, refusal: &Refusal) -> Trouble {
    let error = plain_unsent(refused(shared, refusal.status));
    let elsewhere = matches!(refusal.status.as_u16(), 400 | 404 | 405 | 406 | 415);
    if elsewhere || refusal.is_modern() {
        Trouble::WrongEra(error)
    } else {
        Trouble::Failed(error)
    }
}

/// `initialize` was answered with an error.
pub(crate) fn initialize_failed(shared: &Shared, code: i64) -> Trouble {
    let error = shared.not_sent(UpstreamErrorKind::Protocol("initialize was refused"));
    if code == codes::METHOD_NOT_FOUND || super::answer::is_modern_code(code) {
        Trouble::WrongEra(error)
    } else {
        Trouble::Failed(error)
    }
}

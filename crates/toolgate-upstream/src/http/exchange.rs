//! One call over HTTP, polled inline: no task, no channel.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use hyper::header::HeaderValue;
use tokio::time::timeout;
use toolgate_protocol::stream::{Audience, ResultPass};
use toolgate_protocol::{Era, Json, Message, Revision};

use super::answer::{Posted, Refusal, unreadable};
use super::large::{Awaited, Passed};
use super::legacy::{Legacy, Session};
use super::link::{LAST_EVENT_ID, Outgoing};
use super::modern::Modern;
use super::reader::{Piece, Place, ReadError, Reader};
use crate::book::Entry;
use crate::call::{Answer, AskId, Call, Event, Origin};
use crate::dialogue::{Dialogue, Heard, cancelled};
use crate::error::{UpstreamError, UpstreamErrorKind};
use crate::exchange::Step;
use crate::pool::{Lease, Scope};
use crate::shared::Shared;

/// Longest pause between two attempts to resume a stream (P7.8).
const MOST_PAUSE: Duration = Duration::from_secs(30);

/// How long the end of a stream may come after its response.
const LINGER: Duration = Duration::from_secs(1);

/// One call to a server over streamable HTTP.
pub(crate) struct HttpExchange {
    shared: Arc<Shared>,
    call: Arc<Call>,
    side: Side,
    dialogue: Dialogue,
    state: State,
    /// The session was renewed once already (P8.8).
    renewed: bool,
    /// Something may have been written.
    begun: bool,
}

/// Which era carries the call.
enum Side {
    Legacy {
        legacy: Arc<Legacy>,
        /// What is held while the call is under way.
        held: Option<Held>,
        revision: Revision,
    },
    Modern,
}

/// A call's place in its session.
struct Held {
    lease: Lease<Session>,
    /// Its place among those whose messages may come on the session's general stream.
    entry: Option<Entry>,
}

/// What came next.
enum Came {
    Posted(Posted),
    Message(Message),
    /// A large result has begun.
    Large,
    /// A piece of it.
    Passed(Passed),
    /// On the session's general stream.
    Aside(Message),
    Renewed(Lease<Session>),
    Resumed(Reader),
    /// The stream ended without the response.
    Cut,
    Failed(UpstreamError),
}

#[expect(
    clippy::large_enum_variant,
    reason = "the exchange is boxed; a box in it would be one more"
)]
enum State {
    Posting(BoxFuture<'static, Result<Posted, UpstreamError>>),
    Renewing(BoxFuture<'static, Result<Lease<Session>, UpstreamError>>),
    Reading(Reader),
    Resuming(BoxFuture<'static, Result<Reader, UpstreamError>>),
    Ended,
}

impl fmt::Debug for HttpExchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpExchange")
            .field("id", &self.dialogue.id())
            .finish_non_exhaustive()
    }
}

impl State {
    /// Goes on with whatever is under way. Cancel safe.
    async fn next(&mut self, shared: &Shared) -> Came {
        match self {
            Self::Posting(posting) => posting.await.map_or_else(Came::Failed, Came::Posted),
            Self::Renewing(renewing) => renewing.await.map_or_else(Came::Failed, Came::Renewed),
            Self::Resuming(resuming) => resuming.await.map_or_else(Came::Failed, Came::Resumed),
            Self::Reading(reader) => match reader.piece().await {
                Ok(Some(Piece::Message(message))) => Came::Message(message),
                Ok(Some(Piece::Large)) => Came::Large,
                Ok(Some(Piece::Passed(passed))) => Came::Passed(passed),
                Ok(None) | Err(ReadError::Broken) => Came::Cut,
                Err(error) => Came::Failed(unreadable(shared, error)),
            },
            Self::Ended => Came::Failed(shared.not_sent(UpstreamErrorKind::Closed)),
        }
    }
}

impl HttpExchange {
    pub(crate) fn legacy(
        shared: Arc<Shared>,
        legacy: Arc<Legacy>,
        lease: Lease<Session>,
        call: Arc<Call>,
    ) -> Self {
        let (held, dialogue, posting) = post_legacy(&shared, &legacy, lease, &call);
        let revision = held.lease.value.revision();
        Self {
            shared,
            call,
            side: Side::Legacy {
                legacy,
                held: Some(held),
                revision,
            },
            dialogue,
            state: State::Posting(posting),
            renewed: false,
            begun: false,
        }
    }

    pub(crate) fn modern(
        shared: Arc<Shared>,
        modern: &Arc<Modern>,
        call: Arc<Call>,
    ) -> Result<Self, UpstreamError> {
        let id = modern.next_id();
        let dialogue = Dialogue::new(
            id,
            Era::Modern,
            &call,
            Json::empty_object(),
            Origin::default(),
        );
        let out = modern.outgoing(id, &call, call.tool.as_deref())?;
        let state = State::Posting(post_modern(&shared, modern, out));
        let side = Side::Modern;
        Ok(Self {
            shared,
            call,
            side,
            dialogue,
            state,
            renewed: false,
            begun: false,
        })
    }

    pub(crate) fn revision(&self) -> Revision {
        match &self.side {
            Side::Legacy { revision, .. } => *revision,
            Side::Modern => Revision::LATEST,
        }
    }

    pub(crate) fn is_asking(&self) -> bool {
        self.dialogue.is_asking()
    }

    /// Whether the server may have heard of the call.
    pub(crate) fn has_begun(&self) -> bool {
        self.begun
    }

    /// The next thing that happens. Cancel safe: everything under way is kept in `self`.
    pub(crate) async fn step(&mut self) -> Step {
        self.begun |= matches!(self.state, State::Posting(_));
        match self.next().await {
            Came::Posted(Posted::Answer(reader)) | Came::Resumed(reader) => {
                self.state = State::Reading(reader.awaiting(self.awaited()));
                Step::Alive
            }
            Came::Large => Step::Event(Event::Large),
            Came::Passed(Passed::Part(part)) => Step::Event(Event::Part(part)),
            Came::Passed(Passed::Whole(end)) => self.end(Event::Whole(end)),
            Came::Posted(Posted::Refused(refusal)) => self.refused(refusal),
            Came::Message(message) => {
                let heard = self.dialogue.hear(message, true);
                self.heard(heard)
            }
            Came::Aside(message) => {
                let heard = self.dialogue.hear(message, false);
                self.heard(heard)
            }
            Came::Renewed(lease) => self.post_again(lease),
            Came::Cut => self.cut(),
            Came::Failed(error) => self.end(Event::Failed(error)),
        }
    }

    /// The answer that may be handed on as it comes: the result of a method that nobody here reads (P9.16 apart).
    fn awaited(&self) -> Option<Awaited> {
        ResultPass::is_for(&self.call.method).then(|| Awaited {
            id: self.dialogue.id(),
            from: self.revision(),
        })
    }

    /// Has the large result that was just told of handed on as it comes; false if this client needs it whole.
    pub(crate) fn pass(&mut self, to: Revision, server_info: &Json) -> bool {
        let audience = Audience {
            method: self.call.method.clone(),
            to,
            server_info: server_info.clone(),
        };
        let State::Reading(reader) = &mut self.state else {
            return false;
        };
        !self.dialogue.is_asking() && reader.pass(audience)
    }

    /// Whether a result is on its way.
    fn is_passing(&self) -> bool {
        matches!(&self.state, State::Reading(reader) if reader.is_passing())
    }

    /// What comes first, on the call's own stream or on the session's general one.
    async fn next(&mut self) -> Came {
        // What the server tells beside an answer that has begun comes too late.
        let is_passing = self.is_passing();
        let own = self.state.next(&self.shared);
        let Side::Legacy {
            held: Some(Held {
                entry: Some(entry), ..
            }),
            ..
        } = &self.side
        else {
            return own.await;
        };
        if is_passing {
            return own.await;
        }
        tokio::select! {
            // In this order: what a server logged before it answered is told before the answer.
            biased;
            aside = entry.inbox.next() => aside.map_or_else(Came::Failed, Came::Aside),
            came = own => came,
        }
    }

    /// Nothing comes after this.
    fn end(&mut self, event: Event) -> Step {
        let state = std::mem::replace(&mut self.state, State::Ended);
        if let (State::Reading(reader), Event::Done(_) | Event::Whole(_)) = (state, &event) {
            let_go(&self.shared, reader);
        }
        if let Side::Legacy { held, .. } = &mut self.side {
            *held = None;
        }
        Step::Event(event)
    }

    fn heard(&mut self, heard: Heard) -> Step {
        match heard {
            Heard::Event(event @ Event::Done(_)) => self.end(event),
            Heard::Event(event) => Step::Event(event),
            Heard::Reply(message) => {
                self.post_aside(message);
                Step::Alive
            }
            Heard::Undeclared(message, ask) => {
                self.post_aside(message);
                Step::Event(Event::Undeclared(ask))
            }
            Heard::Notice(notice) => {
                self.shared.tell(notice);
                Step::Alive
            }
            Heard::Dropped => {
                self.shared.count_dropped();
                Step::Alive
            }
            Heard::Broke(what) => {
                // The server is still at it: tell it to stop, then fail.
                self.cancel("the server broke the protocol");
                let error = self.shared.broke(what);
                self.end(Event::Failed(error))
            }
        }
    }

    /// The server refused before acting: some refusals are answered by one more try.
    fn refused(&mut self, refusal: Refusal) -> Step {
        match &mut self.side {
            Side::Legacy { legacy, held, .. } => {
                let had_id = held.as_ref().is_some_and(|held| held.lease.value.has_id());
                if refusal.is_session_loss(had_id) {
                    let Some(lost) = held.take().filter(|_| !self.renewed) else {
                        let error = self.shared.not_sent(UpstreamErrorKind::SessionLost);
                        return self.end(Event::Failed(error));
                    };
                    self.renewed = true;
                    let renewing = Arc::clone(legacy).renew(lost.lease, Arc::clone(&self.call));
                    self.state = State::Renewing(renewing.boxed());
                    return Step::Alive;
                }
                if refusal.is_wrong_version() {
                    return self.ended_as(refusal, Step::WrongEra);
                }
            }
            Side::Modern => {
                if refusal.is_header_mismatch() {
                    return self.ended_as(refusal, Step::StaleTool);
                }
                if refusal.is_wrong_version() || refusal.denies_modern() {
                    return self.ended_as(refusal, Step::WrongEra);
                }
            }
        }
        self.refused_for_good(refusal)
    }

    fn refused_for_good(&mut self, refusal: Refusal) -> Step {
        match refusal.into_outcome(&self.shared) {
            Ok(outcome) => self.end(Event::Done(outcome)),
            Err(error) => self.end(Event::Failed(error)),
        }
    }

    /// The end of this attempt, which another may follow.
    fn ended_as(&mut self, refusal: Refusal, step: fn(Event) -> Step) -> Step {
        match self.refused_for_good(refusal) {
            Step::Event(event) => step(event),
            other => other,
        }
    }

    /// The same call on a new session, under a new id (P8.8).
    fn post_again(&mut self, lease: Lease<Session>) -> Step {
        let Side::Legacy {
            legacy,
            held,
            revision,
        } = &mut self.side
        else {
            return Step::Alive;
        };
        *revision = lease.value.revision();
        let (new, dialogue, posting) = post_legacy(&self.shared, legacy, lease, &self.call);
        self.dialogue = dialogue;
        self.state = State::Posting(posting);
        *held = Some(new);
        Step::Alive
    }

    /// The stream ended without the response: resume it if the server gave ids, else nobody knows
    /// what became of the call (P8.14, P8.22).
    fn cut(&mut self) -> Step {
        let State::Reading(reader) = &self.state else {
            return Step::Alive;
        };
        if let Side::Legacy {
            legacy,
            held: Some(Held { lease, .. }),
            revision,
        } = &self.side
            // Where its begin went nothing can be begun anew.
            && !reader.is_passing()
            && let Some(id) = reader.place().last_event_id()
            && let Ok(id) = HeaderValue::from_str(id)
        {
            let mut headers = lease.value.headers().clone();
            headers.insert(LAST_EVENT_ID, id);
            let resuming = resume(
                Arc::clone(&self.shared),
                Arc::clone(legacy),
                Outgoing::get(headers).headers,
                *revision,
                reader.place().clone(),
            );
            self.state = State::Resuming(resuming.boxed());
            return Step::Alive;
        }
        let kind = UpstreamErrorKind::Unreachable("the answer broke off");
        let error = self.shared.unknown(kind);
        self.end(Event::Failed(error))
    }

    /// Sends a message of ours beside the call: a pong, a refusal, a cancellation.
    fn post_aside(&self, message: bytes::Bytes) {
        let Side::Legacy {
            legacy,
            held: Some(Held { lease, .. }),
            ..
        } = &self.side
        else {
            return;
        };
        let link = Arc::clone(legacy.link());
        let out = Outgoing::post(lease.value.headers().clone(), message);
        self.shared
            .tasks
            .courtesy(async move { link.courtesy(out).await });
    }

    /// Answers a question of the server.
    pub(crate) async fn answer(
        &mut self,
        id: &AskId,
        answer: &Answer,
    ) -> Result<(), UpstreamError> {
        let closed = || self.shared.not_sent(UpstreamErrorKind::Closed);
        let Side::Legacy {
            legacy,
            held: Some(Held { lease, .. }),
            ..
        } = &self.side
        else {
            return Err(closed());
        };
        let Some(message) = self.dialogue.answer(id, answer) else {
            return Err(closed());
        };
        let out = Outgoing::post(lease.value.headers().clone(), message);
        let response = legacy.link().send(out).await?;
        if response.status().is_success() {
            return Ok(());
        }
        Err(super::answer::refused(&self.shared, response.status()))
    }

    /// Tells the server to stop. Legacy: by a notice with our id; modern: by dropping the body, which
    /// closes the connection (P8.20). Does nothing after the end (P12.3).
    pub(crate) fn cancel(&mut self, reason: &str) {
        let under_way = matches!(
            self.state,
            State::Posting(_) | State::Reading(_) | State::Resuming(_)
        );
        if self.begun && under_way {
            self.post_aside(cancelled(self.dialogue.id(), reason));
        }
        self.state = State::Ended;
    }
}

/// What the server may ask this client for. A session that everybody shares was opened without
/// capabilities (P2.5).
fn askable(lease: &Lease<Session>, call: &Call) -> Json {
    match lease.key.scope {
        Scope::Shared => Json::empty_object(),
        Scope::Principal(_) | Scope::Session { .. } => call.capabilities.clone(),
    }
}

impl Drop for HttpExchange {
    fn drop(&mut self) {
        self.cancel("the client went away");
    }
}

/// Reads what is left behind an answer, usually nothing but its end, so that the connection can carry
/// the next call. Without this each streamed answer would cost a connection.
pub(crate) fn let_go(shared: &Arc<Shared>, mut reader: Reader) {
    if reader.is_over() || matches!(reader.next().now_or_never(), Some(Ok(None) | Err(_))) {
        return;
    }
    shared.tasks.courtesy(async move {
        let rest = async { while let Ok(Some(_)) = reader.next().await {} };
        let _ = timeout(LINGER, rest).await;
    });
}

/// Takes a place in the session and writes the request for it.
fn post_legacy(
    shared: &Arc<Shared>,
    legacy: &Arc<Legacy>,
    lease: Lease<Session>,
    call: &Call,
) -> (
    Held,
    Dialogue,
    BoxFuture<'static, Result<Posted, UpstreamError>>,
) {
    let session = &lease.value;
    let (id, capabilities) = (session.next_id(), askable(&lease, call));
    let entry = session.enter(id, capabilities.clone());
    let origin = session.board().origin().clone();
    let dialogue = Dialogue::new(id, Era::Legacy, call, capabilities, origin);
    let (shared, link) = (Arc::clone(shared), Arc::clone(legacy.link()));
    let (out, revision) = (session.outgoing(id, call), session.revision());
    let posting = async move {
        let response = link.send(out).await?;
        Posted::read(&shared, response, revision)
            .await
            .map_err(|error| unreadable(&shared, error))
    };
    (Held { lease, entry }, dialogue, posting.boxed())
}

fn post_modern(
    shared: &Arc<Shared>,
    modern: &Arc<Modern>,
    out: Outgoing,
) -> BoxFuture<'static, Result<Posted, UpstreamError>> {
    let (shared, link) = (Arc::clone(shared), Arc::clone(modern.link()));
    async move {
        let response = link.send(out).await?;
        Posted::read(&shared, response, Revision::LATEST)
            .await
            .map_err(|error| unreadable(&shared, error))
    }
    .boxed()
}

/// Goes on reading a stream that the server or the network cut, until the call's own time is up (P7.8).
async fn resume(
    shared: Arc<Shared>,
    legacy: Arc<Legacy>,
    headers: hyper::HeaderMap,
    revision: Revision,
    place: Place,
) -> Result<Reader, UpstreamError> {
    let mut pause = place.retry();
    loop {
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(MOST_PAUSE);
        let Ok(response) = legacy.link().send(Outgoing::get(headers.clone())).await else {
            continue;
        };
        let status = response.status();
        if status.is_success() {
            let reader =
                Reader::new(&shared, response, revision).map_err(|e| unreadable(&shared, e))?;
            return Ok(reader.resuming(place));
        }
        if !status.is_server_error() {
            // The events are gone; the call may have run (P8.14).
            return Err(shared.unknown(UpstreamErrorKind::Refused(status.as_u16())));
        }
    }
}

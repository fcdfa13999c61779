//! The streams a session opens with GET: its general one, and those that were cut (P6.10, P6.11, P7.6).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use hyper::header::HeaderMap;
use hyper::{Response, StatusCode};
use tokio::time::Instant;
use toolgate_http::ReplyBody;
use toolgate_protocol::framing::{SSE_KEEP_ALIVE, sse_event};
use toolgate_protocol::{Era, Json, ObjectEdit, Revision, RpcError, codes, write};

use super::answer::KEEP_ALIVE;
use crate::gateway::Gateway;
use crate::notices::{Letter, Reader, name_of};
use crate::reply::{self, Refusal};
use crate::session::Session;
use crate::session::replay::{Place, Reading, StreamLog};
use crate::snapshot::Admitted;

/// Streams end after this long; clients open them again (P7.10).
const LONGEST: Duration = Duration::from_hours(1);
/// How a stream begins that says when to open it again (P7.10).
const OPENING: &[u8] = b": keep-alive\nretry: 3000\n\n";

/// Opens the stream the request asks for.
pub(super) fn open(
    gateway: &Arc<Gateway>,
    admitted: &Admitted,
    session: &Arc<Session>,
    headers: &HeaderMap,
) -> Response<ReplyBody> {
    let Some(last) = headers.get("last-event-id") else {
        return general(gateway, admitted, session, None);
    };
    match last.to_str().map(|id| session.streams.find(id)) {
        Ok(Place::General(seq)) => general(gateway, admitted, session, Some(seq)),
        Ok(Place::Request(log, seq)) => resumed(admitted, session, &log, seq),
        Ok(Place::Gone(request)) => {
            // The client waits for this answer; it learns that there is none (P7.6).
            let error = RpcError::new(
                codes::INTERNAL_ERROR,
                "the answer to this request is no longer kept; make the request again",
            );
            let message = write::error(Some(&request), &error, Era::Legacy);
            reply::event_stream(ReplyBody::full(sse_event(&message, None)))
        }
        Ok(Place::Unknown) | Err(_) => Refusal::new(
            StatusCode::BAD_REQUEST,
            RpcError::new(
                codes::INVALID_REQUEST,
                "`Last-Event-ID` was not given out in this session",
            ),
            None,
        )
        .into_response(Era::Legacy),
    }
}

/// The rest of a stream that was cut: what was sent after `seq`, then live to its end.
fn resumed(
    admitted: &Admitted,
    session: &Arc<Session>,
    log: &Arc<StreamLog>,
    seq: u64,
) -> Response<ReplyBody> {
    let state = (log.reader(), admitted.clone(), session.clone(), seq);
    let events = stream::unfold(state, |(reading, admitted, session, seq)| async move {
        let (event, seq) = rest(&reading, &admitted, &session, seq).await?;
        Some((event, (reading, admitted, session, seq)))
    });
    reply::event_stream(ReplyBody::stream(events))
}

async fn rest(
    reading: &Reading,
    admitted: &Admitted,
    session: &Session,
    seq: u64,
) -> Option<(Bytes, u64)> {
    tokio::select! {
        biased;
        () = admitted.token.life.ended() => None,
        next = reading.next(seq) => next.map(|(seq, event)| (event, seq)),
        () = session.closed() => None,
        () = tokio::time::sleep(KEEP_ALIVE) => Some((Bytes::from_static(SSE_KEEP_ALIVE), seq)),
    }
}

/// The general stream; a newer one of the same session replaces it.
fn general(
    gateway: &Arc<Gateway>,
    admitted: &Admitted,
    session: &Arc<Session>,
    after: Option<u64>,
) -> Response<ReplyBody> {
    let missed = match after {
        Some(seq) => session.streams.general().after(seq),
        None => Vec::new(),
    };
    // Older clients take `retry` without data for a message (P7.5).
    let opening = match session.revision {
        Revision::V2025_11_25 => OPENING,
        _ => SSE_KEEP_ALIVE,
    };
    let mut ready: Vec<Bytes> = missed.into_iter().map(|(_, event)| event).collect();
    ready.insert(0, Bytes::from_static(opening));
    ready.reverse();
    let listener = Listener {
        ready,
        reader: session.mailbox.reader(),
        epoch: session.take_stream(),
        until: Instant::now() + LONGEST,
        gateway: gateway.clone(),
        admitted: admitted.clone(),
        session: session.clone(),
    };
    let events = stream::unfold(listener, |mut listener| async move {
        let event = listener.next().await?;
        Some((event, listener))
    });
    reply::event_stream(ReplyBody::stream(events))
}

struct Listener {
    gateway: Arc<Gateway>,
    admitted: Admitted,
    session: Arc<Session>,
    reader: Reader,
    epoch: u64,
    until: Instant,
    ready: Vec<Bytes>,
}

impl Listener {
    /// The next event, or `None` when the stream ends: token, session or gateway ended, or a newer stream took over.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(event) = self.ready.pop() {
            return Some(event);
        }
        tokio::select! {
            biased;
            () = self.admitted.token.life.ended() => None,
            () = self.session.closed() => None,
            () = self.session.stream_taken(self.epoch) => None,
            () = self.gateway.drained() => None,
            () = tokio::time::sleep_until(self.until) => None,
            letter = self.reader.next() => {
                Some(self.session.streams.general().push(&message(letter)))
            }
            () = tokio::time::sleep(KEEP_ALIVE) => Some(Bytes::from_static(SSE_KEEP_ALIVE)),
        }
    }
}

/// What a letter is towards clients of older revisions.
pub(super) fn message(letter: Letter) -> Bytes {
    match letter {
        Letter::Changed(what) => write::notification(name_of(what), None),
        Letter::Updated(uri) => {
            let params = ObjectEdit::new().set("uri", Json::from_text(&uri)).finish();
            write::notification("notifications/resources/updated", Some(&params))
        }
        Letter::Message(message) => message,
    }
}

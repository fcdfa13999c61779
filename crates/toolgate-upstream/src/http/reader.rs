//! The messages in the body of one HTTP answer.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::Response;
use hyper::body::Body as _;
use hyper::header::{CONTENT_TYPE, HeaderMap};
use toolgate_http::InBody;
use toolgate_http::egress::{DecodeError, InBodyError};
use toolgate_protocol::framing::{SseDecoder, SseFlow};
use toolgate_protocol::stream::{Audience, PassEnd};
use toolgate_protocol::{Body, Message, Revision};

use super::large::{Awaited, HEAD, Large, Passed};
use crate::shared::Shared;

/// One message at most (P3.15).
pub(crate) const MAX_MESSAGE: usize = 16 * 1024 * 1024;
/// All events of one call at most (P3.15).
const MAX_STREAM: usize = 64 * 1024 * 1024;
/// Longest event id that is remembered; a longer one makes the stream not resumable.
const MAX_EVENT_ID: usize = 1024;
/// Reconnection time when the server names none, and the least one (P7.8).
const DEFAULT_RETRY: Duration = Duration::from_secs(1);
const LEAST_RETRY: Duration = Duration::from_millis(100);
const MOST_RETRY: Duration = Duration::from_secs(30);

/// Why no further message can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReadError {
    /// The connection broke.
    Broken,
    /// What came is not MCP; says what.
    Protocol(&'static str),
}

const TOO_LONG: ReadError = ReadError::Protocol("an event of more than 16 MiB");

/// Reads the messages of one answer, JSON or event stream.
#[derive(Debug)]
pub(crate) struct Reader {
    shared: Arc<Shared>,
    body: InBody,
    shape: Shape,
    /// Messages of a batch that were not handed out yet.
    ready: VecDeque<Message>,
    batches: bool,
    place: Place,
    offer: Offer,
}

/// Whether a large result is handed on as it comes.
#[derive(Debug, Default)]
enum Offer {
    /// Nobody wants that.
    #[default]
    Never,
    /// The answer that may be.
    Awaited(Awaited),
    /// So much of it has come, and whoever listens was told.
    Made(Awaited, Bytes),
    /// The message that is coming is collected all the same.
    Declined(Awaited),
    /// It is on its way.
    Taken(Box<Large>),
    /// What is left of it.
    Ending(Box<Ending>),
}

/// What is left of a result, and its end.
#[derive(Debug)]
struct Ending {
    ready: VecDeque<Bytes>,
    end: Option<PassEnd>,
}

/// What comes next.
#[derive(Debug)]
pub(crate) enum Piece {
    Message(Message),
    /// A large result has begun, which [`Reader::pass`] takes.
    Large,
    Passed(Passed),
}

/// Where a stream stands, for resuming it (P7.8).
#[derive(Debug, Clone)]
pub(crate) struct Place {
    last_event_id: Option<String>,
    retry: Duration,
}

#[derive(Debug)]
enum Shape {
    Json {
        first: Option<Bytes>,
        rest: BytesMut,
    },
    /// A JSON answer of which nothing is kept.
    Passing,
    Events(Box<SseDecoder>),
    Ended,
}

impl Default for Place {
    fn default() -> Self {
        Self {
            last_event_id: None,
            retry: DEFAULT_RETRY,
        }
    }
}

impl Place {
    /// The id of the last event, if the server gave ids.
    pub(crate) fn last_event_id(&self) -> Option<&str> {
        self.last_event_id.as_deref()
    }

    /// How long to wait before reconnecting.
    pub(crate) fn retry(&self) -> Duration {
        self.retry
    }

    fn note(&mut self, id: Option<String>, retry: Option<u64>) {
        if let Some(id) = id.filter(|id| id.len() <= MAX_EVENT_ID) {
            // An empty id takes the stream's id back.
            self.last_event_id = Some(id).filter(|id| !id.is_empty());
        }
        if let Some(ms) = retry {
            self.retry = Duration::from_millis(ms).clamp(LEAST_RETRY, MOST_RETRY);
        }
    }
}

/// What a `Content-Type` header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Media {
    Json,
    EventStream,
    Missing,
    Other,
}

/// The media type of an answer, parameters ignored.
pub(crate) fn media(headers: &HeaderMap) -> Media {
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return Media::Missing;
    };
    let text = value.to_str().unwrap_or_default();
    let essence = text.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        Media::Json
    } else if essence.eq_ignore_ascii_case("text/event-stream") {
        Media::EventStream
    } else {
        Media::Other
    }
}

impl Reader {
    /// Content type decides; a missing one counts as JSON (P8.13).
    pub(crate) fn new(
        shared: &Arc<Shared>,
        response: Response<InBody>,
        revision: Revision,
    ) -> Result<Self, ReadError> {
        let media = media(response.headers());
        let body = response.into_body();
        let (body, shape) = match media {
            Media::Json | Media::Missing => (
                body.limited(MAX_MESSAGE),
                Shape::Json {
                    first: None,
                    rest: BytesMut::new(),
                },
            ),
            Media::EventStream => (
                body.limited(MAX_STREAM),
                Shape::Events(Box::new(SseDecoder::new(MAX_MESSAGE))),
            ),
            Media::Other => {
                return Err(ReadError::Protocol("an answer of an unknown content type"));
            }
        };
        Ok(Self {
            shared: Arc::clone(shared),
            body,
            shape,
            ready: VecDeque::new(),
            // Only 2025-03-26 has batches (P3.8).
            batches: revision == Revision::V2025_03_26,
            place: Place::default(),
            offer: Offer::Never,
        })
    }

    /// Offers to hand the answer on as it comes, should it be a large result.
    #[must_use]
    pub(crate) fn awaiting(mut self, awaited: Option<Awaited>) -> Self {
        self.offer = awaited.map_or(Offer::Never, Offer::Awaited);
        self
    }

    /// Takes the offer for this client; false if there is none, or if the client needs a result that is whole.
    pub(crate) fn pass(&mut self, audience: Audience) -> bool {
        let Offer::Made(awaited, head) = &mut self.offer else {
            return false;
        };
        let (awaited, head) = (*awaited, std::mem::take(head));
        let Some(large) = Large::begin(&self.shared.credentials, awaited, head, audience) else {
            self.offer = Offer::Declined(awaited);
            return false;
        };
        match &mut self.shape {
            Shape::Events(decoder) => drop(decoder.let_flow()),
            shape => *shape = Shape::Passing,
        }
        self.offer = Offer::Taken(Box::new(large));
        true
    }

    /// Whether a result is on its way.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self.offer, Offer::Taken(_) | Offer::Ending(_))
    }

    /// Goes on where another answer of the same stream ended.
    #[must_use]
    pub(crate) fn resuming(mut self, place: Place) -> Self {
        self.place = place;
        self
    }

    /// Whether the body was read to its end.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.shape, Shape::Ended) && self.ready.is_empty()
    }

    /// Where the stream stands.
    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// The next message; `None` at the end of the answer. Cancel safe.
    pub(crate) async fn next(&mut self) -> Result<Option<Message>, ReadError> {
        loop {
            match self.piece().await? {
                Some(Piece::Message(message)) => return Ok(Some(message)),
                Some(Piece::Large | Piece::Passed(_)) => {}
                None => return Ok(None),
            }
        }
    }

    /// The next message or piece of one; `None` at the end of the answer. Cancel safe.
    pub(crate) async fn piece(&mut self) -> Result<Option<Piece>, ReadError> {
        if let Offer::Made(awaited, _) = self.offer {
            self.offer = Offer::Declined(awaited);
        }
        loop {
            if let Some(passed) = self.passed()? {
                return Ok(Some(Piece::Passed(passed)));
            }
            if let Some(message) = self.ready.pop_front() {
                return Ok(Some(Piece::Message(message)));
            }
            if let Some(message) = self.decode()? {
                return Ok(Some(Piece::Message(message)));
            }
            if self.makes_offer() {
                return Ok(Some(Piece::Large));
            }
            if matches!(self.shape, Shape::Ended) {
                return Ok(None);
            }
            match self.body.frame().await {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.push(data)?;
                    }
                }
                Some(Err(InBodyError::TooLarge { .. })) => {
                    return Err(ReadError::Protocol(match self.shape {
                        Shape::Events(_) => "a stream of more than 64 MiB",
                        Shape::Json { .. } | Shape::Passing | Shape::Ended => {
                            "an answer of more than 16 MiB"
                        }
                    }));
                }
                Some(Err(InBodyError::Decode(DecodeError::Expands))) => {
                    return Err(ReadError::Protocol(
                        "an answer that expands more than 100 times",
                    ));
                }
                Some(Err(InBodyError::Decode(_))) => {
                    return Err(ReadError::Protocol("an answer whose compression is broken"));
                }
                Some(Err(InBodyError::Broken(_))) => return Err(ReadError::Broken),
                None => self.end()?,
            }
        }
    }

    /// Keeps a chunk. A body of one chunk is never copied.
    fn push(&mut self, data: Bytes) -> Result<(), ReadError> {
        let announced = match self.offer {
            // It may never be collected.
            Offer::Awaited(_) => HEAD,
            _ => usize::try_from(self.body.size_hint().lower())
                .unwrap_or(0)
                .min(MAX_MESSAGE),
        };
        match &mut self.shape {
            Shape::Json {
                first: first @ None,
                rest,
            } if rest.is_empty() => *first = Some(data),
            Shape::Json { first, rest } => {
                if let Some(first) = first.take() {
                    rest.reserve(first.len() + data.len() + announced);
                    rest.extend_from_slice(&first);
                }
                rest.extend_from_slice(&data);
            }
            Shape::Events(decoder) => decoder.push_bytes(data),
            Shape::Passing => {
                if let Offer::Taken(large) = &mut self.offer {
                    large.push(data)?;
                }
            }
            Shape::Ended => {}
        }
        Ok(())
    }

    /// Looks at what has come of a message that is larger than those that are collected.
    fn makes_offer(&mut self) -> bool {
        let Offer::Awaited(awaited) = self.offer else {
            return false;
        };
        let head = match &mut self.shape {
            Shape::Json { first, rest } => {
                if rest.len() > HEAD {
                    *first = Some(rest.split().freeze());
                }
                first.clone().filter(|head| head.len() > HEAD)
            }
            Shape::Events(decoder) => decoder.begun(HEAD).map(Bytes::copy_from_slice),
            Shape::Passing | Shape::Ended => None,
        };
        // One that says itself that it is too long is refused before it is begun (S-68).
        let ahead = usize::try_from(self.body.size_hint().lower()).unwrap_or(usize::MAX);
        let Some(head) = head.filter(|head| ahead <= MAX_MESSAGE.saturating_sub(head.len())) else {
            return false;
        };
        self.offer = Offer::Made(awaited, head);
        true
    }

    /// The next piece of a result that is on its way.
    fn passed(&mut self) -> Result<Option<Passed>, ReadError> {
        loop {
            match &mut self.offer {
                Offer::Taken(large) => {
                    if let Some(part) = large.next() {
                        return Ok(Some(Passed::Part(part)));
                    }
                }
                Offer::Ending(ending) => {
                    let part = ending.ready.pop_front().map(Passed::Part);
                    let passed = part.or_else(|| ending.end.take().map(Passed::Whole));
                    if passed.is_none() {
                        self.offer = Offer::Never;
                    }
                    return Ok(passed);
                }
                _ => return Ok(None),
            }
            let (Offer::Taken(large), Shape::Events(decoder)) = (&mut self.offer, &mut self.shape)
            else {
                return Ok(None);
            };
            match decoder.flow().map_err(|_| TOO_LONG)? {
                None => return Ok(None),
                Some(SseFlow::Part(part)) => large.push(part)?,
                Some(SseFlow::End(event)) => {
                    let is_message = event.is_message();
                    self.place.note(event.id, event.retry);
                    if !is_message {
                        return Err(ReadError::Protocol("an event whose type came late"));
                    }
                    self.finish_passing()?;
                }
            }
        }
    }

    fn finish_passing(&mut self) -> Result<(), ReadError> {
        if let Offer::Taken(large) = std::mem::take(&mut self.offer) {
            let (ready, end) = large.end()?;
            let end = Some(end);
            self.offer = Offer::Ending(Box::new(Ending { ready, end }));
        }
        Ok(())
    }

    /// The next message among the events that are whole.
    fn decode(&mut self) -> Result<Option<Message>, ReadError> {
        let Shape::Events(decoder) = &mut self.shape else {
            return Ok(None);
        };
        loop {
            let event = decoder.next().map_err(|_| TOO_LONG)?;
            let Some(event) = event else { return Ok(None) };
            if let Offer::Declined(awaited) = self.offer {
                // The next event is another message.
                self.offer = Offer::Awaited(awaited);
            }
            let is_message = event.is_message();
            self.place.note(event.id, event.retry);
            // Empty data is no message (P7.3).
            if is_message && !event.data.is_empty() {
                return self.read(event.data).map(Some);
            }
        }
    }

    /// The body is over: a JSON answer is whole and says something (P8.12), an unfinished event is discarded
    /// (P7.3).
    fn end(&mut self) -> Result<(), ReadError> {
        let shape = std::mem::replace(&mut self.shape, Shape::Ended);
        if let Shape::Passing = shape {
            return self.finish_passing();
        }
        if let Shape::Json { first, rest } = shape {
            let whole = first.unwrap_or_else(|| rest.freeze());
            if whole.is_empty() {
                return Err(ReadError::Protocol("an empty answer"));
            }
            let first = self.read(whole)?;
            self.ready.push_front(first);
        }
        Ok(())
    }

    /// Reads one message or an allowed batch; all but the first wait in `ready`.
    fn read(&mut self, bytes: Bytes) -> Result<Message, ReadError> {
        match self.shared.read(bytes) {
            Ok(Body::One(message)) => Ok(message),
            Ok(Body::Batch(elements)) if self.batches => {
                // A bad element is dropped; the call it may have answered then has no answer.
                let mut messages = elements.into_iter().filter_map(Result::ok);
                let first = messages
                    .next()
                    .ok_or(ReadError::Protocol("a batch without a message"))?;
                self.ready.extend(messages);
                Ok(first)
            }
            Ok(Body::Batch(_)) => Err(ReadError::Protocol("a batch")),
            // Duplicate members, bad UTF-8, depth: the message is dropped and the call fails (P3.7).
            Err(_) => Err(ReadError::Protocol("a message that is not JSON-RPC")),
        }
    }
}

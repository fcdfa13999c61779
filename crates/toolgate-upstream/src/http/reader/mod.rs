//! The messages in the body of one HTTP answer.

mod media;
mod offer;
mod place;

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::Response;
use hyper::body::Body as _;
use toolgate_http::InBody;
use toolgate_http::egress::{DecodeError, InBodyError};
use toolgate_protocol::framing::SseDecoder;
use toolgate_protocol::{Body, Message, Revision};

use self::offer::Offer;
use super::large::{Awaited, HEAD, Passed};
use crate::shared::Shared;

pub(crate) use self::media::{Media, media};
pub(crate) use self::place::Place;

/// One message at most (P3.15).
pub(crate) const MAX_MESSAGE: usize = 16 * 1024 * 1024;
/// All events of one call at most (P3.15).
const MAX_STREAM: usize = 64 * 1024 * 1024;

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

/// What comes next.
#[derive(Debug)]
pub(crate) enum Piece {
    Message(Message),
    /// A large result has begun, which [`Reader::pass`] takes.
    Large,
    Passed(Passed),
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

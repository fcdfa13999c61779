//! A large result that is handed on as it comes: offered, taken, and brought to its end.

use std::collections::VecDeque;

use bytes::Bytes;
use hyper::body::Body as _;
use toolgate_protocol::framing::SseFlow;
use toolgate_protocol::stream::{Audience, PassEnd};

use super::{MAX_MESSAGE, ReadError, Reader, Shape, TOO_LONG};
use crate::http::large::{Awaited, HEAD, Large, Passed};

/// Whether a large result is handed on as it comes.
#[derive(Debug, Default)]
pub(super) enum Offer {
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
pub(super) struct Ending {
    ready: VecDeque<Bytes>,
    end: Option<PassEnd>,
}

impl Reader {
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

    /// Looks at what has come of a message that is larger than those that are collected.
    pub(super) fn makes_offer(&mut self) -> bool {
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
    pub(super) fn passed(&mut self) -> Result<Option<Passed>, ReadError> {
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

    pub(super) fn finish_passing(&mut self) -> Result<(), ReadError> {
        if let Offer::Taken(large) = std::mem::take(&mut self.offer) {
            let (ready, end) = large.end()?;
            let end = Some(end);
            self.offer = Offer::Ending(Box::new(Ending { ready, end }));
        }
        Ok(())
    }
}

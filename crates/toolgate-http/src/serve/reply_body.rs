use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use futures::{Stream, StreamExt};
use hyper::body::{Body, Frame, SizeHint};

use super::slices::Slices;

/// The body of a reply: nothing, one slice, several slices, or a stream.
///
/// Slices travel as they are: the header and all of a small reply's slices leave in one vectored
/// write, and a large one is never copied together.
pub struct ReplyBody(Content);

enum Content {
    Slices(Slices),
    Stream(Pin<Box<dyn Stream<Item = Result<Bytes, BrokenOff>> + Send>>),
}

/// A streamed reply could not be finished.
///
/// The client sees that: its HTTP/1 connection closes before the last chunk, its HTTP/2 stream is
/// reset. A reply that merely ended would look whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the reply broke off")]
pub struct BrokenOff;

impl ReplyBody {
    /// No body.
    pub fn empty() -> Self {
        Self(Content::Slices(Slices::default()))
    }

    /// One slice, its length announced.
    pub fn full(bytes: Bytes) -> Self {
        Self(Content::Slices(bytes.into()))
    }

    /// Several slices in order, their total length announced, none copied.
    pub fn parts(parts: impl IntoIterator<Item = Bytes>) -> Self {
        Self(Content::Slices(parts.into_iter().collect()))
    }

    /// Takes what is there already, to leave in one write; `None` of a stream, and when nothing is left.
    pub(super) fn take_slices(&mut self) -> Option<Slices> {
        match &mut self.0 {
            Content::Slices(slices) if slices.has_remaining() => Some(std::mem::take(slices)),
            Content::Slices(_) | Content::Stream(_) => None,
        }
    }

    /// Slices as they come, length unknown; each goes out as soon as it is there.
    ///
    /// The stream is polled only while the client takes what it gets, so a slow client holds at
    /// most the slice in flight (P7.9), and it is dropped when the client disconnects.
    pub fn stream(stream: impl Stream<Item = Bytes> + Send + 'static) -> Self {
        Self(Content::Stream(Box::pin(stream.map(Ok))))
    }

    /// As [`stream`](Self::stream), for a source that may fail half way.
    pub fn try_stream(
        stream: impl Stream<Item = Result<Bytes, BrokenOff>> + Send + 'static,
    ) -> Self {
        Self(Content::Stream(Box::pin(stream)))
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let next = match &mut self.0 {
            Content::Slices(slices) => slices.pop().map(Ok),
            Content::Stream(stream) => std::task::ready!(stream.as_mut().poll_next(cx)),
        };
        Poll::Ready(next.map(|slice| slice.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Content::Slices(slices) => !slices.has_remaining(),
            Content::Stream(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Content::Slices(slices) => SizeHint::with_exact(slices.remaining() as u64),
            Content::Stream(_) => SizeHint::default(),
        }
    }
}

impl fmt::Debug for ReplyBody {
    /// The kind and length, never the content (S-20).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.size_hint().exact() {
            Some(length) => write!(f, "ReplyBody({length} bytes)"),
            None => f.write_str("ReplyBody(stream)"),
        }
    }
}

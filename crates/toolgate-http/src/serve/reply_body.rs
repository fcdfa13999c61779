use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::{Stream, StreamExt};
use hyper::body::{Body, Frame, SizeHint};

/// The body of a reply: nothing, one slice, several slices, or a stream.
///
/// Slices travel as they are: the header and all of a small reply's slices leave in one vectored
/// write, and a large one is never copied together.
pub struct ReplyBody(Content);

enum Content {
    Slice(Bytes),
    Slices { slices: VecDeque<Bytes>, left: u64 },
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
        Self(Content::Slice(Bytes::new()))
    }

    /// One slice, its length announced.
    pub fn full(bytes: Bytes) -> Self {
        Self(Content::Slice(bytes))
    }

    /// Several slices in order, their total length announced, none copied.
    pub fn parts(parts: impl IntoIterator<Item = Bytes>) -> Self {
        let slices: VecDeque<Bytes> = parts
            .into_iter()
            .filter(|slice| !slice.is_empty())
            .collect();
        let left = slices.iter().map(|slice| slice.len() as u64).sum();
        Self(Content::Slices { slices, left })
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
            Content::Slice(bytes) if bytes.is_empty() => None,
            Content::Slice(bytes) => Some(Ok(std::mem::take(bytes))),
            Content::Slices { slices, left } => {
                let slice = slices.pop_front();
                *left -= slice.as_ref().map_or(0, |slice| slice.len() as u64);
                slice.map(Ok)
            }
            Content::Stream(stream) => std::task::ready!(stream.as_mut().poll_next(cx)),
        };
        Poll::Ready(next.map(|slice| slice.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Content::Slice(bytes) => bytes.is_empty(),
            Content::Slices { left, .. } => *left == 0,
            Content::Stream(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Content::Slice(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Content::Slices { left, .. } => SizeHint::with_exact(*left),
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

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use super::connection::Connection;
use super::decode::{DecodeError, Decoder, PIECE_BYTES};
use super::endpoint::Shared;
use super::pool::keep;
use crate::gather::Gather;

/// An answer's body, as it comes in.
///
/// Read to its end it gives its connection back for the next request. Dropped before, it closes
/// the connection, which tells the server to stop (P8.20).
#[derive(Debug)]
pub struct InBody {
    body: Incoming,
    /// Of a compressed body, whose bytes count once they are decoded.
    encoded: Option<Box<Encoded>>,
    lent: Option<(Box<Connection>, Arc<Shared>)>,
    read: usize,
    max: usize,
}

/// A compressed body on its way.
#[derive(Debug)]
struct Encoded {
    decoder: Box<Decoder>,
    /// Came in, but isn't decoded.
    waiting: Bytes,
    ended: bool,
}

/// Why an answer's body could not be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum InBodyError {
    /// It is longer than the limit, or says it will be (S-68).
    #[error("reading the server's answer: it is longer than {max} bytes")]
    TooLarge {
        /// The limit that was passed.
        max: usize,
    },
    /// It is compressed and expands too much, or isn't what it says it is (S-68).
    #[error("reading the server's answer")]
    Decode(#[source] DecodeError),
    /// The connection ended or the framing broke.
    #[error("reading the server's answer")]
    Broken(#[source] hyper::Error),
}

impl InBody {
    pub(super) fn new(
        body: Incoming,
        decoder: Option<Box<Decoder>>,
        connection: Box<Connection>,
        home: &Arc<Shared>,
        max: usize,
    ) -> Self {
        let mut this = Self {
            body,
            encoded: decoder.map(|decoder| {
                Box::new(Encoded {
                    decoder,
                    waiting: Bytes::new(),
                    ended: false,
                })
            }),
            lent: Some((connection, Arc::clone(home))),
            read: 0,
            max,
        };
        // An answer without a body is at its end already.
        this.give_back_at_end();
        this
    }

    /// The same body with another length limit, say for a stream that lasts a whole call.
    #[must_use]
    pub fn limited(self, max: usize) -> Self {
        Self { max, ..self }
    }

    /// Reads it to the end. A body that came as one frame is handed on without a copy.
    pub async fn collect(mut self) -> Result<Bytes, InBodyError> {
        let announced = self.size_hint().exact();
        let mut gather = Gather::default();
        while let Some(frame) = self.frame().await {
            if let Ok(data) = frame?.into_data() {
                gather.push(data, announced);
            }
        }
        Ok(gather.finish())
    }

    fn give_back_at_end(&mut self) {
        if self.body.is_end_stream()
            && let Some((connection, home)) = self.lent.take()
        {
            keep(&home, connection);
        }
    }

    fn left(&self) -> usize {
        self.max.saturating_sub(self.read)
    }

    /// Ends the exchange: nothing more is wanted from this connection.
    fn too_large(&mut self) -> InBodyError {
        self.lent = None;
        InBodyError::TooLarge { max: self.max }
    }

    /// The next decoded bytes; `None` at the end of what was compressed.
    fn poll_decoded(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, InBodyError>>> {
        let left = self.left();
        let Some(encoded) = &mut self.encoded else {
            return Poll::Ready(None);
        };
        let decoded = loop {
            if !encoded.waiting.is_empty() {
                let at_once = encoded.waiting.len().min(PIECE_BYTES);
                let piece = encoded.waiting.split_to(at_once);
                match encoded.decoder.decode(&piece, left) {
                    Ok(decoded) if decoded.is_empty() => continue,
                    decoded => break decoded,
                }
            }
            if encoded.ended {
                return Poll::Ready(None);
            }
            match std::task::ready!(poll_came(&mut self.body, &mut self.lent, cx)) {
                Some(Ok(frame)) => encoded.waiting = frame.into_data().unwrap_or_default(),
                Some(Err(error)) => {
                    self.lent = None;
                    return Poll::Ready(Some(Err(InBodyError::Broken(error))));
                }
                None => {
                    encoded.ended = true;
                    if let Some((connection, home)) = self.lent.take() {
                        keep(&home, connection);
                    }
                    match encoded.decoder.finish(left) {
                        Ok(rest) if rest.is_empty() => return Poll::Ready(None),
                        rest => break rest,
                    }
                }
            }
        };
        Poll::Ready(Some(match decoded {
            Ok(bytes) => {
                self.read += bytes.len();
                Ok(Frame::data(bytes))
            }
            Err(DecodeError::TooLarge) => Err(self.too_large()),
            Err(error) => {
                self.lent = None;
                Err(InBodyError::Decode(error))
            }
        }))
    }
}

/// The next frame as it came, moving the connection along that brings it.
fn poll_came(
    body: &mut Incoming,
    lent: &mut Option<(Box<Connection>, Arc<Shared>)>,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
    let mut frame = |cx: &mut Context<'_>| Pin::new(&mut *body).poll_frame(cx);
    match lent {
        Some((connection, _)) => connection.poll_moving(cx, frame),
        None => frame(cx),
    }
}

impl Body for InBody {
    type Data = Bytes;
    type Error = InBodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, InBodyError>>> {
        let this = &mut *self;
        if this.encoded.is_some() {
            return this.poll_decoded(cx);
        }
        // What the server announces counts before it has come.
        let announced = this.body.size_hint().lower();
        if announced > this.left() as u64 {
            return Poll::Ready(Some(Err(this.too_large())));
        }
        let frame = match std::task::ready!(poll_came(&mut this.body, &mut this.lent, cx)) {
            None => {
                if let Some((connection, home)) = this.lent.take() {
                    keep(&home, connection);
                }
                return Poll::Ready(None);
            }
            Some(Err(error)) => {
                this.lent = None;
                return Poll::Ready(Some(Err(InBodyError::Broken(error))));
            }
            Some(Ok(frame)) => frame,
        };
        let length = frame.data_ref().map_or(0, Bytes::len);
        if length > this.left() {
            return Poll::Ready(Some(Err(this.too_large())));
        }
        this.read += length;
        this.give_back_at_end();
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        match &self.encoded {
            None => self.body.is_end_stream(),
            Some(encoded) => encoded.ended && encoded.waiting.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.encoded {
            None => self.body.size_hint(),
            Some(_) => SizeHint::default(),
        }
    }
}

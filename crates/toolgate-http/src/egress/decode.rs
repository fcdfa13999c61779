use std::io::{self, Write};

use brotli_decompressor::DecompressorWriter;
use bytes::Bytes;
use flate2::write::GzDecoder;
use hyper::HeaderMap;
use hyper::header::CONTENT_ENCODING;
use zstd::stream::raw::{DParameter, Decoder as ZstdState};
use zstd::stream::zio::Writer as ZstdDecoder;

use super::error::ProtocolFault;

/// How an answer is compressed. We ask for none, and decode what servers send all the same (S-68).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// RFC 1952.
    Gzip,
    /// RFC 7932.
    Brotli,
    /// RFC 8878.
    Zstd,
}

/// Undoes one layer of compression, piece by piece, in bounded memory.
///
/// What comes out may be [`RATIO_MAX`] times what went in once it is more than [`FREE_BYTES`]; honest
/// JSON stays under 30. The same holds for each piece alone, so no piece fills memory at once.
pub struct Decoder {
    inner: Inner,
    bytes_in: u64,
    bytes_out: u64,
}

/// Why a compressed answer can't be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// More came out than the caller has room for.
    #[error("the decoded answer is longer than allowed")]
    TooLarge,
    /// It expands like nothing honest does.
    #[error("the answer expands more than {RATIO_MAX} times")]
    Expands,
    /// It isn't what its `Content-Encoding` says, or it ends too early.
    #[error("the answer's compression is broken")]
    Broken,
}

/// How many times its length an answer may expand, beyond [`FREE_BYTES`].
pub const RATIO_MAX: u64 = 100;
/// Decoded bytes that may come of anything.
pub const FREE_BYTES: u64 = 1024 * 1024;
/// Compressed bytes that are decoded at once.
pub(super) const PIECE_BYTES: usize = 16 * 1024;
/// 8 MiB, the window every decoder must have and no more (RFC 8878, section 3.1.1.1.2).
const ZSTD_WINDOW_LOG_MAX: u32 = 23;
const BROTLI_BUFFER_BYTES: usize = 16 * 1024;

enum Inner {
    Gzip(GzDecoder<Sink>),
    Brotli(Box<DecompressorWriter<Sink>>),
    Zstd(ZstdDecoder<Sink, ZstdState<'static>>),
}

/// Takes what comes out until there is no room.
#[derive(Default)]
struct Sink {
    out: Vec<u8>,
    room: usize,
    overflowed: bool,
}

impl Coding {
    /// The one coding a header names; none, or `identity`, is none. Several layers and codings that
    /// we can't undo are the server's fault.
    pub fn of(headers: &HeaderMap) -> Result<Option<Self>, ProtocolFault> {
        let mut found = None;
        for value in headers.get_all(CONTENT_ENCODING) {
            let value = value.to_str().map_err(|_| ProtocolFault::Encoded)?.trim();
            let coding = match value.to_ascii_lowercase().as_str() {
                "identity" => continue,
                "gzip" | "x-gzip" => Self::Gzip,
                "br" => Self::Brotli,
                "zstd" => Self::Zstd,
                _ => return Err(ProtocolFault::Encoded),
            };
            if found.replace(coding).is_some() {
                return Err(ProtocolFault::Encoded);
            }
        }
        Ok(found)
    }
}

impl Decoder {
    /// A decoder at the start of an answer.
    pub fn new(coding: Coding) -> Result<Self, DecodeError> {
        let sink = Sink::default();
        let inner = match coding {
            Coding::Gzip => Inner::Gzip(GzDecoder::new(sink)),
            Coding::Brotli => {
                Inner::Brotli(Box::new(DecompressorWriter::new(sink, BROTLI_BUFFER_BYTES)))
            }
            Coding::Zstd => {
                let mut state = ZstdState::new().map_err(|_| DecodeError::Broken)?;
                state
                    .set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG_MAX))
                    .map_err(|_| DecodeError::Broken)?;
                Inner::Zstd(ZstdDecoder::new(sink, state))
            }
        };
        Ok(Self {
            inner,
            bytes_in: 0,
            bytes_out: 0,
        })
    }

    /// Decodes a piece; at most `left` bytes may come out. Everything the piece holds comes out now,
    /// so that an event doesn't wait for the next one.
    pub fn decode(&mut self, piece: &[u8], left: usize) -> Result<Bytes, DecodeError> {
        self.bytes_in += piece.len() as u64;
        self.run(left, piece.len() as u64, |inner| match inner {
            Inner::Gzip(decoder) => decoder.write_all(piece).and_then(|()| decoder.flush()),
            Inner::Brotli(decoder) => decoder.write_all(piece).and_then(|()| decoder.flush()),
            Inner::Zstd(decoder) => decoder.write_all(piece).and_then(|()| decoder.flush()),
        })
    }

    /// Whether the answer ended where its compression says, and what was still inside.
    pub fn finish(&mut self, left: usize) -> Result<Bytes, DecodeError> {
        if self.bytes_in == 0 {
            return Ok(Bytes::new());
        }
        self.run(left, 0, |inner| match inner {
            Inner::Gzip(decoder) => decoder.try_finish(),
            Inner::Brotli(decoder) => decoder.close(),
            Inner::Zstd(decoder) => decoder.finish(),
        })
    }

    fn run(
        &mut self,
        left: usize,
        piece: u64,
        step: impl FnOnce(&mut Inner) -> io::Result<()>,
    ) -> Result<Bytes, DecodeError> {
        let honest = FREE_BYTES.max(RATIO_MAX * self.bytes_in) - self.bytes_out;
        let honest = honest.min(FREE_BYTES + RATIO_MAX * piece);
        let honest = usize::try_from(honest).unwrap_or(usize::MAX);
        self.inner.sink().room = left.min(honest);
        let done = step(&mut self.inner);
        let sink = self.inner.sink();
        if sink.overflowed {
            return Err(if left <= honest {
                DecodeError::TooLarge
            } else {
                DecodeError::Expands
            });
        }
        done.map_err(|_| DecodeError::Broken)?;
        let out = std::mem::take(&mut sink.out);
        self.bytes_out += out.len() as u64;
        Ok(Bytes::from(out))
    }
}

impl Inner {
    fn sink(&mut self) -> &mut Sink {
        match self {
            Self::Gzip(decoder) => decoder.get_mut(),
            Self::Brotli(decoder) => decoder.get_mut(),
            Self::Zstd(decoder) => decoder.writer_mut(),
        }
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > self.room {
            self.overflowed = true;
            (self.room, self.out) = (0, Vec::new());
            return Err(io::Error::other("no more room"));
        }
        self.room -= bytes.len();
        self.out.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder")
            .field("bytes_in", &self.bytes_in)
            .field("bytes_out", &self.bytes_out)
            .finish_non_exhaustive()
    }
}

//! Server-sent events, read (P7.3; the HTML standard, section 9.2.6).

use bytes::{Buf, Bytes, BytesMut};

use super::line::{completed, joined};

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SseEvent {
    /// The id given with this event, if any.
    pub id: Option<String>,
    /// The event type, if any.
    pub event: Option<String>,
    /// The data lines joined with LF. Empty in a priming event, which tells an id or a retry time and is
    /// not a message (P7.3).
    pub data: Bytes,
    /// How long to wait before reconnecting, in milliseconds.
    pub retry: Option<u64>,
}

/// An event larger than the limit; the stream is of no further use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("reading an event stream: an event is longer than {max} bytes")]
pub struct SseError {
    /// The limit in bytes.
    pub max: usize,
}

/// Splits a stream into events, however it was cut into chunks (P7.3).
///
/// Holds at most one event and one chunk. What is unfinished when the stream ends is dropped with the
/// decoder, as the standard wants.
#[derive(Debug)]
pub struct SseDecoder {
    max_event_bytes: usize,
    /// What was pushed and not looked at yet.
    chunk: Bytes,
    /// The begin of a line whose end has not come.
    partial: BytesMut,
    /// The last line ended with CR, so a LF that follows belongs to it.
    after_cr: bool,
    /// A byte order mark may still come.
    at_start: bool,
    /// Whether an event was too long.
    broken: bool,
    open: OpenEvent,
    flow: Flow,
}

/// How the data of the open event goes on.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Flow {
    /// It is gathered.
    #[default]
    Whole,
    /// It is given out as it comes, and a line of it is open.
    InLine,
    /// It is given out as it comes, and a line has ended.
    BetweenLines,
}

/// Data of an event that is given out as it comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SseFlow {
    /// A part of it, in order.
    Part(Bytes),
    /// The event is over; its `data` is empty.
    End(SseEvent),
}

/// The event whose blank line has not come.
#[derive(Debug, Default)]
struct OpenEvent {
    event: SseEvent,
    /// More than one data line: they are gathered here instead.
    lines: Option<BytesMut>,
    has_data: bool,
    /// Whether any field was there that a reader must learn of.
    worth_telling: bool,
    bytes: usize,
}

impl SseEvent {
    /// Whether its data is a message: other types mean nothing here (P7.3).
    pub fn is_message(&self) -> bool {
        self.event.as_deref().is_none_or(|name| name == "message")
    }
}

impl SseDecoder {
    /// A decoder that refuses events longer than `max_event_bytes`.
    pub fn new(max_event_bytes: usize) -> Self {
        Self {
            max_event_bytes,
            chunk: Bytes::new(),
            partial: BytesMut::new(),
            after_cr: false,
            at_start: true,
            broken: false,
            open: OpenEvent::default(),
            flow: Flow::Whole,
        }
    }

    /// Hands bytes in.
    pub fn push(&mut self, bytes: &[u8]) {
        self.push_bytes(Bytes::copy_from_slice(bytes));
    }

    /// Hands bytes in without copying them where a whole line lies in them.
    pub fn push_bytes(&mut self, bytes: Bytes) {
        self.chunk = joined(&self.chunk, bytes);
    }

    /// The next whole event; `None` when more bytes are needed.
    #[expect(
        clippy::should_implement_trait,
        reason = "a decoder's `next` can fail, and go on after `None`"
    )]
    pub fn next(&mut self) -> Result<Option<SseEvent>, SseError> {
        while let Some(line) = self.next_line()? {
            if line.is_empty() {
                if let Some(event) = std::mem::take(&mut self.open).finish() {
                    return Ok(Some(event));
                }
                continue;
            }
            self.open.field(&line);
            self.fits(self.open.bytes)?;
        }
        Ok(None)
    }

    /// What has come of the data of a message, if that is more than `least` bytes and its first line is not over.
    pub fn begun(&self, least: usize) -> Option<&[u8]> {
        let first = self.flow == Flow::Whole && !self.open.has_data && self.partial.len() > least;
        let value = self
            .partial
            .strip_prefix(b"data:")
            .filter(|_| first && self.open.event.is_message())?;
        Some(value.strip_prefix(b" ").unwrap_or(value))
    }

    /// From now on the data that has [begun](Self::begun) is given out by [`flow`](Self::flow) as it comes; what has
    /// come of it is the first part.
    pub fn let_flow(&mut self) -> Bytes {
        let begun = self.begun(0).map_or(0, <[u8]>::len);
        let mut line = std::mem::take(&mut self.partial).freeze();
        line.advance(line.len() - begun);
        self.open.has_data = true;
        self.open.bytes += line.len();
        self.at_start = false;
        self.flow = Flow::InLine;
        line
    }

    /// The next part of data that flows; `None` when more bytes are needed.
    pub fn flow(&mut self) -> Result<Option<SseFlow>, SseError> {
        if self.flow == Flow::InLine {
            let end = memchr::memchr2(b'\n', b'\r', &self.chunk);
            let part = self.chunk.split_to(end.unwrap_or(self.chunk.len()));
            self.open.bytes += part.len();
            self.fits(self.open.bytes)?;
            if end.is_some() {
                self.after_cr = self.chunk.get_u8() == b'\r';
                self.flow = Flow::BetweenLines;
            }
            if !part.is_empty() || end.is_none() {
                return Ok((!part.is_empty()).then_some(SseFlow::Part(part)));
            }
        }
        while let Some(line) = self.next_line()? {
            if line.is_empty() {
                self.flow = Flow::Whole;
                let event = std::mem::take(&mut self.open).event;
                return Ok(Some(SseFlow::End(event)));
            }
            self.open.field(&line);
            self.fits(self.open.bytes)?;
            if let Some(lines) = self.open.lines.take() {
                return Ok(Some(SseFlow::Part(lines.freeze())));
            }
        }
        Ok(None)
    }

    /// The next line without its end: LF, CR or CR LF.
    fn next_line(&mut self) -> Result<Option<Bytes>, SseError> {
        self.fits(0)?;
        if self.after_cr && !self.chunk.is_empty() {
            self.after_cr = false;
            if self.chunk[0] == b'\n' {
                self.chunk.advance(1);
            }
        }
        let Some(end) = memchr::memchr2(b'\n', b'\r', &self.chunk) else {
            self.partial
                .extend_from_slice(&std::mem::take(&mut self.chunk));
            self.fits(self.open.bytes + self.partial.len())?;
            return Ok(None);
        };
        let part = self.chunk.split_to(end);
        self.after_cr = self.chunk.get_u8() == b'\r';
        let mut line = completed(&mut self.partial, part);
        self.fits(self.open.bytes + line.len())?;
        if std::mem::take(&mut self.at_start) && line.starts_with(b"\xef\xbb\xbf") {
            line.advance(3);
        }
        Ok(Some(line))
    }

    fn fits(&mut self, event_bytes: usize) -> Result<(), SseError> {
        if event_bytes > self.max_event_bytes || self.broken {
            self.broken = true;
            self.chunk = Bytes::new();
            self.partial = BytesMut::new();
            return Err(SseError {
                max: self.max_event_bytes,
            });
        }
        Ok(())
    }
}

impl OpenEvent {
    fn field(&mut self, line: &Bytes) {
        let colon = memchr::memchr(b':', line).unwrap_or(line.len());
        let mut value = line.slice((colon + 1).min(line.len())..);
        if value.first() == Some(&b' ') {
            value.advance(1);
        }
        match &line[..colon] {
            b"data" => self.data(value),
            b"id" if !value.contains(&0) => {
                self.bytes += value.len();
                self.event.id = Some(String::from_utf8_lossy(&value).into_owned());
            }
            b"event" => {
                self.bytes += value.len();
                self.event.event = Some(String::from_utf8_lossy(&value).into_owned());
            }
            b"retry" => match digits(&value) {
                Some(milliseconds) => self.event.retry = Some(milliseconds),
                None => return,
            },
            // Comments have no name; other names mean nothing.
            _ => return,
        }
        self.worth_telling = true;
    }

    fn data(&mut self, value: Bytes) {
        self.bytes += value.len() + usize::from(self.has_data);
        if !std::mem::replace(&mut self.has_data, true) {
            self.event.data = value;
            return;
        }
        let first = std::mem::take(&mut self.event.data);
        let lines = self.lines.get_or_insert_with(|| BytesMut::from(&*first));
        lines.extend_from_slice(b"\n");
        lines.extend_from_slice(&value);
    }

    fn finish(self) -> Option<SseEvent> {
        let mut event = self.event;
        if let Some(lines) = self.lines {
            event.data = lines.freeze();
        }
        self.worth_telling.then_some(event)
    }
}

fn digits(value: &[u8]) -> Option<u64> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(value).ok()?.parse().ok()
}

//! HTTP/1.1 with keep-alive, just enough of it, so that the load costs less than what it measures.

use std::io::{Error, ErrorKind};
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::job::Target;
use crate::request::Request;
use crate::wire2::Multiplexed;

/// One connection and the last answer that came over it.
#[derive(Debug)]
pub struct Connection {
    way: Way,
    buffer: Vec<u8>,
    /// Status of the last answer.
    pub status: u16,
    /// `Mcp-Session-Id` of the last answer that had one.
    pub session: Option<String>,
    /// Whether the last answer is an event stream.
    pub events: bool,
    /// Body of the last answer.
    pub body: Vec<u8>,
    /// When the first byte of its body was there.
    pub first_byte: Instant,
}

#[derive(Debug)]
enum Way {
    Http1(TcpStream),
    Http2(Multiplexed),
}

/// How long a body is.
enum Length {
    Bytes(usize),
    Chunked,
}

impl Connection {
    /// Connects to the target.
    pub async fn open(target: &Target, http2: bool) -> Result<Self, Error> {
        let socket = TcpStream::connect(&target.address).await?;
        socket.set_nodelay(true)?;
        let way = if http2 {
            Way::Http2(Multiplexed::new(socket).await?)
        } else {
            Way::Http1(socket)
        };
        Ok(Self {
            way,
            buffer: Vec::new(),
            status: 0,
            session: None,
            events: false,
            body: Vec::new(),
            first_byte: Instant::now(),
        })
    }

    /// Sends a request and reads the whole answer.
    pub async fn round(&mut self, target: &Target, request: &Request) -> Result<(), Error> {
        if let Way::Http2(connection) = &mut self.way {
            let answer = connection.round(target, request).await?;
            self.status = answer.status;
            self.session = answer.session.or(self.session.take());
            self.events = answer.events;
            self.body = answer.body;
            self.first_byte = answer.first_byte;
            return Ok(());
        }
        let length = self.send(target, request).await?;
        self.body.clear();
        match length {
            Length::Bytes(0) => {}
            Length::Bytes(length) => {
                self.ensure(1).await?;
                self.first_byte = Instant::now();
                self.take(length).await?;
            }
            Length::Chunked => self.take_chunks().await?,
        }
        Ok(())
    }

    /// Sends a request over HTTP/1.1 whose answer stays open, and reads its head.
    pub async fn open_stream(&mut self, target: &Target, request: &Request) -> Result<(), Error> {
        self.send(target, request).await?;
        // Thousands of these are held at once.
        self.buffer = Vec::new();
        self.body = Vec::new();
        Ok(())
    }

    /// Waits until the open stream has ended, with its connection or without; what still comes is thrown away.
    pub async fn ended(&mut self) {
        const LAST_CHUNK: &[u8] = b"0\r\n\r\n";
        let mut scrap = [0; 1024];
        if let Way::Http1(socket) = &mut self.way {
            while let Ok(read @ 1..) = socket.read(&mut scrap).await {
                if scrap[..read].ends_with(LAST_CHUNK) {
                    return;
                }
            }
        }
    }

    async fn send(&mut self, target: &Target, request: &Request) -> Result<Length, Error> {
        if let Way::Http1(socket) = &mut self.way {
            socket.write_all(&request.to_bytes(target)).await?;
        }
        let head = loop {
            if let Some(end) = memchr::memmem::find(&self.buffer, b"\r\n\r\n") {
                break end + 4;
            }
            self.fill().await?;
        };
        let length = self.read_head(head)?;
        self.buffer.drain(..head);
        Ok(length)
    }

    fn read_head(&mut self, end: usize) -> Result<Length, Error> {
        let head =
            std::str::from_utf8(&self.buffer[..end]).map_err(|_| bad("a head that is not text"))?;
        let mut lines = head.split("\r\n");
        let status = lines
            .next()
            .and_then(|line| line.split(' ').nth(1))
            .and_then(|status| status.parse().ok());
        self.status = status.ok_or_else(|| bad("no status"))?;
        self.events = false;
        let mut length = Length::Bytes(0);
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            let value = value.trim();
            if name.eq_ignore_ascii_case("content-length") {
                let number = value.parse();
                length = Length::Bytes(number.map_err(|_| bad("a length that is no number"))?);
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                length = Length::Chunked;
            } else if name.eq_ignore_ascii_case("content-type") {
                self.events = value.starts_with("text/event-stream");
            } else if name.eq_ignore_ascii_case("mcp-session-id") {
                self.session = Some(value.to_owned());
            }
        }
        Ok(length)
    }

    /// Moves so many bytes into the body.
    async fn take(&mut self, length: usize) -> Result<(), Error> {
        self.ensure(length).await?;
        self.body.extend_from_slice(&self.buffer[..length]);
        self.buffer.drain(..length);
        Ok(())
    }

    async fn ensure(&mut self, length: usize) -> Result<(), Error> {
        while self.buffer.len() < length {
            self.fill().await?;
        }
        Ok(())
    }

    async fn take_chunks(&mut self) -> Result<(), Error> {
        let mut at = 0;
        loop {
            let end = loop {
                if let Some(end) = memchr::memmem::find(&self.buffer[at..], b"\r\n") {
                    break at + end;
                }
                self.fill().await?;
            };
            let size = std::str::from_utf8(&self.buffer[at..end])
                .ok()
                .and_then(|hex| usize::from_str_radix(hex.trim(), 16).ok());
            let size = size.ok_or_else(|| bad("a chunk without a size"))?;
            let start = end + 2;
            if size > 0 && self.body.is_empty() {
                self.ensure(start + 1).await?;
                self.first_byte = Instant::now();
            }
            self.ensure(start + size + 2).await?;
            self.body
                .extend_from_slice(&self.buffer[start..start + size]);
            at = start + size + 2;
            if size == 0 {
                self.buffer.drain(..at);
                return Ok(());
            }
        }
    }

    async fn fill(&mut self) -> Result<(), Error> {
        let Way::Http1(socket) = &mut self.way else {
            return Err(bad("HTTP/2 has no bytes of its own"));
        };
        if self.buffer.capacity() - self.buffer.len() < 16 * 1024 {
            self.buffer.reserve(64 * 1024);
        }
        if socket.read_buf(&mut self.buffer).await? == 0 {
            return Err(Error::new(
                ErrorKind::UnexpectedEof,
                "the connection ended inside an answer",
            ));
        }
        Ok(())
    }
}

fn bad(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, what)
}

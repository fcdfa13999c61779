//! HTTP/1.1 with keep-alive, just enough of it, so that the load costs less than what it measures.

use std::io::{Error, ErrorKind};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// One connection and the last answer that came over it.
pub(crate) struct Connection {
    socket: TcpStream,
    buffer: Vec<u8>,
    /// Status of the last answer.
    pub(crate) status: u16,
    /// `Mcp-Session-Id` of the last answer that had one.
    pub(crate) session: Option<String>,
    /// Body of the last answer.
    pub(crate) body: Vec<u8>,
}

/// How long a body is.
enum Length {
    Bytes(usize),
    Chunked,
}

impl Connection {
    pub(crate) async fn open(address: &str) -> Result<Self, Error> {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        Ok(Self {
            socket,
            buffer: Vec::with_capacity(64 * 1024),
            status: 0,
            session: None,
            body: Vec::new(),
        })
    }

    /// Sends a request in one write and reads the whole answer.
    pub(crate) async fn round(&mut self, request: &[u8]) -> Result<(), Error> {
        self.socket.write_all(request).await?;
        let head = loop {
            if let Some(end) = memchr::memmem::find(&self.buffer, b"\r\n\r\n") {
                break end + 4;
            }
            self.fill().await?;
        };
        let length = self.read_head(head)?;
        self.buffer.drain(..head);
        self.body.clear();
        match length {
            Length::Bytes(length) => self.take(length).await,
            Length::Chunked => self.take_chunks().await,
        }
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
        let mut length = Length::Bytes(0);
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            let value = value.trim();
            if name.eq_ignore_ascii_case("content-length") {
                length = Length::Bytes(
                    value
                        .parse()
                        .map_err(|_| bad("a length that is no number"))?,
                );
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                length = Length::Chunked;
            } else if name.eq_ignore_ascii_case("mcp-session-id") {
                self.session = Some(value.to_owned());
            }
        }
        Ok(length)
    }

    /// Moves so many bytes into the body.
    async fn take(&mut self, length: usize) -> Result<(), Error> {
        while self.buffer.len() < length {
            self.fill().await?;
        }
        self.body.extend(self.buffer.drain(..length));
        Ok(())
    }

    async fn take_chunks(&mut self) -> Result<(), Error> {
        loop {
            let end = loop {
                if let Some(end) = memchr::memmem::find(&self.buffer, b"\r\n") {
                    break end;
                }
                self.fill().await?;
            };
            let size = std::str::from_utf8(&self.buffer[..end])
                .ok()
                .and_then(|hex| usize::from_str_radix(hex.trim(), 16).ok());
            let size = size.ok_or_else(|| bad("a chunk without a size"))?;
            self.buffer.drain(..end + 2);
            self.take(size).await?;
            while self.buffer.len() < 2 {
                self.fill().await?;
            }
            self.buffer.drain(..2);
            if size == 0 {
                return Ok(());
            }
        }
    }

    async fn fill(&mut self) -> Result<(), Error> {
        self.buffer.reserve(16 * 1024);
        if self.socket.read_buf(&mut self.buffer).await? == 0 {
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

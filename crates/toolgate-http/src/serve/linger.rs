use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::rt::{Read, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// Reads and discards what a client still sends after the last reply.
///
/// A reply such as 401 or 413 goes out while the request's body is still coming in. If the socket
/// were closed then, the kernel would answer the unread bytes with a reset, which can destroy the
/// reply before the client has read it.
#[derive(Debug)]
pub(super) struct Linger {
    end: Instant,
    silence: Pin<Box<Sleep>>,
    discarded: usize,
}

/// A client that sends nothing for this long has sent all, or waits itself.
const SILENCE: Duration = Duration::from_millis(500);
const TOTAL: Duration = Duration::from_secs(5);
const DISCARD_MAX_BYTES: usize = 16 * 1024 * 1024;

impl Linger {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self {
            end: now + TOTAL,
            silence: Box::pin(sleep_until(now + SILENCE)),
            discarded: 0,
        }
    }

    /// Ready when the client closed, fell silent, or has had its time.
    pub(super) fn poll(&mut self, io: &mut (impl Read + Unpin), cx: &mut Context<'_>) -> Poll<()> {
        let mut space = [0; 4096];
        loop {
            let mut buf = ReadBuf::new(&mut space);
            let Poll::Ready(read) = Pin::new(&mut *io).poll_read(cx, buf.unfilled()) else {
                return self.silence.as_mut().poll(cx);
            };
            let now = Instant::now();
            self.discarded += buf.filled().len();
            let done = buf.filled().is_empty() || self.discarded > DISCARD_MAX_BYTES;
            if read.is_err() || done || now >= self.end {
                return Poll::Ready(());
            }
            self.silence.as_mut().reset(self.end.min(now + SILENCE));
        }
    }
}

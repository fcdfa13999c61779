use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBufCursor, Write};

use super::activity::Activity;
use super::linger::Linger;
use super::sniff::Prefix;

/// A connection's transport, which notes what passes. It first gives back the bytes that were read
/// to tell HTTP/1 from 2, and at the end lets the client finish sending.
#[derive(Debug)]
pub(super) struct WatchedIo<T> {
    inner: T,
    prefix: Prefix,
    activity: Arc<Activity>,
    linger: Option<Linger>,
}

impl<T> WatchedIo<T> {
    pub(super) fn new(inner: T, prefix: Prefix, activity: Arc<Activity>) -> Self {
        Self {
            inner,
            prefix,
            activity,
            linger: None,
        }
    }
}

impl<T: Read + Unpin> Read for WatchedIo<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let result = if self.prefix.is_empty() {
            Pin::new(&mut self.inner).poll_read(cx, buf)
        } else {
            let room = buf.remaining();
            buf.put_slice(self.prefix.take(room));
            Poll::Ready(Ok(()))
        };
        if result.is_ready() {
            self.activity.read();
        }
        result
    }
}

impl<T: Read + Write + Unpin> Write for WatchedIo<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.inner).poll_write(cx, buf);
        self.activity.write_tried(&result, written(&result));
        result
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.inner).poll_write_vectored(cx, bufs);
        self.activity.write_tried(&result, written(&result));
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.inner).poll_flush(cx);
        self.activity.write_tried(&result, 0);
        result
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.linger.is_none() {
            let result = Pin::new(&mut this.inner).poll_shutdown(cx);
            this.activity.write_tried(&result, 0);
            ready!(result)?;
        }
        let linger = this.linger.get_or_insert_with(Linger::new);
        linger.poll(&mut this.inner, cx).map(Ok)
    }
}

fn written(result: &Poll<io::Result<usize>>) -> usize {
    match result {
        Poll::Ready(Ok(bytes)) => *bytes,
        _ => 0,
    }
}

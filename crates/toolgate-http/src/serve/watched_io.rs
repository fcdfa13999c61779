use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};

use super::activity::Activity;
use super::head_lines::HeadLines;
use super::linger::Linger;
use super::sniff::Prefix;

/// A connection's transport, which notes what passes and looks at the lines of HTTP/1 heads. It first
/// gives back the bytes that were read to tell HTTP/1 from 2, and at the end lets the client finish
/// sending.
#[derive(Debug)]
pub(super) struct WatchedIo<T> {
    inner: T,
    prefix: Prefix,
    head: HeadLines,
    activity: Arc<Activity>,
    linger: Option<Linger>,
}

/// Read at once while a head is expected: more than most heads with their bodies, and copied once.
const HEAD_READ_BYTES: usize = 8 * 1024;

impl<T> WatchedIo<T> {
    pub(super) fn new(inner: T, prefix: Prefix, activity: Arc<Activity>) -> Self {
        Self {
            inner,
            prefix,
            head: HeadLines::default(),
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
        let this = &mut *self;
        if !this.activity.expects_header() {
            if this.prefix.is_empty() {
                return Pin::new(&mut this.inner).poll_read(cx, buf);
            }
            let room = buf.remaining();
            buf.put_slice(this.prefix.take(room));
            return Poll::Ready(Ok(()));
        }
        let mut space = [MaybeUninit::uninit(); HEAD_READ_BYTES];
        let room = buf.remaining().min(HEAD_READ_BYTES);
        let mut read = ReadBuf::uninit(&mut space[..room]);
        if this.prefix.is_empty() {
            ready!(Pin::new(&mut this.inner).poll_read(cx, read.unfilled()))?;
        } else {
            read.unfilled().put_slice(this.prefix.take(room));
        }
        if this.activity.header_read() {
            this.head = HeadLines::default();
        }
        this.head.pass(read.filled(), |bytes| buf.put_slice(bytes));
        Poll::Ready(Ok(()))
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

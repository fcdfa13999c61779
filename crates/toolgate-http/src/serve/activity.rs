use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::task::Poll;
use std::time::Duration;

use tokio::time::Instant;

use super::limits::ServeLimits;

/// What a connection is doing and since when, noted as bytes and requests pass.
///
/// A note costs a clock reading and never a timer: the connection's one timer reads the notes when
/// it rings. hyper's own header timer would be set and dropped for each request, and it counts the
/// time before a request's first byte as well, so that it can't tell a slow header from an idle
/// connection (S-60 gives them 10 s and 60 s). The notes of one connection depend on one another
/// only in its own task, so the atomics need no order.
#[derive(Debug)]
pub(super) struct Activity {
    version: Version,
    start: Instant,
    /// Requests whose reply hasn't been handed over in full.
    requests: AtomicU32,
    /// Whether a header has begun that isn't complete.
    in_header: AtomicBool,
    /// When the header began, or else when the connection last was of use.
    quiet_since_ms: AtomicU64,
    /// When the pending write last moved; 0 if none is pending.
    write_stuck_since_ms: AtomicU64,
    /// Replies that offered bytes and haven't been asked for more: their clients don't read.
    replies_stuck: AtomicU32,
    /// When one of them last moved.
    reply_moved_ms: AtomicU64,
    /// HTTP/2: bytes of replies that were handed over and may not be written yet. What is written
    /// beyond them answers pings and the like, which must not keep a connection open.
    owed_bytes: AtomicU64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    Http1,
    Http2,
}

impl Activity {
    pub(super) fn new(version: Version) -> Self {
        Self {
            version,
            start: Instant::now(),
            requests: AtomicU32::new(0),
            in_header: AtomicBool::new(false),
            quiet_since_ms: AtomicU64::new(0),
            write_stuck_since_ms: AtomicU64::new(0),
            replies_stuck: AtomicU32::new(0),
            reply_moved_ms: AtomicU64::new(0),
            owed_bytes: AtomicU64::new(0),
        }
    }

    /// When this connection will have lasted too long as it is; `None` while a request is worked on.
    pub(super) fn deadline(&self, limits: &ServeLimits) -> Option<Instant> {
        let requests = self.requests.load(Relaxed);
        let write_stuck_since = self.write_stuck_since_ms.load(Relaxed);
        if write_stuck_since != 0 {
            let stalled = self.at(write_stuck_since) + limits.write_stall;
            if self.version == Version::Http2 && requests == 0 {
                // A flood of pings has answers on their way at every moment, and is idle all the same.
                let idle = self.at(self.quiet_since_ms.load(Relaxed)) + limits.idle;
                return Some(stalled.min(idle));
            }
            Some(stalled)
        } else if requests == 0 {
            let in_header = self.in_header.load(Relaxed);
            let limit = if in_header {
                limits.header
            } else {
                limits.idle
            };
            Some(self.at(self.quiet_since_ms.load(Relaxed)) + limit)
        } else if self.replies_stuck.load(Relaxed) == requests {
            Some(self.at(self.reply_moved_ms.load(Relaxed)) + limits.write_stall)
        } else {
            None
        }
    }

    /// Whether a request is worked on.
    pub(super) fn is_busy(&self) -> bool {
        self.requests.load(Relaxed) > 0
    }

    /// Whether what comes in next is (more of) a header. An HTTP/2 client also sends what belongs to
    /// no request.
    pub(super) fn expects_header(&self) -> bool {
        self.version == Version::Http1 && self.requests.load(Relaxed) == 0
    }

    /// Bytes of a header came in; whether they are its first.
    pub(super) fn header_read(&self) -> bool {
        let first = !self.in_header.load(Relaxed);
        if first {
            self.in_header.store(true, Relaxed);
            self.quiet_since_ms.store(self.now_ms(), Relaxed);
        }
        first
    }

    /// A write or flush was tried; `written` is how many bytes the peer's side took.
    pub(super) fn write_tried<T>(&self, result: &Poll<T>, written: usize) {
        if result.is_pending() {
            if self.write_stuck_since_ms.load(Relaxed) == 0 {
                self.write_stuck_since_ms
                    .store(self.now_ms().max(1), Relaxed);
            }
            return;
        }
        let was_stuck = self.write_stuck_since_ms.load(Relaxed) != 0;
        if was_stuck {
            self.write_stuck_since_ms.store(0, Relaxed);
        }
        // A long reply may be on its way after its body was handed over: not idle yet.
        let reply_moved = match self.version {
            Version::Http1 => was_stuck && !self.in_header.load(Relaxed),
            Version::Http2 => self.pay(written),
        };
        if reply_moved {
            self.quiet_since_ms.store(self.now_ms(), Relaxed);
        }
    }

    /// Whether some of what was written belonged to a reply.
    fn pay(&self, written: usize) -> bool {
        if written == 0 || self.owed_bytes.load(Relaxed) == 0 {
            return false;
        }
        let rest = |owed: u64| Some(owed.saturating_sub(written as u64));
        // Another task may add to it meanwhile.
        let _ = self.owed_bytes.fetch_update(Relaxed, Relaxed, rest);
        true
    }

    fn now_ms(&self) -> u64 {
        // Milliseconds in 64 bits outlast the machine.
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn at(&self, ms: u64) -> Instant {
        self.start + Duration::from_millis(ms)
    }
}

/// One request being answered; dropped with its reply's body.
#[derive(Debug)]
pub(super) struct RequestMark {
    activity: Arc<Activity>,
    stuck: bool,
}

impl RequestMark {
    /// A request's header is complete.
    pub(super) fn new(activity: Arc<Activity>) -> Self {
        activity.requests.fetch_add(1, Relaxed);
        activity.in_header.store(false, Relaxed);
        Self {
            activity,
            stuck: false,
        }
    }

    /// The reply handed over this many bytes.
    pub(super) fn handed_over(&self, bytes: usize) {
        if self.activity.version == Version::Http2 {
            let owed = &self.activity.owed_bytes;
            owed.fetch_add(bytes as u64, Relaxed);
        }
    }

    /// The reply offered bytes (and has more), or was asked for more.
    pub(super) fn set_stuck(&mut self, stuck: bool) {
        if stuck == self.stuck {
            return;
        }
        self.stuck = stuck;
        let activity = &self.activity;
        activity.reply_moved_ms.store(activity.now_ms(), Relaxed);
        if stuck {
            activity.replies_stuck.fetch_add(1, Relaxed);
        } else {
            activity.replies_stuck.fetch_sub(1, Relaxed);
        }
    }
}

impl Drop for RequestMark {
    fn drop(&mut self) {
        self.set_stuck(false);
        let activity = &self.activity;
        activity.quiet_since_ms.store(activity.now_ms(), Relaxed);
        activity.requests.fetch_sub(1, Relaxed);
    }
}

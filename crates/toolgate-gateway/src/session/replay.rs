//! What was sent on a stream, kept so that a client that lost its connection can go on (P7.4 to P7.7).

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Notify;
use tokio::time::Instant;
use toolgate_protocol::RequestId;
use toolgate_protocol::framing::{one_line, sse_begin, sse_end, sse_event};

/// Events of one stream that are kept (P2.4).
const MAX_EVENTS: usize = 256;
/// Their bytes; the newest event is kept whatever its size.
const MAX_BYTES: usize = 1024 * 1024;
/// How long the events of a stream that is over are kept (P2.4).
const EVENTS_KEPT: Duration = Duration::from_mins(5);
/// How long it is remembered longer which request the stream answered (P7.6).
const REQUEST_KEPT: Duration = Duration::from_hours(1);
/// How long a stream goes on while nobody reads it (P6.12).
pub(crate) const RESUME_WINDOW: Duration = Duration::from_mins(1);
/// Streams of one session that are remembered.
const MAX_STREAMS: usize = 1024;

/// Every stream of one session.
#[derive(Debug)]
pub(crate) struct Streams {
    /// Names the process and the session, so that an id of another never fits here.
    prefix: String,
    next: AtomicU64,
    known: Mutex<HashMap<u64, Arc<StreamLog>>>,
    general: Arc<StreamLog>,
}

/// Where a `Last-Event-ID` points.
#[derive(Debug)]
pub(crate) enum Place {
    /// Into the general stream.
    General(u64),
    /// Into the stream of one request.
    Request(Arc<StreamLog>, u64),
    /// Into a stream of which only its request is remembered.
    Gone(RequestId),
    /// Nowhere: an id that was never given out here.
    Unknown,
}

impl Streams {
    pub(crate) fn new(prefix: String) -> Self {
        let general = Arc::new(StreamLog::new(format!("{prefix}-0"), None));
        Self {
            prefix,
            next: AtomicU64::new(1),
            known: Mutex::default(),
            general,
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Arc<StreamLog>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was sent on the general stream, whichever connection carried it.
    pub(crate) fn general(&self) -> &Arc<StreamLog> {
        &self.general
    }

    /// A new stream that answers a request.
    pub(crate) fn open(&self, request: &RequestId) -> Arc<StreamLog> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-{number}", self.prefix);
        let log = Arc::new(StreamLog::new(name, Some(request.clone())));
        let mut known = self.lock();
        let now = Instant::now();
        known.retain(|_, log| log.is_remembered(now));
        if known.len() >= MAX_STREAMS
            && let Some(oldest) = known.keys().min().copied()
        {
            known.remove(&oldest);
        }
        known.insert(number, Arc::clone(&log));
        log
    }

    /// Finds what a `Last-Event-ID` stands for.
    pub(crate) fn find(&self, event: &str) -> Place {
        let place = event.rsplit_once('.').and_then(|(stream, seq)| {
            let number = stream.strip_prefix(&self.prefix)?.strip_prefix('-')?;
            Some((number.parse::<u64>().ok()?, seq.parse::<u64>().ok()?))
        });
        match place {
            None => Place::Unknown,
            Some((0, seq)) if self.general.has_issued(seq) => Place::General(seq),
            Some((number, seq)) => match self.lock().get(&number) {
                Some(log) if log.has_issued(seq) => log.place(seq),
                _ => Place::Unknown,
            },
        }
    }
}

/// One stream: its events, and whether it goes on.
#[derive(Debug)]
pub(crate) struct StreamLog {
    name: String,
    request: Option<RequestId>,
    state: Mutex<State>,
    bell: Notify,
}

#[derive(Debug)]
struct State {
    next: u64,
    events: VecDeque<(u64, Bytes)>,
    bytes: usize,
    /// The event whose message comes in parts, as far as it came.
    begun: Vec<u8>,
    over: Option<Instant>,
    readers: usize,
    left_at: Instant,
}

impl State {
    /// Keeps an event under the next number.
    fn keep(&mut self, event: Bytes) {
        self.bytes += event.len();
        self.events.push_back((self.next, event));
        self.next += 1;
        // The oldest go first; the answer is always the newest (P7.9).
        while self.events.len() > MAX_EVENTS || (self.bytes > MAX_BYTES && self.events.len() > 1) {
            if let Some((_, dropped)) = self.events.pop_front() {
                self.bytes -= dropped.len();
            }
        }
    }
}

impl StreamLog {
    fn new(name: String, request: Option<RequestId>) -> Self {
        let state = Mutex::new(State {
            next: 1,
            events: VecDeque::new(),
            bytes: 0,
            begun: Vec::new(),
            over: None,
            readers: 0,
            left_at: Instant::now(),
        });
        Self {
            name,
            request,
            state,
            bell: Notify::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The event that begins a stream towards 2025-11-25 clients: an id, when to come back, no data (P7.5).
    pub(crate) fn priming(&self) -> Bytes {
        format!("id: {}.0\nretry: 3000\ndata: \n\n", self.name).into()
    }

    /// Keeps a message and returns the event that carries it.
    pub(crate) fn push(&self, message: &[u8]) -> Bytes {
        let mut state = self.lock();
        // What was begun and never ended was not what it should have been.
        state.begun = Vec::new();
        let seq = state.next;
        let event = sse_event(message, Some(&format!("{}.{seq}", self.name)));
        state.keep(event.clone());
        drop(state);
        self.bell.notify_waiters();
        event
    }

    /// Begins the event of a message that comes in parts; like every part, returns what is sent of it. Whoever comes
    /// back before its end gets it whole.
    pub(crate) fn begin(&self, head: &[u8]) -> Bytes {
        let begin = sse_begin(head);
        self.lock().begun = begin.to_vec();
        begin
    }

    /// A further part.
    pub(crate) fn extend(&self, part: Bytes) -> Bytes {
        let part = one_line(part);
        self.lock().begun.extend_from_slice(&part);
        part
    }

    /// Its last part. The id stands at its end, so that nobody who has read less takes it for read.
    pub(crate) fn end(&self, last: &[u8]) -> Bytes {
        let mut state = self.lock();
        let last = sse_end(last, Some(&format!("{}.{}", self.name, state.next)));
        let mut event = std::mem::take(&mut state.begun);
        event.extend_from_slice(&last);
        state.keep(event.into());
        drop(state);
        self.bell.notify_waiters();
        last
    }

    /// Nothing comes after this.
    pub(crate) fn close(&self) {
        self.lock().over.get_or_insert_with(Instant::now);
        self.bell.notify_waiters();
    }

    fn has_issued(&self, seq: u64) -> bool {
        seq < self.lock().next
    }

    fn is_remembered(&self, now: Instant) -> bool {
        let over = self.lock().over;
        over.is_none_or(|at| now.duration_since(at) < EVENTS_KEPT + REQUEST_KEPT)
    }

    fn place(self: &Arc<Self>, seq: u64) -> Place {
        let mut state = self.lock();
        let gone = state.over.is_some_and(|at| at.elapsed() >= EVENTS_KEPT);
        if gone {
            state.events.clear();
            state.bytes = 0;
        }
        match &self.request {
            Some(request) if gone => Place::Gone(request.clone()),
            _ => Place::Request(Arc::clone(self), seq),
        }
    }

    /// Counts a connection that shows this stream, for as long as the value lives.
    pub(crate) fn reader(self: &Arc<Self>) -> Reading {
        self.lock().readers += 1;
        Reading(Arc::clone(self))
    }

    /// Resolves once nobody has read this stream for [`RESUME_WINDOW`]. Cancel safe.
    pub(crate) async fn abandoned(&self) {
        loop {
            let until = {
                let state = self.lock();
                let since = if state.readers > 0 {
                    Instant::now()
                } else {
                    state.left_at
                };
                since + RESUME_WINDOW
            };
            if until <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(until).await;
        }
    }

    /// The events after `seq` that are there now.
    pub(crate) fn after(&self, seq: u64) -> Vec<(u64, Bytes)> {
        let state = self.lock();
        let newer = state.events.iter().filter(|(number, _)| *number > seq);
        newer.cloned().collect()
    }
}

/// A connection that shows a stream.
#[derive(Debug)]
pub(crate) struct Reading(Arc<StreamLog>);

impl Reading {
    /// The next event after `seq`, waiting for it; `None` when the stream is over. Cancel safe.
    pub(crate) async fn next(&self, seq: u64) -> Option<(u64, Bytes)> {
        loop {
            let bell = self.0.bell.notified();
            tokio::pin!(bell);
            bell.as_mut().enable();
            {
                let state = self.0.lock();
                if let Some(event) = state.events.iter().find(|(number, _)| *number > seq) {
                    return Some(event.clone());
                }
                if state.over.is_some() {
                    return None;
                }
            }
            bell.await;
        }
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.readers -= 1;
        state.left_at = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(log: &StreamLog, after: u64) -> Vec<u64> {
        log.after(after).into_iter().map(|(seq, _)| seq).collect()
    }

    #[tokio::test]
    async fn p7_6_what_comes_after_an_id_comes_once_and_in_order() {
        let streams = Streams::new("s".to_owned());
        let log = streams.open(&RequestId::number(1));
        log.push(b"{}");
        log.push(b"{}");
        log.push(b"{}");
        let Place::Request(found, seq) = streams.find("s-1.1") else {
            panic!("the stream is known");
        };
        assert_eq!(events(&found, seq), [2, 3]);
        assert_eq!(events(&found, 3), [] as [u64; 0]);
    }

    #[tokio::test]
    async fn p7_6_an_id_never_given_out_is_unknown() {
        let streams = Streams::new("s".to_owned());
        streams.open(&RequestId::number(1)).push(b"{}");
        for id in ["", "1", "s-1.2", "s-2.1", "t-1.1", "s-1", "s-1.x", "s-0.1"] {
            assert!(matches!(streams.find(id), Place::Unknown), "{id}");
        }
        assert!(matches!(streams.find("s-0.0"), Place::General(0)));
    }

    #[tokio::test(start_paused = true)]
    async fn p7_6_the_request_is_remembered_longer_than_its_events() {
        let streams = Streams::new("s".to_owned());
        let log = streams.open(&RequestId::number(7));
        log.push(b"{}");
        log.close();
        tokio::time::advance(EVENTS_KEPT).await;
        assert!(matches!(streams.find("s-1.0"), Place::Gone(id) if id == RequestId::number(7)));
        tokio::time::advance(REQUEST_KEPT).await;
        streams.open(&RequestId::number(8));
        assert!(matches!(streams.find("s-1.0"), Place::Unknown));
    }

    #[tokio::test]
    async fn p2_4_a_stream_keeps_so_many_events_and_the_newest_always() {
        let streams = Streams::new("s".to_owned());
        let log = streams.open(&RequestId::number(1));
        for _ in 0..300 {
            log.push(b"{}");
        }
        assert_eq!(events(&log, 0).len(), MAX_EVENTS);
        log.push(&vec![b' '; 2 * MAX_BYTES]);
        assert_eq!(events(&log, 0), [301]);
    }

    #[tokio::test(start_paused = true)]
    async fn p6_12_a_stream_that_nobody_reads_is_abandoned_after_a_minute() {
        let streams = Streams::new("s".to_owned());
        let log = streams.open(&RequestId::number(1));
        let reading = log.reader();
        tokio::time::advance(2 * RESUME_WINDOW).await;
        let waited = tokio::time::timeout(RESUME_WINDOW / 2, log.abandoned()).await;
        assert!(waited.is_err());
        drop(reading);
        log.abandoned().await;
    }
}

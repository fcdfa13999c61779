//! How an answer leaves: JSON when it is there at once, an event stream when something comes before it (P5.15).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use hyper::{Response, StatusCode};
use toolgate_http::ReplyBody;
use toolgate_protocol::framing::{SSE_KEEP_ALIVE, sse_event};
use toolgate_protocol::{Era, Revision};

use super::call::{CallRun, Finished, Step};
use super::entry::Accept;
use crate::reply;
use crate::session::replay::{Reading, StreamLog};

/// How long an answer may take before the headers of a stream are sent (P5.15).
const LATE_COMMIT: Duration = Duration::from_secs(2);
/// A comment goes out on every open stream this often (P7.2).
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Follows a call to its end and answers the client.
pub(super) async fn answer(mut run: CallRun, accept: Accept, era: Era) -> Response<ReplyBody> {
    match accept {
        Accept::JsonOnly => finish(run.finish().await, era),
        Accept::SseOnly => open_stream(run, None),
        Accept::Both => match tokio::time::timeout(LATE_COMMIT, run.next()).await {
            Ok(Step::Interim(first)) => open_stream(run, Some(first)),
            Ok(end) => finish(end, era),
            Err(_) => open_stream(run, None),
        },
    }
}

/// An answer that needs no stream.
pub(super) fn finished(finished: Finished) -> Response<ReplyBody> {
    let response = reply::json_parts(finished.status, finished.parts);
    match finished.status {
        StatusCode::SERVICE_UNAVAILABLE => reply::with_retry_after(response),
        _ => response,
    }
}

fn finish(end: Step, era: Era) -> Response<ReplyBody> {
    match end {
        Step::Answer(answer) => finished(answer),
        Step::Revoked => reply::unauthorized(era),
        // P6.13: no response follows a cancel, so the stream of the request just ends.
        Step::Silence | Step::Interim(_) => reply::event_stream(ReplyBody::empty()),
    }
}

/// The stream of one call: messages as they come, comments while nothing does, the answer, the end.
fn open_stream(mut run: CallRun, first: Option<Bytes>) -> Response<ReplyBody> {
    let mut writer = Writer {
        log: run.keep_log(),
        reading: None,
    };
    writer.reading = writer.log.as_ref().map(StreamLog::reader);
    let mut ready = Vec::new();
    if let Some(log) = &writer.log
        && run.revision() == Revision::V2025_11_25
    {
        ready.push(log.priming());
    }
    if let Some(message) = first {
        ready.push(writer.event(&message));
    }
    ready.reverse();
    let state = (ready, writer, Some(run));
    let events = stream::unfold(state, |(mut ready, writer, run)| async move {
        if let Some(event) = ready.pop() {
            return Some((event, (ready, writer, run)));
        }
        let mut run = run?;
        match tokio::time::timeout(KEEP_ALIVE, run.next()).await {
            Err(_) => {
                let comment = Bytes::from_static(SSE_KEEP_ALIVE);
                Some((comment, (ready, writer, Some(run))))
            }
            Ok(Step::Interim(message)) => {
                let event = writer.event(&message);
                Some((event, (ready, writer, Some(run))))
            }
            Ok(Step::Answer(answer)) => {
                let event = writer.event(&answer.joined());
                Some((event, (ready, writer, None)))
            }
            Ok(Step::Silence | Step::Revoked) => None,
        }
    });
    reply::event_stream(ReplyBody::stream(events))
}

/// Writes events, and keeps them where the client can resume.
struct Writer {
    log: Option<Arc<StreamLog>>,
    reading: Option<Reading>,
}

impl Writer {
    fn event(&self, message: &[u8]) -> Bytes {
        match &self.log {
            Some(log) => log.push(message),
            None => sse_event(message, None),
        }
    }
}

//! How an answer leaves: JSON when it is there at once, an event stream when something comes before it (P5.15).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, stream};
use hyper::{Response, StatusCode};
use toolgate_http::ReplyBody;
use toolgate_http::serve::BrokenOff;
use toolgate_protocol::framing::{SSE_KEEP_ALIVE, one_line, sse_begin, sse_end, sse_event};
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
    run.may_pass(true);
    let end = match accept {
        Accept::SseOnly => return open_stream(run, None),
        Accept::JsonOnly => run.finish().await,
        Accept::Both => match tokio::time::timeout(LATE_COMMIT, run.next()).await {
            Ok(Step::Interim(first)) => return open_stream(run, Some(first)),
            Ok(end) => end,
            Err(_) => return open_stream(run, None),
        },
    };
    match end {
        Step::Begin(head) => pass_on(head, run),
        end => finish(end, era),
    }
}

/// A large answer, part by part. The next part is asked for when the client took the one before (P7.9).
fn pass_on(head: Bytes, run: CallRun) -> Response<ReplyBody> {
    let parts = stream::unfold(Some(run), |run| async move {
        let mut run = run?;
        match run.next().await {
            Step::Part(part) => Some((Ok(part), Some(run))),
            Step::Last(last) => Some((Ok(last), None)),
            _ => Some((Err(BrokenOff), None)),
        }
    });
    let head = stream::once(std::future::ready(Ok(head)));
    reply::json_stream(ReplyBody::try_stream(head.chain(parts)))
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
        _ => reply::event_stream(ReplyBody::empty()),
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
            return Some((Ok(event), (ready, writer, run)));
        }
        let mut run = run?;
        let step = if run.is_passing() {
            // Inside an event there is no room for a comment.
            run.next().await
        } else {
            let Ok(step) = tokio::time::timeout(KEEP_ALIVE, run.next()).await else {
                let comment = Bytes::from_static(SSE_KEEP_ALIVE);
                return Some((Ok(comment), (ready, writer, Some(run))));
            };
            step
        };
        let (event, goes_on) = match step {
            Step::Interim(message) => (Ok(writer.event(&message)), true),
            Step::Answer(answer) => (Ok(writer.event(&answer.joined())), false),
            Step::Begin(head) => (Ok(writer.begin(&head)), true),
            Step::Part(part) => (Ok(writer.part(part)), true),
            Step::Last(last) => (Ok(writer.last(&last)), false),
            Step::Broken(told) => {
                writer.broken(told);
                (Err(BrokenOff), false)
            }
            Step::Silence | Step::Revoked => return None,
        };
        Some((event, (ready, writer, goes_on.then_some(run))))
    });
    reply::event_stream(ReplyBody::try_stream(events))
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

    fn begin(&self, head: &[u8]) -> Bytes {
        match &self.log {
            Some(log) => log.begin(head),
            None => sse_begin(head),
        }
    }

    fn part(&self, part: Bytes) -> Bytes {
        match &self.log {
            Some(log) => log.extend(part),
            None => one_line(part),
        }
    }

    fn last(&self, last: &[u8]) -> Bytes {
        match &self.log {
            Some(log) => log.end(last),
            None => sse_end(last, None),
        }
    }

    /// What was begun has no end; who comes back for it learns why.
    fn broken(&self, told: Option<Bytes>) {
        if let (Some(log), Some(message)) = (&self.log, told) {
            log.push(&message);
        }
    }
}

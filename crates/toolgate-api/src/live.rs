//! Events as they happen, over server-sent events. A stream is one blocking thread that looks now and then.

use std::fmt::Write as _;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::unfold;
use hyper::Response;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use serde::Serialize;
use tokio::sync::mpsc::{Sender, channel};
use toolgate_admin::Admin;
use toolgate_http::ReplyBody;

use crate::Api;
use crate::handle::Visit;
use crate::operation::Run;
use crate::problem::Problem;

/// Streams at once, of all clients together.
pub(crate) const STREAMS: usize = 64;
/// How often it is looked for something new.
const PAUSE: Duration = Duration::from_millis(250);
/// How often the caller is looked at again: whose session ended, or whose token was
/// revoked, hears no more (S-41, S-77).
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// A client that is gone shows only when something is written to it.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Batches of events that wait for a slow client; then nothing new is looked for.
const WAITING: usize = 4;

type Piece = Result<Bytes, Problem>;

/// Where a stream's events go.
pub(crate) struct Events<'a> {
    to: &'a Sender<Piece>,
    api: &'a Api,
    admin: &'a Admin,
    visit: &'a Visit,
    sent_at: Instant,
    looked_at: Instant,
    is_open: bool,
}

impl Events<'_> {
    /// Sends what is new, then waits a little; says whether to go on.
    pub(crate) fn send<T: Serialize>(&mut self, event: &str, new: &[T]) -> bool {
        let mut text = String::new();
        for item in new {
            let Ok(data) = serde_json::to_string(item) else {
                return false;
            };
            let _ = write!(text, "event: {event}\ndata: {data}\n\n");
        }
        // The first piece says that the stream is open, whether or not there is anything.
        if text.is_empty() && (!self.is_open || self.sent_at.elapsed() >= HEARTBEAT) {
            text.push_str(": nothing new\n\n");
        }
        if !text.is_empty() {
            if self.to.blocking_send(Ok(text.into())).is_err() {
                return false;
            }
            (self.is_open, self.sent_at) = (true, Instant::now());
        }
        if self.looked_at.elapsed() >= LOOK_AGAIN {
            self.looked_at = Instant::now();
            if !self.visit.is_still_known(self.api, self.admin) {
                return false;
            }
        }
        if new.is_empty() {
            sleep(PAUSE);
        }
        !self.to.is_closed()
    }
}

/// Opens a stream.
pub(crate) async fn stream(
    api: &Arc<Api>,
    visit: Arc<Visit>,
) -> Result<Response<ReplyBody>, Problem> {
    let place = Arc::clone(api.streams()).try_acquire_owned();
    let place = place.map_err(|_| Problem::busy().hint("there are too many open streams"))?;
    let (to, mut from) = channel::<Piece>(WAITING);
    let admin = api.pool().admin(visit.caller.actor().clone());
    let watched = Arc::clone(api);
    tokio::task::spawn_blocking(move || {
        if let Err(problem) = feed(&watched, &admin, &visit, &to) {
            // Nobody listens any more when the client is gone.
            let _ = to.blocking_send(Err(problem));
        }
        drop(place);
    });
    // What is wrong with the request shows before there is an answer.
    let first = from.recv().await.unwrap_or(Err(Problem::broke_off()))?;
    let rest = unfold(from, |mut from| async move {
        let piece = from.recv().await?.ok()?;
        Some((piece, from))
    });
    let drain = api.drain().clone();
    let pieces = futures::stream::once(async { first })
        .chain(rest)
        .take_until(async move { drain.draining().await });
    let mut response = Response::new(ReplyBody::stream(pieces));
    let kind = HeaderValue::from_static("text/event-stream");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    Ok(response)
}

fn feed(api: &Api, admin: &Admin, visit: &Visit, to: &Sender<Piece>) -> Result<(), Problem> {
    let Run::Feed(run) = &visit.operation.run else {
        return Err(Problem::no_such_path());
    };
    let mut events = Events {
        to,
        api,
        admin,
        visit,
        sent_at: Instant::now(),
        looked_at: Instant::now(),
        is_open: false,
    };
    run(&visit.with(admin), &visit.asked, &mut events)
}

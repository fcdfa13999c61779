//! The general stream of a legacy session: what belongs to no call's own stream (P8.7).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::HeaderMap;
use hyper::header::HeaderValue;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use toolgate_protocol::{Message, Revision};

use super::link::{HttpLink, LAST_EVENT_ID, Outgoing};
use super::reader::{Media, Place, Reader, media};
use crate::book::CallBook;
use crate::error::UpstreamErrorKind;
use crate::notice::Notice;
use crate::switchboard::Switchboard;

/// Longest pause between two attempts to open the stream again.
const MOST_PAUSE: Duration = Duration::from_secs(30);
/// How long the first call of a session waits for the stream, so that its first logs are not lost.
/// Some servers send no head before the first event.
const OPENING: Duration = Duration::from_millis(250);

/// The task that reads the general stream of one session; it ends with the session.
#[derive(Debug)]
pub(crate) struct Listener {
    task: JoinHandle<()>,
    board: Arc<Switchboard>,
    /// The server has no such stream.
    deaf: Arc<AtomicBool>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Listener {
    /// Opens the stream and waits a moment for it.
    pub(crate) async fn start(
        link: &Arc<HttpLink>,
        headers: &HeaderMap,
        revision: Revision,
        board: Arc<Switchboard>,
    ) -> Self {
        let deaf = Arc::new(AtomicBool::new(false));
        let (opened, opening) = oneshot::channel();
        let general = General {
            link: Arc::clone(link),
            headers: headers.clone(),
            revision,
            board: Arc::clone(&board),
            deaf: Arc::clone(&deaf),
        };
        let listener = Self {
            task: tokio::spawn(general.listen(opened)),
            board,
            deaf,
        };
        // Late or never is fine: the stream is a courtesy of the server.
        let _ = timeout(OPENING, opening).await;
        listener
    }

    /// Where calls are entered whose messages may come on the general stream, if there is one.
    pub(crate) fn calls(&self) -> Option<&Arc<CallBook>> {
        (!self.deaf.load(Ordering::Relaxed)).then(|| self.board.calls())
    }

    pub(crate) fn board(&self) -> &Arc<Switchboard> {
        &self.board
    }

    /// Ends the stream, and what waits in the session.
    pub(crate) fn stop(&self) {
        self.task.abort();
        self.board.calls().close(&UpstreamErrorKind::Closed);
    }
}

/// The reading side.
struct General {
    link: Arc<HttpLink>,
    headers: HeaderMap,
    revision: Revision,
    board: Arc<Switchboard>,
    deaf: Arc<AtomicBool>,
}

enum Opened {
    Stream(Box<Reader>),
    /// The server has no such stream (405 is normal).
    Never,
    /// It does not know what is asked for.
    Unknown,
    Later,
}

impl General {
    /// Reads until the server says that it has no such stream, or no such session.
    async fn listen(self, opened: oneshot::Sender<()>) {
        let mut opened = Some(opened);
        let mut place = Place::default();
        let mut pause = place.retry();
        let mut opened_before = false;
        loop {
            let outcome = self.open(place.clone()).await;
            // Dropped, it wakes who waits, whatever the outcome is.
            opened.take();
            match outcome {
                Opened::Stream(mut reader) => {
                    if opened_before && place.last_event_id().is_none() {
                        // What happened meanwhile is not known (P9.41).
                        self.link.shared().tell(Notice::Reconnected);
                    }
                    opened_before = true;
                    self.read(&mut reader).await;
                    place = reader.place().clone();
                    pause = place.retry();
                }
                Opened::Unknown if opened_before => {
                    // It had the stream, so what it does not know is the session (P8.8).
                    let kind = UpstreamErrorKind::SessionLost;
                    self.board.calls().close(&kind);
                    return;
                }
                Opened::Never | Opened::Unknown => {
                    self.deaf.store(true, Ordering::Relaxed);
                    return;
                }
                Opened::Later => pause = (pause * 2).min(MOST_PAUSE),
            }
            tokio::time::sleep(pause).await;
        }
    }

    async fn open(&self, place: Place) -> Opened {
        let mut headers = self.headers.clone();
        if let Some(id) = place
            .last_event_id()
            .and_then(|id| HeaderValue::from_str(id).ok())
        {
            headers.insert(LAST_EVENT_ID, id);
        }
        let Ok(response) = self.link.send(Outgoing::get(headers)).await else {
            return Opened::Later;
        };
        match response.status().as_u16() {
            // Some servers take a while to notice that the stream before this one broke: 409.
            409 | 429 | 500.. => return Opened::Later,
            400 | 404 => return Opened::Unknown,
            _ => {}
        }
        if !response.status().is_success() || media(response.headers()) != Media::EventStream {
            return Opened::Never;
        }
        match Reader::new(self.link.shared(), response, self.revision) {
            Ok(reader) => Opened::Stream(Box::new(reader.resuming(place))),
            Err(_) => Opened::Never,
        }
    }

    async fn read(&self, reader: &mut Reader) {
        while let Ok(Some(message)) = reader.next().await {
            let known = match message {
                Message::Notification(notification) => self.board.hear_notification(notification),
                Message::Request(request) => self.board.hear_request(request),
                Message::Response(_) => false,
            };
            if !known {
                self.link.shared().count_dropped();
            }
        }
    }
}

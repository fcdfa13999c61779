//! The general stream of a legacy session: what belongs to no call's own stream (P8.7).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::HeaderMap;
use hyper::header::HeaderValue;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use toolgate_protocol::{Message, Notification, Request, Revision};

use super::link::{HttpLink, LAST_EVENT_ID, Outgoing};
use super::reader::{Media, Place, Reader, media};
use crate::book::CallBook;
use crate::dialogue::{notice, pong, refusal};
use crate::notice::Notice;

/// Longest pause between two attempts to open the stream again.
const MOST_PAUSE: Duration = Duration::from_secs(30);
/// How long the first call of a session waits for the stream, so that its first logs are not lost.
/// Some servers send no head before the first event.
const OPENING: Duration = Duration::from_millis(250);

/// The task that reads the general stream of one session; it ends with the session.
#[derive(Debug)]
pub(crate) struct Listener {
    task: JoinHandle<()>,
    ear: Arc<Ear>,
}

/// What the task and the session share.
#[derive(Debug, Default)]
struct Ear {
    calls: Arc<CallBook>,
    /// The server has no such stream.
    deaf: AtomicBool,
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Listener {
    /// Opens the stream and waits a moment for it.
    pub(crate) async fn start(
        link: &Arc<HttpLink>,
        headers: &HeaderMap,
        revision: Revision,
    ) -> Self {
        let ear = Arc::new(Ear::default());
        let (opened, opening) = oneshot::channel();
        let general = General {
            link: Arc::clone(link),
            headers: headers.clone(),
            revision,
            ear: Arc::clone(&ear),
        };
        let listener = Self {
            task: tokio::spawn(general.listen(opened)),
            ear,
        };
        // Late or never is fine: the stream is a courtesy of the server.
        let _ = timeout(OPENING, opening).await;
        listener
    }

    /// Where calls are entered whose messages may come on the general stream, if there is one.
    pub(crate) fn book(&self) -> Option<&Arc<CallBook>> {
        (!self.ear.deaf.load(Ordering::Relaxed)).then_some(&self.ear.calls)
    }

    pub(crate) fn stop(&self) {
        self.task.abort();
    }
}

/// The reading side.
struct General {
    link: Arc<HttpLink>,
    headers: HeaderMap,
    revision: Revision,
    ear: Arc<Ear>,
}

enum Opened {
    Stream(Box<Reader>),
    /// The server has no such stream (405 is normal), or the session is over.
    Never,
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
                Opened::Never => {
                    self.ear.deaf.store(true, Ordering::Relaxed);
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
        if response.status().is_server_error() {
            return Opened::Later;
        }
        if !response.status().is_success() || media(response.headers()) != Media::EventStream {
            return Opened::Never;
        }
        match Reader::new(response, self.revision) {
            Ok(reader) => Opened::Stream(Box::new(reader.resuming(place))),
            Err(_) => Opened::Never,
        }
    }

    async fn read(&self, reader: &mut Reader) {
        while let Ok(Some(message)) = reader.next().await {
            let known = match message {
                Message::Notification(notification) => self.hear_notification(notification),
                Message::Request(request) => self.hear_request(request).await,
                Message::Response(_) => false,
            };
            if !known {
                self.link.shared().count_dropped();
            }
        }
    }

    fn hear_notification(&self, notification: Notification) -> bool {
        if let Some(notice) = notice(&notification) {
            self.link.shared().tell(notice);
            return true;
        }
        let owner = self.ear.calls.owner_of(&notification);
        owner.is_some_and(|inbox| inbox.push(Message::Notification(notification)))
    }

    async fn hear_request(&self, request: Request) -> bool {
        let answer = match &*request.method {
            "ping" => pong(&request.id),
            _ => match self.ear.calls.asked_by(&request) {
                Some(inbox) => return inbox.push(Message::Request(request)),
                // Outside a call there is no client to ask (P11.10).
                None => refusal(&request.id),
            },
        };
        self.link
            .courtesy(Outgoing::post(self.headers.clone(), answer))
            .await;
        true
    }
}

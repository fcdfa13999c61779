//! What came for one call and was not read yet.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use toolgate_protocol::{Json, Message, Response};

use crate::error::UpstreamError;

/// Messages that wait at most; later ones are dropped and counted (P7.9).
const MAX_WAITING: usize = 256;
/// Their bytes at most.
const MAX_BYTES: usize = 1024 * 1024;

/// The messages of one call. The answer always fits.
#[derive(Debug)]
pub(crate) struct Inbox {
    capabilities: Json,
    hears: bool,
    waiting: Mutex<Waiting>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    messages: VecDeque<Message>,
    bytes: usize,
    last: Option<Result<Response, UpstreamError>>,
}

impl Inbox {
    /// For a call whose client can be asked for `capabilities`.
    pub(crate) fn new(capabilities: Json) -> Self {
        Self {
            capabilities,
            hears: true,
            waiting: Mutex::default(),
            arrived: Notify::new(),
        }
    }

    /// For a request of the gateway's own, which takes nothing but what names it.
    pub(crate) fn own() -> Self {
        Self {
            hears: false,
            ..Self::new(Json::empty_object())
        }
    }

    /// Whether logs may be its (P9.36).
    pub(crate) fn hears(&self) -> bool {
        self.hears
    }

    pub(crate) fn capabilities(&self) -> &Json {
        &self.capabilities
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a message; `false` if there is no room.
    pub(crate) fn push(&self, message: Message) -> bool {
        let size = size(&message);
        {
            let mut waiting = self.lock();
            let full = waiting.messages.len() >= MAX_WAITING || waiting.bytes + size > MAX_BYTES;
            if full || waiting.last.is_some() {
                return false;
            }
            waiting.bytes += size;
            waiting.messages.push_back(message);
        }
        self.arrived.notify_one();
        true
    }

    pub(crate) fn answer(&self, response: Response) {
        self.lock().last.get_or_insert(Ok(response));
        self.arrived.notify_one();
    }

    pub(crate) fn fail(&self, error: UpstreamError) {
        self.lock().last.get_or_insert(Err(error));
        self.arrived.notify_one();
    }

    /// The next message, in order, the answer last. Cancel safe. After the answer it waits for ever.
    pub(crate) async fn next(&self) -> Result<Message, UpstreamError> {
        loop {
            if let Some(message) = self.take() {
                return message;
            }
            self.arrived.notified().await;
        }
    }

    fn take(&self) -> Option<Result<Message, UpstreamError>> {
        let mut waiting = self.lock();
        if let Some(message) = waiting.messages.pop_front() {
            waiting.bytes -= size(&message);
            return Some(Ok(message));
        }
        waiting.last.take().map(|last| last.map(Message::Response))
    }
}

fn size(message: &Message) -> usize {
    match message {
        Message::Request(request) => request.params.bytes().len(),
        Message::Notification(notification) => notification.params.bytes().len(),
        // Never queued.
        Message::Response(_) => 0,
    }
}

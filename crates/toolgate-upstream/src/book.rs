//! The calls under way on one session, child or stream.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use toolgate_protocol::mcp::may_ask;
use toolgate_protocol::{Message, Notification, Request, RequestId};

use crate::error::UpstreamErrorKind;
use crate::inbox::Inbox;

/// Calls under way at once; the router allows fewer.
const MAX_CALLS: usize = 1024;

/// Questions of one session that wait for a call or for their client at once.
const MAX_WAITING: usize = 8;

/// Finds the call that a message belongs to when the message came outside the call's own stream.
#[derive(Debug, Default)]
pub(crate) struct CallBook {
    calls: Mutex<Calls>,
    /// Whether the session is over.
    over: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Calls {
    open: HashMap<u64, Arc<Inbox>>,
    /// Questions that came while no call was open that may be asked (P11.10).
    waiting: Vec<Waiting>,
    last_ticket: u64,
    /// Why no call can be entered any more, once that is so.
    over: Option<UpstreamErrorKind>,
}

/// A question without a call.
#[derive(Debug)]
struct Waiting {
    ticket: u64,
    /// Gone once it was put to the client; its place stays taken until it is answered.
    request: Option<Request>,
}

/// What became of a question.
#[derive(Debug)]
pub(crate) enum Asked {
    /// A call has it.
    ByCall(Arc<Inbox>),
    /// It waits for a call, under this ticket.
    Waits(u64),
    /// Too many wait already.
    Refused,
}

/// A call's place in the book; dropped, the call is struck out.
#[derive(Debug)]
pub(crate) struct Entry {
    book: Arc<CallBook>,
    pub(crate) id: u64,
    pub(crate) inbox: Arc<Inbox>,
}

impl Entry {
    /// Strikes the call out; `false` if it was answered or failed before.
    pub(crate) fn strike(&self) -> bool {
        self.book.remove(self.id).is_some()
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.book.remove(self.id);
    }
}

impl CallBook {
    fn lock(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters a call; fails when the book is closed or full.
    pub(crate) fn enter(
        self: &Arc<Self>,
        id: u64,
        inbox: Inbox,
    ) -> Result<Entry, UpstreamErrorKind> {
        let mut calls = self.lock();
        if let Some(kind) = &calls.over {
            return Err(kind.clone());
        }
        if calls.open.len() >= MAX_CALLS {
            return Err(UpstreamErrorKind::Busy);
        }
        let inbox = Arc::new(inbox);
        calls.hand_over(&inbox);
        calls.open.insert(id, Arc::clone(&inbox));
        Ok(Entry {
            book: Arc::clone(self),
            id,
            inbox,
        })
    }

    pub(crate) fn remove(&self, id: u64) -> Option<Arc<Inbox>> {
        self.lock().open.remove(&id)
    }

    /// Closes the book for good and returns who is still in it.
    pub(crate) fn close(&self, kind: &UpstreamErrorKind) -> Vec<Arc<Inbox>> {
        let mut calls = self.lock();
        calls.over.get_or_insert_with(|| kind.clone());
        self.over.send_replace(true);
        std::mem::take(&mut calls.open).into_values().collect()
    }

    pub(crate) fn is_closed(&self) -> bool {
        *self.over.borrow()
    }

    /// Waits until the book is closed.
    pub(crate) async fn closed(&self) {
        // Cannot fail: the sender lives in `self`.
        let _ = self.over.subscribe().wait_for(|over| *over).await;
    }

    /// The call a notification belongs to: progress by its token, which is the call's id; logs have
    /// no mark of their owner, so there must be one call only (P9.36).
    pub(crate) fn owner_of(&self, notification: &Notification) -> Option<Arc<Inbox>> {
        let calls = self.lock();
        match &*notification.method {
            "notifications/progress" => {
                let token = notification.params.get("progressToken")?.as_u64()?;
                calls.open.get(&token).cloned()
            }
            "notifications/message" => {
                let mut open = calls.open.values().filter(|inbox| inbox.hears());
                open.next().filter(|_| open.next().is_none()).cloned()
            }
            _ => None,
        }
    }

    /// The call a question belongs to: the newest that may be asked (P11.3). All calls that declared
    /// anything are of one principal here (P2.5). Without such a call the question waits for one (P11.10).
    pub(crate) fn ask(&self, request: &Request) -> Asked {
        let mut calls = self.lock();
        let open = calls.open.iter();
        let may = open
            .filter(|(_, inbox)| may_ask(inbox.capabilities(), &request.method, &request.params));
        if let Some((_, inbox)) = may.max_by_key(|(id, _)| **id) {
            return Asked::ByCall(Arc::clone(inbox));
        }
        if calls.waiting.len() >= MAX_WAITING {
            return Asked::Refused;
        }
        calls.last_ticket += 1;
        let ticket = calls.last_ticket;
        let request = Some(request.clone());
        calls.waiting.push(Waiting { ticket, request });
        Asked::Waits(ticket)
    }

    /// The call that began last.
    pub(crate) fn newest(&self) -> Option<Arc<Inbox>> {
        let calls = self.lock();
        let newest = calls.open.iter().max_by_key(|(id, _)| **id);
        newest.map(|(_, inbox)| Arc::clone(inbox))
    }

    /// Takes a waiting question away from later calls; `None` if a call has it. Its place stays taken.
    pub(crate) fn take_waiting(&self, ticket: u64) -> Option<Request> {
        let mut calls = self.lock();
        let mut waiting = calls.waiting.iter_mut();
        waiting.find(|w| w.ticket == ticket)?.request.take()
    }

    /// Frees the place of a question that was answered.
    pub(crate) fn forget_waiting(&self, ticket: u64) {
        self.lock().waiting.retain(|w| w.ticket != ticket);
    }

    /// A call or listen by its id.
    pub(crate) fn get(&self, id: u64) -> Option<Arc<Inbox>> {
        self.lock().open.get(&id).cloned()
    }

    /// The call an answer belongs to, which is struck out by it (S-47).
    pub(crate) fn answered(&self, id: Option<&RequestId>) -> Option<Arc<Inbox>> {
        self.remove(id?.as_u64()?)
    }
}

impl Calls {
    /// Gives a new call the questions that waited for one like it (P11.10).
    fn hand_over(&mut self, inbox: &Inbox) {
        self.waiting.retain(|waiting| {
            let Some(request) = &waiting.request else {
                return true;
            };
            let takes = may_ask(inbox.capabilities(), &request.method, &request.params)
                && inbox.push(Message::Request(request.clone()));
            !takes
        });
    }
}

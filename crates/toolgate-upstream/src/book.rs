//! The calls under way on one session, child or stream.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use toolgate_protocol::mcp::may_ask;
use toolgate_protocol::{Notification, Request, RequestId};

use crate::error::UpstreamErrorKind;
use crate::inbox::Inbox;

/// Calls under way at once; the router allows fewer.
const MAX_CALLS: usize = 1024;

/// Finds the call that a message belongs to when the message came outside the call's own stream.
#[derive(Debug, Default)]
pub(crate) struct CallBook(Mutex<Calls>);

#[derive(Debug, Default)]
struct Calls {
    open: HashMap<u64, Arc<Inbox>>,
    /// Why no call can be entered any more, once that is so.
    over: Option<UpstreamErrorKind>,
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
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
        std::mem::take(&mut calls.open).into_values().collect()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.lock().over.is_some()
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
                let mut open = calls.open.values();
                open.next().filter(|_| open.next().is_none()).cloned()
            }
            _ => None,
        }
    }

    /// The call a question belongs to: the newest that may be asked (P11.3). All calls that declared
    /// anything are of one principal here (P2.5).
    pub(crate) fn asked_by(&self, request: &Request) -> Option<Arc<Inbox>> {
        let calls = self.lock();
        let may = calls
            .open
            .iter()
            .filter(|(_, inbox)| may_ask(inbox.capabilities(), &request.method, &request.params));
        may.max_by_key(|(id, _)| **id)
            .map(|(_, inbox)| Arc::clone(inbox))
    }

    /// The call an answer belongs to, which is struck out by it (S-47).
    pub(crate) fn answered(&self, id: Option<&RequestId>) -> Option<Arc<Inbox>> {
        self.remove(id?.as_u64()?)
    }
}

//! Everybody who listens in one workspace.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use toolgate_namespace::ServerId;
use toolgate_router::Listed;
use toolgate_upstream::Origin;

use super::Mailbox;

/// The mailboxes of one workspace; it outlives every change of the workspace.
#[derive(Debug, Default)]
pub(crate) struct Hub(Mutex<Vec<Weak<Mailbox>>>);

impl Hub {
    fn lock(&self) -> MutexGuard<'_, Vec<Weak<Mailbox>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a mailbox for as long as somebody holds it.
    pub(crate) fn join(&self, mailbox: &Arc<Mailbox>) {
        let mut mailboxes = self.lock();
        if mailboxes.len() == mailboxes.capacity() {
            mailboxes.retain(|known| known.strong_count() > 0);
        }
        mailboxes.push(Arc::downgrade(mailbox));
    }

    /// Every mailbox that somebody holds.
    pub(crate) fn all(&self) -> Vec<Arc<Mailbox>> {
        self.lock().iter().filter_map(Weak::upgrade).collect()
    }

    /// A server said that a list changed.
    pub(crate) fn changed(&self, what: Listed) {
        for mailbox in self.all() {
            mailbox.changed(what);
        }
    }

    /// A server said that a resource changed.
    pub(crate) fn updated(&self, server: &ServerId, own: &str, origin: &Origin) {
        for mailbox in self.all() {
            mailbox.updated(server, own, origin);
        }
    }

    /// A server was out of reach for a while: anything may have changed (P9.41).
    pub(crate) fn may_have_missed(&self, server: &ServerId) {
        for mailbox in self.all() {
            for what in [Listed::Tools, Listed::Prompts, Listed::Resources] {
                mailbox.changed(what);
            }
            mailbox.may_have_missed(server);
        }
    }

    /// The mailbox of a client session.
    pub(crate) fn session(&self, id: &str) -> Option<Arc<Mailbox>> {
        let of = |mailbox: &Arc<Mailbox>| mailbox.owner().session.as_deref() == Some(id);
        self.all().into_iter().find(of)
    }
}

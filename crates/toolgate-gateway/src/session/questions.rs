//! Questions to a client of an older revision that wait for its answer (P3.6, P11.3).

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;
use toolgate_protocol::{Json, ObjectEdit, Outcome, RequestId, write};

/// Questions open in one session at once; beyond it nobody is asked.
const MAX_OPEN: usize = 256;

/// An answer, and the question it belongs to.
pub(crate) type Reply = (QuestionId, Outcome);

/// Where answers go; with room for one to each question its owner may have open.
pub(crate) type Replies = mpsc::Sender<Reply>;

/// Names a question within its session; `gw-<n>` on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct QuestionId(u64);

impl QuestionId {
    fn on_the_wire(self) -> RequestId {
        RequestId::text(&format!("gw-{}", self.0))
    }

    fn parse(id: &RequestId) -> Option<Self> {
        let text = id.as_text()?;
        text.strip_prefix("gw-")?.parse().ok().map(Self)
    }

    /// The request that asks.
    pub(crate) fn request(self, method: &str, params: &[u8]) -> bytes::Bytes {
        write::request(&self.on_the_wire(), method, Some(params))
    }

    /// The notice that takes the question back (P6.13).
    pub(crate) fn withdrawal(self) -> bytes::Bytes {
        let id = self.on_the_wire();
        let params = ObjectEdit::new()
            .set(
                "requestId",
                Json::from_text(&id.as_text().unwrap_or_default()),
            )
            .set(
                "reason",
                Json::from_text("the request it belongs to has ended"),
            )
            .finish();
        write::notification("notifications/cancelled", Some(&params))
    }
}

/// The open questions of one session.
#[derive(Debug, Default)]
pub(crate) struct Questions {
    next: AtomicU64,
    open: Mutex<HashMap<QuestionId, Replies>>,
}

impl Questions {
    fn lock(&self) -> MutexGuard<'_, HashMap<QuestionId, Replies>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a question whose answer goes to `replies`; `None` when too many are open.
    pub(crate) fn open(&self, replies: &Replies) -> Option<QuestionId> {
        let mut open = self.lock();
        if open.len() >= MAX_OPEN {
            return None;
        }
        let id = QuestionId(self.next.fetch_add(1, Ordering::Relaxed) + 1);
        open.insert(id, replies.clone());
        Some(id)
    }

    /// Hands an answer to whoever asked; answers to nothing are dropped (P6.8).
    pub(crate) fn answer(&self, id: &RequestId, outcome: Outcome) {
        let Some(id) = QuestionId::parse(id) else {
            return;
        };
        if let Some(replies) = self.lock().remove(&id) {
            // Whoever asked may have ended meanwhile.
            let _ = replies.try_send((id, outcome));
        }
    }

    /// Forgets a question; `false` when it was answered before.
    pub(crate) fn close(&self, id: QuestionId) -> bool {
        self.lock().remove(&id).is_some()
    }
}

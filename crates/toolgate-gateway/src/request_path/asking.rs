//! Asking a client of an older revision in the middle of its own request (P11.3, P11.14, P11.24).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::Instant;
use toolgate_protocol::Outcome;
use toolgate_protocol::mcp::Question;
use toolgate_upstream::AskId;

use crate::session::Session;
use crate::session::questions::{QuestionId, Replies, Reply};

/// Questions of one call that are open at once; the upstream side allows no more either (P11.4).
const MAX_OPEN: usize = 8;
/// How long a client may take to answer (section 12).
const PATIENCE: Duration = Duration::from_mins(10);

/// The questions of one call that its client has not answered.
#[derive(Debug)]
pub(super) struct Asking {
    session: Arc<Session>,
    to: Replies,
    replies: mpsc::Receiver<Reply>,
    open: Vec<Open>,
    until: Instant,
}

/// One open question.
#[derive(Debug)]
pub(super) struct Open {
    id: QuestionId,
    pub(super) method: Box<str>,
    pub(super) asker: Asker,
}

/// Who asked, and under which name it waits for the answer.
#[derive(Debug)]
pub(super) enum Asker {
    /// A server of an older revision, by a request of its own.
    Ask(AskId),
    /// A modern server, by a member of `inputRequests`.
    Key(String),
}

/// What came of asking.
#[derive(Debug)]
pub(super) enum Said {
    /// The client answered.
    Answer(Open, Outcome),
    /// It did not, for too long.
    Nothing,
}

impl Asking {
    pub(super) fn new(session: Arc<Session>) -> Self {
        let (to, replies) = mpsc::channel(MAX_OPEN);
        Self {
            session,
            to,
            replies,
            open: Vec::new(),
            until: Instant::now() + PATIENCE,
        }
    }

    /// The request to send to the client; `None` when it has too many open.
    pub(super) fn ask(&mut self, question: &Question, asker: Asker) -> Option<Bytes> {
        if self.open.len() >= MAX_OPEN {
            return None;
        }
        let id = self.session.questions.open(&self.to)?;
        self.until = Instant::now() + PATIENCE;
        self.open.push(Open {
            id,
            method: question.method.clone(),
            asker,
        });
        Some(id.request(&question.method, question.params.bytes()))
    }

    /// Whether nothing is open any more.
    pub(super) fn is_done(&self) -> bool {
        self.open.is_empty()
    }

    /// The next answer. Waits for ever when nothing is open. Cancel safe.
    pub(super) async fn next(&mut self) -> Said {
        if self.open.is_empty() {
            return std::future::pending().await;
        }
        loop {
            tokio::select! {
                reply = self.replies.recv() => {
                    let Some((id, outcome)) = reply else { return Said::Nothing };
                    let at = self.open.iter().position(|open| open.id == id);
                    if let Some(at) = at {
                        return Said::Answer(self.open.swap_remove(at), outcome);
                    }
                }
                () = tokio::time::sleep_until(self.until) => return Said::Nothing,
            }
        }
    }

    /// Takes every open question back; the notices that tell the client so (P6.13).
    pub(super) fn withdraw(&mut self) -> Vec<Bytes> {
        let open = std::mem::take(&mut self.open);
        open.into_iter()
            .filter(|open| self.session.questions.close(open.id))
            .map(|open| open.id.withdrawal())
            .collect()
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        for open in &self.open {
            self.session.questions.close(open.id);
        }
    }
}

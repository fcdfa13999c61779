//! The log level of one session with a legacy server (P9.34, P9.35).

use std::future::Future;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;
use toolgate_protocol::mcp::ServerSnapshot;
use toolgate_protocol::{Json, ObjectEdit};

use crate::call::Origin;
use crate::dialogue::level_rank;
use crate::error::UpstreamError;

/// How long a server may take to set its level before the call goes on without.
const TELL: Duration = Duration::from_secs(2);

/// None was set.
const UNSET: u8 = u8::MAX;

/// What was set last, and who may set it.
#[derive(Debug)]
pub(crate) struct LogLevel {
    set: AtomicU8,
    rule: Rule,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// The server does not log.
    Never,
    /// Several share the session: the most verbose wish stands, and each filters for itself.
    Raise,
    /// It is the session of one client, which gets what it set.
    Follow,
}

impl LogLevel {
    pub(crate) fn new(snapshot: Option<&ServerSnapshot>, origin: &Origin) -> Self {
        let capabilities = snapshot.and_then(|snapshot| snapshot.capabilities.object());
        let logs = capabilities.is_some_and(|capabilities| capabilities.contains("logging"));
        let rule = match (logs, &origin.session) {
            (false, _) => Rule::Never,
            (true, None) => Rule::Raise,
            (true, Some(_)) => Rule::Follow,
        };
        Self {
            set: AtomicU8::new(UNSET),
            rule,
        }
    }

    /// Has the server told, if it logs at all and the level it has does not do. A server that refuses goes on
    /// logging as it likes: the call matters more (P9.34).
    pub(crate) async fn follow<F>(&self, wanted: Option<&str>, tell: impl FnOnce(Bytes) -> F)
    where
        F: Future<Output = Result<(), UpstreamError>>,
    {
        let Some((level, rank)) = wanted.and_then(|level| Some((level, level_rank(level)?))) else {
            return;
        };
        if self.must_tell(rank) {
            let params = ObjectEdit::new()
                .set("level", Json::from_text(level))
                .finish();
            let _ = timeout(TELL, tell(params)).await;
        }
    }

    /// Whether the server must be told to get to this level; it then counts as told.
    fn must_tell(&self, rank: u8) -> bool {
        match self.rule {
            Rule::Never => false,
            Rule::Raise => self.set.fetch_min(rank, Ordering::Relaxed) > rank,
            Rule::Follow => self.set.swap(rank, Ordering::Relaxed) != rank,
        }
    }
}

//! Everything a request needs to know, compiled into one value that is swapped whole.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::Notify;
use toolgate_namespace::WorkspaceId;
use toolgate_policy::{Principal, RateLimiter, Token, TokenDigest, TokenStatus};
use toolgate_router::{Bulkhead, Workspace};

use crate::credentials::LinkSecrets;
use crate::notices::Hub;

/// One moment of the installation. A request takes it once and looks nowhere else.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    pub(crate) tokens: HashMap<TokenDigest, Arc<TokenEntry>>,
    pub(crate) workspaces: HashMap<String, Arc<WorkspaceEntry>>,
    /// When the next token expires, unix milliseconds.
    pub(crate) next_expiry_ms: Option<u64>,
}

/// One workspace with what the gateway keeps beside the router's view of it.
#[derive(Debug)]
pub(crate) struct WorkspaceEntry {
    pub(crate) workspace: Arc<Workspace>,
    /// Secrets of each link, by server id.
    pub(crate) secrets: HashMap<String, Arc<LinkSecrets>>,
    /// Everybody who listens here; kept from one snapshot to the next.
    pub(crate) hub: Arc<Hub>,
    /// What its callers may have under way; kept likewise.
    pub(crate) bulkhead: Arc<Bulkhead>,
    /// Writing calls are sent only once their intent is durable.
    pub(crate) strict_records: bool,
}

/// One token with what outlives a swap: its rate log and whoever waits for its end.
#[derive(Debug)]
pub(crate) struct TokenEntry {
    pub(crate) token: Arc<Token>,
    pub(crate) limiter: Arc<RateLimiter>,
    pub(crate) life: Arc<Life>,
    pub(crate) last_use: Arc<LastUse>,
    /// What it may have under way.
    pub(crate) bulkhead: Arc<Bulkhead>,
}

/// When a token was last used, written to the store now and then (S-39).
#[derive(Debug, Default)]
pub(crate) struct LastUse {
    at_ms: AtomicU64,
    stored_ms: AtomicU64,
}

impl LastUse {
    /// The last use, if the store does not know it yet; asking counts as storing.
    pub(crate) fn take(&self) -> Option<u64> {
        let at = self.at_ms.load(Ordering::Relaxed);
        (self.stored_ms.swap(at, Ordering::Relaxed) != at).then_some(at)
    }
}

impl Snapshot {
    /// Who presents this token for this workspace, and the workspace; one `None` for every cause (S-36).
    pub(crate) fn authenticate(
        &self,
        digest: &TokenDigest,
        slug: &str,
        now_ms: u64,
    ) -> Option<Admitted> {
        let token = self.tokens.get(digest)?;
        let principal = Principal::authenticate(&token.token, digest, now_ms)?;
        let workspace = self.workspaces.get(slug)?;
        if workspace.workspace.id() != &principal.token().workspace {
            return None;
        }
        token.last_use.at_ms.store(now_ms, Ordering::Relaxed);
        Some(Admitted {
            principal,
            token: token.clone(),
            workspace: workspace.clone(),
        })
    }

    /// The workspace of that identity.
    pub(crate) fn workspace(&self, id: &WorkspaceId) -> Option<&Arc<WorkspaceEntry>> {
        self.workspaces
            .values()
            .find(|entry| entry.workspace.id() == id)
    }

    /// Ends the life of every token that is no longer usable: of `previous` when it is gone here, and
    /// of this snapshot when it expired or was revoked (S-41).
    pub(crate) fn end_lives(&self, previous: Option<&Snapshot>, now_ms: u64) {
        let gone = previous
            .into_iter()
            .flat_map(|previous| &previous.tokens)
            .filter(|(digest, _)| !self.tokens.contains_key(*digest))
            .map(|(_, entry)| entry);
        let dead = self
            .tokens
            .values()
            .filter(|entry| entry.token.status(now_ms) != TokenStatus::Active);
        for entry in gone.chain(dead) {
            entry.life.end();
        }
    }
}

/// An authenticated request's view of the snapshot.
#[derive(Debug, Clone)]
pub(crate) struct Admitted {
    pub(crate) principal: Principal,
    pub(crate) token: Arc<TokenEntry>,
    pub(crate) workspace: Arc<WorkspaceEntry>,
}

/// Tells streams and calls in flight that their token ended.
#[derive(Debug, Default)]
pub(crate) struct Life {
    ended: AtomicBool,
    bell: Notify,
}

impl Life {
    pub(crate) fn end(&self) {
        if !self.ended.swap(true, Ordering::AcqRel) {
            self.bell.notify_waiters();
        }
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Resolves once the token ended. Cancel safe.
    pub(crate) async fn ended(&self) {
        let bell = self.bell.notified();
        tokio::pin!(bell);
        bell.as_mut().enable();
        if !self.has_ended() {
            bell.await;
        }
    }
}

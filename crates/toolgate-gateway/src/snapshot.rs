//! Everything a request needs to know, compiled into one value that is swapped whole.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use tokio::sync::Notify;
use toolgate_namespace::WorkspaceId;
use toolgate_policy::{
    Principal, RateLimit, RateLimiter, Role, Token, TokenDigest, TokenId, TokenStatus, ToolRules,
};
use toolgate_router::{Bulkhead, Part, Workspace};
use toolgate_store::{Alert, AlertId, RefusedSecret};

use crate::alerts::Signer;
use crate::credentials::LinkSecrets;
use crate::notices::Hub;
use crate::quota::MonthlyCount;

/// One moment of the installation. A request takes it once and looks nowhere else.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    pub(crate) tokens: HashMap<TokenDigest, Arc<TokenEntry>>,
    pub(crate) workspaces: HashMap<String, Arc<WorkspaceEntry>>,
    /// Their slugs by their identities.
    pub(crate) slugs: HashMap<WorkspaceId, String>,
    /// Before this time no token expires, unix milliseconds; 0 until it was looked up.
    pub(crate) next_expiry_ms: AtomicU64,
    /// Counts the snapshots of this process.
    pub(crate) turn: u64,
    /// Secrets that do not fit their manifest, as they were reported (S-17).
    pub(crate) refused: Vec<RefusedSecret>,
    /// How many calls a month all workspaces together may make.
    pub(crate) calls_per_month: Option<u64>,
    /// Every alert, switched off ones included.
    pub(crate) alerts: Arc<[Alert]>,
    /// What signs their webhooks.
    pub(crate) signers: HashMap<AlertId, Signer>,
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
    /// How many calls a month it may make.
    pub(crate) calls_per_month: Option<u64>,
    /// Its calls of the month so far; kept from one snapshot to the next.
    pub(crate) calls: Arc<MonthlyCount>,
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

/// Stands for every token that there is not: revoked, and its digest is no text's.
static NOBODY: LazyLock<Arc<TokenEntry>> = LazyLock::new(|| {
    let token = Token {
        id: TokenId::from_random([0; 16]),
        workspace: WorkspaceId::from_random([0; 16]),
        name: String::new(),
        role: Role::ReadOnly,
        rules: ToolRules::default(),
        rate_limit: RateLimit::default(),
        digest: TokenDigest([0; 32]),
        member: None,
        created_at: 0,
        expires_at: None,
        revoked_at: Some(0),
        last_used_at: None,
    };
    Arc::new(TokenEntry {
        limiter: Arc::new(RateLimiter::new(token.rate_limit)),
        life: Arc::default(),
        last_use: Arc::default(),
        bulkhead: Arc::new(Bulkhead::new(Part::Token)),
        token: Arc::new(token),
    })
});

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

    /// The store could not be told after all; the next time it is.
    pub(crate) fn give_back(&self) {
        self.stored_ms.store(0, Ordering::Relaxed);
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
        // Every cause of refusal costs the same: all is looked up before anything is decided, and whoever has no token
        // of this workspace is held against one that nobody has, as often as the map compared a known one (S-35, S-36).
        let known = self.tokens.get(digest).unwrap_or_else(|| {
            std::hint::black_box(NOBODY.token.digest == *digest);
            &NOBODY
        });
        let workspace = self.workspaces.get(slug);
        let asked = workspace.map_or(&NOBODY.token.workspace, |entry| entry.workspace.id());
        let token = if known.token.workspace == *asked {
            known
        } else {
            &NOBODY
        };
        let principal = Principal::authenticate(&token.token, digest, now_ms);
        let (workspace, principal) = (workspace?, principal?);
        token.last_use.at_ms.store(now_ms, Ordering::Relaxed);
        Some(Admitted {
            principal,
            token: token.clone(),
            workspace: workspace.clone(),
            turn: self.turn,
        })
    }

    /// The same caller by this snapshot; `None` when it may not come in any more.
    pub(crate) fn readmit(&self, before: &Principal, now_ms: u64) -> Option<Admitted> {
        let digest = &before.token().digest;
        let token = self.tokens.get(digest)?;
        let principal = Principal::authenticate(&token.token, digest, now_ms)?;
        let workspace = self.workspace(&principal.token().workspace)?;
        Some(Admitted {
            token: token.clone(),
            workspace: workspace.clone(),
            turn: self.turn,
            principal,
        })
    }

    /// The workspace of that identity.
    pub(crate) fn workspace(&self, id: &WorkspaceId) -> Option<&Arc<WorkspaceEntry>> {
        self.workspaces.get(self.slugs.get(id)?)
    }

    /// Adds a workspace under its slug.
    pub(crate) fn add_workspace(&mut self, entry: WorkspaceEntry) {
        let (id, slug) = (entry.workspace.id(), entry.workspace.slug().as_str());
        self.slugs.insert(id.clone(), slug.to_owned());
        self.workspaces.insert(slug.to_owned(), Arc::new(entry));
    }

    /// Puts this snapshot in force for whoever waits: ends the life of every token that is no longer usable, of
    /// `previous` when it is gone here, and tells all others to look again at what they may do (S-41). Returns
    /// the tokens that ended just now.
    pub(crate) fn take_effect(&self, previous: &Snapshot, now_ms: u64) -> Vec<TokenId> {
        let gone = previous
            .tokens
            .iter()
            .filter(|(digest, _)| !self.tokens.contains_key(*digest))
            .filter(|(_, entry)| entry.life.end())
            .map(|(_, entry)| entry.token.id.clone());
        let mut ended: Vec<TokenId> = gone.collect();
        ended.extend(self.expire(now_ms));
        for entry in self.tokens.values() {
            entry.life.stir(self.turn);
        }
        ended
    }

    /// Ends the lives of tokens that are over by now, if there can be one; those that ended just now (S-38).
    pub(crate) fn expire(&self, now_ms: u64) -> Vec<TokenId> {
        if self.next_expiry_ms.load(Ordering::Relaxed) > now_ms {
            return Vec::new();
        }
        let (mut ended, mut next) = (Vec::new(), u64::MAX);
        for entry in self.tokens.values() {
            if entry.token.status(now_ms) == TokenStatus::Active {
                next = next.min(entry.token.expires_at.unwrap_or(u64::MAX));
            } else if entry.life.end() {
                ended.push(entry.token.id.clone());
            }
        }
        self.next_expiry_ms.store(next, Ordering::Relaxed);
        ended
    }
}

/// An authenticated request's view of the snapshot.
#[derive(Debug, Clone)]
pub(crate) struct Admitted {
    pub(crate) principal: Principal,
    pub(crate) token: Arc<TokenEntry>,
    pub(crate) workspace: Arc<WorkspaceEntry>,
    /// Of the snapshot it was admitted by.
    pub(crate) turn: u64,
}

/// Tells streams and calls in flight that their token ended, or that what it may do has to be looked at again.
#[derive(Debug, Default)]
pub(crate) struct Life {
    ended: AtomicBool,
    /// The newest snapshot whose changes are in force for them.
    turn: AtomicU64,
    bell: Notify,
}

impl Life {
    /// Ends it; true when it had not ended before.
    pub(crate) fn end(&self) -> bool {
        let first = !self.ended.swap(true, Ordering::AcqRel);
        if first {
            self.bell.notify_waiters();
        }
        first
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Makes whoever was admitted by an earlier snapshot look again.
    pub(crate) fn stir(&self, turn: u64) {
        self.turn.fetch_max(turn, Ordering::AcqRel);
        self.bell.notify_waiters();
    }

    /// Whether something changed since the snapshot of that turn.
    pub(crate) fn is_stirred(&self, since: u64) -> bool {
        self.turn.load(Ordering::Acquire) > since || self.has_ended()
    }

    /// Resolves once the token ended. Cancel safe.
    pub(crate) async fn ended(&self) {
        self.until(|| self.has_ended()).await;
    }

    /// Resolves once the token ended, or something changed since the snapshot of that turn. Cancel safe.
    pub(crate) async fn stirred(&self, since: u64) {
        self.until(|| self.is_stirred(since)).await;
    }

    async fn until(&self, so: impl Fn() -> bool) {
        loop {
            let bell = self.bell.notified();
            tokio::pin!(bell);
            bell.as_mut().enable();
            if so() {
                return;
            }
            bell.await;
        }
    }
}

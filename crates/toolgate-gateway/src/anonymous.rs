//! Workspaces that are served without a token: for conformance suites and first steps, only on a
//! loopback listener and only when asked for (S-01, S-57).

use std::sync::Arc;

use dashmap::DashMap;
use toolgate_namespace::{WorkspaceId, WorkspaceSlug};
use toolgate_policy::{
    Principal, RateLimit, RateLimiter, RawToken, Role, Token, TokenDigest, TokenId, ToolRules,
};
use toolgate_router::{Bulkhead, Part};

use crate::bootstrap;
use crate::snapshot::{Admitted, Life, Snapshot, TokenEntry};

/// The one guest of each workspace that is open to everybody who can reach the listener.
#[derive(Debug, Default)]
pub(crate) struct Guests {
    open: Vec<WorkspaceSlug>,
    entries: DashMap<WorkspaceId, Arc<TokenEntry>>,
}

impl Guests {
    pub(crate) fn new(open: Vec<WorkspaceSlug>) -> Self {
        Self {
            open,
            entries: DashMap::new(),
        }
    }

    /// The guest of a workspace, if it takes one. A guest is a Developer without a rate limit.
    pub(crate) fn admit(&self, snapshot: &Snapshot, slug: &str) -> Option<Admitted> {
        self.open.iter().find(|open| open.as_str() == slug)?;
        let workspace = snapshot.workspaces.get(slug)?;
        let id = workspace.workspace.id();
        let known = self.entries.get(id).map(|entry| entry.value().clone());
        let token = if let Some(token) = known {
            token
        } else {
            let made = Arc::new(guest(id)?);
            self.entries.entry(id.clone()).or_insert(made).clone()
        };
        let principal = Principal::authenticate(&token.token, &token.token.digest, 0)?;
        Some(Admitted {
            principal,
            token,
            workspace: workspace.clone(),
            turn: snapshot.turn,
        })
    }

    /// The same guest by another snapshot; `None` for whoever is none, and when the workspace is gone.
    pub(crate) fn readmit(&self, snapshot: &Snapshot, before: &Principal) -> Option<Admitted> {
        let entry = self.entries.get(&before.token().workspace)?;
        if entry.token.id != before.token().id {
            return None;
        }
        let token = entry.value().clone();
        drop(entry);
        let workspace = snapshot.workspace(&token.token.workspace)?;
        Some(Admitted {
            principal: Principal::authenticate(&token.token, &token.token.digest, 0)?,
            token,
            workspace: workspace.clone(),
            turn: snapshot.turn,
        })
    }

    /// Ends the guests of workspaces that are gone, and makes the others look again (S-41). Returns who ended.
    pub(crate) fn take_effect(&self, snapshot: &Snapshot) -> Vec<TokenId> {
        let mut ended = Vec::new();
        self.entries.retain(|workspace, guest| {
            let stays = snapshot.workspace(workspace).is_some();
            if stays {
                guest.life.stir(snapshot.turn);
            } else if guest.life.end() {
                ended.push(guest.token.id.clone());
            }
            stays
        });
        ended
    }
}

/// A token that nobody holds: its text is drawn and thrown away.
fn guest(workspace: &WorkspaceId) -> Option<TokenEntry> {
    let digest: TokenDigest = RawToken::from_random(bootstrap::random().ok()?).digest();
    let token = Token {
        id: TokenId::from_random(bootstrap::random().ok()?),
        workspace: workspace.clone(),
        name: "anonymous".to_owned(),
        role: Role::Developer,
        rules: ToolRules::all(),
        rate_limit: RateLimit::Off,
        digest,
        member: None,
        created_at: 0,
        expires_at: None,
        revoked_at: None,
        last_used_at: None,
    };
    Some(TokenEntry {
        limiter: Arc::new(RateLimiter::new(token.rate_limit)),
        token: Arc::new(token),
        life: Arc::new(Life::default()),
        last_use: Arc::default(),
        bulkhead: Arc::new(Bulkhead::new(Part::Token)),
    })
}

//! Who acts through an API: found by what they present, and never as somebody who has the host.

use toolgate_namespace::WorkspaceId;
use toolgate_policy::{RawKey, RawToken, Role};
use toolgate_store::{Actor, WorkspaceScope};

use crate::time::now_ms;
use crate::{Admin, AdminError};

/// A stamp of the last use is this coarse (S-39).
const LAST_USED_MS: u64 = 60_000;

/// Whether this text has the form and checksum of a key or token: told without asking the store, so that what strangers
/// send costs nothing (S-82).
pub fn is_credential(text: &str) -> bool {
    RawKey::digest_of(text).is_ok() || RawToken::digest_of(text).is_ok()
}

/// A program that holds a key of the operator's.
#[derive(Debug, Clone)]
pub struct KeyHolder {
    /// Public id of the key.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// As whom it acts.
    pub actor: Actor,
}

/// Somebody who holds a token of one workspace.
#[derive(Debug, Clone)]
pub struct TokenHolder {
    /// Public id of the token.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What it may do there.
    pub role: Role,
    /// The one workspace it is of.
    pub scope: WorkspaceScope,
    /// As whom it acts.
    pub actor: Actor,
}

impl Admin {
    /// The same installation for somebody who acts through an API. Whoever that is cannot do what takes the host:
    /// set a command, or allow an address that is not public (design.md section 4).
    #[must_use]
    pub fn acting_as(&self, actor: Actor) -> Self {
        Self {
            dir: self.dir.clone(),
            store: self.store.clone(),
            source: self.source.clone(),
            actor,
            on_host: false,
        }
    }

    /// The same installation over a connection of its own, so that neither waits for the other.
    pub fn beside(&self) -> Result<Self, AdminError> {
        Ok(Self {
            dir: self.dir.clone(),
            store: self.store.beside(&self.dir)?,
            source: self.source.clone(),
            actor: self.actor.clone(),
            on_host: self.on_host,
        })
    }

    /// Who presents this text as a key of an operator's: `None` when it is none, or works no more.
    pub fn key_holder(&self, text: &str) -> Result<Option<KeyHolder>, AdminError> {
        let Ok(digest) = RawKey::digest_of(text) else {
            return Ok(None);
        };
        let Some(key) = self.store.operator_key(&digest)? else {
            return Ok(None);
        };
        if !key.is_active(self.judged_ms()?) {
            return Ok(None);
        }
        let now = now_ms();
        if is_stale(key.last_used_at, now) {
            self.store.touch_operator_key(&key.id, now)?;
        }
        Ok(Some(KeyHolder {
            actor: Actor::operator_key(&key.id),
            id: key.id.to_string(),
            name: key.name,
        }))
    }

    /// Who presents this text as a token: `None` when it is none, or works no more.
    pub fn token_holder(&self, text: &str) -> Result<Option<TokenHolder>, AdminError> {
        let Ok(digest) = RawToken::digest_of(text) else {
            return Ok(None);
        };
        let Some((token, scope)) = self.store.token_by_digest(&digest)? else {
            return Ok(None);
        };
        if token.status(self.judged_ms()?) != toolgate_policy::TokenStatus::Active {
            return Ok(None);
        }
        let now = now_ms();
        if is_stale(token.last_used_at, now) {
            self.store.touch_tokens(&[(token.id.clone(), now)])?;
        }
        Ok(Some(TokenHolder {
            actor: Actor::token(&token.id),
            id: token.id.to_string(),
            name: token.name,
            role: token.role,
            scope,
        }))
    }

    /// The workspace with this id or slug.
    pub fn scope_of(&self, id_or_slug: &str) -> Result<WorkspaceScope, AdminError> {
        if let Ok(id) = WorkspaceId::try_from(id_or_slug)
            && let Some(scope) = self.store.scope_by_id(&id)?
        {
            return Ok(scope);
        }
        self.scope(id_or_slug)
    }
}

fn is_stale(last_used_at: Option<u64>, now_ms: u64) -> bool {
    last_used_at.is_none_or(|at| at + LAST_USED_MS <= now_ms)
}

//! A token as it is stored, and the principal it makes of whoever presents it.

use std::sync::Arc;

use toolgate_namespace::WorkspaceId;

use crate::{RateLimit, Role, TokenDigest, ToolRules};

toolgate_namespace::id! {
    /// The public id of one token, for lists, records and revocation; no part of its text.
    TokenId, "tok_"
}
toolgate_namespace::id! {
    /// One person in a workspace.
    MemberId, "mem_"
}

toolgate_namespace::id! {
    /// The public id of one key of an operator; no part of its text.
    OperatorKeyId, "opk_"
}

/// One token as stored: everything but its text (S-35).
///
/// Times are unix milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its public id.
    pub id: TokenId,
    /// The one workspace it works in (S-36).
    pub workspace: WorkspaceId,
    /// What people call it.
    pub name: String,
    /// What its holder may do.
    pub role: Role,
    /// The tools it is for.
    pub rules: ToolRules,
    /// How often it may ask.
    pub rate_limit: RateLimit,
    /// SHA-256 of its text.
    pub digest: TokenDigest,
    /// Whose it is, if it is a member's.
    pub member: Option<MemberId>,
    /// When it was made.
    pub created_at: u64,
    /// The first moment at which it no longer works; `None` means never.
    pub expires_at: Option<u64>,
    /// When it was revoked.
    pub revoked_at: Option<u64>,
    /// When it was last seen, coarsely (S-39).
    pub last_used_at: Option<u64>,
}

/// Whether a token works, and if not, why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenStatus {
    /// It works.
    Active,
    /// Its time is over.
    Expired,
    /// Somebody took it back.
    Revoked,
}

impl Token {
    /// The status at `now_ms`, which callers never let run backwards (S-38).
    ///
    /// A revocation counts from the moment it is seen, whatever its date says.
    pub fn status(&self, now_ms: u64) -> TokenStatus {
        if self.revoked_at.is_some() {
            TokenStatus::Revoked
        } else if self.expires_at.is_some_and(|end| end <= now_ms) {
            TokenStatus::Expired
        } else {
            TokenStatus::Active
        }
    }
}

/// Who is asking: the holder of a token that was active when asked.
///
/// Only [`Principal::authenticate`] makes one:
///
/// ```compile_fail,E0451
/// # fn forge(token: std::sync::Arc<toolgate_policy::Token>) {
/// let forged = toolgate_policy::Principal { token };
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Principal {
    token: Arc<Token>,
}

impl Principal {
    /// Accepts the token if `presented` is its digest and it is active at `now_ms` (S-35, S-38).
    ///
    /// The token was found by that digest; comparing again, in constant time, makes a mix-up in the
    /// lookup harmless. One answer, at one price, stands for every cause of refusal (S-36).
    pub fn authenticate(token: &Arc<Token>, presented: &TokenDigest, now_ms: u64) -> Option<Self> {
        let same = token.digest == *presented;
        let active = token.status(now_ms) == TokenStatus::Active;
        (same & active).then(|| Self {
            token: Arc::clone(token),
        })
    }

    /// The token that was presented.
    pub fn token(&self) -> &Token {
        &self.token
    }
}

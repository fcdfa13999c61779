//! Why a token is accepted or not, and why it may call a tool or not (S-36).

use schemars::JsonSchema;
use serde::Serialize;
use toolgate_policy::{RawToken, Token, TokenDigest};
use toolgate_store::WorkspaceScope;
use toolgate_vault::Secret;

use super::TokenListed;
use crate::catalog::Catalog;
use crate::member::MemberNames;
use crate::{Admin, AdminError};

/// Whether a token is accepted, and why: what the gateway's one 401 does not tell (S-36).
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct TokenInspected {
    /// The workspace that was asked about.
    pub workspace: String,
    /// Whether the gateway takes it there.
    pub accepted: bool,
    /// Why, or why not.
    pub reason: String,
    /// The token, when it is one of this workspace.
    pub token: Option<TokenListed>,
}

/// Whether a token may call a tool, and what decides it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct TokenExplained {
    /// Public id of the token.
    pub id: String,
    /// The tool, by the name clients see.
    pub tool: String,
    /// Whether a call is allowed.
    pub allowed: bool,
    /// What decides it.
    pub reason: String,
    /// How to change that.
    pub hint: Option<String>,
}

impl Admin {
    /// Says whether the token with this id is accepted.
    pub fn inspect_token(
        &self,
        scope: &WorkspaceScope,
        id: &str,
    ) -> Result<TokenInspected, AdminError> {
        let token = self.token(scope, id)?;
        self.inspected(scope, &token)
    }

    /// Says whether this text would be accepted as a token, and if not, why.
    pub fn inspect_token_text(
        &self,
        scope: &WorkspaceScope,
        text: &Secret<String>,
    ) -> Result<TokenInspected, AdminError> {
        let digest = RawToken::digest_of(text.expose().trim())?;
        if let Some(token) = self.token_by_digest(scope, &digest)? {
            return self.inspected(scope, &token);
        }
        let mut reason =
            "no workspace has this token; it was deleted or is of another installation".to_owned();
        for slug in self.slugs()? {
            let other = self.scope(&slug)?;
            if self.token_by_digest(&other, &digest)?.is_some() {
                reason = format!("it is a token of workspace `{slug}` and opens no other");
            }
        }
        Ok(TokenInspected {
            workspace: scope.slug().to_string(),
            accepted: false,
            reason,
            token: None,
        })
    }

    /// Says whether a token may call a tool, by the name clients see.
    pub fn explain_token(
        &self,
        scope: &WorkspaceScope,
        id: &str,
        tool: &str,
    ) -> Result<TokenExplained, AdminError> {
        let token = self.token(scope, id)?;
        let catalog = Catalog::read(&self.store, scope)?;
        let (allowed, reason, hint) = catalog.explain(&token, tool, self.judged_ms()?);
        Ok(TokenExplained {
            id: token.id.as_str().to_owned(),
            tool: tool.to_owned(),
            allowed,
            reason,
            hint,
        })
    }

    fn inspected(
        &self,
        scope: &WorkspaceScope,
        token: &Token,
    ) -> Result<TokenInspected, AdminError> {
        let names = MemberNames::read(self, scope)?;
        let listed = TokenListed::of(token, &names, self.judged_ms()?);
        Ok(inspected(scope, listed))
    }

    fn token_by_digest(
        &self,
        scope: &WorkspaceScope,
        digest: &TokenDigest,
    ) -> Result<Option<Token>, AdminError> {
        let tokens = self.store.list_tokens(scope)?;
        Ok(tokens.into_iter().find(|token| token.digest == *digest))
    }
}

fn inspected(scope: &WorkspaceScope, listed: TokenListed) -> TokenInspected {
    let reason = match (listed.status, &listed.revoked_at, &listed.expires_at) {
        ("revoked", Some(at), _) => format!("it was revoked at {at}"),
        ("expired", _, Some(at)) => format!("it expired at {at}"),
        (_, _, Some(at)) => format!("it is active until {at}"),
        _ => "it is active".to_owned(),
    };
    TokenInspected {
        workspace: scope.slug().to_string(),
        accepted: listed.status == "active",
        reason,
        token: Some(listed),
    }
}

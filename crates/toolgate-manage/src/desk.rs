//! One caller at work in one workspace.

use toolgate_admin::{Actor, Admin, AdminError, Role, TokenListed, WorkspaceScope};
use toolgate_policy::TokenId;

use crate::refusal::Refusal;

/// Who calls, and where. Both are the gateway's word.
#[derive(Debug)]
pub(crate) struct Desk {
    /// Acts as the caller's token.
    pub(crate) admin: Admin,
    /// The caller's own workspace (S-45).
    pub(crate) scope: WorkspaceScope,
    /// Id of the caller's token.
    pub(crate) principal: String,
    /// The token as it is stored now; `None` for a guest of a workspace that is open without one.
    pub(crate) token: Option<TokenListed>,
}

impl Desk {
    pub(crate) fn of(admin: &Admin, workspace: &str, principal: &str) -> Result<Self, Refusal> {
        let actor = TokenId::try_from(principal).map(|id| Actor::token(&id));
        let actor = actor.map_err(|_| Refusal::unknown_tool())?;
        let admin = admin.acting_as(actor);
        let scope = admin.scope_of(workspace)?;
        let mut tokens = admin.list_tokens(&scope)?.into_iter();
        Ok(Self {
            token: tokens.find(|token| token.id == principal),
            principal: principal.to_owned(),
            admin,
            scope,
        })
    }

    /// Whether the caller has at least this role, by what is stored now.
    pub(crate) fn may(&self, least: Role) -> bool {
        match &self.token {
            Some(token) => token.status == "active" && token.role >= least,
            // Guests are told who they are; they manage nothing.
            None => least == Role::ReadOnly,
        }
    }

    /// The token that is meant by an id, or by a name that only one active token has.
    pub(crate) fn find_token(&self, text: &str) -> Result<TokenListed, Refusal> {
        let tokens = self.admin.list_tokens(&self.scope)?;
        if let Some(token) = tokens.iter().find(|token| token.id == text) {
            return Ok(token.clone());
        }
        let named: Vec<_> = tokens
            .iter()
            .filter(|token| token.name == text && token.status == "active")
            .collect();
        match named.as_slice() {
            [only] => Ok((*only).clone()),
            [] => Err(AdminError::UnknownToken {
                id: text.to_owned(),
                workspace: self.scope.slug().to_string(),
            }
            .into()),
            several => Err(AdminError::AmbiguousToken {
                name: text.to_owned(),
                count: several.len(),
            }
            .into()),
        }
    }
}

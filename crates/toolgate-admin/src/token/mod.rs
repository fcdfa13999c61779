//! Tokens: one for each person or integration, of one workspace, shown once (product.md section 5).

mod explain;

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use toolgate_namespace::WorkspaceId;
use toolgate_policy::{
    MemberId, Principal, RateLimit, RawToken, Role, Token, TokenId, TokenStatus, ToolRules, may_see,
};
use toolgate_store::{TokenChange, WorkspaceScope};

use crate::catalog::Catalog;
use crate::gateway::workspace_url;
use crate::member::MemberNames;
use crate::time::{millis, now_ms, rfc3339};
use crate::workspace::check_name;
use crate::{Admin, AdminError, GatewayState, McpJson, draw};

pub use explain::{TokenExplained, TokenInspected};

const NAME_MAX: usize = 80;
/// Beyond this a limit is no limit, and its sliding log would only cost memory.
const RATE_MAX: u32 = 1_000_000;

/// What a token is to be.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// Who or what will hold it.
    pub name: String,
    /// What it may do. Default: developer.
    pub role: Role,
    /// How long it lives; `None` = until it is revoked.
    pub expires_in: Option<Duration>,
    /// Which tools it may use, as patterns of exposed names, `!` excludes; empty = all.
    pub tools: Vec<String>,
    /// Requests in any 60 seconds, or `off`; `None` = what the plan says, 120 unless it was changed.
    pub rate_limit: Option<String>,
    /// Whose it is, by address or id of a member; removing the member revokes it.
    pub member: Option<String>,
}

/// What a token is given besides what was asked for.
#[derive(Debug, Default)]
pub(crate) struct TokenGrant {
    /// Whose it is.
    pub(crate) member: Option<MemberId>,
    /// Requests in any 60 seconds, where nothing else was said; `None` = not limited.
    pub(crate) per_minute: Option<u32>,
    /// The latest it may end, however long it was to live.
    pub(crate) ends_by: Option<u64>,
}

/// A token that was made. Its text is in here and nowhere else; `Debug` leaves it out.
#[derive(Clone, Serialize, JsonSchema)]
pub struct TokenCreated {
    /// Public id (`tok_…`).
    pub id: String,
    /// Its workspace.
    pub workspace: String,
    /// Who or what holds it.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Which tools it may use, as patterns of exposed names; `*` = every enabled one.
    pub tools: Vec<String>,
    /// Requests in any 60 seconds; null = not limited.
    pub rate_limit: Option<u32>,
    /// Address of the member whose it is.
    pub member: Option<String>,
    /// When it was made.
    pub created_at: String,
    /// When it ends by itself.
    pub expires_at: Option<String>,
    /// Where clients reach the workspace.
    pub url: String,
    /// The token itself.
    pub token: String,
    /// What to paste into an editor's configuration.
    pub mcp_json: McpJson,
    /// For read-only tokens: how many tools that opens.
    pub read_only: Option<ReadOnlyReach>,
    /// What became of the change at the gateway.
    pub gateway: GatewayState,
}

/// How far a read-only token reaches (design.md section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ReadOnlyReach {
    /// Tools it may call.
    pub callable: usize,
    /// Tools of the workspace.
    pub total: usize,
}

/// A token in a list; never its text.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct TokenListed {
    /// Public id (`tok_…`).
    pub id: String,
    /// Who or what holds it.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// `active`, `expired` or `revoked`.
    pub status: &'static str,
    /// Which tools it may use, as patterns of exposed names; `*` = every enabled one.
    pub tools: Vec<String>,
    /// Requests in any 60 seconds; null = not limited.
    pub rate_limit: Option<u32>,
    /// Address of the member whose it is; the id of one who was removed.
    pub member: Option<String>,
    /// When it was made.
    pub created_at: String,
    /// When it ends by itself.
    pub expires_at: Option<String>,
    /// When it was last used, to the minute (S-39).
    pub last_used_at: Option<String>,
    /// When it was revoked.
    pub revoked_at: Option<String>,
}

/// A token that was given other rights.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct TokenChanged {
    /// Its workspace.
    pub workspace: String,
    /// As it is now.
    #[serde(flatten)]
    pub token: TokenListed,
    /// What became of the change at the gateway.
    pub gateway: GatewayState,
}

/// A token that works no more.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct TokenRevoked {
    /// Public id.
    pub id: String,
    /// Its workspace.
    pub workspace: String,
    /// Who or what held it.
    pub name: String,
    /// Always true.
    pub revoked: bool,
    /// What became of the change at the gateway.
    pub gateway: GatewayState,
}

impl NewToken {
    /// A Developer token without limits of its own.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            role: Role::Developer,
            expires_in: None,
            tools: Vec::new(),
            rate_limit: None,
            member: None,
        }
    }
}

impl Admin {
    /// Makes a token and saves its digest; the text exists in the report alone (S-35).
    pub fn create_token(
        &self,
        scope: &WorkspaceScope,
        new: &NewToken,
    ) -> Result<TokenCreated, AdminError> {
        let per_minute = self.store.settings()?.plan().requests_per_minute;
        let own = self.own(scope)?;
        let bounded = own.as_ref().map(|own| own.bound(new, per_minute));
        let bounded = bounded.transpose()?;
        let new = bounded.as_ref().unwrap_or(new);
        let member = new.member.as_deref();
        let grant = TokenGrant {
            member: member
                .map(|who| self.member(scope, who))
                .transpose()?
                .map(|member| member.id),
            per_minute,
            ends_by: own.and_then(|own| own.ends()),
        };
        let (raw, token) = draw_token(scope.workspace(), new, grant)?;
        self.store.create_token(scope, &self.actor, &token)?;
        self.token_created(scope, &raw, token)
    }

    /// Puts a saved token into force, and makes the report on it.
    pub(crate) fn token_created(
        &self,
        scope: &WorkspaceScope,
        raw: &RawToken,
        token: Token,
    ) -> Result<TokenCreated, AdminError> {
        let now = token.created_at;
        let gateway = self.knock();
        let url = workspace_url(&self.base_url()?, scope.slug().as_str());
        let listed = TokenListed::of(&token, &MemberNames::read(self, scope)?, now);
        Ok(TokenCreated {
            id: listed.id,
            workspace: scope.slug().to_string(),
            name: listed.name,
            role: listed.role,
            tools: listed.tools,
            rate_limit: listed.rate_limit,
            member: listed.member,
            created_at: listed.created_at,
            expires_at: listed.expires_at,
            token: raw.expose().to_owned(),
            mcp_json: McpJson::new(scope.slug().as_str(), &url, raw.expose()),
            read_only: self.read_only_reach(scope, token, now)?,
            url,
            gateway,
        })
    }

    /// Every token of a workspace, also revoked and expired ones.
    pub fn list_tokens(&self, scope: &WorkspaceScope) -> Result<Vec<TokenListed>, AdminError> {
        let now = self.judged_ms()?;
        let tokens = self.store.list_tokens(scope)?;
        let names = MemberNames::read(self, scope)?;
        Ok(tokens
            .iter()
            .map(|token| TokenListed::of(token, &names, now))
            .collect())
    }

    /// Gives a token another role or other tools; what it has open that it may do no longer ends (S-41).
    ///
    /// `None` leaves a part as it is; an empty list of tools means all.
    pub fn change_token(
        &self,
        scope: &WorkspaceScope,
        id: &str,
        role: Option<Role>,
        tools: Option<&[String]>,
    ) -> Result<TokenChanged, AdminError> {
        let token = self.token(scope, id)?;
        let rules = match (self.own(scope)?, tools) {
            (Some(own), tools) => own.check_change(&token, role, tools)?,
            (None, Some(tools)) => Some(rules(tools)?),
            (None, None) => None,
        };
        let change = TokenChange { role, rules };
        let changed = self
            .store
            .change_token(scope, &self.actor, &token.id, &change)?;
        Ok(TokenChanged {
            workspace: scope.slug().to_string(),
            token: TokenListed::of(
                &changed,
                &MemberNames::read(self, scope)?,
                self.judged_ms()?,
            ),
            gateway: self.knock(),
        })
    }

    /// Revokes a token: its next request fails, and what it has open ends (S-41).
    pub fn revoke_token(
        &self,
        scope: &WorkspaceScope,
        id: &str,
    ) -> Result<TokenRevoked, AdminError> {
        let token = self.token(scope, id)?;
        self.store
            .revoke_token(scope, &self.actor, &token.id, now_ms())?;
        Ok(TokenRevoked {
            id: token.id.as_str().to_owned(),
            workspace: scope.slug().to_string(),
            name: token.name,
            revoked: true,
            gateway: self.knock(),
        })
    }

    pub(crate) fn token(&self, scope: &WorkspaceScope, id: &str) -> Result<Token, AdminError> {
        let tokens = self.store.list_tokens(scope)?;
        tokens
            .into_iter()
            .find(|token| token.id.as_str() == id)
            .ok_or_else(|| AdminError::UnknownToken {
                id: id.to_owned(),
                workspace: scope.slug().to_string(),
            })
    }

    fn read_only_reach(
        &self,
        scope: &WorkspaceScope,
        token: Token,
        now_ms: u64,
    ) -> Result<Option<ReadOnlyReach>, AdminError> {
        if token.role != Role::ReadOnly {
            return Ok(None);
        }
        let digest = token.digest;
        let principal = Principal::authenticate(&Arc::new(token), &digest, now_ms);
        let catalog = Catalog::read(&self.store, scope)?;
        let mut reach = ReadOnlyReach {
            callable: 0,
            total: 0,
        };
        for access in catalog.callable() {
            reach.total += 1;
            reach.callable += usize::from(principal.as_ref().is_some_and(|p| may_see(p, access)));
        }
        Ok(Some(reach))
    }
}

/// A token of a workspace that is not saved yet.
pub(crate) fn draw_token(
    workspace: &WorkspaceId,
    new: &NewToken,
    grant: TokenGrant,
) -> Result<(RawToken, Token), AdminError> {
    check_name(&new.name, "token", 1, NAME_MAX)?;
    let raw = RawToken::from_random(draw::bytes()?);
    let now = now_ms();
    let asked = new.expires_in.map(|life| now.saturating_add(millis(life)));
    let token = Token {
        id: TokenId::from_random(draw::bytes()?),
        workspace: workspace.clone(),
        name: new.name.trim().to_owned(),
        role: new.role,
        rules: rules(&new.tools)?,
        rate_limit: rate_limit(new.rate_limit.as_deref(), grant.per_minute)?,
        digest: raw.digest(),
        member: grant.member,
        created_at: now,
        expires_at: asked.into_iter().chain(grant.ends_by).min(),
        revoked_at: None,
        last_used_at: None,
    };
    Ok((raw, token))
}

impl fmt::Debug for TokenCreated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenCreated")
            .field("id", &self.id)
            .field("workspace", &self.workspace)
            .finish_non_exhaustive()
    }
}

impl TokenListed {
    fn of(token: &Token, names: &MemberNames, now_ms: u64) -> Self {
        Self {
            id: token.id.as_str().to_owned(),
            name: token.name.clone(),
            role: token.role,
            status: match token.status(now_ms) {
                TokenStatus::Active => "active",
                TokenStatus::Expired => "expired",
                TokenStatus::Revoked => "revoked",
            },
            tools: token.rules.patterns().to_vec(),
            rate_limit: match token.rate_limit {
                RateLimit::PerMinute(limit) => Some(limit.get()),
                RateLimit::Off => None,
            },
            member: names.of(token),
            created_at: rfc3339(token.created_at),
            expires_at: token.expires_at.map(rfc3339),
            last_used_at: token.last_used_at.map(rfc3339),
            revoked_at: token.revoked_at.map(rfc3339),
        }
    }
}

pub(crate) fn rules(globs: &[String]) -> Result<ToolRules, AdminError> {
    if globs.is_empty() {
        return Ok(ToolRules::all());
    }
    let rules = ToolRules::parse(globs.iter().map(|glob| glob.trim()))?;
    // It would be a token that can do nothing, which nobody means.
    if rules.grant_nothing() {
        return Err(AdminError::GrantsNothing);
    }
    Ok(rules)
}

pub(crate) fn rate_limit(
    given: Option<&str>,
    per_minute: Option<u32>,
) -> Result<RateLimit, AdminError> {
    match given {
        None => Ok(per_minute
            .and_then(NonZeroU32::new)
            .map_or(RateLimit::Off, RateLimit::PerMinute)),
        Some("off") => Ok(RateLimit::Off),
        Some(text) => text
            .parse::<u32>()
            .ok()
            .filter(|limit| *limit <= RATE_MAX)
            .and_then(NonZeroU32::new)
            .map(RateLimit::PerMinute)
            .ok_or_else(|| AdminError::RateLimit {
                given: text.to_owned(),
            }),
    }
}

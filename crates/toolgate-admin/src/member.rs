//! Members: the people of a workspace (product.md section 13).

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::Serialize;
use toolgate_policy::{Email, MemberId, Role, Token, TokenStatus};
use toolgate_store::{CallFilter, CallsReader, Dimension, Member, WorkspaceScope};

use crate::time::{now_ms, rfc3339};
use crate::{Admin, AdminError, GatewayState};

const HOUR_MS: u64 = 60 * 60 * 1_000;

/// A person in the list of a workspace: a member, or somebody who was invited.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct MemberListed {
    /// Identity (`mem_…`, or `ivt_…` of an invitation).
    pub id: String,
    /// The address.
    pub email: String,
    /// `active`, `invited`, or `expired`: an invitation that was not accepted in time.
    pub status: &'static str,
    /// What the person may do: the role of the newest token that works, else of the invitation.
    pub role: Option<Role>,
    /// When the invitation was accepted.
    pub joined_at: Option<String>,
    /// When one of the person's tokens was last used, to the minute (S-39).
    pub last_active_at: Option<String>,
    /// `active` when one of the person's tokens works; else `expired`, `revoked` or `none`.
    pub token_status: &'static str,
    /// How many tokens the person has that work.
    pub tokens: usize,
    /// How many calls were made with the person's tokens, as far as calls are remembered.
    pub calls: u64,
    /// Until when the invitation can be accepted.
    pub expires_at: Option<String>,
}

/// A person who is no member any more.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct MemberRemoved {
    /// Identity.
    pub id: String,
    /// The workspace.
    pub workspace: String,
    /// The address.
    pub email: String,
    /// Always true.
    pub removed: bool,
    /// How many of the person's tokens were revoked; tokens of nobody else are.
    pub tokens_revoked: u64,
    /// What became of the change at the gateway.
    pub gateway: GatewayState,
}

impl Admin {
    /// The people of a workspace: its members by address, then who is invited.
    pub fn list_members(&self, scope: &WorkspaceScope) -> Result<Vec<MemberListed>, AdminError> {
        let now = self.judged_ms()?;
        let tokens = self.store.list_tokens(scope)?;
        let calls = Calls::read(&CallsReader::open(&self.dir)?, scope)?;
        let mut listed: Vec<MemberListed> = self
            .store
            .members(scope)?
            .iter()
            .map(|member| listed(member, &tokens, &calls, now))
            .collect();
        for invitation in self.list_invitations(scope)? {
            listed.push(MemberListed {
                id: invitation.id,
                email: invitation.email,
                status: if invitation.status == "open" {
                    "invited"
                } else {
                    "expired"
                },
                role: Some(invitation.role),
                joined_at: None,
                last_active_at: None,
                token_status: "none",
                tokens: 0,
                calls: 0,
                expires_at: Some(invitation.expires_at),
            });
        }
        Ok(listed)
    }

    /// Removes a member, by address or id: every token of theirs is revoked at once, and nobody else's (S-41).
    pub fn remove_member(
        &self,
        scope: &WorkspaceScope,
        who: &str,
    ) -> Result<MemberRemoved, AdminError> {
        let member = self.member(scope, who)?;
        let tokens_revoked = self
            .store
            .remove_member(scope, &self.actor, &member.id, now_ms())?;
        Ok(MemberRemoved {
            id: member.id.as_str().to_owned(),
            workspace: scope.slug().to_string(),
            email: member.email.to_string(),
            removed: true,
            tokens_revoked,
            gateway: self.knock(),
        })
    }

    /// The member with this address or id.
    pub(crate) fn member(&self, scope: &WorkspaceScope, who: &str) -> Result<Member, AdminError> {
        let email = who.parse::<Email>().ok();
        let mut members = self.store.members(scope)?.into_iter();
        let found =
            members.find(|one| one.id.as_str() == who || Some(&one.email) == email.as_ref());
        if let Some(member) = found {
            return Ok(member);
        }
        let invited = self.store.invitations(scope)?;
        Err(AdminError::UnknownMember {
            who: who.to_owned(),
            workspace: scope.slug().to_string(),
            invited: invited
                .iter()
                .any(|one| one.id.as_str() == who || Some(&one.email) == email.as_ref()),
        })
    }
}

/// What people call the holders of tokens.
#[derive(Debug, Default)]
pub(crate) struct MemberNames(HashMap<MemberId, String>);

impl MemberNames {
    pub(crate) fn read(admin: &Admin, scope: &WorkspaceScope) -> Result<Self, AdminError> {
        let members = admin.store.members(scope)?.into_iter();
        Ok(Self(
            members
                .map(|member| (member.id, member.email.to_string()))
                .collect(),
        ))
    }

    /// The address of a token's member; the id of one who was removed.
    pub(crate) fn of(&self, token: &Token) -> Option<String> {
        let member = token.member.as_ref()?;
        let known = self.0.get(member).cloned();
        Some(known.unwrap_or_else(|| member.as_str().to_owned()))
    }
}

/// The calls of each token of a workspace.
struct Calls {
    by_token: HashMap<String, u64>,
    /// The minute of the newest within the last hour: the gateway writes down a little later when a token was used.
    lately: HashMap<String, u64>,
}

impl Calls {
    fn read(reader: &CallsReader, scope: &WorkspaceScope) -> Result<Self, AdminError> {
        let all = CallFilter {
            workspace: Some(scope.clone()),
            ..CallFilter::default()
        };
        let recent = CallFilter {
            since_ms: Some(now_ms().saturating_sub(HOUR_MS)),
            ..all.clone()
        };
        let of_all = reader.groups(&all, &[Dimension::Token])?.groups;
        let by_token = of_all
            .into_iter()
            .filter_map(|group| Some((group.token_id?, group.figures.calls())));
        let by_token = by_token.collect();
        let mut lately: HashMap<String, u64> = HashMap::new();
        let by_minute = [Dimension::Token, Dimension::Minute];
        for group in reader.groups(&recent, &by_minute)?.groups {
            if let (Some(token), Some(time_ms)) = (group.token_id, group.time_ms) {
                let newest = lately.entry(token).or_default();
                *newest = time_ms.max(*newest);
            }
        }
        Ok(Self { by_token, lately })
    }
}

fn listed(member: &Member, tokens: &[Token], calls: &Calls, now_ms: u64) -> MemberListed {
    let theirs: Vec<&Token> = tokens
        .iter()
        .filter(|token| token.member.as_ref() == Some(&member.id))
        .collect();
    let working: Vec<&&Token> = theirs
        .iter()
        .filter(|token| token.status(now_ms) == TokenStatus::Active)
        .collect();
    let ids = || theirs.iter().map(|token| token.id.as_str());
    let used = theirs.iter().filter_map(|token| token.last_used_at).max();
    let called = ids().filter_map(|id| calls.lately.get(id)).max().copied();
    MemberListed {
        id: member.id.as_str().to_owned(),
        email: member.email.to_string(),
        status: "active",
        role: working.last().map(|token| token.role),
        joined_at: Some(rfc3339(member.joined_at)),
        last_active_at: used.max(called).map(rfc3339),
        token_status: match (working.last(), theirs.last()) {
            (Some(_), _) => "active",
            (None, None) => "none",
            (None, Some(token)) if token.revoked_at.is_some() => "revoked",
            (None, Some(_)) => "expired",
        },
        tokens: working.len(),
        calls: ids().filter_map(|id| calls.by_token.get(id)).sum(),
        expires_at: None,
    }
}

//! The team: people who may sign in and administer the installation (product.md section 13).

use schemars::JsonSchema;
use serde::Serialize;
use toolgate_store::TeamMember;

use crate::time::rfc3339;
use crate::{Admin, AdminError};

/// Somebody of the team.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct TeamListed {
    /// Identity (`op_…`).
    pub id: String,
    /// The address, which is the name to sign in with.
    pub email: String,
    /// `active`; `pending` while the invitation was not accepted; `expired` when that is too late.
    pub status: &'static str,
    /// When the invitation was accepted.
    pub joined_at: Option<String>,
    /// When the person last signed in.
    pub last_used_at: Option<String>,
    /// Until when the invitation can be accepted.
    pub expires_at: Option<String>,
}

/// Somebody who is not of the team any more.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct TeamRemoved {
    /// Identity.
    pub id: String,
    /// The address.
    pub email: String,
    /// Always true.
    pub removed: bool,
}

impl Admin {
    /// The team by address, those who were invited included.
    pub fn list_team(&self) -> Result<Vec<TeamListed>, AdminError> {
        let now = self.judged_ms()?;
        let team = self.store.team()?.into_iter();
        Ok(team.map(|member| listed(member, now)).collect())
    }

    /// Removes somebody from the team, by address or id: sessions, keys and an open invitation go along.
    pub fn remove_from_team(&self, who: &str) -> Result<TeamRemoved, AdminError> {
        let address = who.trim().to_ascii_lowercase();
        let mut team = self.store.team()?.into_iter();
        let member = team
            .find(|one| one.id.as_str() == who || one.email == address)
            .ok_or_else(|| AdminError::NotInTeam {
                who: who.to_owned(),
            })?;
        self.store.remove_from_team(&self.actor, &member.id)?;
        Ok(TeamRemoved {
            id: member.id.as_str().to_owned(),
            email: member.email,
            removed: true,
        })
    }
}

fn listed(member: TeamMember, now_ms: u64) -> TeamListed {
    let open = member.invited_until.is_some_and(|until| now_ms < until);
    TeamListed {
        id: member.id.as_str().to_owned(),
        email: member.email,
        status: match (member.joined_at, open) {
            (Some(_), _) => "active",
            (None, true) => "pending",
            (None, false) => "expired",
        },
        joined_at: member.joined_at.map(rfc3339),
        last_used_at: member.last_used_at.map(rfc3339),
        expires_at: member.invited_until.map(rfc3339),
    }
}

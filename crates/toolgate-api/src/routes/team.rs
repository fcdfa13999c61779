//! The team: people who may sign in and administer the installation.

use hyper::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolgate_admin::{InvitationMade, MailPassword, TeamListed, TeamRemoved};

use crate::input::Nothing;
use crate::operation::{Act, AuthPolicy, Operation};
use crate::page::{PageQuery, page};
use crate::problem::Problem;

#[derive(Debug, Serialize, JsonSchema)]
struct Team {
    /// By address, those who are invited too.
    team: Vec<TeamListed>,
    /// What to send as `cursor` for more; null = this is the end.
    next_cursor: Option<String>,
}

/// Whom to invite.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ColleagueWanted {
    /// The address, which will be the name to sign in with.
    email: String,
    /// Who invites, in the words of the mail.
    invited_by: Option<String>,
}

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(
            (Method::GET, "/api/team"),
            AuthPolicy::Operator,
            ("listTeam", "List who administers the installation"),
            list,
        ),
        Operation::new(
            (Method::POST, "/api/team"),
            AuthPolicy::Operator,
            (
                "inviteToTeam",
                "Invite somebody to administer the installation",
            ),
            invite,
        )
        .creates()
        .shows_once(&["code", "link"]),
        Operation::new(
            (Method::DELETE, "/api/team/{member}"),
            AuthPolicy::Operator,
            (
                "removeFromTeam",
                "Remove somebody from the team, and an open invitation",
            ),
            remove,
        ),
    ]
}

fn list(act: &Act<'_>, query: PageQuery, _: Nothing) -> Result<Team, Problem> {
    let by_address = |one: &TeamListed| vec![one.email.clone(), one.id.clone()];
    let all = act.admin.list_team()?;
    let (team, next_cursor) = page(all, query.limit, query.cursor.as_deref(), by_address)?;
    Ok(Team { team, next_cursor })
}

fn invite(act: &Act<'_>, _: Nothing, wanted: ColleagueWanted) -> Result<InvitationMade, Problem> {
    let password = MailPassword::default();
    let invited_by = wanted.invited_by.as_deref();
    Ok(act
        .admin
        .invite_to_team(&wanted.email, invited_by, &password)?)
}

fn remove(act: &Act<'_>, _: Nothing, _: Nothing) -> Result<TeamRemoved, Problem> {
    Ok(act.admin.remove_from_team(act.param("member"))?)
}

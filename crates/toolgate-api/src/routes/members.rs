//! The people of a workspace, and who is invited to it.

use hyper::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolgate_admin::{
    InvitationListed, InvitationMade, InvitationRevoked, MailPassword, MemberListed, MemberRemoved,
    NewInvitation, Role,
};

use super::invite::told;
use crate::fields::Seconds;
use crate::input::Nothing;
use crate::operation::{Act, AuthPolicy, Operation};
use crate::page::{PageQuery, page};
use crate::problem::Problem;

const MEMBERS: &str = "/api/community/mcp/workspaces/{ws}/members";
const MEMBER: &str = "/api/community/mcp/workspaces/{ws}/members/{member}";
const INVITATIONS: &str = "/api/community/mcp/workspaces/{ws}/invitations";
const INVITATION: &str = "/api/community/mcp/workspaces/{ws}/invitations/{invitation}";

#[derive(Debug, Serialize, JsonSchema)]
struct Members {
    /// By address, those who are invited too.
    members: Vec<MemberListed>,
    /// What to send as `cursor` for more; null = this is the end.
    next_cursor: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Invitations {
    /// By address; those that were not accepted.
    invitations: Vec<InvitationListed>,
    /// What to send as `cursor` for more; null = this is the end.
    next_cursor: Option<String>,
}

/// Whom to invite.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct InvitationWanted {
    /// The address.
    email: String,
    /// What the member may do; left out = developer.
    role: Option<Role>,
    /// Which tools, as patterns of the names clients see, `!` excludes; empty = all that whoever asks may.
    #[serde(default)]
    tools: Vec<String>,
    /// How many seconds the member's token lives from when it is made; left out = until it is revoked.
    token_expires_in: Option<Seconds>,
    /// Who invites, in the words of the mail.
    invited_by: Option<String>,
}

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(
            (Method::GET, MEMBERS),
            AuthPolicy::Admin,
            ("listMembers", "List the people of a workspace"),
            list,
        ),
        Operation::new(
            (Method::DELETE, MEMBER),
            AuthPolicy::Admin,
            (
                "removeMember",
                "Remove a member: every token of theirs is revoked",
            ),
            remove,
        ),
        Operation::new(
            (Method::GET, INVITATIONS),
            AuthPolicy::Admin,
            ("listInvitations", "List the invitations to a workspace"),
            invitations,
        ),
        Operation::new(
            (Method::POST, INVITATIONS),
            AuthPolicy::Admin,
            (
                "inviteMember",
                "Invite somebody: a link that works once, mailed or shown once",
            ),
            invite,
        )
        .creates()
        .shows_once(&["code", "link"]),
        Operation::new(
            (Method::DELETE, INVITATION),
            AuthPolicy::Admin,
            (
                "revokeInvitation",
                "Take an invitation back: its link opens nothing",
            ),
            revoke,
        ),
    ]
}

fn list(act: &Act<'_>, query: PageQuery, _: Nothing) -> Result<Members, Problem> {
    let all = act.admin.list_members(act.scope()?)?;
    let by_address = |member: &MemberListed| vec![member.email.clone(), member.id.clone()];
    let (members, next_cursor) = page(all, query.limit, query.cursor.as_deref(), by_address)?;
    Ok(Members {
        members,
        next_cursor,
    })
}

fn remove(act: &Act<'_>, _: Nothing, _: Nothing) -> Result<MemberRemoved, Problem> {
    Ok(act.admin.remove_member(act.scope()?, act.param("member"))?)
}

fn invitations(act: &Act<'_>, query: PageQuery, _: Nothing) -> Result<Invitations, Problem> {
    let all = act.admin.list_invitations(act.scope()?)?;
    let by_address = |one: &InvitationListed| vec![one.email.clone(), one.id.clone()];
    let (invitations, next_cursor) = page(all, query.limit, query.cursor.as_deref(), by_address)?;
    Ok(Invitations {
        invitations,
        next_cursor,
    })
}

fn invite(act: &Act<'_>, _: Nothing, wanted: InvitationWanted) -> Result<InvitationMade, Problem> {
    let new = NewInvitation {
        role: wanted.role.unwrap_or(Role::Developer),
        tools: wanted.tools,
        expires_in: wanted.token_expires_in.map(Seconds::duration),
        invited_by: wanted.invited_by,
        ..NewInvitation::to(wanted.email)
    };
    let password = MailPassword::default();
    let made = act.admin.invite_member(act.scope()?, &new, &password)?;
    Ok(told(act.caller, made))
}

fn revoke(act: &Act<'_>, _: Nothing, _: Nothing) -> Result<InvitationRevoked, Problem> {
    let who = act.param("invitation");
    Ok(act.admin.revoke_invitation(act.scope()?, who)?)
}

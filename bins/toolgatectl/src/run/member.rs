//! `toolgatectl workspace member …` and `workspace invitation …`

use std::fmt::Write;

use toolgate_admin::{
    AdminError, InvitationAccepted, InvitationListed, InvitationMade, MailPassword, Mailed,
    MemberListed, NewInvitation, Role,
};

use super::{Context, count, token};
use crate::args::{InvitationCommand, MailArgs, MemberCommand, MemberInvite, SecretArgument};
use crate::ask;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::table::{Tone, clean, maybe, plain, table, time};

pub(super) fn run(context: &Context<'_>, command: MemberCommand) -> Result<Exit, Failure> {
    match command {
        MemberCommand::Invite(asked) => invite(context, asked),
        MemberCommand::List { slug } => {
            let scope = context.target(slug.as_deref())?;
            let members = context.admin.list_members(&scope)?;
            context.output.many(&members, list)?;
            Ok(Exit::Done)
        }
        MemberCommand::Remove { slug, who } => remove(context, &slug, &who),
        MemberCommand::Accept { code } => accept(context, code),
    }
}

pub(super) fn invitations(
    context: &Context<'_>,
    command: InvitationCommand,
) -> Result<Exit, Failure> {
    match command {
        InvitationCommand::List { slug } => {
            let scope = context.target(slug.as_deref())?;
            let invitations = context.admin.list_invitations(&scope)?;
            context.output.many(&invitations, list_invitations)?;
            Ok(Exit::Done)
        }
        InvitationCommand::Revoke { slug, who } => {
            let scope = context.admin.scope(&slug)?;
            let revoked = context.admin.revoke_invitation(&scope, &who)?;
            context.output.one(&revoked, |revoked| {
                format!(
                    "Took the invitation of {} to workspace {} back; its link opens nothing\n",
                    revoked.email, revoked.workspace
                )
            })?;
            Ok(Exit::Done)
        }
    }
}

fn invite(context: &Context<'_>, asked: MemberInvite) -> Result<Exit, Failure> {
    let scope = context.admin.scope(&asked.slug)?;
    let new = NewInvitation {
        email: asked.email,
        role: asked.role.parse().map_err(AdminError::Role)?,
        tools: asked.tools,
        expires_in: asked.expires_in,
        invited_by: asked.mail.invited_by.clone(),
    };
    let password = mail_password(context, asked.mail);
    let made = context.admin.invite_member(&scope, &new, &password)?;
    shown(context, &made)
}

/// What mails are sent with: what was typed, else what the environment has.
pub(super) fn mail_password(context: &Context<'_>, mail: MailArgs) -> MailPassword {
    MailPassword {
        file: mail.smtp_password_file,
        variable: context.mail_password.take(),
    }
}

/// Shows an invitation that was made; one whose mail did not leave is a failure, although the invitation stands.
pub(super) fn shown(context: &Context<'_>, made: &InvitationMade) -> Result<Exit, Failure> {
    context.output.one(made, invited)?;
    Ok(match made.mail {
        Mailed::Failed { .. } => Exit::Failed,
        Mailed::Sent | Mailed::NotConfigured => Exit::Done,
    })
}

fn invited(made: &InvitationMade) -> String {
    let to = made.workspace.as_ref().map_or_else(
        || "the team".to_owned(),
        |workspace| format!("workspace {workspace}"),
    );
    let mut text = format!("Invited {} to {to}\n\n", made.email);
    if let Some(role) = made.role {
        let _ = writeln!(text, "  Role   {}", role.as_str());
    }
    if let Some(tools) = &made.tools {
        let _ = writeln!(text, "  Tools  {}", token::tools(tools));
    }
    let _ = writeln!(text, "  Until  {} UTC, works once", time(&made.expires_at));
    match &made.mail {
        Mailed::Sent => {
            let _ = writeln!(text, "\nThe link was mailed.");
            return text;
        }
        Mailed::NotConfigured => {}
        Mailed::Failed { error, hint } => {
            let _ = writeln!(text, "\nThe mail did not leave: {}", clean(error));
            let _ = writeln!(text, "hint: {hint}");
        }
    }
    if let Some(link) = &made.link {
        let _ = writeln!(
            text,
            "\nHand this link over; it is shown only this once:\n\n  {link}"
        );
    } else if let Some(code) = &made.code {
        let accept = if made.workspace.is_some() {
            "workspace member"
        } else {
            "team"
        };
        let _ = writeln!(
            text,
            "\nHand this code over; it is shown only this once:\n\n  {code}\n\n\
            hint: it is accepted on this host with `toolgatectl {accept} accept`; for a link that people can open, \
            say where the dashboard is: `toolgatectl settings set dashboard_url https://…`"
        );
    }
    text
}

fn list(members: &[MemberListed]) -> String {
    let rows = members.iter().map(|member| {
        let tone = match member.status {
            "active" => Tone::Good,
            "invited" => Tone::Doubtful,
            _ => Tone::Bad,
        };
        let token = match member.token_status {
            "active" => Tone::Good,
            "none" => Tone::Plain,
            _ => Tone::Bad,
        };
        vec![
            plain(&member.email),
            (member.status.to_owned(), tone),
            maybe(member.role.map(Role::as_str)),
            maybe(member.joined_at.as_deref().map(time).as_deref()),
            maybe(member.last_active_at.as_deref().map(time).as_deref()),
            (member.token_status.to_owned(), token),
            plain(member.calls.to_string()),
        ]
    });
    table(
        &[
            "EMAIL",
            "STATUS",
            "ROLE",
            "JOINED",
            "LAST ACTIVE",
            "TOKEN",
            "CALLS",
        ],
        rows,
        "No members yet. Invite one: `toolgatectl workspace member invite SLUG EMAIL`",
    )
}

fn list_invitations(invitations: &[InvitationListed]) -> String {
    let rows = invitations.iter().map(|one| {
        let tone = if one.status == "open" {
            Tone::Good
        } else {
            Tone::Doubtful
        };
        vec![
            plain(&one.email),
            plain(one.role.as_str()),
            plain(token::tools(&one.tools)),
            plain(time(&one.created_at)),
            plain(time(&one.expires_at)),
            (one.status.to_owned(), tone),
        ]
    });
    table(
        &["EMAIL", "ROLE", "TOOLS", "INVITED", "UNTIL", "STATUS"],
        rows,
        "No open invitations.",
    )
}

fn remove(context: &Context<'_>, slug: &str, who: &str) -> Result<Exit, Failure> {
    let scope = context.admin.scope(slug)?;
    let removed = context.admin.remove_member(&scope, who)?;
    context.output.gateway(removed.gateway);
    context.output.one(&removed, |removed| {
        format!(
            "Removed {} from workspace {}: {} revoked, their next request fails\n",
            removed.email,
            removed.workspace,
            count(removed.tokens_revoked, "token")
        )
    })?;
    Ok(Exit::Done)
}

pub(super) fn accept(context: &Context<'_>, code: Option<SecretArgument>) -> Result<Exit, Failure> {
    let accepted = if let Some(SecretArgument(code)) = code {
        context.admin.accept_invitation(&code)?
    } else {
        let code = ask::secret("Code")?;
        context.admin.accept_invitation(code.expose())?
    };
    if let InvitationAccepted::Workspace { token, .. } = &accepted {
        context.output.gateway(token.gateway);
    }
    context.output.one(&accepted, |accepted| match accepted {
        InvitationAccepted::Workspace { email, token, .. } => {
            let mut text = format!("{email} joined workspace {}\n\n", token.workspace);
            text.push_str(&token::created(token));
            text
        }
        InvitationAccepted::Team { email, .. } => {
            format!("{email} joined the team, and chooses a password in the dashboard\n")
        }
    })?;
    Ok(Exit::Done)
}

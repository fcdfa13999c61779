//! `toolgatectl calls …`: the calls, and the questions about them.

mod export;
mod figures;
mod list;
mod people;
mod show;
mod slow;
mod stats;

use toolgate_admin::{CallQuery, WorkspaceScope, ago_ms};

use super::Context;
use crate::args::{CallsArgs, CallsCommand, CallsMeant};
use crate::exit::Exit;
use crate::failure::Failure;

pub(super) fn run(context: &Context<'_>, asked: CallsArgs) -> Result<Exit, Failure> {
    let Some(command) = asked.command else {
        return list::list(context, &asked.list);
    };
    match command {
        CallsCommand::Overview { workspace } => {
            stats::overview(context, narrowed(context, workspace.as_deref())?.as_ref())?;
        }
        CallsCommand::Stats(asked) => stats::stats(context, asked)?,
        CallsCommand::Slow { server, workspace } => {
            let scope = context.target(workspace.as_deref())?;
            let report = context.admin.why_slow(&scope, &server)?;
            context.output.one(&report, slow::slow)?;
        }
        CallsCommand::Limits { workspace, since } => {
            let scope = narrowed(context, workspace.as_deref())?;
            let report = context.admin.limits(scope.as_ref(), Some(ago_ms(since)))?;
            context.output.one(&report, people::limits)?;
        }
        CallsCommand::Member {
            who,
            workspace,
            since,
            limit,
        } => {
            let scope = context.target(workspace.as_deref())?;
            let since = Some(ago_ms(since));
            let report = context
                .admin
                .member_timeline(&scope, &who, since, limit as usize)?;
            context.output.one(&report, people::member)?;
        }
        CallsCommand::Show { id, workspace } => {
            let scope = narrowed(context, workspace.as_deref())?;
            let report = context.admin.call(scope.as_ref(), &id)?;
            context.output.one(&report, show::show)?;
        }
        CallsCommand::Export(asked) => export::export(context, &asked)?,
    }
    Ok(Exit::Done)
}

/// The calls that are meant.
fn meant(context: &Context<'_>, asked: &CallsMeant) -> Result<CallQuery, Failure> {
    Ok(CallQuery {
        workspace: narrowed(context, asked.workspace.as_deref())?,
        from_ms: asked.since.map(ago_ms),
        server: asked.server.clone(),
        tool: asked.tool.clone(),
        token: asked.token.clone(),
        member: asked.member.clone(),
        statuses: asked.status.as_deref().and_then(CallQuery::ended),
        ..CallQuery::default()
    })
}

/// The workspace that was named; all of them when none was.
fn narrowed(
    context: &Context<'_>,
    workspace: Option<&str>,
) -> Result<Option<WorkspaceScope>, Failure> {
    let scope = workspace.map(|slug| context.admin.scope(slug));
    Ok(scope.transpose()?)
}

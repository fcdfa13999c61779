//! `toolgatectl team …`

use toolgate_admin::TeamListed;

use super::{Context, member};
use crate::args::TeamCommand;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::table::{Tone, maybe, plain, table, time};

pub(super) fn run(context: &Context<'_>, command: TeamCommand) -> Result<Exit, Failure> {
    match command {
        TeamCommand::Invite { email, mail } => {
            let invited_by = mail.invited_by.clone();
            let password = member::mail_password(context, mail);
            let made = context
                .admin
                .invite_to_team(&email, invited_by.as_deref(), &password)?;
            member::shown(context, &made)
        }
        TeamCommand::List => {
            context.output.many(&context.admin.list_team()?, list)?;
            Ok(Exit::Done)
        }
        TeamCommand::Remove { who } => {
            let removed = context.admin.remove_from_team(&who)?;
            context.output.one(&removed, |removed| {
                format!("Removed {} from the team\n", removed.email)
            })?;
            Ok(Exit::Done)
        }
        TeamCommand::Accept { code } => member::accept(context, code),
    }
}

fn list(team: &[TeamListed]) -> String {
    let rows = team.iter().map(|one| {
        let tone = match one.status {
            "active" => Tone::Good,
            "pending" => Tone::Doubtful,
            _ => Tone::Bad,
        };
        vec![
            plain(&one.email),
            (one.status.to_owned(), tone),
            maybe(one.joined_at.as_deref().map(time).as_deref()),
            maybe(one.last_used_at.as_deref().map(time).as_deref()),
        ]
    });
    table(
        &["MEMBER", "STATUS", "JOINED", "LAST SIGN-IN"],
        rows,
        "Nobody yet; whoever has this host administers the installation. Invite somebody: `toolgatectl team invite EMAIL`",
    )
}

//! `toolgatectl operator …`

use toolgate_admin::{OperatorListed, OperatorRemoved};

use super::Context;
use crate::args::OperatorCommand;
use crate::ask;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::table::{maybe, plain, table, time};

pub(super) fn run(context: &Context<'_>, command: OperatorCommand) -> Result<Exit, Failure> {
    match command {
        OperatorCommand::List => {
            let operators = context.admin.list_operators()?;
            context.output.many(&operators, listed)?;
        }
        OperatorCommand::ResetPassword { email } => {
            let password = ask::secret(&format!("New password of {email}"))?;
            let changed = context.admin.set_operator_password(&email, &password)?;
            context.output.one(&changed, |who| {
                format!(
                    "{} has a new password; whoever was signed in with the old one is signed out\n",
                    who.email
                )
            })?;
        }
        OperatorCommand::Remove { email, yes } => {
            if !yes {
                ask::confirm(
                    "removing an operator",
                    &format!("Remove {email}, with the keys they made?"),
                )?;
            }
            let removed = context.admin.remove_operator(&email)?;
            context.output.one(&removed, gone)?;
        }
    }
    Ok(Exit::Done)
}

fn listed(operators: &[OperatorListed]) -> String {
    let rows = operators.iter().map(|who| {
        vec![
            plain(&who.email),
            plain(who.status),
            plain(time(&who.created_at)),
            maybe(who.last_used_at.as_deref().map(time).as_deref()),
        ]
    });
    table(
        &["E-MAIL", "STATUS", "CREATED", "LAST SIGNED IN"],
        rows,
        "Nobody can sign in to the dashboard yet; `toolgatectl serve` prints a setup token.",
    )
}

fn gone(removed: &OperatorRemoved) -> String {
    format!("Removed {}; they are signed out\n", removed.email)
}

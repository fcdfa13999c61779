//! `toolgatectl whoami` and `toolgatectl login`

use std::fmt::Write;

use toolgate_admin::Whoami;

use super::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::table::clean;

pub(super) fn whoami(context: &Context<'_>) -> Result<Exit, Failure> {
    context.output.one(&context.admin.whoami()?, show)?;
    Ok(Exit::Done)
}

/// There is nothing to sign in to, and whoever types this wants to know where they are.
pub(super) fn login(context: &Context<'_>) -> Result<Exit, Failure> {
    context.output.one(&context.admin.whoami()?, |who| {
        format!(
            "No sign-in is needed: whoever can read the data directory administers the installation.\n\
            Give others access in a browser with `toolgatectl team invite EMAIL`, to tools with \
            `toolgatectl workspace member invite SLUG EMAIL`.\n\n{}",
            show(who)
        )
    })?;
    Ok(Exit::Done)
}

fn show(who: &Whoami) -> String {
    let mut text = String::new();
    let directory = who.installation.display().to_string();
    let _ = writeln!(text, "  You           {}", clean(&who.actor));
    let _ = writeln!(text, "  Installation  {}", clean(&directory));
    let _ = writeln!(text, "  Master key    {}", who.master_key);
    let workspace = match &who.workspace {
        Some(slug) => format!("{slug} (active, of {})", who.workspaces),
        None => format!("none active, of {}", who.workspaces),
    };
    let _ = writeln!(text, "  Workspace     {workspace}");
    let _ = writeln!(text, "  Team          {}", who.team);
    let _ = writeln!(text, "  Plan          {}", who.plan);
    let gateway = if who.gateway_running {
        "running"
    } else {
        "not running"
    };
    let _ = writeln!(text, "  Gateway       {gateway}, {}", clean(&who.url));
    text
}

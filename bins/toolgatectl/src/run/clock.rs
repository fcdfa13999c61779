//! `toolgatectl clock …`

use std::fmt::Write;

use toolgate_admin::{ClockAccepted, ClockShown};

use super::Context;
use crate::args::ClockCommand;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::table::time;

pub(super) fn run(context: &Context<'_>, command: &ClockCommand) -> Result<Exit, Failure> {
    match command {
        ClockCommand::Show => context.output.one(&context.admin.clock()?, shown)?,
        ClockCommand::Accept => {
            let accepted = context.admin.accept_clock()?;
            context.output.gateway(accepted.gateway);
            context.output.one(&accepted, said)?;
        }
    }
    Ok(Exit::Done)
}

fn shown(clock: &ClockShown) -> String {
    let mut text = format!("It is {} UTC\n", time(&clock.now));
    if clock.is_behind() {
        let _ = write!(
            text,
            "Tokens are judged by {} UTC, which was seen before\nhint: set the clock of this host; if it is right now, `toolgatectl clock accept`\n",
            time(&clock.latest_seen)
        );
    }
    text
}

fn said(clock: &ClockAccepted) -> String {
    format!(
        "Tokens are judged by {} UTC from now on; before it was {} UTC\n",
        time(&clock.now),
        time(&clock.before)
    )
}

//! `toolgatectl calls` without more: the calls themselves.

use std::fmt::Write;
use std::thread;
use std::time::Duration;

use toolgate_admin::{CallListed, CallQuery};

use super::meant;
use crate::args::CallsList;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::run::Context;
use crate::table::{Tone, clean, maybe, plain, table, time};

/// How often new calls are looked for; the gateway writes them every 100 ms.
const FOLLOW_EVERY: Duration = Duration::from_millis(200);

pub(super) fn list(context: &Context<'_>, asked: &CallsList) -> Result<Exit, Failure> {
    let query = CallQuery {
        limit: asked.limit as usize,
        ..meant(context, &asked.meant)?
    };
    let mut feed = context.admin.calls(&query)?;
    if !asked.follow {
        context.output.many(&feed.newer()?, calls_table)?;
        let lost = context.admin.lost_calls(asked.meant.since)?;
        if lost > 0 {
            context.output.note(&format!(
                "{lost} call records of this installation are missing: lost with a process that was killed, to a full queue or to a full disk"
            ));
        }
        return Ok(Exit::Done);
    }
    loop {
        let calls = feed.newer()?;
        if calls.is_empty() {
            thread::sleep(FOLLOW_EVERY);
        } else {
            context.output.many(&calls, lines)?;
        }
    }
}

pub(super) fn calls_table(calls: &[CallListed]) -> String {
    let rows = calls.iter().map(|call| {
        let code = call.error_code.map(|code| code.to_string());
        vec![
            plain(time(&call.time)),
            plain(&call.workspace),
            maybe(call.server.as_deref()),
            maybe(call.tool.as_deref()),
            plain(holder(call)),
            status(call),
            plain(format!("{} ms", call.duration_ms)),
            maybe(code.as_deref()),
        ]
    });
    table(
        &[
            "TIME (UTC)",
            "WORKSPACE",
            "SERVER",
            "TOOL",
            "TOKEN",
            "STATUS",
            "TOOK",
            "CODE",
        ],
        rows,
        "No calls.",
    )
}

/// One line a call, of the same shape whatever comes next.
fn lines(calls: &[CallListed]) -> String {
    let mut text = String::new();
    for call in calls {
        let tool = match (&call.server, &call.tool) {
            (Some(server), Some(tool)) => format!("{server}/{tool}"),
            (Some(server), None) => format!("{server}/-"),
            (None, _) => "-".to_owned(),
        };
        let _ = writeln!(
            text,
            "{}  {:<12} {:>7} ms  {}  {}  {}",
            call.time,
            status(call).0,
            call.duration_ms,
            call.workspace,
            clean(&tool),
            clean(&holder(call)),
        );
    }
    text
}

/// The token by its name, and whose it is where the name does not say so.
fn holder(call: &CallListed) -> String {
    let token = call.token_name.as_deref().unwrap_or(&call.token_id);
    match call.member.as_deref() {
        Some(member) if member != token => format!("{token} ({member})"),
        _ => token.to_owned(),
    }
}

/// The status under the name it has in JSON.
pub(super) fn status(call: &CallListed) -> (String, Tone) {
    let name = call.status.as_str();
    let tone = match name {
        "ok" => Tone::Good,
        "refused" | "rate_limited" | "cancelled" | "revoked" => Tone::Doubtful,
        _ => Tone::Bad,
    };
    (name.to_owned(), tone)
}

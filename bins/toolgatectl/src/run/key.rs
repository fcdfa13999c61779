//! `toolgatectl key …`

use std::fmt::Write;

use toolgate_admin::{OperatorKeyCreated, OperatorKeyListed};

use super::Context;
use crate::args::KeyCommand;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::table::{Tone, clean, plain, table, time};

pub(super) fn run(context: &Context<'_>, command: KeyCommand) -> Result<Exit, Failure> {
    match command {
        KeyCommand::Create { name, expires_in } => {
            let made = context.admin.create_operator_key(&name, expires_in)?;
            context.output.one(&made, created)?;
        }
        KeyCommand::List => {
            let keys = context.admin.list_operator_keys()?;
            context.output.many(&keys, list)?;
        }
        KeyCommand::Revoke { key } => {
            let revoked = context.admin.revoke_operator_key(&key)?;
            context.output.one(&revoked, |revoked| {
                format!(
                    "Revoked key \"{}\" ({})\n",
                    clean(&revoked.name),
                    revoked.id
                )
            })?;
        }
    }
    Ok(Exit::Done)
}

fn created(made: &OperatorKeyCreated) -> String {
    let mut text = format!("Created key \"{}\"\n\n", clean(&made.name));
    let _ = writeln!(text, "  ID       {}", made.id);
    let _ = writeln!(text, "  Expires  {}", until(made.expires_at.as_deref()));
    let _ = writeln!(text, "  Key      {}  (shown only this once)", made.key);
    text.push_str(
        "\nServe the management API with `toolgatectl serve`, then send the key as `X-API-Key`.\n",
    );
    text
}

fn list(keys: &[OperatorKeyListed]) -> String {
    let never = || "never".to_owned();
    let rows = keys.iter().map(|key| {
        let tone = match key.status {
            "active" => Tone::Good,
            "expired" => Tone::Doubtful,
            _ => Tone::Bad,
        };
        vec![
            plain(&key.id),
            plain(&key.name),
            plain(time(&key.created_at)),
            plain(key.expires_at.as_deref().map_or_else(never, time)),
            plain(key.last_used_at.as_deref().map_or_else(never, time)),
            (key.status.to_owned(), tone),
        ]
    });
    table(
        &["ID", "NAME", "CREATED", "EXPIRES", "LAST USED", "STATUS"],
        rows,
        "No keys yet. Make one: `toolgatectl key create NAME`",
    )
}

fn until(at: Option<&str>) -> String {
    at.map_or_else(|| "never".to_owned(), |at| time(at) + " UTC")
}

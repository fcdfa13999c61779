//! `toolgatectl keys …`

use std::fmt::Write;

use toolgate_admin::{KeysRotated, KeysStatus, KeysToRotate, NewMasterKey};

use super::{Context, count};
use crate::args::KeysCommand;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::table::{plain, table, time};

pub(super) fn run(context: &Context<'_>, command: KeysCommand) -> Result<Exit, Failure> {
    match command {
        KeysCommand::Status => {
            let status = context.admin.keys_status()?;
            context.output.one(&status, status_text)?;
        }
        KeysCommand::Rotate(asked) => {
            let new = asked
                .new_key_file
                .map_or(NewMasterKey::InPlace, NewMasterKey::File);
            let scope = asked
                .workspace
                .map(|slug| context.admin.scope(&slug))
                .transpose()?;
            let which = match &scope {
                Some(scope) => KeysToRotate::Workspace(scope),
                None if asked.all => KeysToRotate::All,
                None => KeysToRotate::Master,
            };
            let working = context.output.working("Replacing keys");
            let rotated = context.admin.rotate_keys(which, &new)?;
            drop(working);
            context.output.gateway(rotated.gateway);
            context.output.one(&rotated, rotated_text)?;
        }
    }
    Ok(Exit::Done)
}

fn status_text(status: &KeysStatus) -> String {
    let master = &status.master;
    let mut text = format!(
        "Master key {}, in force since {}\nfrom {}\n\n",
        master.id,
        time(&master.since),
        master.source
    );
    let rows = status.workspaces.iter().flat_map(|of| {
        of.keys.iter().map(|key| {
            vec![
                plain(&of.workspace),
                plain(&key.id),
                plain(match key.state {
                    toolgate_admin::KeyState::Active => "active",
                    toolgate_admin::KeyState::Retired => "retired",
                }),
                plain(time(&key.created_at)),
                plain(key.encryptions.to_string()),
                plain(key.secrets.to_string()),
            ]
        })
    });
    text.push_str(&table(
        &[
            "WORKSPACE",
            "DATA KEY",
            "STATE",
            "MADE",
            "SEALED",
            "SECRETS",
        ],
        rows,
        "No workspaces yet.",
    ));
    text.push('\n');
    match &status.unfinished {
        Some(what) => {
            let _ = writeln!(text, "unfinished: {what}");
        }
        None => text.push_str("No rotation is under way.\n"),
    }
    text
}

fn rotated_text(rotated: &KeysRotated) -> String {
    let mut text = String::new();
    if let Some(id) = &rotated.master {
        let _ = writeln!(text, "The master key is {id} now");
        match &rotated.key_elsewhere {
            None => {
                text.push_str("hint: make a new backup of the key file, apart from the store's\n");
            }
            Some(file) => {
                let _ = writeln!(
                    text,
                    "hint: put the key of {file} where the master key comes from, then start the gateway again; until then keep that file"
                );
            }
        }
    }
    if !rotated.workspaces.is_empty() {
        let _ = writeln!(
            text,
            "New data keys for {}: {}; {} sealed anew",
            count(rotated.workspaces.len() as u64, "workspace"),
            rotated.workspaces.join(", "),
            count(rotated.secrets, "secret"),
        );
    }
    if !rotated.complete {
        text.push_str(
            "It goes on in the background: `toolgatectl keys status` shows when it is complete\n",
        );
    }
    text
}

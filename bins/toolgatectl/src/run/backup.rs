//! `toolgatectl backup …`

use std::fmt::Write;
use std::path::Path;

use toolgate_admin::{
    BackupRestored, BackupVerified, DataDir, GivenKeySources, SecretsTried, existing_key, operator,
    restore_backup, verify_backup,
};

use super::{Context, count};
use crate::ask;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;

pub(super) fn create(
    context: &Context<'_>,
    file: Option<&Path>,
    calls: bool,
) -> Result<Exit, Failure> {
    let working = context
        .output
        .working("Copying the store and verifying the copy");
    let made = context.admin.create_backup(file, calls)?;
    drop(working);
    context
        .output
        .one(&made, |made| summary("made", &made.verified))?;
    remarks(context.output, &made.verified);
    Ok(Exit::Done)
}

pub(super) fn verify(
    dir: &DataDir,
    keys: GivenKeySources,
    file: &Path,
    key_file: Option<&Path>,
    output: &Output,
) -> Result<Exit, Failure> {
    let key = existing_key(dir, keys, key_file)?;
    let working = output.working("Verifying the backup");
    let verified = verify_backup(dir, &key, file)?;
    drop(working);
    output.one(&verified, |verified| summary("whole", verified))?;
    remarks(output, &verified);
    Ok(Exit::Done)
}

pub(super) fn restore(
    dir: &DataDir,
    keys: GivenKeySources,
    file: &Path,
    calls: bool,
    yes: bool,
    output: &Output,
) -> Result<Exit, Failure> {
    let key = existing_key(dir, keys, None)?;
    if !yes {
        let question = format!(
            "Put {} in the place of the store in {}? What was changed since is undone.",
            file.display(),
            dir.path().display()
        );
        ask::confirm("restoring a backup", &question)?;
    }
    let working = output.working("Verifying the backup and putting it in place");
    let restored = restore_backup(dir, &key, &operator(), file, calls)?;
    drop(working);
    output.one(&restored, restored_text)?;
    remarks(output, &restored.verified);
    Ok(Exit::Done)
}

fn summary(what: &str, backup: &BackupVerified) -> String {
    let secrets = match backup.secrets {
        SecretsTried::Opened { workspaces: 0 } => "there are no secrets in it".to_owned(),
        SecretsTried::Opened { workspaces: 1 } => {
            "a secret of the one workspace that has any opens".to_owned()
        }
        SecretsTried::Opened { workspaces } => {
            format!("a secret of each of {workspaces} workspaces opens")
        }
        SecretsTried::NoGateway => "its keys open, its secrets were not tried".to_owned(),
    };
    let mut text = format!(
        "The backup {} is {what}: {} bytes, {}, up to change {}; {secrets}.\n",
        backup.file,
        backup.bytes,
        count(backup.workspaces, "workspace"),
        backup.last_change,
    );
    if let Some(calls) = &backup.calls {
        let _ = writeln!(text, "Its call records are in {calls}.");
    }
    text
}

fn restored_text(restored: &BackupRestored) -> String {
    let mut text = summary("in place", &restored.verified);
    if let Some(folder) = &restored.replaced {
        let _ = writeln!(text, "What was there before is in {folder}.");
    }
    match restored.changes_undone {
        Some(changes) => {
            let _ = writeln!(text, "{} made since are undone.", count(changes, "change"));
        }
        None => {
            text.push_str("The store before could not be read, so what is undone is not known.\n");
        }
    }
    for token in &restored.revived_tokens {
        let _ = writeln!(
            text,
            "Token {token} was revoked since and is valid again: revoke it."
        );
    }
    text
}

fn remarks(output: &Output, backup: &BackupVerified) {
    if backup.secrets == SecretsTried::NoGateway {
        output.note(
            "no gateway is running, and only it can open secrets: whether they open was not verified",
        );
    }
}

//! Backups: made while the gateway runs, verified before they count, and put back.
//!
//! A backup that was not verified is reported as not made. To verify one is to restore it into a scratch
//! directory and to open it there as the gateway would: whole, under this master key, its audit chain
//! unbroken, each data key opening, and, where a gateway runs, one secret of each workspace opening. That
//! last part is the gateway's, since this crate cannot open secrets (S-16); without one the report says so.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use toolgate_store::control::{self, ControlError, ControlReply, ControlRequest};
use toolgate_store::{Actor, AuditHead, Checkpoints, DataDir, Installation, Open, Store, backup};
use toolgate_vault::MasterKey;

use crate::time::{now_ms, rfc3339};
use crate::{Admin, AdminError};

/// Reading a copy of every table and trying a secret of every workspace.
const TRY_TIMEOUT: Duration = Duration::from_mins(1);
const PING_TIMEOUT: Duration = Duration::from_secs(1);

/// Whether secrets of a backup open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum SecretsTried {
    /// One of each workspace that has any.
    Opened {
        /// How many workspaces.
        workspaces: u64,
    },
    /// No gateway is running on this data directory, so none was tried; the keys they are sealed with open.
    NoGateway,
}

/// What a backup holds that was verified.
#[derive(Debug, Clone, Serialize)]
pub struct BackupVerified {
    /// The file.
    pub file: String,
    /// Its size.
    pub bytes: u64,
    /// The last change that is in it.
    pub last_change: u64,
    /// How many workspaces it has.
    pub workspaces: u64,
    /// Whether its secrets open.
    pub secrets: SecretsTried,
    /// The file with the call records, if that was asked for.
    pub calls: Option<String>,
}

/// A backup that was made and verified.
#[derive(Debug, Clone, Serialize)]
pub struct BackupMade {
    /// What it holds.
    #[serde(flatten)]
    pub verified: BackupVerified,
    /// When.
    pub created_at: String,
}

/// A backup that was put back.
#[derive(Debug, Clone, Serialize)]
pub struct BackupRestored {
    /// What it holds.
    #[serde(flatten)]
    pub verified: BackupVerified,
    /// Where what was there before is now.
    pub replaced: Option<String>,
    /// How many changes were made after the backup, and are undone; `None` when the old store cannot be read.
    pub changes_undone: Option<u64>,
    /// Tokens that were revoked after the backup, and are valid again.
    pub revived_tokens: Vec<String>,
}

impl Admin {
    /// Makes a backup of the control database, and of the call records if `with_calls`, while everything goes
    /// on. Without `file` it goes into the data directory's `backups`.
    ///
    /// The copy of the records is made after that of the control database, so every workspace and token it
    /// names was there. The master key is in neither: it is backed up apart.
    pub fn create_backup(
        &self,
        file: Option<&Path>,
        with_calls: bool,
    ) -> Result<BackupMade, AdminError> {
        let created_at = rfc3339(now_ms());
        let file = match file {
            Some(file) => file.to_owned(),
            None => self.default_file(&created_at)?,
        };
        let calls = with_calls.then(|| calls_of(&file));
        for taken in [Some(&file), calls.as_ref()].into_iter().flatten() {
            if taken.exists() {
                let path = taken.clone();
                return Err(toolgate_store::StoreError::BackupExists { path }.into());
            }
        }
        let part = Part::new(&file);
        let calls_part = calls.as_deref().map(Part::new);
        self.store.copy_to(&part.path)?;
        if let Some(calls) = &calls_part {
            backup::copy_calls(&self.dir, &calls.path)?;
        }
        let calls_made = calls_part.as_ref().map(|part| part.path.as_path());
        let checked = check(&self.dir, &self.store.master()?, &part.path, calls_made)?;
        if let (Some(part), Some(calls)) = (calls_part, &calls) {
            part.keep(calls)?;
        }
        part.keep(&file)?;
        let verified = checked.report(&file, calls.as_deref());
        self.store
            .note_backup(&self.actor, &verified.file, verified.last_change)?;
        Ok(BackupMade {
            verified,
            created_at,
        })
    }

    fn default_file(&self, created_at: &str) -> Result<PathBuf, AdminError> {
        let folder = DataDir::new(self.dir.backups());
        folder.create()?;
        let stamp: String = created_at
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .collect();
        Ok(folder.path().join(format!("control-{stamp}.db")))
    }
}

/// Verifies a backup of the installation in `dir` under its master key; needs no store that opens.
pub fn verify_backup(
    dir: &DataDir,
    key: &Arc<MasterKey>,
    file: &Path,
) -> Result<BackupVerified, AdminError> {
    let calls = calls_of(file);
    let calls = calls.exists().then_some(calls);
    let checked = check(dir, key, file, calls.as_deref())?;
    Ok(checked.report(file, calls.as_deref()))
}

/// Verifies a backup and puts it in the place of what is in `dir`, which is kept in a folder aside.
///
/// Refuses while a gateway, or anything else, has the store open.
pub fn restore_backup(
    dir: &DataDir,
    key: &Arc<MasterKey>,
    actor: &Actor,
    file: &Path,
    with_calls: bool,
) -> Result<BackupRestored, AdminError> {
    let running = control::ask(dir, &ControlRequest::Ping, PING_TIMEOUT);
    if !matches!(running, Err(ControlError::NotRunning)) {
        let path = dir.control_db();
        return Err(toolgate_store::StoreError::InUse { path }.into());
    }
    dir.create()?;
    let calls = with_calls.then(|| calls_of(file));
    let checked = check(dir, key, file, calls.as_deref())?;
    let old = Store::open(dir, Open::MustExist).and_then(|store| {
        let store = store.unlock(Arc::clone(key), actor)?;
        let loaded = store.load()?;
        Ok((loaded, store.audit_head()?))
    });
    let scratch = DataDir::new(&checked.scratch.path);
    let new_calls = calls.is_some().then(|| scratch.calls_db());
    let replaced = backup::replace(dir, &scratch.control_db(), new_calls.as_deref())?;

    let report = checked.report(file, calls.as_deref());
    let store = Store::open(dir, Open::MustExist)?.unlock(Arc::clone(key), actor)?;
    store.note_restore(actor, &report.file, report.last_change)?;
    Checkpoints::new(dir.checkpoints()).keep(store.audit_head()?)?;
    let (changes_undone, revived_tokens) = match old {
        Ok((old, head)) => (
            Some(head.sequence.saturating_sub(report.last_change)),
            revived(&old, &checked.installation),
        ),
        Err(_) => (None, Vec::new()),
    };
    Ok(BackupRestored {
        verified: report,
        replaced: replaced.map(|folder| folder.display().to_string()),
        changes_undone,
        revived_tokens,
    })
}

/// Tokens that `old` has revoked or no longer has, and `new` takes.
fn revived(old: &Installation, new: &Installation) -> Vec<String> {
    let valid = |tokens: &Installation, id| {
        let token = tokens.tokens.iter().find(|token| token.id == id);
        token.is_some_and(|token| token.revoked_at.is_none())
    };
    new.tokens
        .iter()
        .filter(|token| token.revoked_at.is_none() && !valid(old, token.id.clone()))
        .map(|token| token.id.as_str().to_owned())
        .collect()
}

/// Call records stand beside the control database, under its name.
fn calls_of(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push("-calls");
    name.into()
}

// === Verifying ===

/// A backup as it was found, in a scratch directory of its own.
struct Checked {
    scratch: Scratch,
    bytes: u64,
    head: AuditHead,
    installation: Installation,
    secrets: SecretsTried,
}

impl Checked {
    fn report(&self, file: &Path, calls: Option<&Path>) -> BackupVerified {
        BackupVerified {
            file: file.display().to_string(),
            bytes: self.bytes,
            last_change: self.head.sequence,
            workspaces: self.installation.workspaces.len() as u64,
            secrets: self.secrets,
            calls: calls.map(|file| file.display().to_string()),
        }
    }
}

/// Restores into a scratch directory and looks at everything; whatever is wrong, the backup does not count.
fn check(
    dir: &DataDir,
    key: &Arc<MasterKey>,
    file: &Path,
    calls: Option<&Path>,
) -> Result<Checked, AdminError> {
    try_check(dir, key, file, calls).map_err(|source| AdminError::NotVerified {
        file: file.to_owned(),
        source: Box::new(source),
    })
}

fn try_check(
    dir: &DataDir,
    key: &Arc<MasterKey>,
    file: &Path,
    calls: Option<&Path>,
) -> Result<Checked, AdminError> {
    let scratch = Scratch::new(dir)?;
    let place = DataDir::new(&scratch.path);
    let bytes = copy(file, &place.control_db())?;
    if let Some(calls) = calls {
        copy(calls, &place.calls_db())?;
        backup::check_calls(&place.calls_db())?;
    }
    let (installation, head) = {
        // Opening checks the whole file, and brings an older one up to date as a restore would.
        let store = Store::open(&place, Open::MustExist)?;
        if store.key_check()?.is_none() {
            return Err(AdminError::NeverUsed);
        }
        let store = store.unlock(Arc::clone(key), &Actor::gateway())?;
        // Checkpoints beyond its end are of changes made since.
        let end = store.audit_head()?;
        let kept = Checkpoints::new(dir.checkpoints()).read()?.heads;
        let known = kept
            .into_iter()
            .filter(|head| head.sequence <= end.sequence);
        (store.load()?, store.verify_audit(known)?)
    };
    for row in &installation.keys {
        key.unwrap_workspace_key(row.workspace.as_str(), &row.key)?;
    }
    for secret in &installation.secrets {
        let sealed_with = |row: &&toolgate_store::WorkspaceKeyRow| {
            row.workspace == secret.workspace && row.key.id == secret.sealed.key
        };
        if !installation.keys.iter().any(|row| sealed_with(&row)) {
            return Err(AdminError::SecretKeyMissing {
                name: secret.name.as_str().to_owned(),
            });
        }
    }
    let secrets = try_secrets(dir, &scratch.path)?;
    Ok(Checked {
        scratch,
        bytes,
        head,
        installation,
        secrets,
    })
}

/// Has the gateway open one secret of each workspace.
fn try_secrets(dir: &DataDir, scratch: &Path) -> Result<SecretsTried, AdminError> {
    let data_dir = fs::canonicalize(scratch).map_err(|source| in_file(scratch, source))?;
    match control::ask(dir, &ControlRequest::TrySecrets { data_dir }, TRY_TIMEOUT) {
        Ok(ControlReply::Tried { opened, failed }) if failed.is_empty() => {
            Ok(SecretsTried::Opened { workspaces: opened })
        }
        Ok(ControlReply::Tried { failed, .. }) => {
            Err(AdminError::SecretsDoNotOpen { workspaces: failed })
        }
        Err(ControlError::NotRunning) => Ok(SecretsTried::NoGateway),
        Ok(ControlReply::Failed { error, .. }) => Err(AdminError::GatewaySays { error }),
        Ok(_) => Err(AdminError::GatewaySays {
            error: "something of another version".to_owned(),
        }),
        Err(error) => Err(AdminError::GatewaySays {
            error: error.to_string(),
        }),
    }
}

/// Copies a file for its owner only.
fn copy(from: &Path, to: &Path) -> Result<u64, AdminError> {
    use std::os::unix::fs::OpenOptionsExt;

    let mut reader = fs::File::open(from).map_err(|source| in_file(from, source))?;
    let mut options = fs::OpenOptions::new();
    let options = options.write(true).create_new(true).mode(0o600);
    options
        .open(to)
        .and_then(|mut writer| {
            let bytes = io::copy(&mut reader, &mut writer)?;
            writer.sync_all()?;
            Ok(bytes)
        })
        .map_err(|source| in_file(to, source))
}

fn in_file(path: &Path, source: io::Error) -> AdminError {
    AdminError::File {
        path: path.to_owned(),
        source,
    }
}

/// A directory in the data directory, so that what is in it can be moved there; gone with the value.
struct Scratch {
    path: PathBuf,
}

impl Scratch {
    fn new(dir: &DataDir) -> Result<Self, AdminError> {
        let name = format!("scratch-{}-{}", now_ms(), std::process::id());
        let path = dir.path().join(name);
        DataDir::new(&path).create()?;
        Ok(Self { path })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left behind is a copy of what is beside it.
        let _: io::Result<()> = fs::remove_dir_all(&self.path);
    }
}

/// A file that has its name only when it is whole.
struct Part {
    path: PathBuf,
}

impl Part {
    fn new(file: &Path) -> Self {
        let mut name = file.as_os_str().to_owned();
        name.push(".part");
        let path = PathBuf::from(name);
        // What an earlier attempt left behind was never a backup.
        let _: io::Result<()> = fs::remove_file(&path);
        Self { path }
    }

    /// Gives it its name; a backup that is there already stays.
    fn keep(self, file: &Path) -> Result<(), AdminError> {
        fs::hard_link(&self.path, file).map_err(|source| in_file(file, source))?;
        let folder = file
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        fs::File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|source| in_file(folder, source))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let _: io::Result<()> = fs::remove_file(&self.path);
    }
}

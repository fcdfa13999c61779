//! What administrators did, and whether the record of it is whole (S-83, S-84, S-85).

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use toolgate_store::{
    AuditFilter, AuditKeys, AuditVerifier, ChainedRow, Checkpoints, DataDir, Open, Store,
    StoreError, WorkspaceScope,
};
use toolgate_vault::{MasterKey, RetiredKeys};

use crate::time::{millis, now_ms, rfc3339};
use crate::{Admin, AdminError};

/// One administrative act.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AuditListed {
    /// Place in the chain, from 1 without gaps.
    pub sequence: u64,
    /// When.
    pub time: String,
    /// Who.
    pub actor: String,
    /// What was done, such as `token.create`.
    pub action: String,
    /// Slug of the workspace it was done in; its id when it was deleted since.
    pub workspace: Option<String>,
    /// Id of what was changed.
    pub object: String,
    /// What a person calls it.
    pub detail: String,
}

/// Which acts to list.
#[derive(Debug, Clone)]
pub struct AuditQuery {
    /// Only of this workspace.
    pub workspace: Option<WorkspaceScope>,
    /// Only those not older than this.
    pub since: Option<Duration>,
    /// Only this action (`token.create`) or noun (`token`).
    pub action: Option<String>,
    /// Only of whoever has this in the name.
    pub actor: Option<String>,
    /// Only those that stand before this place in the chain.
    pub before: Option<u64>,
    /// At most so many, the newest.
    pub limit: usize,
}

impl AuditQuery {
    /// The newest acts of the whole installation.
    pub fn newest(limit: usize) -> Self {
        Self {
            workspace: None,
            since: None,
            action: None,
            actor: None,
            before: None,
            limit,
        }
    }
}

/// What verifying the chain found.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AuditVerified {
    /// Whether it holds.
    pub ok: bool,
    /// How many rows it has, as far as it holds.
    pub rows: u64,
    /// How many checkpoints were compared.
    pub checkpoints: u64,
    /// The first row that does not hold.
    pub broken_at: Option<u64>,
    /// In which way: `missing`, `misplaced`, `unlinked`, `changed`, `unknown_key`, `replaced` or `cut_off`.
    pub damage: Option<&'static str>,
    /// The same in words.
    pub message: String,
    /// Lines of a checkpoint file that are none, as `FILE:LINE`.
    pub unreadable: Vec<String>,
}

impl Admin {
    /// The newest acts that match, oldest first.
    pub fn list_audit(&self, query: &AuditQuery) -> Result<Vec<AuditListed>, AdminError> {
        let summaries = self.store.workspaces()?;
        let slugs: HashMap<_, _> = summaries
            .into_iter()
            .map(|summary| (summary.workspace.id, summary.workspace.slug))
            .collect();
        let mut rows = self.store.audit_rows(&AuditFilter {
            workspace: query.workspace.clone(),
            since_ms: query
                .since
                .map(|since| now_ms().saturating_sub(millis(since))),
            action: query.action.clone(),
            actor: query.actor.clone(),
            before: query.before,
            limit: query.limit,
        })?;
        rows.sort_by_key(|row| row.sequence);
        Ok(rows
            .into_iter()
            .map(|row| AuditListed {
                sequence: row.sequence,
                time: rfc3339(row.at),
                actor: row.actor,
                action: row.action,
                workspace: row.workspace.map(|id| {
                    slugs
                        .get(&id)
                        .map_or_else(|| id.to_string(), ToString::to_string)
                }),
                object: row.object,
                detail: row.detail,
            })
            .collect())
    }

    /// Keeps the end of the audit chain in the second sinks and seals what the store holds, if anything
    /// changed: what ends a command, as it ends a gateway (S-84, R-08).
    pub fn settle(&self, sink: Option<&Path>) -> Result<(), AdminError> {
        let head = self.store.audit_head()?;
        for sink in sinks(&self.dir, sink) {
            sink.keep(head)?;
        }
        self.store.seal_contents()?;
        Ok(())
    }
}

/// Verifies the chain of the store in `dir`, which need not open for anything else, against every checkpoint
/// kept in the data directory and in `sink`.
pub fn verify_audit(
    dir: &DataDir,
    key: &MasterKey,
    sink: Option<&Path>,
) -> Result<AuditVerified, AdminError> {
    let store = Store::open(dir, Open::MustExist)?;
    let kept = Kept::read(dir, sink)?;
    let retired = store.retired_keys_under(key)?;
    let outcome = store.verify_audit_with(audit_keys(key, &retired), kept.heads.clone());
    kept.report(outcome.map(|head| head.sequence))
}

/// Verifies an export, one row a line, against every checkpoint kept in the data directory and in `sink`.
pub fn verify_export(
    dir: &DataDir,
    key: &MasterKey,
    sink: Option<&Path>,
    export: &Path,
) -> Result<AuditVerified, AdminError> {
    use std::io::BufRead;

    let file = |source| AdminError::File {
        path: export.to_owned(),
        source,
    };
    let kept = Kept::read(dir, sink)?;
    let retired = Store::open(dir, Open::MustExist).and_then(|store| store.retired_keys_under(key));
    // Without its store an export is judged by the one key.
    let retired = retired.unwrap_or_default();
    let mut verifier = AuditVerifier::new(audit_keys(key, &retired), kept.heads.clone());
    let reader = std::io::BufReader::new(std::fs::File::open(export).map_err(file)?);
    for (number, line) in (1..).zip(reader.lines()) {
        let line = line.map_err(file)?;
        let Ok(row) = serde_json::from_str::<ChainedRow>(&line) else {
            return Err(AdminError::NotAnExport {
                path: export.to_owned(),
                line: number,
            });
        };
        if let Err(found) = verifier.check(&row) {
            return kept.report(Err(found.into()));
        }
    }
    let end = verifier.finish().map_err(StoreError::from);
    kept.report(end.map(|head| head.sequence))
}

/// Hands out every row of the chain in `dir`, oldest first, with what it takes to verify it elsewhere.
pub fn export_audit(
    dir: &DataDir,
    mut each: impl FnMut(&ChainedRow) -> std::io::Result<()>,
) -> Result<(), AdminError> {
    let store = Store::open(dir, Open::MustExist)?;
    let mut written = Ok(());
    store.export_audit(|row| {
        written = each(&row);
        written.is_ok()
    })?;
    written.map_err(AdminError::Output)
}

/// The keys that rows may have been written under.
fn audit_keys<'a>(key: &'a MasterKey, retired: &'a [RetiredKeys]) -> AuditKeys<'a> {
    let present = AuditKeys::of(key);
    retired.iter().fold(present, |keys, key| keys.with(key))
}

/// The second sinks: the one in the data directory, and the operator's.
fn sinks(dir: &DataDir, sink: Option<&Path>) -> Vec<Checkpoints> {
    let own = dir.checkpoints();
    [Some(own), sink.map(PathBuf::from)]
        .into_iter()
        .flatten()
        .map(Checkpoints::new)
        .collect()
}

/// What the second sinks hold.
pub(crate) struct Kept {
    pub(crate) heads: Vec<toolgate_store::AuditHead>,
    pub(crate) unreadable: Vec<String>,
}

impl Kept {
    pub(crate) fn read(dir: &DataDir, sink: Option<&Path>) -> Result<Self, AdminError> {
        let mut kept = Self {
            heads: Vec::new(),
            unreadable: Vec::new(),
        };
        for sink in sinks(dir, sink) {
            let read = sink.read()?;
            kept.heads.extend(read.heads);
            if let Some(line) = read.unreadable {
                kept.unreadable
                    .push(format!("{}:{line}", sink.path().display()));
            }
        }
        Ok(kept)
    }

    fn report(self, outcome: Result<u64, StoreError>) -> Result<AuditVerified, AdminError> {
        let checkpoints = self.heads.len() as u64;
        match outcome {
            Ok(rows) => Ok(AuditVerified {
                ok: true,
                rows,
                checkpoints,
                broken_at: None,
                damage: None,
                message: format!("the audit chain holds, {rows} rows"),
                unreadable: self.unreadable,
            }),
            Err(StoreError::AuditBroken { sequence, reason }) => Ok(AuditVerified {
                ok: false,
                rows: sequence.saturating_sub(1),
                checkpoints,
                broken_at: Some(sequence),
                damage: Some(reason.as_str()),
                message: format!("the audit chain breaks at row {sequence}, {reason}"),
                unreadable: self.unreadable,
            }),
            Err(error) => Err(error.into()),
        }
    }
}

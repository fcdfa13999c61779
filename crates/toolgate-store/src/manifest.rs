//! The manifest of a workspace: which secret versions are live, under a MAC (S-17).
//!
//! It changes in the transaction of the secret it lists, and only where that secret stands in it: a row that was
//! put back from an older copy is not taken in by the next change of another one.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Transaction};
use serde::{Deserialize, Serialize};
use toolgate_namespace::{ServerId, WorkspaceId};
use toolgate_vault::{ManifestEntry, MasterKey, SecretName, entry_tag};

use crate::error::Doing;
use crate::{SecretRow, StoreError};

/// A secret that does not fit the manifest of its workspace: it is not given to anybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedSecret {
    /// Its workspace.
    pub workspace: WorkspaceId,
    /// The one server it is for, if it is for one.
    pub server: Option<ServerId>,
    /// Its name.
    pub name: SecretName,
    /// What is wrong.
    pub finding: ManifestFinding,
}

/// How a secret can differ from its manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ManifestFinding {
    /// The row is another version, or another ciphertext, than the one that was saved last.
    Replaced,
    /// The row was never saved by this program.
    Added,
    /// The row was taken away.
    Removed,
    /// The manifest of the workspace itself was changed or taken away, so none of its secrets can be trusted.
    NoManifest,
}

impl ManifestFinding {
    /// What happened, as the end of a sentence about the secret.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Replaced => "is not the version that was saved last",
            Self::Added => "was put into the store from outside",
            Self::Removed => "was taken out of the store from outside",
            Self::NoManifest => {
                "cannot be checked: the workspace's manifest was changed from outside"
            }
        }
    }
}

/// One live secret version, as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Live {
    server: Option<String>,
    name: String,
    version: u64,
    tag: String,
}

impl Live {
    fn of(row: &SecretRow) -> Self {
        Self {
            server: row.server.as_ref().map(|id| id.as_str().to_owned()),
            name: row.name.as_str().to_owned(),
            version: row.version,
            tag: entry_tag(&row.sealed.sealed),
        }
    }

    fn is(&self, server: Option<&str>, name: &str) -> bool {
        self.server.as_deref() == server && self.name == name
    }

    fn entry(&self) -> ManifestEntry<'_> {
        ManifestEntry {
            server: self.server.as_deref(),
            name: &self.name,
            version: self.version,
            tag: self.tag.as_bytes(),
        }
    }
}

/// A stored manifest.
#[derive(Debug, Clone)]
pub(crate) struct ManifestRow {
    workspace: String,
    entries: String,
    mac: Vec<u8>,
}

impl ManifestRow {
    /// What it lists, if `key` authenticated it.
    fn live(&self, key: &MasterKey) -> Option<Vec<Live>> {
        let live: Vec<Live> = serde_json::from_str(&self.entries).ok()?;
        key.manifest_matches(&self.workspace, live.iter().map(Live::entry), &self.mac)
            .then_some(live)
    }
}

/// What a change does to the manifest of its workspace.
pub(crate) enum Edit<'a> {
    /// This version is live now, in the place of any before.
    Set(&'a SecretRow),
    /// This secret is gone.
    Remove(Option<&'a ServerId>, &'a SecretName),
    /// Every secret of this server is gone.
    RemoveServer(&'a ServerId),
}

/// Applies edits inside the transaction of the change.
///
/// A manifest that does not hold starts anew with nothing but what is set here: the other secrets stay refused
/// until each is set again.
pub(crate) fn edit<'a>(
    tx: &Transaction<'_>,
    key: &MasterKey,
    workspace: &str,
    edits: impl IntoIterator<Item = Edit<'a>>,
) -> Result<(), StoreError> {
    let mut live = find(tx, workspace)?
        .and_then(|row| row.live(key))
        .unwrap_or_default();
    for edit in edits {
        match edit {
            Edit::Set(row) => {
                let new = Live::of(row);
                live.retain(|old| !old.is(new.server.as_deref(), &new.name));
                live.push(new);
            }
            Edit::Remove(server, name) => {
                live.retain(|old| !old.is(server.map(ServerId::as_str), name.as_str()));
            }
            Edit::RemoveServer(server) => {
                live.retain(|old| old.server.as_deref() != Some(server.as_str()));
            }
        }
    }
    write(tx, key, workspace, &live)
}

/// Lists what is in the store as it is: for a store that had no manifests yet.
pub(crate) fn adopt(
    tx: &Transaction<'_>,
    key: &MasterKey,
    rows: &[SecretRow],
    workspace: &str,
) -> Result<(), StoreError> {
    let own = rows
        .iter()
        .filter(|row| row.workspace.as_str() == workspace);
    let live: Vec<Live> = own.map(Live::of).collect();
    write(tx, key, workspace, &live)
}

/// Authenticates every manifest that holds under another master key. One that does not hold stays as it is, and so
/// does not hold under the new key either.
pub(crate) fn authenticate_anew(
    tx: &Transaction<'_>,
    old: &MasterKey,
    new: &MasterKey,
) -> Result<(), StoreError> {
    for row in select(tx).doing("reading manifests")? {
        if let Some(live) = row.live(old) {
            write(tx, new, &row.workspace, &live)?;
        }
    }
    Ok(())
}

/// Tells the secrets that fit their manifests from those that do not.
pub(crate) fn judge(
    key: &MasterKey,
    manifests: &[ManifestRow],
    rows: Vec<SecretRow>,
) -> (Vec<SecretRow>, Vec<RefusedSecret>) {
    let mut expected: HashMap<&str, Vec<Live>> = manifests
        .iter()
        .filter_map(|row| Some((row.workspace.as_str(), row.live(key)?)))
        .collect();
    let (mut good, mut refused) = (Vec::with_capacity(rows.len()), Vec::new());
    for row in rows {
        let finding = match expected.get_mut(row.workspace.as_str()) {
            None => Some(ManifestFinding::NoManifest),
            Some(live) => {
                let actual = Live::of(&row);
                let at = live
                    .iter()
                    .position(|one| one.is(actual.server.as_deref(), &actual.name));
                match at.map(|at| live.swap_remove(at)) {
                    None => Some(ManifestFinding::Added),
                    Some(one) if one == actual => None,
                    Some(_) => Some(ManifestFinding::Replaced),
                }
            }
        };
        match finding {
            None => good.push(row),
            Some(finding) => refused.push(RefusedSecret {
                workspace: row.workspace,
                server: row.server,
                name: row.name,
                finding,
            }),
        }
    }
    for (workspace, live) in expected {
        refused.extend(live.iter().filter_map(|one| removed(workspace, one)));
    }
    (good, refused)
}

/// Names are ours and were authenticated, so one that does not parse cannot come from a manifest that holds.
fn removed(workspace: &str, one: &Live) -> Option<RefusedSecret> {
    let server = one.server.as_deref().map(ServerId::try_from).transpose();
    Some(RefusedSecret {
        workspace: WorkspaceId::try_from(workspace).ok()?,
        server: server.ok()?,
        name: SecretName::try_from(one.name.as_str()).ok()?,
        finding: ManifestFinding::Removed,
    })
}

/// Every manifest.
pub(crate) fn select(connection: &Connection) -> rusqlite::Result<Vec<ManifestRow>> {
    const SQL: &str = "SELECT workspace_id, entries, mac FROM manifests";
    let mut statement = connection.prepare_cached(SQL)?;
    let rows = statement.query_map([], |row| {
        Ok(ManifestRow {
            workspace: row.get(0)?,
            entries: row.get(1)?,
            mac: row.get(2)?,
        })
    })?;
    rows.collect()
}

fn find(tx: &Transaction<'_>, workspace: &str) -> Result<Option<ManifestRow>, StoreError> {
    const SQL: &str = "SELECT entries, mac FROM manifests WHERE workspace_id = ?1";
    tx.prepare_cached(SQL)
        .and_then(|mut statement| {
            statement
                .query_row([workspace], |row| {
                    Ok(ManifestRow {
                        workspace: workspace.to_owned(),
                        entries: row.get(0)?,
                        mac: row.get(1)?,
                    })
                })
                .optional()
        })
        .doing("reading a manifest")
}

fn write(
    tx: &Transaction<'_>,
    key: &MasterKey,
    workspace: &str,
    live: &[Live],
) -> Result<(), StoreError> {
    const SQL: &str = "INSERT INTO manifests (workspace_id, entries, mac) VALUES (?1, ?2, ?3)
        ON CONFLICT (workspace_id) DO UPDATE SET entries = excluded.entries, mac = excluded.mac";
    let mac = key.manifest_mac(workspace, live.iter().map(Live::entry));
    let entries = serde_json::to_string(live).expect("text and numbers have a JSON form");
    tx.prepare_cached(SQL)
        .and_then(|mut statement| statement.execute((workspace, entries, mac)))
        .doing("saving a manifest")?;
    Ok(())
}

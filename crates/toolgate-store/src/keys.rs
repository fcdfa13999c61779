//! Data keys: which one seals, how much it has sealed, and how it is replaced (S-10, S-12).
//!
//! A workspace has one active key. A rotation makes another one active and leaves the one before as retired: what
//! is sealed under it stays readable while the gateway seals it anew, a batch at a time, and when nothing is left
//! under it the wrapped key is deleted. Each of these steps is one transaction, so a rotation that was cut off goes
//! on where it stopped.

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use toolgate_namespace::{ServerId, WorkspaceId};
use toolgate_vault::{KeyId, SealedSecret, SecretName, WorkspaceKey, WrappedKey};

use crate::audit::{Actor, Entry, now_ms};
use crate::error::Doing;
use crate::failpoint::step;
use crate::manifest::{self, Edit};
use crate::sql::{Broken, parsed, unreadable};
use crate::store::Noted;
use crate::{SecretRow, Store, StoreError, WorkspaceScope};

/// How often one data key may seal (S-10); random nonces are safe for four times as many.
pub const MAX_ENCRYPTIONS: u64 = 1 << 30;

/// What a data key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// Seals what is new.
    Active,
    /// Opens what it sealed, until that is sealed anew.
    Retired,
}

/// A workspace's data key as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkspaceKeyRow {
    /// Whose key it is.
    pub workspace: WorkspaceId,
    /// The key, wrapped.
    pub key: WrappedKey,
    /// What it is for.
    pub state: KeyState,
}

/// A data key with what it has to do with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySummary {
    /// Its id.
    pub id: KeyId,
    /// What it is for.
    pub state: KeyState,
    /// How often it has sealed.
    pub encryptions: u64,
    /// How many secrets are sealed under it now.
    pub secrets: u64,
    /// When it was made, unix milliseconds.
    pub created_at: u64,
}

/// A secret version under another data key, its value unchanged.
#[derive(Debug, Clone)]
pub struct Resealed {
    /// The one server it is for, if it is for one.
    pub server: Option<ServerId>,
    /// Its name.
    pub name: SecretName,
    /// The version, which stays.
    pub version: u64,
    /// The key it was sealed under.
    pub from: KeyId,
    /// What takes its place.
    pub sealed: SealedSecret,
}

impl Store {
    /// The wrapped data key that new secrets are sealed with.
    pub fn workspace_key(&self, scope: &WorkspaceScope) -> Result<WrappedKey, StoreError> {
        let row = self.read("reading a data key", |connection| {
            active(connection, scope.id())
        })?;
        row.map(|row| row.key).ok_or_else(|| scope.unknown())
    }

    /// The same, unwrapped: for whoever is about to seal.
    pub fn sealing_key(&self, scope: &WorkspaceScope) -> Result<WorkspaceKey, StoreError> {
        let doing = "opening a data key";
        // At one moment: a rotation of the master key wraps data keys anew.
        let (master, row) = self.read_at_once(doing, |connection| {
            Ok((
                self.key_in_force(connection),
                active(connection, scope.id())?,
            ))
        })?;
        let row = row.ok_or_else(|| scope.unknown())?;
        master?
            .unwrap_workspace_key(scope.id(), &row.key)
            .map_err(|source| StoreError::Key { doing, source })
    }

    /// The data keys of a workspace, the active one first.
    pub fn workspace_keys(&self, scope: &WorkspaceScope) -> Result<Vec<KeySummary>, StoreError> {
        const SQL: &str = "SELECT id, state, encryptions,
                (SELECT count(*) FROM secrets WHERE key_id = keys.id), created_at
            FROM keys WHERE workspace_id = ?1 ORDER BY state, created_at DESC";
        self.read("listing data keys", |connection| {
            let mut statement = connection.prepare_cached(SQL)?;
            let rows = statement.query_map([scope.id()], |row| {
                Ok(KeySummary {
                    id: parsed(row, 0, KeyId::parse)?,
                    state: state(row, 1)?,
                    encryptions: row.get(2)?,
                    secrets: row.get(3)?,
                    created_at: row.get(4)?,
                })
            })?;
            rows.collect()
        })
    }

    /// Makes a new data key the active one; the one before stays, retired, until
    /// [`destroy_retired_keys`](Self::destroy_retired_keys).
    pub fn rotate_workspace_key(
        &self,
        scope: &WorkspaceScope,
        actor: &Actor,
    ) -> Result<KeyId, StoreError> {
        let doing = "rotating a data key";
        let id = self.change(doing, actor, |tx| {
            scope.still_exists(tx)?;
            let (new, old) = self.replace_active(tx, scope.workspace())?;
            step("data_key.before_commit");
            let entry = Entry::new(
                "key.rotate",
                Some(scope.workspace()),
                new.as_str(),
                old.as_str(),
            );
            Ok((new, Some(entry)))
        })?;
        step("data_key.rotated");
        Ok(id)
    }

    /// Puts secrets under the active data key, each only if it still is what it was; answers how many were.
    ///
    /// Nobody decided this, so it is not audited; beginning and end of the rotation are.
    pub fn reseal_secrets(
        &self,
        scope: &WorkspaceScope,
        rows: &[Resealed],
    ) -> Result<u64, StoreError> {
        const SQL: &str = "UPDATE secrets SET key_id = ?5, sealed = ?6
            WHERE workspace_id = ?1 AND COALESCE(server_id, '') = ?2 AND name = ?3 AND version = ?4
            AND key_id = ?7";
        let doing = "sealing secrets anew";
        let mut done = 0;
        self.note(doing, |tx| {
            let key = self.key_in_force(tx)?;
            let mut statement = tx.prepare_cached(SQL).doing(doing)?;
            let mut edits = Vec::with_capacity(rows.len());
            for row in rows {
                match self.count(tx, scope, &row.sealed.key) {
                    // Somebody rotated meanwhile, or the key has sealed its last: the rest waits for another one.
                    Err(StoreError::KeyRetired) => break,
                    counted => counted?,
                }
                let changed = statement
                    .execute(params![
                        scope.id(),
                        row.server.as_ref().map_or("", ServerId::as_str),
                        row.name.as_str(),
                        row.version,
                        row.sealed.key.as_str(),
                        row.sealed.sealed,
                        row.from.as_str(),
                    ])
                    .doing(doing)?;
                if changed == 1 {
                    edits.push(row.as_live(scope));
                }
            }
            done = edits.len() as u64;
            manifest::edit(tx, &key, scope.id(), edits.iter().map(Edit::Set))?;
            step("data_key.before_reseal_commit");
            Ok(Noted::Change)
        })?;
        step("data_key.resealed");
        Ok(done)
    }

    /// Deletes the retired keys of a workspace that nothing is sealed under any more, and every trace of them
    /// (S-13): with this their rotation is complete. Answers which they were.
    pub fn destroy_retired_keys(
        &self,
        scope: &WorkspaceScope,
        actor: &Actor,
    ) -> Result<Vec<KeyId>, StoreError> {
        const SQL: &str = "DELETE FROM keys WHERE workspace_id = ?1 AND state = 'retired'
            AND id NOT IN (SELECT key_id FROM secrets WHERE workspace_id = ?1) RETURNING id";
        let doing = "completing the rotation of a data key";
        step("data_key.before_destroy");
        let gone = self.change(doing, actor, |tx| {
            let mut statement = tx.prepare_cached(SQL).doing(doing)?;
            let gone: Vec<KeyId> = statement
                .query_map([scope.id()], |row| parsed(row, 0, KeyId::parse))
                .and_then(Iterator::collect)
                .doing(doing)?;
            let entry = (!gone.is_empty()).then(|| {
                let ids: Vec<&str> = gone.iter().map(KeyId::as_str).collect();
                Entry::new(
                    "key.destroy",
                    Some(scope.workspace()),
                    scope.id(),
                    &ids.join(" "),
                )
            });
            Ok((gone, entry))
        })?;
        step("data_key.destroyed");
        if !gone.is_empty() {
            self.shred();
        }
        Ok(gone)
    }

    /// Counts one encryption under the key, which must be the active one, in the transaction that stores what
    /// was sealed; the last one it may do makes another key active (S-10).
    pub(crate) fn count(
        &self,
        tx: &Transaction<'_>,
        scope: &WorkspaceScope,
        key: &KeyId,
    ) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE keys SET encryptions = encryptions + 1
            WHERE id = ?1 AND workspace_id = ?2 AND state = 'active' AND encryptions < ?3
            RETURNING encryptions";
        let doing = "counting what a data key seals";
        let counted: Option<u64> = tx
            .prepare_cached(SQL)
            .and_then(|mut statement| {
                statement
                    .query_row((key.as_str(), scope.id(), MAX_ENCRYPTIONS), |row| {
                        row.get(0)
                    })
                    .optional()
            })
            .doing(doing)?;
        match counted {
            None => Err(StoreError::KeyRetired),
            Some(count) if count >= MAX_ENCRYPTIONS => {
                self.replace_active(tx, scope.workspace()).map(drop)
            }
            Some(_) => Ok(()),
        }
    }

    /// Retires the active key and inserts a fresh one: new id, old id.
    fn replace_active(
        &self,
        tx: &Transaction<'_>,
        workspace: &WorkspaceId,
    ) -> Result<(KeyId, KeyId), StoreError> {
        const RETIRE: &str = "UPDATE keys SET state = 'retired'
            WHERE workspace_id = ?1 AND state = 'active' RETURNING id";
        let doing = "making a data key";
        let master = self.key_in_force(tx)?;
        let (_, wrapped) = master
            .new_workspace_key(workspace.as_str())
            .map_err(|source| StoreError::Key { doing, source })?;
        let old = tx
            .query_row(RETIRE, [workspace.as_str()], |row| {
                parsed(row, 0, KeyId::parse)
            })
            .doing(doing)?;
        insert(tx, workspace, &wrapped, now_ms()).doing(doing)?;
        Ok((wrapped.id, old))
    }
}

impl Resealed {
    /// As the manifest wants it.
    fn as_live(&self, scope: &WorkspaceScope) -> SecretRow {
        SecretRow {
            workspace: scope.workspace().clone(),
            server: self.server.clone(),
            name: self.name.clone(),
            version: self.version,
            sealed: self.sealed.clone(),
            created_at: 0,
            last_used_at: None,
        }
    }
}

/// Every wrapped data key, the active one of each workspace first.
pub(crate) fn select(connection: &Connection) -> rusqlite::Result<Vec<WorkspaceKeyRow>> {
    const SQL: &str = "SELECT workspace_id, id, master_id, sealed, state FROM keys
        ORDER BY workspace_id, state, created_at DESC";
    connection
        .prepare_cached(SQL)?
        .query_map([], read)?
        .collect()
}

/// The active key of a workspace.
fn active(connection: &Connection, workspace: &str) -> rusqlite::Result<Option<WorkspaceKeyRow>> {
    const SQL: &str = "SELECT workspace_id, id, master_id, sealed, state FROM keys
        WHERE workspace_id = ?1 AND state = 'active'";
    connection
        .prepare_cached(SQL)?
        .query_row([workspace], read)
        .optional()
}

/// Adds an active key.
pub(crate) fn insert(
    tx: &Transaction<'_>,
    workspace: &WorkspaceId,
    key: &WrappedKey,
    created_at: u64,
) -> rusqlite::Result<()> {
    const SQL: &str = "INSERT INTO keys (id, workspace_id, master_id, sealed, created_at, state)
        VALUES (?1, ?2, ?3, ?4, ?5, 'active')";
    tx.execute(
        SQL,
        params![
            key.id.as_str(),
            workspace.as_str(),
            key.master.as_str(),
            key.sealed,
            created_at,
        ],
    )?;
    Ok(())
}

/// Replaces the wrapping of a key.
pub(crate) fn rewrap(tx: &Transaction<'_>, key: &WrappedKey) -> rusqlite::Result<()> {
    const SQL: &str = "UPDATE keys SET master_id = ?2, sealed = ?3 WHERE id = ?1";
    tx.prepare_cached(SQL)?
        .execute(params![key.id.as_str(), key.master.as_str(), key.sealed])?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<WorkspaceKeyRow> {
    Ok(WorkspaceKeyRow {
        workspace: parsed(row, 0, |id| id.try_into())?,
        key: WrappedKey {
            id: parsed(row, 1, KeyId::parse)?,
            master: parsed(row, 2, KeyId::parse)?,
            sealed: row.get(3)?,
        },
        state: state(row, 4)?,
    })
}

fn state(row: &Row<'_>, column: usize) -> rusqlite::Result<KeyState> {
    match row.get_ref(column)?.as_str()? {
        "active" => Ok(KeyState::Active),
        "retired" => Ok(KeyState::Retired),
        _ => Err(unreadable(
            column,
            Broken("a data key is active or retired"),
        )),
    }
}

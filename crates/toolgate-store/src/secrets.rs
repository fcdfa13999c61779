//! Sealed secrets: what is stored of them, and what may be shown.

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use serde::Serialize;
use toolgate_namespace::{Injection, ServerId, ServerSpec, WorkspaceId};
use toolgate_vault::{KeyId, SealedSecret, SecretName};

use crate::audit::{Actor, Entry};
use crate::error::Doing;
use crate::limits::{self, Limit};
use crate::manifest::{self, Edit};
use crate::sql::{parsed, parsed_if_any};
use crate::store::Noted;
use crate::{Store, StoreError, WorkspaceScope, servers};

/// The current version of one secret, sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretRow {
    /// Its workspace.
    pub workspace: WorkspaceId,
    /// The one server it is for; `None` means every server of the workspace that names it.
    pub server: Option<ServerId>,
    /// Its name, normalised (S-18).
    pub name: SecretName,
    /// 1 when first set, one more each time after.
    pub version: u64,
    /// The ciphertext.
    pub sealed: SealedSecret,
    /// When this version was set, unix milliseconds.
    pub created_at: u64,
    /// When it last left for a server, unix milliseconds.
    pub last_used_at: Option<u64>,
}

/// What may be shown of a secret: everything but the ciphertext (S-16).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretSummary {
    /// The one server it is for; `None` means every server of the workspace that names it.
    pub server: Option<ServerId>,
    /// Its name.
    pub name: SecretName,
    /// How often it was set.
    pub version: u64,
    /// When this version was set, unix milliseconds.
    pub created_at: u64,
    /// When it last left for a server, unix milliseconds.
    pub last_used_at: Option<u64>,
}

/// A secret left for a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretUse {
    /// Its workspace.
    pub workspace: WorkspaceId,
    /// The one server it is for, if it is for one.
    pub server: Option<ServerId>,
    /// Its name.
    pub name: SecretName,
    /// When, unix milliseconds.
    pub at: u64,
}

/// Whether deleted ciphertext is gone from every file (S-13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shred {
    /// It is in none of the files.
    Done,
    /// Another process was reading for over 5 s: it leaves the write-ahead log with the next checkpoint.
    Pending,
}

impl Store {
    /// The version that a value set now must be sealed with: it is part of what seals it (S-09).
    pub fn next_version(
        &self,
        scope: &WorkspaceScope,
        server: Option<&ServerId>,
        name: &SecretName,
    ) -> Result<u64, StoreError> {
        let current = self.read("reading the version of a secret", |connection| {
            version(connection, scope, server, name)
        })?;
        Ok(current.unwrap_or(0) + 1)
    }

    /// Saves a sealed value in the place of the one before.
    ///
    /// Its version must be the next one: of two writers who sealed the same version, one is refused
    /// with [`StoreError::Conflict`]. It must be sealed under the active data key, else it is refused with
    /// [`StoreError::KeyRetired`]; the encryption is counted here (S-10). Servers that use the secret get a new version too (S-47).
    pub fn put_secret(
        &self,
        scope: &WorkspaceScope,
        actor: &Actor,
        row: &SecretRow,
    ) -> Result<(), StoreError> {
        let doing = "saving a secret";
        scope.owns("secret", &row.workspace)?;
        self.change(doing, actor, |tx| {
            scope.still_exists(tx)?;
            if let Some(server) = &row.server {
                servers::find(tx, scope, server)?;
            }
            let current = version(tx, scope, row.server.as_ref(), &row.name).doing(doing)?;
            if row.version != current.unwrap_or(0) + 1 {
                return Err(StoreError::Conflict {
                    what: "secret",
                    name: row.name.as_str().to_owned(),
                });
            }
            if current.is_none() {
                limits::make_room(tx, &Limit::Secrets(scope))?;
            }
            self.count(tx, scope, &row.sealed.key)?;
            delete(tx, scope, row.server.as_ref(), &row.name).doing(doing)?;
            insert(tx, row).doing(doing)?;
            manifest::edit(tx, &*self.key_in_force(tx)?, scope.id(), [Edit::Set(row)])?;
            bump_users(tx, scope, row.server.as_ref(), &row.name).doing(doing)?;
            let entry = entry("secret.set", scope, row.server.as_ref(), &row.name)
                .states(None, Some(row.sealed.sealed.clone()));
            Ok(((), Some(entry)))
        })
    }

    /// The secrets of a workspace by name, without their values (S-16).
    pub fn list_secrets(&self, scope: &WorkspaceScope) -> Result<Vec<SecretSummary>, StoreError> {
        const SQL: &str = "SELECT server_id, name, version, created_at, last_used_at
            FROM secrets WHERE workspace_id = ?1 ORDER BY name, server_id";
        self.read("listing secrets", |connection| {
            let mut statement = connection.prepare_cached(SQL)?;
            let rows = statement.query_map([scope.id()], |row| {
                Ok(SecretSummary {
                    server: parsed_if_any(row, 0, |id| id.try_into())?,
                    name: parsed(row, 1, |name| name.try_into())?,
                    version: row.get(2)?,
                    created_at: row.get(3)?,
                    last_used_at: row.get(4)?,
                })
            })?;
            rows.collect()
        })
    }

    /// Deletes a secret and every trace of its ciphertext (S-13).
    pub fn delete_secret(
        &self,
        scope: &WorkspaceScope,
        actor: &Actor,
        server: Option<&ServerId>,
        name: &SecretName,
    ) -> Result<Shred, StoreError> {
        let doing = "deleting a secret";
        self.change(doing, actor, |tx| {
            if delete(tx, scope, server, name).doing(doing)? == 0 {
                return Err(StoreError::Unknown {
                    what: "secret",
                    name: name.as_str().to_owned(),
                });
            }
            let edit = Edit::Remove(server, name);
            manifest::edit(tx, &*self.key_in_force(tx)?, scope.id(), [edit])?;
            bump_users(tx, scope, server, name).doing(doing)?;
            Ok(((), Some(entry("secret.delete", scope, server, name))))
        })?;
        Ok(self.shred())
    }

    /// Notes when secrets last left for a server; nobody is told, nothing is audited.
    pub fn touch_secrets(&self, uses: &[SecretUse]) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE secrets SET last_used_at = ?4
            WHERE workspace_id = ?1 AND COALESCE(server_id, '') = ?2 AND name = ?3
            AND COALESCE(last_used_at, 0) < ?4";
        let doing = "noting the use of secrets";
        self.note(doing, |tx| {
            let mut statement = tx.prepare_cached(SQL).doing(doing)?;
            for used in uses {
                let server = used.server.as_ref().map_or("", ServerId::as_str);
                let values = (used.workspace.as_str(), server, used.name.as_str(), used.at);
                statement.execute(values).doing(doing)?;
            }
            Ok(Noted::Bookkeeping)
        })
    }
}

/// Every secret of the installation, sealed.
pub(crate) fn select(connection: &Connection) -> rusqlite::Result<Vec<SecretRow>> {
    const SQL: &str = "SELECT workspace_id, server_id, name, version, key_id, sealed, created_at,
        last_used_at FROM secrets ORDER BY workspace_id, name, server_id";
    connection
        .prepare_cached(SQL)?
        .query_map([], read)?
        .collect()
}

fn version(
    connection: &Connection,
    scope: &WorkspaceScope,
    server: Option<&ServerId>,
    name: &SecretName,
) -> rusqlite::Result<Option<u64>> {
    const SQL: &str = "SELECT version FROM secrets
        WHERE workspace_id = ?1 AND name = ?2 AND COALESCE(server_id, '') = ?3";
    let server = server.map_or("", ServerId::as_str);
    connection
        .prepare_cached(SQL)?
        .query_row((scope.id(), name.as_str(), server), |row| row.get(0))
        .optional()
}

fn delete(
    tx: &Transaction<'_>,
    scope: &WorkspaceScope,
    server: Option<&ServerId>,
    name: &SecretName,
) -> rusqlite::Result<usize> {
    const SQL: &str = "DELETE FROM secrets
        WHERE workspace_id = ?1 AND name = ?2 AND COALESCE(server_id, '') = ?3";
    let server = server.map_or("", ServerId::as_str);
    tx.execute(SQL, (scope.id(), name.as_str(), server))
}

fn insert(tx: &Transaction<'_>, row: &SecretRow) -> rusqlite::Result<()> {
    const SQL: &str = "INSERT INTO secrets (workspace_id, server_id, name, version, key_id, sealed,
        created_at, last_used_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    tx.execute(
        SQL,
        params![
            row.workspace.as_str(),
            row.server.as_ref().map(ServerId::as_str),
            row.name.as_str(),
            row.version,
            row.sealed.key.as_str(),
            row.sealed.sealed,
            row.created_at,
            row.last_used_at,
        ],
    )?;
    Ok(())
}

/// A server whose secret changed must not go on using a connection made with the old one (S-47).
fn bump_users(
    tx: &Transaction<'_>,
    scope: &WorkspaceScope,
    server: Option<&ServerId>,
    name: &SecretName,
) -> rusqlite::Result<()> {
    for spec in servers::select(tx, Some(scope.workspace()))? {
        let reached = server.is_none_or(|only| *only == spec.id);
        if reached && uses(&spec, name) {
            servers::bump_version(tx, &spec.id)?;
        }
    }
    Ok(())
}

fn uses(spec: &ServerSpec, name: &SecretName) -> bool {
    let mut named = spec.injections.iter().flat_map(Injection::secret_names);
    named.any(|text| SecretName::normalise(text).is_ok_and(|named| named == *name))
}

fn entry(
    action: &'static str,
    scope: &WorkspaceScope,
    server: Option<&ServerId>,
    name: &SecretName,
) -> Entry {
    let object = server.map_or(scope.id(), ServerId::as_str);
    Entry::new(action, Some(scope.workspace()), object, name.as_str())
}

fn read(row: &Row<'_>) -> rusqlite::Result<SecretRow> {
    Ok(SecretRow {
        workspace: parsed(row, 0, |id| id.try_into())?,
        server: parsed_if_any(row, 1, |id| id.try_into())?,
        name: parsed(row, 2, |name| name.try_into())?,
        version: row.get(3)?,
        sealed: SealedSecret {
            key: parsed(row, 4, KeyId::parse)?,
            sealed: row.get(5)?,
        },
        created_at: row.get(6)?,
        last_used_at: row.get(7)?,
    })
}

//! Workspaces and their data keys.

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use serde::Serialize;
use toolgate_namespace::{WorkspaceId, WorkspaceSlug};
use toolgate_policy::Token;
use toolgate_vault::WrappedKey;

use crate::audit::{Actor, Entry};
use crate::error::Doing;
use crate::limits::{self, Limit};
use crate::sql::parsed;
use crate::{Shred, Store, StoreError, WorkspaceScope, keys, manifest, tokens};

/// One workspace, the unit of isolation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Workspace {
    /// Identity.
    pub id: WorkspaceId,
    /// Its place in URLs; never changes.
    pub slug: WorkspaceSlug,
    /// What people call it.
    pub name: String,
    /// What it is for; may be empty.
    pub description: String,
    /// Whether read-only tokens may call every tool.
    pub read_only_all: bool,
    /// Whether a writing call is sent only once its intent is on the disk.
    pub strict_records: bool,
    /// When it was made, unix milliseconds.
    pub created_at: u64,
}

/// What a workspace starts with.
#[derive(Debug, Clone)]
pub struct NewWorkspace {
    /// Identity.
    pub id: WorkspaceId,
    /// Its place in URLs.
    pub slug: WorkspaceSlug,
    /// What people call it.
    pub name: String,
    /// What it is for; may be empty.
    pub description: String,
    /// Its data key, wrapped under the master key (S-06).
    pub key: WrappedKey,
    /// When it is made, unix milliseconds.
    pub created_at: u64,
}

/// A workspace with what it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WorkspaceSummary {
    /// The workspace.
    pub workspace: Workspace,
    /// How many servers it has.
    pub servers: u64,
    /// How many tokens it has that are not revoked.
    pub tokens: u64,
}

/// What went with a deleted workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Deleted {
    /// Tokens that were not revoked before.
    pub tokens: u64,
    /// Servers.
    pub servers: u64,
    /// Secrets.
    pub secrets: u64,
    /// Whether the bytes are gone from the files already (S-13).
    pub shred: Shred,
}

impl Store {
    /// Makes a workspace with its data key; id and slug must be free, and the key wrapped under the master key in
    /// force ([`StoreError::KeyRetired`] else).
    pub fn create_workspace(
        &self,
        actor: &Actor,
        new: NewWorkspace,
    ) -> Result<Workspace, StoreError> {
        self.create_workspace_with(actor, new, None)
    }

    /// The same together with its first token, so that there is never one without the other.
    pub fn create_workspace_with(
        &self,
        actor: &Actor,
        new: NewWorkspace,
        first: Option<&Token>,
    ) -> Result<Workspace, StoreError> {
        let doing = "creating a workspace";
        let (workspace, key) = new.split();
        if first.is_some_and(|token| token.workspace != workspace.id) {
            return Err(StoreError::OutOfScope { what: "token" });
        }
        self.change(doing, actor, |tx| {
            refuse_taken(tx, &workspace)?;
            limits::make_room(tx, &Limit::Workspaces)?;
            let master = self.key_in_force(tx)?;
            if key.master != *master.id() {
                return Err(StoreError::KeyRetired);
            }
            insert(tx, &workspace).doing(doing)?;
            keys::insert(tx, &workspace.id, &key, workspace.created_at).doing(doing)?;
            manifest::edit(tx, &master, workspace.id.as_str(), [])?;
            let made = workspace.entry("workspace.create", None, Some(&workspace));
            let token = first.map(|token| tokens::insert(tx, token)).transpose()?;
            Ok(((), [Some(made), token].into_iter().flatten()))
        })?;
        Ok(workspace)
    }

    /// Every workspace, by slug.
    pub fn workspaces(&self) -> Result<Vec<WorkspaceSummary>, StoreError> {
        const SQL: &str =
            "SELECT id, slug, name, description, read_only_all, strict_records, created_at,
                (SELECT count(*) FROM servers WHERE workspace_id = workspaces.id),
                (SELECT count(*) FROM tokens
                    WHERE workspace_id = workspaces.id AND revoked_at IS NULL)
            FROM workspaces ORDER BY slug";
        self.read("listing workspaces", |connection| {
            let mut statement = connection.prepare_cached(SQL)?;
            let rows = statement.query_map([], |row| {
                Ok(WorkspaceSummary {
                    workspace: read(row)?,
                    servers: row.get(7)?,
                    tokens: row.get(8)?,
                })
            })?;
            rows.collect()
        })
    }

    /// One workspace.
    pub fn workspace(&self, scope: &WorkspaceScope) -> Result<WorkspaceSummary, StoreError> {
        let doing = "reading a workspace";
        let (workspace, contents) = self.read_at_once(doing, |connection| {
            Ok((
                find(connection, scope)?,
                Contents::count(connection, scope)?,
            ))
        })?;
        Ok(WorkspaceSummary {
            workspace: workspace.ok_or_else(|| scope.unknown())?,
            servers: contents.servers,
            tokens: contents.tokens,
        })
    }

    /// Saves name, description, `read_only_all` and `strict_records`; the rest never changes.
    pub fn update_workspace(
        &self,
        scope: &WorkspaceScope,
        actor: &Actor,
        workspace: &Workspace,
    ) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE workspaces SET name = ?2, description = ?3, read_only_all = ?4,
            strict_records = ?5 WHERE id = ?1";
        let doing = "changing a workspace";
        scope.owns("workspace", &workspace.id)?;
        self.change(doing, actor, |tx| {
            let before = find(tx, scope).doing(doing)?;
            let before = before.ok_or_else(|| scope.unknown())?;
            let after = Workspace {
                slug: before.slug.clone(),
                created_at: before.created_at,
                ..workspace.clone()
            };
            if after == before {
                return Ok(((), None));
            }
            let values = params![
                scope.id(),
                after.name,
                after.description,
                after.read_only_all,
                after.strict_records
            ];
            tx.execute(SQL, values).doing(doing)?;
            let entry = after.entry("workspace.change", Some(&before), Some(&after));
            Ok(((), Some(entry)))
        })
    }

    /// Deletes a workspace with everything in it, its data key first of all (S-13).
    pub fn delete_workspace(
        &self,
        scope: &WorkspaceScope,
        actor: &Actor,
    ) -> Result<Deleted, StoreError> {
        const KEYS: &str = "DELETE FROM keys WHERE workspace_id = ?1";
        const WORKSPACE: &str = "DELETE FROM workspaces WHERE id = ?1";
        let doing = "deleting a workspace";
        let contents = self.change(doing, actor, |tx| {
            let workspace = find(tx, scope).doing(doing)?;
            let workspace = workspace.ok_or_else(|| scope.unknown())?;
            let contents = Contents::count(tx, scope).doing(doing)?;
            tx.execute(KEYS, [scope.id()]).doing(doing)?;
            // Everything else refers to the workspace and goes with it.
            tx.execute(WORKSPACE, [scope.id()]).doing(doing)?;
            let entry = workspace.entry("workspace.delete", Some(&workspace), None);
            Ok((contents, Some(entry)))
        })?;
        Ok(Deleted {
            tokens: contents.tokens,
            servers: contents.servers,
            secrets: contents.secrets,
            shred: self.shred(),
        })
    }
}

/// Every workspace, by slug.
pub(crate) fn select(connection: &Connection) -> rusqlite::Result<Vec<Workspace>> {
    const SQL: &str =
        "SELECT id, slug, name, description, read_only_all, strict_records, created_at
        FROM workspaces ORDER BY slug";
    connection
        .prepare_cached(SQL)?
        .query_map([], read)?
        .collect()
}

impl NewWorkspace {
    fn split(self) -> (Workspace, WrappedKey) {
        let workspace = Workspace {
            id: self.id,
            slug: self.slug,
            name: self.name,
            description: self.description,
            read_only_all: false,
            strict_records: false,
            created_at: self.created_at,
        };
        (workspace, self.key)
    }
}

impl Workspace {
    fn entry(&self, action: &'static str, before: Option<&Self>, after: Option<&Self>) -> Entry {
        let state = |workspace: &Self| {
            serde_json::to_vec(workspace).expect("text, numbers and flags have a JSON form")
        };
        Entry::new(action, Some(&self.id), self.id.as_str(), self.slug.as_str())
            .states(before.map(state), after.map(state))
    }
}

/// How much is in a workspace.
struct Contents {
    tokens: u64,
    servers: u64,
    secrets: u64,
}

impl Contents {
    fn count(connection: &Connection, scope: &WorkspaceScope) -> rusqlite::Result<Self> {
        const SQL: &str = "SELECT
            (SELECT count(*) FROM tokens WHERE workspace_id = ?1 AND revoked_at IS NULL),
            (SELECT count(*) FROM servers WHERE workspace_id = ?1),
            (SELECT count(*) FROM secrets WHERE workspace_id = ?1)";
        connection.query_row(SQL, [scope.id()], |row| {
            Ok(Self {
                tokens: row.get(0)?,
                servers: row.get(1)?,
                secrets: row.get(2)?,
            })
        })
    }
}

fn refuse_taken(connection: &Connection, workspace: &Workspace) -> Result<(), StoreError> {
    const SQL: &str = "SELECT 1 FROM workspaces WHERE id = ?1 OR slug = ?2";
    let names = (workspace.id.as_str(), workspace.slug.as_str());
    let taken = connection
        .query_row(SQL, names, |_| Ok(()))
        .optional()
        .doing("creating a workspace")?;
    match taken {
        None => Ok(()),
        Some(()) => Err(StoreError::Taken {
            what: "workspace",
            name: workspace.slug.as_str().to_owned(),
        }),
    }
}

fn insert(tx: &Transaction<'_>, workspace: &Workspace) -> rusqlite::Result<()> {
    const SQL: &str = "INSERT INTO workspaces
        (id, slug, name, description, read_only_all, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    tx.execute(
        SQL,
        params![
            workspace.id.as_str(),
            workspace.slug.as_str(),
            workspace.name,
            workspace.description,
            workspace.read_only_all,
            workspace.created_at,
        ],
    )?;
    Ok(())
}

fn find(connection: &Connection, scope: &WorkspaceScope) -> rusqlite::Result<Option<Workspace>> {
    const SQL: &str =
        "SELECT id, slug, name, description, read_only_all, strict_records, created_at
        FROM workspaces WHERE id = ?1";
    connection.query_row(SQL, [scope.id()], read).optional()
}

fn read(row: &Row<'_>) -> rusqlite::Result<Workspace> {
    Ok(Workspace {
        id: parsed(row, 0, |id| id.try_into())?,
        slug: parsed(row, 1, |slug| slug.try_into())?,
        name: row.get(2)?,
        description: row.get(3)?,
        read_only_all: row.get(4)?,
        strict_records: row.get(5)?,
        created_at: row.get(6)?,
    })
}

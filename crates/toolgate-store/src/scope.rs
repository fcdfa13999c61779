//! The workspace a caller may act in, as a type (S-45).

use rusqlite::{Connection, OptionalExtension};
use toolgate_namespace::{WorkspaceId, WorkspaceSlug};

use crate::error::Doing;
use crate::sql::parsed;
use crate::{Store, StoreError};

/// A workspace that exists, or did when it was looked up by name.
///
/// Only [`Store::scope`], [`Store::scope_by_id`] and [`Store::token_by_digest`] make one, and every function that touches things of a workspace takes one
/// first: an id of another workspace then finds nothing (S-45, S-46).
///
/// ```compile_fail,E0451
/// # use toolgate_namespace::{WorkspaceId, WorkspaceSlug};
/// # fn forge(id: WorkspaceId, slug: WorkspaceSlug) -> toolgate_store::WorkspaceScope {
/// toolgate_store::WorkspaceScope { id, slug }
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkspaceScope {
    id: WorkspaceId,
    slug: WorkspaceSlug,
}

impl WorkspaceScope {
    /// What authentication found.
    pub(crate) fn of(id: WorkspaceId, slug: WorkspaceSlug) -> Self {
        Self { id, slug }
    }

    /// The workspace's id.
    pub fn workspace(&self) -> &WorkspaceId {
        &self.id
    }

    /// The workspace's slug.
    pub fn slug(&self) -> &WorkspaceSlug {
        &self.slug
    }

    /// The id as SQL wants it.
    pub(crate) fn id(&self) -> &str {
        self.id.as_str()
    }

    /// Refuses a value that says it belongs to another workspace.
    pub(crate) fn owns(
        &self,
        what: &'static str,
        workspace: &WorkspaceId,
    ) -> Result<(), StoreError> {
        if *workspace == self.id {
            return Ok(());
        }
        Err(StoreError::OutOfScope { what })
    }

    /// Refuses a scope whose workspace is gone by now.
    pub(crate) fn still_exists(&self, connection: &Connection) -> Result<(), StoreError> {
        const SQL: &str = "SELECT 1 FROM workspaces WHERE id = ?1";
        let found = connection
            .query_row(SQL, [self.id()], |_| Ok(()))
            .optional()
            .doing("looking up a workspace")?;
        found.ok_or_else(|| self.unknown())
    }

    pub(crate) fn unknown(&self) -> StoreError {
        StoreError::UnknownWorkspace {
            slug: self.slug.as_str().to_owned(),
        }
    }
}

impl Store {
    /// The scope of the workspace with this id, for whoever may act in all of them.
    pub fn scope_by_id(&self, id: &WorkspaceId) -> Result<Option<WorkspaceScope>, StoreError> {
        const SQL: &str = "SELECT slug FROM workspaces WHERE id = ?1";
        self.read("looking up a workspace", |connection| {
            connection
                .prepare_cached(SQL)?
                .query_row([id.as_str()], |row| {
                    let slug = parsed(row, 0, |slug| slug.try_into())?;
                    Ok(WorkspaceScope::of(id.clone(), slug))
                })
                .optional()
        })
    }

    /// The scope of the workspace with this slug.
    pub fn scope(&self, slug: &WorkspaceSlug) -> Result<WorkspaceScope, StoreError> {
        const SQL: &str = "SELECT id FROM workspaces WHERE slug = ?1";
        let found = self.read("looking up a workspace", |connection| {
            connection
                .prepare_cached(SQL)?
                .query_row([slug.as_str()], |row| parsed(row, 0, |id| id.try_into()))
                .optional()
        })?;
        match found {
            Some(id) => Ok(WorkspaceScope {
                id,
                slug: slug.clone(),
            }),
            None => Err(StoreError::UnknownWorkspace {
                slug: slug.as_str().to_owned(),
            }),
        }
    }
}

//! The workspace a caller may act in, as a type (S-45).

use rusqlite::{Connection, OptionalExtension};
use toolgate_namespace::{WorkspaceId, WorkspaceSlug};

use crate::error::Doing;
use crate::sql::parsed;
use crate::{Store, StoreError};

/// A workspace that exists, or did when it was looked up by name.
///
/// Only [`Store::scope`] makes one, and every function that touches things of a workspace takes one
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

//! An opened installation, and how it is opened.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use toolgate_namespace::{ServerSlug, ServerSpec, WorkspaceSlug};
use toolgate_store::master::{self, GivenKeySources, KeySource, OpenError};
use toolgate_store::{Actor, DataDir, Store, StoreError, WorkspaceScope};
use toolgate_vault::MasterKey;

use crate::AdminError;

/// An installation, opened by somebody who administers it.
pub struct Admin {
    pub(crate) dir: DataDir,
    pub(crate) store: Store,
    pub(crate) source: Arc<KeySource>,
    pub(crate) actor: Actor,
    /// Whether whoever acts has the host, and may do what takes it ([`Admin::acting_as`]).
    pub(crate) on_host: bool,
}

impl Admin {
    /// Opens the installation in `dir` as `actor`, its master key in the data directory, exactly as the gateway
    /// does on its first start: where there is neither key nor store both are made, where there is one without the
    /// other it is refused.
    pub fn open(dir: DataDir, actor: Actor) -> Result<Self, OpenError> {
        Self::open_with(dir, GivenKeySources::default(), actor)
    }

    /// The same with the master key from the one source that is given (S-07).
    pub fn open_with(dir: DataDir, keys: GivenKeySources, actor: Actor) -> Result<Self, OpenError> {
        let source = keys.choose(&dir)?;
        let opened = master::open(&dir, source, toolgate_sys::current_uid(), &actor)?;
        Ok(Self {
            dir,
            store: opened.store,
            source: opened.source,
            actor,
            on_host: true,
        })
    }

    /// The data directory of the installation.
    pub fn dir(&self) -> &DataDir {
        &self.dir
    }

    /// The workspace with this slug, as the scope that every other function wants (S-45).
    pub fn scope(&self, slug: &str) -> Result<WorkspaceScope, AdminError> {
        let unknown = || -> Result<WorkspaceScope, AdminError> {
            Err(AdminError::UnknownWorkspace {
                slug: slug.to_owned(),
                known: self.slugs()?,
            })
        };
        let Ok(parsed) = WorkspaceSlug::try_from(slug) else {
            return unknown();
        };
        match self.store.scope(&parsed) {
            Err(StoreError::UnknownWorkspace { .. }) => unknown(),
            other => Ok(other?),
        }
    }

    /// The server called `slug` in a workspace.
    pub(crate) fn server(
        &self,
        scope: &WorkspaceScope,
        slug: &str,
    ) -> Result<ServerSpec, AdminError> {
        let servers = self.store.servers(scope)?;
        let known = ServerSlug::try_from(slug)
            .ok()
            .and_then(|slug| servers.iter().find(|server| server.slug == slug));
        match known {
            Some(server) => Ok(server.clone()),
            None => Err(AdminError::UnknownServer {
                slug: slug.to_owned(),
                workspace: scope.slug().to_string(),
                known: servers.iter().map(|s| s.slug.to_string()).collect(),
            }),
        }
    }

    /// The slugs of all workspaces, in order.
    pub(crate) fn slugs(&self) -> Result<Vec<String>, StoreError> {
        let summaries = self.store.workspaces()?;
        Ok(summaries
            .iter()
            .map(|summary| summary.workspace.slug.to_string())
            .collect())
    }
}

/// The master key of an installation whose store need not be there, for acts that must not make one: from `file`,
/// else from its source.
pub fn existing_key(
    dir: &DataDir,
    keys: GivenKeySources,
    file: Option<&Path>,
) -> Result<Arc<MasterKey>, OpenError> {
    let keys = match file {
        Some(file) => GivenKeySources {
            file: Some(file.to_owned()),
            ..GivenKeySources::default()
        },
        None => keys,
    };
    let source = keys.choose(dir)?;
    master::existing(dir, &source, toolgate_sys::current_uid()).map(Arc::new)
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin")
            .field("dir", &self.dir)
            .field("actor", &self.actor)
            .finish_non_exhaustive()
    }
}

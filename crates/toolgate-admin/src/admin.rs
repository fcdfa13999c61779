//! An opened installation, and how it is opened.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use toolgate_namespace::{ServerSlug, ServerSpec, WorkspaceSlug};
use toolgate_store::{Actor, DataDir, Open, Store, StoreError, WorkspaceScope};
use toolgate_vault::{MasterKey, MasterKeyError, MasterKeySource};

use crate::{AdminError, user};

/// An installation, opened by somebody who administers it.
pub struct Admin {
    pub(crate) dir: DataDir,
    pub(crate) store: Store,
    pub(crate) key: Arc<MasterKey>,
    pub(crate) actor: Actor,
}

/// Why an installation does not open. Nothing was changed then (S-08).
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is a store but no key for it: without the key its secrets are lost, so none is made up.
    #[error("the store {store} is there, but its master key {key} is missing")]
    KeyMissing {
        /// The control database.
        store: PathBuf,
        /// Where the key should be.
        key: PathBuf,
    },
    /// The key cannot be read or made.
    #[error(transparent)]
    Key(#[from] MasterKeyError),
    /// The data directory tells nothing about who we are.
    #[error("finding out who owns new files in {dir}")]
    Owner {
        /// The data directory.
        dir: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The store does not open, or the key is not its key (S-08).
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Admin {
    /// Opens the installation in `dir` as `actor`, exactly as the gateway does on its first start: where there
    /// is neither key nor store both are made, where there is one without the other it is refused.
    pub fn open(dir: DataDir, actor: Actor) -> Result<Self, OpenError> {
        dir.create()?;
        let key = Arc::new(master_key(&dir)?);
        let store = Store::open(&dir, Open::CreateIfMissing)?.unlock(Arc::clone(&key), &actor)?;
        Ok(Self {
            dir,
            store,
            key,
            actor,
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

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin")
            .field("dir", &self.dir)
            .field("actor", &self.actor)
            .finish_non_exhaustive()
    }
}

impl OpenError {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::KeyMissing { key, .. } => Some(format!(
                "put the key back as {} (mode 0600), or start afresh with another --data-dir",
                key.display()
            )),
            Self::Key(source) => source.hint(),
            Self::Owner { .. } => {
                Some("check that this user may write to the data directory".to_owned())
            }
            Self::Store(source) => source.hint().map(Into::into),
        }
    }
}

/// Reads the master key, or makes one where nothing exists yet.
fn master_key(dir: &DataDir) -> Result<MasterKey, OpenError> {
    let path = dir.key_file();
    let store = dir.control_db();
    if !path.exists() {
        if store.exists() {
            return Err(OpenError::KeyMissing { store, key: path });
        }
        match MasterKey::create_file(&path) {
            // Another process, such as the gateway on its own first start, was quicker: take its key.
            Err(MasterKeyError::Exists { .. }) => {}
            other => return other.map_err(OpenError::Key),
        }
    }
    let owner = user::id(dir)?;
    MasterKey::load(MasterKeySource::File(path), owner).map_err(OpenError::Key)
}

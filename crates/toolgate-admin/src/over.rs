//! An installation that is open already, and whoever acts on it from inside the gateway.

use std::sync::Arc;

use toolgate_namespace::WorkspaceId;
use toolgate_store::master::KeySource;
use toolgate_store::{Actor, DataDir, Store, StoreError, WorkspaceScope};

use crate::{Admin, AdminError};

impl Admin {
    /// An installation over a store that is open and unlocked. Until it is somebody's ([`Admin::acting_as`]) it acts
    /// as the gateway itself.
    pub fn over(dir: DataDir, store: Store, source: Arc<KeySource>) -> Self {
        Self {
            dir,
            store,
            source,
            actor: Actor::gateway(),
            on_host: false,
        }
    }

    /// The same installation for somebody who acts through an API. Whoever that is cannot do what takes the host:
    /// set a command, or allow an address that is not public (design.md section 4).
    #[must_use]
    pub fn acting_as(&self, actor: Actor) -> Self {
        Self {
            dir: self.dir.clone(),
            store: self.store.clone(),
            source: self.source.clone(),
            actor,
            on_host: false,
        }
    }

    /// The workspace with this id or slug.
    pub fn scope_of(&self, id_or_slug: &str) -> Result<WorkspaceScope, AdminError> {
        let Ok(id) = WorkspaceId::try_from(id_or_slug) else {
            return self.scope(id_or_slug);
        };
        let mut known = self.store.workspaces()?.into_iter();
        let unknown = || StoreError::UnknownWorkspace {
            slug: id_or_slug.to_owned(),
        };
        let found = known.find(|summary| summary.workspace.id == id);
        let scope = self
            .store
            .scope(&found.ok_or_else(unknown)?.workspace.slug)?;
        // The slug may have gone to another workspace in between.
        if *scope.workspace() == id {
            Ok(scope)
        } else {
            Err(unknown().into())
        }
    }
}

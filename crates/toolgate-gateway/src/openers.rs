//! The data keys of a workspace, unwrapped when somebody first needs them.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::sync::Arc;

use toolgate_namespace::WorkspaceId;
use toolgate_store::{Installation, WorkspaceKeyRow};
use toolgate_unseal::Opener;
use toolgate_vault::KeyId;

/// What opens the secrets of one workspace: its active data key, and retired ones while a rotation goes on.
pub(crate) type Openers = HashMap<KeyId, Opener>;

/// [`Openers`] of one workspace at one moment: most reloads keep every link and unwrap nothing.
pub(crate) struct LazyOpeners<'a> {
    workspace: &'a WorkspaceId,
    installation: &'a Installation,
    made: OnceCell<Arc<Openers>>,
}

impl<'a> LazyOpeners<'a> {
    pub(crate) fn new(workspace: &'a WorkspaceId, installation: &'a Installation) -> Self {
        Self {
            workspace,
            installation,
            made: OnceCell::new(),
        }
    }

    pub(crate) fn get(&self) -> Arc<Openers> {
        let make = || {
            let made = self.rows().filter_map(|row| self.opener(row));
            Arc::new(made.collect())
        };
        self.made.get_or_init(make).clone()
    }

    /// Whether those made earlier are of the same keys.
    pub(crate) fn are_like(&self, earlier: &Openers) -> bool {
        self.rows().count() == earlier.len()
            && self.rows().all(|row| earlier.contains_key(&row.key.id))
    }

    fn rows(&self) -> impl Iterator<Item = &'a WorkspaceKeyRow> {
        let keys = self.installation.keys.iter();
        keys.filter(|row| row.workspace == *self.workspace)
    }

    fn opener(&self, row: &WorkspaceKeyRow) -> Option<(KeyId, Opener)> {
        let master = &self.installation.master;
        let Ok(key) = master.unwrap_workspace_key(self.workspace.as_str(), &row.key) else {
            tracing::error!(workspace = %self.workspace, key = %row.key.id, "a data key does not open; what it sealed is unavailable");
            return None;
        };
        Some((row.key.id.clone(), Opener::new(&key)))
    }
}

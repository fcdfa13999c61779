//! The data keys of a workspace, unwrapped when somebody first needs them.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::sync::Arc;

use toolgate_namespace::WorkspaceId;
use toolgate_store::WorkspaceKeyRow;
use toolgate_unseal::Opener;
use toolgate_vault::{KeyId, MasterKey};

/// What opens the secrets of one workspace: its active data key, and retired ones while a rotation goes on.
pub(crate) type Openers = HashMap<KeyId, Opener>;

/// [`Openers`] of one workspace at one moment: most reloads keep every link and unwrap nothing.
pub(crate) struct LazyOpeners<'a> {
    workspace: &'a WorkspaceId,
    master: &'a MasterKey,
    rows: &'a [&'a WorkspaceKeyRow],
    made: OnceCell<Arc<Openers>>,
}

impl<'a> LazyOpeners<'a> {
    /// The keys in these rows, which are all of that workspace.
    pub(crate) fn new(
        workspace: &'a WorkspaceId,
        master: &'a MasterKey,
        rows: &'a [&'a WorkspaceKeyRow],
    ) -> Self {
        Self {
            workspace,
            master,
            rows,
            made: OnceCell::new(),
        }
    }

    pub(crate) fn get(&self) -> Arc<Openers> {
        let make = || {
            let made = self.rows.iter().filter_map(|row| self.opener(row));
            Arc::new(made.collect())
        };
        self.made.get_or_init(make).clone()
    }

    /// Whether those made earlier are of the same keys.
    pub(crate) fn are_like(&self, earlier: &Openers) -> bool {
        let mut ids = self.rows.iter().map(|row| &row.key.id);
        self.rows.len() == earlier.len() && ids.all(|id| earlier.contains_key(id))
    }

    fn opener(&self, row: &WorkspaceKeyRow) -> Option<(KeyId, Opener)> {
        let Ok(key) = self
            .master
            .unwrap_workspace_key(self.workspace.as_str(), &row.key)
        else {
            tracing::error!(workspace = %self.workspace, key = %row.key.id, "a data key does not open; what it sealed is unavailable");
            return None;
        };
        Some((row.key.id.clone(), Opener::new(&key)))
    }
}

//! Whether the secrets of a backup open: the part of verifying it that only the gateway can do (R-10, S-16).

use std::path::Path;
use std::sync::Arc;

use toolgate_namespace::ServerId;
use toolgate_store::{Actor, DataDir, Open, SecretRow, Store, StoreError, WorkspaceKeyRow};
use toolgate_unseal::Opener;
use toolgate_vault::{MasterKey, SecretContext};

/// How many workspaces have a secret that opens, and the slugs of those whose does not.
#[derive(Debug, Default)]
pub(crate) struct Tried {
    pub(crate) opened: u64,
    pub(crate) failed: Vec<String>,
}

/// Opens one secret of each workspace of the store in `folder`, and forgets its value at once.
pub(crate) fn try_secrets(master: &Arc<MasterKey>, folder: &Path) -> Result<Tried, StoreError> {
    let copy = Store::open(&DataDir::new(folder), Open::MustExist)?;
    let installation = copy.unlock(Arc::clone(master), &Actor::gateway())?.load()?;
    let mut tried = Tried::default();
    for workspace in &installation.workspaces {
        let mut secrets = installation.secrets.iter();
        let Some(secret) = secrets.find(|secret| secret.workspace == workspace.id) else {
            continue;
        };
        if opens(master, &installation.keys, secret) {
            tried.opened += 1;
        } else {
            tried.failed.push(workspace.slug.to_string());
        }
    }
    Ok(tried)
}

fn opens(master: &MasterKey, keys: &[WorkspaceKeyRow], secret: &SecretRow) -> bool {
    let workspace = secret.workspace.as_str();
    let sealed_with = keys
        .iter()
        .find(|row| row.workspace == secret.workspace && row.key.id == secret.sealed.key);
    let opener = sealed_with.and_then(|row| {
        let key = master.unwrap_workspace_key(workspace, &row.key).ok()?;
        Some(Opener::new(&key))
    });
    let context = SecretContext {
        workspace,
        server: secret.server.as_ref().map(ServerId::as_str),
        name: secret.name.as_str(),
        version: secret.version,
    };
    opener.is_some_and(|opener| opener.open(context, &secret.sealed).is_ok())
}

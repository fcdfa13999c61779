//! Seals secrets anew under the active data key of their workspace, behind all calls (S-12).
//!
//! Only the gateway can: it is the one program that opens secrets (S-16). A batch is one transaction, and what is
//! left to do shows in the store, so it does not matter when it is interrupted, or whether another gateway works on
//! the same store.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use toolgate_namespace::ServerId;
use toolgate_store::{
    Actor, Installation, KeyState, Resealed, SecretRow, Store, StoreError, Workspace,
};
use toolgate_unseal::Opener;
use toolgate_vault::{KeyId, SecretContext, WorkspaceKey};

use crate::gateway::Gateway;

/// Secrets in one transaction, which then holds the store for some milliseconds.
const BATCH: usize = 64;
/// Between two attempts when the store refused.
const AGAIN_AFTER: Duration = Duration::from_secs(5);

/// Who seals anew: one at a time in this process.
#[derive(Debug, Default)]
pub(crate) struct Resealer {
    bell: Notify,
    turn: Mutex<()>,
}

/// What was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Done {
    pub(crate) secrets: u64,
    pub(crate) keys: u64,
}

impl Resealer {
    /// Says that there is something to do.
    pub(crate) fn wake(&self) {
        self.bell.notify_one();
    }
}

/// Whether a rotation of data keys is under way.
pub(crate) fn is_needed(installation: &Installation) -> bool {
    let mut keys = installation.keys.iter();
    keys.any(|row| row.state == KeyState::Retired)
}

/// Waits for work until the gateway drains.
pub(crate) fn start(gateway: &Arc<Gateway>) {
    let (weak, drained) = (Arc::downgrade(gateway), gateway.drained());
    let resealer = gateway.resealer().clone();
    gateway.background().spawn(async move {
        tokio::pin!(drained);
        loop {
            tokio::select! {
                () = &mut drained => return,
                () = resealer.bell.notified() => {}
            }
            let Some(gateway) = weak.upgrade() else {
                return;
            };
            if let Err(error) = in_background(&gateway).await {
                tracing::warn!(%error, "secrets could not be sealed under their new data key; it is tried again");
                tokio::select! {
                    () = &mut drained => return,
                    () = tokio::time::sleep(AGAIN_AFTER) => resealer.wake(),
                }
            }
        }
    });
}

/// The same now, on a thread that may block.
pub(crate) async fn in_background(gateway: &Arc<Gateway>) -> Result<Done, StoreError> {
    let gateway = gateway.clone();
    let work = tokio::task::spawn_blocking(move || {
        let _turn = gateway
            .resealer()
            .turn
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        run(gateway.store(), || gateway.is_draining())
    });
    // It is interrupted only while the process ends.
    work.await.unwrap_or_else(|_| Ok(Done::default()))
}

/// Works off every retired data key, until nothing is left or `stop` says so.
fn run(store: &Store, stop: impl Fn() -> bool) -> Result<Done, StoreError> {
    let mut done = Done::default();
    loop {
        let installation = store.load()?;
        let before = done;
        for workspace in &installation.workspaces {
            if stop() {
                return Ok(done);
            }
            reseal_workspace(store, &installation, workspace, &mut done)?;
        }
        // What was sealed or rotated meanwhile shows in the next look; what does not open stays where it is.
        if done == before {
            return Ok(done);
        }
    }
}

fn reseal_workspace(
    store: &Store,
    installation: &Installation,
    workspace: &Workspace,
    done: &mut Done,
) -> Result<(), StoreError> {
    let keys = Keys::of(installation, workspace);
    let (Some(active), false) = (&keys.active, keys.retired.is_empty()) else {
        return Ok(());
    };
    let own = installation
        .secrets
        .iter()
        .filter(|row| row.workspace == workspace.id);
    let rows: Vec<Resealed> = own.filter_map(|row| keys.reseal(active, row)).collect();
    let scope = store.scope(&workspace.slug)?;
    for batch in rows.chunks(BATCH) {
        done.secrets += store.reseal_secrets(&scope, batch)?;
    }
    let gone = store.destroy_retired_keys(&scope, &Actor::gateway())?;
    done.keys += gone.len() as u64;
    Ok(())
}

/// The data keys of one workspace, unwrapped.
struct Keys {
    active: Option<WorkspaceKey>,
    retired: Vec<(KeyId, Opener)>,
}

impl Keys {
    fn of(installation: &Installation, workspace: &Workspace) -> Self {
        let mut keys = Self {
            active: None,
            retired: Vec::new(),
        };
        let own = installation
            .keys
            .iter()
            .filter(|row| row.workspace == workspace.id);
        for row in own {
            let master = &installation.master;
            match (
                master.unwrap_workspace_key(workspace.id.as_str(), &row.key),
                row.state,
            ) {
                (Ok(key), KeyState::Active) => keys.active = Some(key),
                (Ok(key), KeyState::Retired) => {
                    keys.retired.push((row.key.id.clone(), Opener::new(&key)));
                }
                (Err(_), _) => {
                    tracing::error!(workspace = %workspace.id, key = %row.key.id, "a data key does not open");
                }
            }
        }
        keys
    }

    /// The same value under the active key; `None` if it is there already, or does not open.
    fn reseal(&self, active: &WorkspaceKey, row: &SecretRow) -> Option<Resealed> {
        let (_, opener) = self.retired.iter().find(|(id, _)| *id == row.sealed.key)?;
        let context = SecretContext {
            workspace: row.workspace.as_str(),
            server: row.server.as_ref().map(ServerId::as_str),
            name: row.name.as_str(),
            version: row.version,
        };
        let Ok(value) = opener.open(context, &row.sealed) else {
            tracing::error!(workspace = %row.workspace, secret = %row.name, "a secret does not open; set it again");
            return None;
        };
        Some(Resealed {
            server: row.server.clone(),
            name: row.name.clone(),
            version: row.version,
            from: row.sealed.key.clone(),
            sealed: active.seal(context, &value).ok()?,
        })
    }
}

//! The keys of an installation: which there are, and how they are replaced (S-10, S-12).

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use toolgate_store::control::{self, ControlRequest};
use toolgate_store::master::{NewMaster, rotate_master};
use toolgate_store::{KeyState, StoreError, WorkspaceScope};
use toolgate_vault::KeyId;

use crate::time::rfc3339;
use crate::{Admin, AdminError, GatewayState};

/// How long the gateway is waited for while it seals anew; it goes on by itself after that.
const RESEAL_TIMEOUT: Duration = Duration::from_mins(1);

/// What is to be replaced.
#[derive(Debug, Clone, Copy)]
pub enum KeysToRotate<'a> {
    /// The master key.
    Master,
    /// The data key of one workspace.
    Workspace(&'a WorkspaceScope),
    /// The master key and every data key.
    All,
}

/// Where a new master key comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewMasterKey {
    /// Made in the place of the key file.
    InPlace,
    /// In this file, made if it is not there: for keys that do not come from a file.
    File(PathBuf),
}

/// The keys of an installation. Ids are public; no key is shown.
#[derive(Debug, Clone, Serialize)]
pub struct KeysStatus {
    /// The master key in force.
    pub master: MasterListed,
    /// Every workspace with its data keys.
    pub workspaces: Vec<WorkspaceKeys>,
    /// What is left to do of a rotation that is under way.
    pub unfinished: Option<String>,
}

/// The master key.
#[derive(Debug, Clone, Serialize)]
pub struct MasterListed {
    /// Its id.
    pub id: String,
    /// Where it comes from.
    pub source: String,
    /// Since when it is in force.
    pub since: String,
    /// The file it lies in while its source still gives the key before it.
    pub pending_file: Option<String>,
    /// How many master keys there were before it.
    pub retired: u64,
}

/// The data keys of one workspace.
#[derive(Debug, Clone, Serialize)]
pub struct WorkspaceKeys {
    /// The workspace.
    pub workspace: String,
    /// Its data keys, the active one first.
    pub keys: Vec<KeyListed>,
}

/// One data key.
#[derive(Debug, Clone, Serialize)]
pub struct KeyListed {
    /// Its id.
    pub id: String,
    /// Whether it seals, or only opens what it sealed.
    pub state: KeyState,
    /// When it was made.
    pub created_at: String,
    /// How often it has sealed, of 2^30 times at most.
    pub encryptions: u64,
    /// How many secrets are sealed under it now.
    pub secrets: u64,
}

/// What a rotation did.
#[derive(Debug, Clone, Serialize)]
pub struct KeysRotated {
    /// Id of the new master key, if it was rotated.
    pub master: Option<String>,
    /// The file the new master key lies in, when its source still gives the old one: it has to be put there.
    pub key_elsewhere: Option<String>,
    /// Workspaces with a new data key.
    pub workspaces: Vec<String>,
    /// How many secrets are sealed anew by now.
    pub secrets: u64,
    /// Whether nothing is left to do.
    pub complete: bool,
    /// What became of the change at the gateway.
    pub gateway: GatewayState,
}

impl Admin {
    /// Every key, and whether a rotation is under way.
    pub fn keys_status(&self) -> Result<KeysStatus, AdminError> {
        let check = self.store.key_check()?;
        let mut workspaces = Vec::new();
        for slug in self.slugs()? {
            let scope = self.scope(&slug)?;
            let listed = |key: toolgate_store::KeySummary| KeyListed {
                id: key.id.as_str().to_owned(),
                state: key.state,
                created_at: rfc3339(key.created_at),
                encryptions: key.encryptions,
                secrets: key.secrets,
            };
            let keys = self.store.workspace_keys(&scope)?;
            workspaces.push(WorkspaceKeys {
                workspace: slug,
                keys: keys.into_iter().map(listed).collect(),
            });
        }
        let pending_file = check.as_ref().and_then(|check| check.pending_file.as_ref());
        let master = MasterListed {
            id: self.store.master()?.id().as_str().to_owned(),
            source: self.source.describe(),
            since: rfc3339(check.as_ref().map_or(0, |check| check.since)),
            pending_file: pending_file.map(|path| path.display().to_string()),
            retired: self.store.retired_keys()?.len() as u64,
        };
        Ok(KeysStatus {
            unfinished: unfinished(&master, &workspaces),
            master,
            workspaces,
        })
    }

    /// Replaces keys while everything runs (S-12). What was cut off earlier goes on as well.
    pub fn rotate_keys(
        &self,
        which: KeysToRotate<'_>,
        new_master: &NewMasterKey,
    ) -> Result<KeysRotated, AdminError> {
        let mut rotated = KeysRotated {
            master: None,
            key_elsewhere: None,
            workspaces: Vec::new(),
            secrets: 0,
            complete: false,
            gateway: GatewayState::NotRunning,
        };
        if matches!(which, KeysToRotate::Master | KeysToRotate::All) {
            let uid = toolgate_sys::current_uid();
            let new = match new_master {
                NewMasterKey::InPlace => NewMaster::InPlace,
                NewMasterKey::File(path) => NewMaster::File(path.clone()),
            };
            let done = rotate_master(&self.store, &self.source, &new, uid, &self.actor)?;
            rotated.master = Some(done.new);
            rotated.key_elsewhere = done.key_elsewhere.map(|path| path.display().to_string());
        }
        let all = || self.slugs().map_err(AdminError::from);
        let slugs = match which {
            KeysToRotate::Master => Vec::new(),
            KeysToRotate::Workspace(scope) => vec![scope.slug().to_string()],
            KeysToRotate::All => all()?,
        };
        let before = self.secrets_by_key()?;
        for slug in &slugs {
            self.store
                .rotate_workspace_key(&self.scope(slug)?, &self.actor)?;
        }
        rotated.workspaces = slugs;
        rotated.gateway = self.knock();
        if rotated.gateway != GatewayState::NotRunning {
            self.ask_to_reseal();
        }
        // Counted here: the gateway seals anew by itself too, and may have been quicker than the request.
        let after = self.secrets_by_key()?;
        rotated.secrets = before
            .iter()
            .map(|(key, secrets)| secrets.saturating_sub(after.get(key).copied().unwrap_or(0)))
            .sum();
        // Keys that nothing is sealed under need no gateway.
        for slug in all()? {
            self.store
                .destroy_retired_keys(&self.scope(&slug)?, &self.actor)?;
        }
        rotated.complete = self.keys_status()?.unfinished.is_none();
        Ok(rotated)
    }

    /// Secrets that do not fit the manifest of their workspace, each with the command that mends it (S-17).
    pub(crate) fn refused_secrets(&self) -> Result<Vec<(String, String)>, StoreError> {
        let installation = self.store.load()?;
        let told = installation.refused.iter().filter_map(|one| {
            let mut workspaces = installation.workspaces.iter();
            let slug = &workspaces.find(|w| w.id == one.workspace)?.slug;
            let mut servers = installation.servers.iter();
            let server = one
                .server
                .as_ref()
                .and_then(|id| servers.find(|server| server.id == *id));
            let (name, finding) = (&one.name, one.finding.as_str());
            let (of, fix) = match server {
                Some(server) => (
                    format!("of server `{}` ", server.slug),
                    format!(
                        "toolgatectl secrets set {} {name} --workspace {slug}",
                        server.slug
                    ),
                ),
                None => (
                    String::new(),
                    format!("toolgatectl workspace secret set {slug} {name}"),
                ),
            };
            let message =
                format!("the secret {name} {of}of workspace `{slug}` {finding}; no server gets it");
            Some((message, fix))
        });
        Ok(told.collect())
    }

    /// How many secrets are sealed under each data key.
    fn secrets_by_key(&self) -> Result<HashMap<KeyId, u64>, AdminError> {
        let mut secrets = HashMap::new();
        for slug in self.slugs()? {
            let keys = self.store.workspace_keys(&self.scope(&slug)?)?;
            secrets.extend(keys.into_iter().map(|key| (key.id, key.secrets)));
        }
        Ok(secrets)
    }

    /// Best effort, and waited for: the gateway does it by itself too.
    fn ask_to_reseal(&self) {
        let _ = control::ask(&self.dir, &ControlRequest::Reseal, RESEAL_TIMEOUT);
    }
}

fn unfinished(master: &MasterListed, workspaces: &[WorkspaceKeys]) -> Option<String> {
    if let Some(file) = &master.pending_file {
        return Some(format!(
            "the master key was rotated, but {} still gives the old one: put the key of {file} there and start the gateway again",
            master.source
        ));
    }
    let open = |of: &&WorkspaceKeys| of.keys.iter().any(|key| key.state == KeyState::Retired);
    let open: Vec<&str> = workspaces
        .iter()
        .filter(open)
        .map(|of| of.workspace.as_str())
        .collect();
    (!open.is_empty()).then(|| {
        format!(
            "secrets of {} are still sealed under retired data keys: a running gateway seals them anew",
            open.join(", ")
        )
    })
}

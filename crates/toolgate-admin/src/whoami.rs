//! Which installation this is, and as whom one acts in it.

use std::path::PathBuf;

use serde::Serialize;

use crate::{Admin, AdminError, gateway_status};

/// Whose hands one is in.
#[derive(Debug, Clone, Serialize)]
pub struct Whoami {
    /// As the audit trail names whoever acts.
    pub actor: String,
    /// The data directory.
    pub installation: PathBuf,
    /// Id of the master key.
    pub master_key: String,
    /// The default target of commands, if one was chosen.
    pub workspace: Option<String>,
    /// How many workspaces there are.
    pub workspaces: usize,
    /// How many people may sign in to the dashboard.
    pub team: usize,
    /// The plan in force.
    pub plan: String,
    /// Whether a gateway runs on this installation.
    pub gateway_running: bool,
    /// Where clients reach it, or would.
    pub url: String,
}

impl Admin {
    /// Says which installation this is, and as whom one acts in it.
    pub fn whoami(&self) -> Result<Whoami, AdminError> {
        let team = self.store.team()?;
        Ok(Whoami {
            actor: self.actor.as_str().to_owned(),
            installation: self.dir.path().to_owned(),
            master_key: self.store.master()?.id().as_str().to_owned(),
            workspace: self.active()?,
            workspaces: self.slugs()?.len(),
            team: team.iter().filter(|one| one.joined_at.is_some()).count(),
            plan: self.plan()?.name,
            gateway_running: gateway_status(&self.dir).is_ok(),
            url: self.base_url()?,
        })
    }
}

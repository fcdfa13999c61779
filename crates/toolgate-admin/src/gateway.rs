//! Asking the gateway that runs on the same data directory.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use toolgate_namespace::{ServerSlug, WorkspaceSlug};
use toolgate_store::control::{
    self, ControlError, ControlReply, ControlRequest, GatewayStatus, HeldServer, LoggedLine,
    ProbedTool,
};
use toolgate_store::settings::PUBLIC_URL;
use toolgate_store::{DataDir, StoreError, WorkspaceScope};

use crate::{Admin, AdminError};

/// Where a gateway listens that was started without `--listen`.
pub(crate) const DEFAULT_URL: &str = "http://127.0.0.1:8420";
/// A gateway that runs answers in microseconds; one that is stopped must not hold up the command line.
const PING_TIMEOUT: Duration = Duration::from_secs(1);
/// Applying a change means compiling a snapshot.
const CHANGED_TIMEOUT: Duration = Duration::from_secs(5);
/// Contacting a server may mean starting a package runner that downloads first.
const PROBE_TIMEOUT: Duration = Duration::from_mins(1);

/// What became of a change at the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GatewayState {
    /// It is in force.
    Applied,
    /// None is running; the change is in force when one is started.
    NotRunning,
    /// None confirmed it; one that runs looks for changes every 10 ms by itself (design.md rule 2).
    Unconfirmed,
}

/// What the gateway found when it contacted a server.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Probe {
    /// The server answered.
    Ok {
        /// Protocol revision it speaks.
        revision: String,
        /// What it says of itself (`serverInfo`).
        server_info: Value,
        /// Its tools.
        tools: Vec<ProbedTool>,
    },
    /// It did not, or the gateway could not try.
    Failed {
        /// What was attempted and why it failed.
        error: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// Not contacted: no gateway is running.
    GatewayNotRunning,
    /// Not contacted: secrets that it needs have no value yet.
    SecretsMissing,
}

impl Admin {
    /// Tells the gateway that the store changed and waits until that is in force.
    pub(crate) fn knock(&self) -> GatewayState {
        match control::ask(&self.dir, &ControlRequest::Changed, CHANGED_TIMEOUT) {
            Ok(ControlReply::Done { .. }) => GatewayState::Applied,
            Err(ControlError::NotRunning) => GatewayState::NotRunning,
            Ok(_) | Err(_) => GatewayState::Unconfirmed,
        }
    }

    /// Where the gateway is reached: what it says if it runs, else what was configured, else the default.
    pub(crate) fn base_url(&self) -> Result<String, StoreError> {
        if let Ok(ControlReply::Pong { url }) =
            control::ask(&self.dir, &ControlRequest::Ping, PING_TIMEOUT)
        {
            return Ok(url.trim_end_matches('/').to_owned());
        }
        let configured = self.store.setting(PUBLIC_URL)?;
        Ok(configured.map_or_else(
            || DEFAULT_URL.to_owned(),
            |url| url.trim_end_matches('/').to_owned(),
        ))
    }

    /// Where clients reach a workspace.
    pub fn workspace_url(&self, scope: &WorkspaceScope) -> Result<String, AdminError> {
        Ok(workspace_url(&self.base_url()?, scope.slug().as_str()))
    }

    /// The servers of a workspace that are down for their crashes, as far as a gateway tells.
    pub(crate) fn held_servers(&self, workspace: &WorkspaceSlug) -> Vec<HeldServer> {
        let request = ControlRequest::Held {
            workspace: workspace.clone(),
        };
        match control::ask(&self.dir, &request, PING_TIMEOUT) {
            Ok(ControlReply::Held { servers }) => servers,
            Ok(_) | Err(_) => Vec::new(),
        }
    }

    /// What the child processes of a server wrote last.
    pub(crate) fn logged_lines(
        &self,
        workspace: &WorkspaceSlug,
        server: &ServerSlug,
    ) -> Result<Vec<LoggedLine>, AdminError> {
        let request = ControlRequest::Logs {
            workspace: workspace.clone(),
            server: server.clone(),
        };
        let (error, hint) = match control::ask(&self.dir, &request, CHANGED_TIMEOUT) {
            Ok(ControlReply::Logs { lines }) => return Ok(lines),
            Ok(ControlReply::Failed { error, hint }) => (error, hint),
            Err(ControlError::NotRunning) => {
                return Err(AdminError::GatewayNeeded {
                    dir: self.dir.path().to_owned(),
                });
            }
            Ok(_) => (
                "the gateway answered something else".to_owned(),
                Some("check that both programs are of the same version".to_owned()),
            ),
            Err(error) => (error.to_string(), error.hint().map(Into::into)),
        };
        Err(AdminError::Gateway { error, hint })
    }

    /// Has the gateway contact a server now.
    pub(crate) fn probe(&self, scope: &WorkspaceScope, server: &ServerSlug) -> Probe {
        let request = ControlRequest::Probe {
            workspace: scope.slug().clone(),
            server: server.clone(),
        };
        match control::ask(&self.dir, &request, PROBE_TIMEOUT) {
            Ok(ControlReply::Probed {
                revision,
                server_info,
                tools,
            }) => Probe::Ok {
                revision,
                server_info,
                tools,
            },
            Ok(ControlReply::Failed { error, hint }) => Probe::Failed { error, hint },
            Err(ControlError::NotRunning) => Probe::GatewayNotRunning,
            Ok(_) => Probe::Failed {
                error: "the gateway answered something else".to_owned(),
                hint: Some("check that both programs are of the same version".to_owned()),
            },
            Err(error) => Probe::Failed {
                hint: error.hint().map(Into::into),
                error: error.to_string(),
            },
        }
    }
}

/// How the gateway fares that runs on this data directory.
pub fn gateway_status(dir: &DataDir) -> Result<GatewayStatus, AdminError> {
    match control::ask(dir, &ControlRequest::Status, PING_TIMEOUT) {
        Ok(ControlReply::Status(status)) => Ok(status),
        Err(ControlError::NotRunning) => Err(AdminError::GatewayNeeded {
            dir: dir.path().to_owned(),
        }),
        Ok(_) => Err(AdminError::Control(ControlError::Malformed)),
        Err(error) => Err(AdminError::Control(error)),
    }
}

/// The URL of a workspace under the gateway's.
pub(crate) fn workspace_url(base: &str, slug: &str) -> String {
    format!("{base}/ws/{slug}")
}

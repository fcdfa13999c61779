//! Alerts: what is watched, and where a webhook goes when it happens.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use toolgate_namespace::{ServerSlug, WorkspaceId};
use toolgate_store::control::{self, AlertState, ControlError, ControlReply, ControlRequest};
use toolgate_store::{Alert, AlertId, AlertRule, StoreError, WorkspaceScope};
use toolgate_vault::SecretName;

use crate::server::webhook_allowance;
use crate::time::{now_ms, rfc3339};
use crate::workspace::check_name;
use crate::{Admin, AdminError, Allowance, GatewayState, draw};

/// Shortest and longest name, in characters.
const NAME_MIN: usize = 1;
const NAME_MAX: usize = 80;
/// Most alerts of one workspace, and of the installation.
const ALERTS_MAX: usize = 100;
/// Longest window, in seconds: what is looked back on is kept in memory.
const WINDOW_MAX_S: u32 = 24 * 60 * 60;
/// A gateway that runs answers at once.
const STATES_TIMEOUT: Duration = Duration::from_secs(1);
/// A receiver has 10 s to take a sample.
const TEST_TIMEOUT: Duration = Duration::from_secs(20);

/// An alert to make.
#[derive(Debug, Clone)]
pub struct NewAlert {
    /// What people call it.
    pub name: String,
    /// What it watches.
    pub rule: AlertRule,
    /// Where the webhook goes: `https`, or what the operator lets be plain or private.
    pub url: String,
    /// The secret of the workspace that signs the webhook.
    pub secret: Option<String>,
    /// Whether the URL may be private or plain http, which is the operator's to say (S-65).
    pub allow_private: bool,
}

/// An alert that was made.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AlertCreated {
    /// The alert.
    #[serde(flatten)]
    pub alert: AlertListed,
    /// What the operator allowed by adding it (S-65).
    pub allowance: Option<Allowance>,
    /// What became of the change at the gateway.
    pub gateway: GatewayState,
}

/// An alert in a list.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AlertListed {
    /// Identity (`al_…`).
    pub id: String,
    /// What people call it.
    pub name: String,
    /// The workspace it watches; null = the whole installation.
    pub workspace: Option<String>,
    /// What it watches.
    pub rule: AlertRule,
    /// Where the webhook goes.
    pub url: String,
    /// The secret that signs the webhook; null = it is not signed.
    pub secret: Option<String>,
    /// Whether it is looked at.
    pub enabled: bool,
    /// When it was made.
    pub created_at: String,
    /// Since when what it watches has been so; null while it is not, or when no gateway runs.
    pub firing_since: Option<String>,
    /// What became of its last webhook; null when there was none, or when no gateway runs.
    pub last_delivery: Option<AlertDelivered>,
}

/// What became of a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AlertDelivered {
    /// When it was last tried.
    pub at: String,
    /// Whether the receiver took it.
    pub delivered: bool,
    /// The receiver's HTTP status, if it answered.
    pub status: Option<u16>,
    /// Why it was not delivered.
    pub error: Option<String>,
    /// How often it was tried.
    pub attempts: u32,
}

/// An alert that was switched on or off.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AlertSwitched {
    /// Identity.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Whether it is looked at now.
    pub enabled: bool,
    /// What became of the change at the gateway.
    pub gateway: GatewayState,
}

/// An alert that is gone.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AlertDeleted {
    /// Identity.
    pub id: String,
    /// What people called it.
    pub name: String,
    /// Always true.
    pub deleted: bool,
    /// What became of the change at the gateway.
    pub gateway: GatewayState,
}

/// A sample that was sent, or could not be.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AlertTested {
    /// Identity.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What became of the sample.
    #[serde(flatten)]
    pub delivery: AlertDelivered,
}

impl Admin {
    /// Makes an alert of a workspace, or of the installation when there is no scope, which is the operator's.
    pub fn create_alert(
        &self,
        scope: Option<&WorkspaceScope>,
        new: &NewAlert,
    ) -> Result<AlertCreated, AdminError> {
        check_name(&new.name, "alert", NAME_MIN, NAME_MAX)?;
        check_rule(&new.rule)?;
        self.check_server(scope, new.rule.server())?;
        let secret = self.signing_secret(scope, new.secret.as_deref())?;
        let allowance = webhook_allowance(&new.url)?;
        if let Some(allowance) = &allowance
            && !new.allow_private
        {
            return Err(AdminError::WebhookNotAllowed {
                origin: allowance.origin.clone(),
            });
        }
        let there = self.store.alerts(scope)?;
        if there.len() >= ALERTS_MAX {
            return Err(AdminError::TooManyAlerts { limit: ALERTS_MAX });
        }
        let alert = Alert {
            id: AlertId::from_random(draw::bytes()?),
            workspace: scope.map(|scope| scope.workspace().clone()),
            name: new.name.trim().to_owned(),
            rule: new.rule.clone(),
            url: new.url.clone(),
            allowed_origin: allowance.as_ref().map(|allowed| allowed.origin.clone()),
            secret,
            enabled: true,
            created_at: now_ms(),
        };
        self.store.create_alert(scope, &self.actor, &alert)?;
        let gateway = self.knock();
        Ok(AlertCreated {
            alert: self.listed(&alert, &[])?,
            allowance,
            gateway,
        })
    }

    /// The alerts of a workspace, or every alert when there is no scope, with how they stand if a gateway runs.
    pub fn list_alerts(
        &self,
        scope: Option<&WorkspaceScope>,
    ) -> Result<Vec<AlertListed>, AdminError> {
        let alerts = self.store.alerts(scope)?;
        let states = if alerts.is_empty() {
            Vec::new()
        } else {
            self.alert_states()
        };
        let listed = alerts.iter().map(|alert| self.listed(alert, &states));
        listed.collect()
    }

    /// Switches an alert on or off; it is named by its id or by its name.
    pub fn switch_alert(
        &self,
        scope: Option<&WorkspaceScope>,
        alert: &str,
        enabled: bool,
    ) -> Result<AlertSwitched, AdminError> {
        let id = self.alert(scope, alert)?.id;
        let alert = self
            .store
            .switch_alert(scope, &self.actor, &id, enabled)
            .map_err(|error| unknown_alert(error, alert))?;
        Ok(AlertSwitched {
            id: alert.id.to_string(),
            name: alert.name,
            enabled: alert.enabled,
            gateway: self.knock(),
        })
    }

    /// Deletes an alert; it is named by its id or by its name.
    pub fn delete_alert(
        &self,
        scope: Option<&WorkspaceScope>,
        alert: &str,
    ) -> Result<AlertDeleted, AdminError> {
        let id = self.alert(scope, alert)?.id;
        let deleted = self
            .store
            .delete_alert(scope, &self.actor, &id)
            .map_err(|error| unknown_alert(error, alert))?;
        Ok(AlertDeleted {
            id: deleted.id.to_string(),
            name: deleted.name,
            deleted: true,
            gateway: self.knock(),
        })
    }

    /// Has the running gateway send a sample of an alert's webhook now.
    pub fn test_alert(
        &self,
        scope: Option<&WorkspaceScope>,
        alert: &str,
    ) -> Result<AlertTested, AdminError> {
        let alert = self.alert(scope, alert)?;
        let request = ControlRequest::TestAlert {
            alert: alert.id.clone(),
        };
        match control::ask(&self.dir, &request, TEST_TIMEOUT) {
            Ok(ControlReply::AlertTested(delivery)) => Ok(AlertTested {
                id: alert.id.to_string(),
                name: alert.name,
                delivery: delivered(&delivery),
            }),
            Ok(ControlReply::Failed { error, hint }) => Err(AdminError::Gateway { error, hint }),
            Err(ControlError::NotRunning) => Err(AdminError::GatewayNeeded {
                dir: self.dir.path().to_owned(),
            }),
            Ok(_) => Err(AdminError::Control(ControlError::Malformed)),
            Err(error) => Err(AdminError::Control(error)),
        }
    }

    /// One alert by its id or, if only one has it, by its name.
    fn alert(&self, scope: Option<&WorkspaceScope>, text: &str) -> Result<Alert, AdminError> {
        let unknown = || AdminError::UnknownAlert {
            alert: text.to_owned(),
        };
        let mut alerts = self.store.alerts(scope)?;
        if let Some(at) = alerts.iter().position(|alert| alert.id.as_str() == text) {
            return Ok(alerts.swap_remove(at));
        }
        alerts.retain(|alert| alert.name == text);
        match alerts.len() {
            0 => Err(unknown()),
            1 => alerts.pop().ok_or_else(unknown),
            count => Err(AdminError::AmbiguousAlert {
                name: text.to_owned(),
                count,
            }),
        }
    }

    fn listed(&self, alert: &Alert, states: &[AlertState]) -> Result<AlertListed, AdminError> {
        let state = states.iter().find(|state| state.id == alert.id);
        let workspace = alert.workspace.as_ref();
        Ok(AlertListed {
            id: alert.id.to_string(),
            name: alert.name.clone(),
            workspace: workspace.map(|id| self.slug_of(id)).transpose()?,
            rule: alert.rule.clone(),
            url: alert.url.clone(),
            secret: alert.secret.clone(),
            enabled: alert.enabled,
            created_at: rfc3339(alert.created_at),
            firing_since: state.and_then(|state| state.firing_since_ms).map(rfc3339),
            last_delivery: state.and_then(|state| state.last.as_ref()).map(delivered),
        })
    }

    fn slug_of(&self, id: &WorkspaceId) -> Result<String, AdminError> {
        let workspaces = self.store.workspaces()?;
        let found = workspaces.iter().find(|one| one.workspace.id == *id);
        Ok(found.map_or_else(|| id.to_string(), |one| one.workspace.slug.to_string()))
    }

    fn alert_states(&self) -> Vec<AlertState> {
        match control::ask(&self.dir, &ControlRequest::Alerts, STATES_TIMEOUT) {
            Ok(ControlReply::Alerts { alerts }) => alerts,
            Ok(_) | Err(_) => Vec::new(),
        }
    }

    /// The server a rule names has to be there, or nothing would ever be watched.
    fn check_server(
        &self,
        scope: Option<&WorkspaceScope>,
        server: Option<&ServerSlug>,
    ) -> Result<(), AdminError> {
        match (scope, server) {
            (_, None) => Ok(()),
            (Some(scope), Some(server)) => self.server(scope, server.as_str()).map(drop),
            (None, Some(_)) => Err(AdminError::Alert {
                rule: "names a server only together with its workspace",
            }),
        }
    }

    fn signing_secret(
        &self,
        scope: Option<&WorkspaceScope>,
        name: Option<&str>,
    ) -> Result<Option<String>, AdminError> {
        let Some(name) = name else {
            return Ok(None);
        };
        let Some(scope) = scope else {
            return Err(AdminError::Alert {
                rule: "of the whole installation has no workspace whose secret could sign its webhooks",
            });
        };
        let name = SecretName::normalise(name)?;
        let secrets = self.store.list_secrets(scope)?;
        let is_there =
            |secret: &toolgate_store::SecretSummary| secret.server.is_none() && secret.name == name;
        if !secrets.iter().any(is_there) {
            return Err(AdminError::UnknownSecret {
                name: name.as_str().to_owned(),
                owner: format!("workspace `{}`", scope.slug()),
            });
        }
        Ok(Some(name.as_str().to_owned()))
    }
}

fn check_rule(rule: &AlertRule) -> Result<(), AdminError> {
    let broken = |rule| Err(AdminError::Alert { rule });
    match rule {
        AlertRule::ErrorRate { over_percent, .. } if *over_percent >= 100 => {
            broken("watches for a rate of 0 to 99 per cent")
        }
        AlertRule::ErrorRate { window_s, .. } | AlertRule::Latency { window_s, .. }
            if !(10..=WINDOW_MAX_S).contains(window_s) =>
        {
            broken("looks back 10 seconds to 24 hours")
        }
        AlertRule::ErrorRate { least_calls, .. } | AlertRule::Latency { least_calls, .. }
            if *least_calls == 0 =>
        {
            broken("needs at least 1 call to judge by")
        }
        AlertRule::Quota { at_percent } if !(1..=100).contains(at_percent) => {
            broken("watches for 1 to 100 per cent of the calls a month")
        }
        AlertRule::ServerDown { for_s, .. } if *for_s > WINDOW_MAX_S => {
            broken("waits at most 24 hours")
        }
        _ => Ok(()),
    }
}

fn delivered(delivery: &control::AlertDelivery) -> AlertDelivered {
    AlertDelivered {
        at: rfc3339(delivery.at_ms),
        delivered: delivery.delivered,
        status: delivery.status,
        error: delivery.error.clone(),
        attempts: delivery.attempts,
    }
}

fn unknown_alert(error: StoreError, alert: &str) -> AdminError {
    match error {
        StoreError::Unknown { .. } => AdminError::UnknownAlert {
            alert: alert.to_owned(),
        },
        other => AdminError::Store(other),
    }
}

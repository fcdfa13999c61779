//! What alerts need of the gateway: what is held, and signatures under secrets that nobody else opens.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use ring::hmac;
use toolgate_namespace::WorkspaceId;
use toolgate_policy::Standing;
use toolgate_router::{Circuit, Link};
use toolgate_store::control::{AlertDelivery, AlertState};
use toolgate_store::{Alert, AlertId, AlertMemory, CallsReader, PastCall, SecretRow, StoreError};
use toolgate_vault::SecretContext;

use crate::gateway::Gateway;
use crate::openers::Openers;
use crate::snapshot::WorkspaceEntry;

/// Who watches for alerts and sends webhooks; told to the gateway with [`Gateway::watched_by`], so that
/// `toolgatectl` can ask.
pub trait Alerting: Send + Sync {
    /// How each alert stands that is switched on.
    fn states(&self) -> Vec<AlertState>;
    /// Sends a sample of an alert's webhook; `None` when there is no such alert.
    fn test(
        &self,
        alert: AlertId,
    ) -> Pin<Box<dyn Future<Output = Option<AlertDelivery>> + Send + '_>>;
}

/// A tool that nobody approved yet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct HeldTool {
    /// Slug of its workspace.
    pub workspace: String,
    /// Its server there.
    pub server: String,
    /// The name its server gives it.
    pub tool: String,
}

/// A server that gets no calls, or may get none, since it fails.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DownServer {
    /// Slug of its workspace.
    pub workspace: String,
    /// Its name there.
    pub server: String,
}

/// A secret that signs webhooks: sealed, opened for one signature at a time.
pub(crate) struct Signer {
    workspace: WorkspaceId,
    row: SecretRow,
    openers: Arc<Openers>,
}

impl Signer {
    pub(crate) fn new(workspace: WorkspaceId, row: SecretRow, openers: Arc<Openers>) -> Self {
        Self {
            workspace,
            row,
            openers,
        }
    }

    /// HMAC-SHA256 in lower-case hexadecimal; `None` when the secret does not open.
    fn sign(&self, message: &[u8]) -> Option<String> {
        use fmt::Write as _;
        let context = SecretContext {
            workspace: self.workspace.as_str(),
            server: None,
            name: self.row.name.as_str(),
            version: self.row.version,
        };
        let opener = self.openers.get(&self.row.sealed.key)?;
        let value = opener.open(context, &self.row.sealed).ok()?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, value.expose().as_bytes());
        let mut text = String::with_capacity(64);
        for byte in hmac::sign(&key, message).as_ref() {
            let _ = write!(text, "{byte:02x}");
        }
        Some(text)
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").finish_non_exhaustive()
    }
}

impl Gateway {
    /// Says who watches for alerts. The first one stays.
    pub fn watched_by(&self, alerting: Arc<dyn Alerting>) {
        // Told once, when the gateway opens.
        let _ = self.alerting_slot().set(alerting);
    }

    /// The alerts that are in force, switched off ones included.
    pub fn alerts(&self) -> Arc<[Alert]> {
        self.snapshot_now().alerts.clone()
    }

    /// The slug of a workspace.
    pub fn workspace_slug(&self, workspace: &WorkspaceId) -> Option<String> {
        self.snapshot_now().slugs.get(workspace).cloned()
    }

    /// HMAC-SHA256 of a webhook under the secret of its alert, in hexadecimal; the value stays here (S-16). `None`
    /// when the secret was deleted or does not open.
    pub fn sign_webhook(&self, alert: &AlertId, message: &[u8]) -> Option<String> {
        self.snapshot_now().signers.get(alert)?.sign(message)
    }

    /// The tools that wait for an approval, in one workspace or in all of them.
    pub fn held_tools(&self, workspace: Option<&WorkspaceId>) -> Vec<HeldTool> {
        let snapshot = self.snapshot();
        let mut held = Vec::new();
        match workspace {
            Some(id) => held.extend(
                snapshot
                    .workspace(id)
                    .into_iter()
                    .flat_map(|it| held_in(it)),
            ),
            None => held.extend(snapshot.workspaces.values().flat_map(|it| held_in(it))),
        }
        held.sort();
        held
    }
}

impl Gateway {
    /// What is remembered of alerts from before this process.
    pub fn alert_memories(&self) -> Result<Vec<AlertMemory>, StoreError> {
        self.store().alert_memories()
    }

    /// Remembers how alerts stand, for the process after this one.
    pub fn remember_alerts(&self, memories: &[AlertMemory]) -> Result<(), StoreError> {
        self.store().remember_alerts(memories)
    }

    /// Looks through the calls that arrived from one time to before another and ended, unix milliseconds.
    pub fn past_calls(
        &self,
        since_ms: u64,
        until_ms: u64,
        visit: &mut dyn FnMut(&PastCall<'_>),
    ) -> Result<(), StoreError> {
        CallsReader::open(self.dir())?.past(since_ms, until_ms, visit)
    }

    /// The servers whose circuit is open or whose processes crash, in one workspace or in all of them.
    pub fn down_servers(&self, workspace: Option<&WorkspaceId>) -> Vec<DownServer> {
        self.servers_that(workspace, is_down)
    }

    /// The servers that are not known to be down, and that this process has not heard from either.
    pub fn unheard_servers(&self, workspace: Option<&WorkspaceId>) -> Vec<DownServer> {
        self.servers_that(workspace, |link| !is_down(link) && !link.was_heard())
    }

    fn servers_that(
        &self,
        workspace: Option<&WorkspaceId>,
        wanted: impl Fn(&Link) -> bool + Copy,
    ) -> Vec<DownServer> {
        let snapshot = self.snapshot();
        let entries = (snapshot.workspaces.values())
            .filter(|entry| workspace.is_none_or(|id| entry.workspace.id() == id));
        let links = entries.flat_map(|entry| {
            let down = entry.workspace.links().iter();
            let down = down.filter(move |link| wanted(link));
            down.map(|link| DownServer {
                workspace: entry.workspace.slug().to_string(),
                server: link.spec().slug.to_string(),
            })
        });
        let mut down: Vec<DownServer> = links.collect();
        down.sort();
        down
    }
}

fn is_down(link: &Link) -> bool {
    link.circuit() != Circuit::Closed || link.upstream().hold().is_some()
}

fn held_in(entry: &WorkspaceEntry) -> Vec<HeldTool> {
    let catalog = entry.workspace.catalog();
    let held = (catalog.withheld().iter()).filter(|tool| tool.standing == Standing::Held);
    held.map(|tool| HeldTool {
        workspace: entry.workspace.slug().to_string(),
        server: tool.link.spec().slug.to_string(),
        tool: tool.definition.name.to_string(),
    })
    .collect()
}

//! Putting a plan into force, one audited act after the other.

use std::fmt;

use serde::Serialize;
use toolgate_namespace::WorkspaceId;
use toolgate_store::WorkspaceScope;

use super::plan::{Act, PlannedFile};
use super::server::ServerEntry;
use super::tokens::TokenAct;
use super::{FilePlan, format::ToolEntry};
use crate::server::{Resolved, check_alone};
use crate::{Admin, AdminError, GatewayState, TokenCreated, WorkspaceSettings, draw};

/// What was put into force. New tokens are in here and nowhere else; `Debug` leaves their text out.
#[derive(Clone, Serialize)]
pub struct FileApplied {
    /// What was different.
    #[serde(flatten)]
    pub plan: FilePlan,
    /// Whether anything was done.
    pub applied: bool,
    /// Tokens that were made; each text is shown only here.
    pub tokens: Vec<TokenCreated>,
    /// What became of the changes at the gateway.
    pub gateway: GatewayState,
}

impl Admin {
    /// Does what a plan says. Servers are saved and not contacted (S-03). When an act fails, those before it stand,
    /// and the same file can be applied again.
    pub fn apply_file(&self, plan: PlannedFile) -> Result<FileApplied, AdminError> {
        let applied = !plan.acts.is_empty();
        let scope = match &plan.scope {
            Some(scope) => scope.clone(),
            None => self.create_named(&plan)?,
        };
        let mut tokens = Vec::new();
        for act in &plan.acts {
            tokens.extend(self.follow(&scope, &plan, act)?);
        }
        Ok(FileApplied {
            plan: plan.shown,
            applied,
            tokens,
            gateway: self.knock(),
        })
    }

    fn create_named(&self, plan: &PlannedFile) -> Result<WorkspaceScope, AdminError> {
        let id = WorkspaceId::from_random(draw::bytes()?);
        let slug = [plan.slug.clone()];
        let (name, description) = (&plan.file.name, &plan.file.description);
        let workspace = self.add_workspace_at(&id, slug, name, description, None)?;
        self.scope(workspace.slug.as_str())
    }

    fn follow(
        &self,
        scope: &WorkspaceScope,
        plan: &PlannedFile,
        act: &Act,
    ) -> Result<Option<TokenCreated>, AdminError> {
        let file = &plan.file;
        match act {
            // It was made for there to be a scope.
            Act::CreateWorkspace => {}
            Act::Describe => {
                let settings = WorkspaceSettings {
                    name: Some(file.name.clone()),
                    description: Some(file.description.clone()),
                    ..WorkspaceSettings::default()
                };
                self.update_workspace(scope, settings)?;
            }
            Act::Settings => {
                let settings = WorkspaceSettings {
                    read_only: Some(file.read_only),
                    strict_records: Some(file.strict_records),
                    ..WorkspaceSettings::default()
                };
                self.update_workspace(scope, settings)?;
            }
            Act::RemoveServer(slug) => drop(self.remove_server(scope, slug)?),
            Act::AddServer(entry) => self.add_entry(scope, entry)?,
            Act::ConfigureServer(entry) => self.configure_server(scope, entry)?,
            Act::SwitchServer(slug, enabled) => {
                self.switch_server(scope, slug, *enabled)?;
            }
            Act::SettleTool(server, tool, settled) => {
                self.settle_tool(scope, server, tool, *settled)?;
            }
            Act::Order => self.order_servers(scope, &file.servers)?,
            Act::Token(TokenAct::Create(entry)) => {
                return self.create_token(scope, &entry.new_token()?).map(Some);
            }
            Act::Token(TokenAct::Change { id, entry }) => {
                self.change_token(scope, id, Some(entry.role), Some(&entry.tools))?;
            }
            Act::Token(TokenAct::Revoke { id }) => drop(self.revoke_token(scope, id)?),
        }
        Ok(None)
    }

    /// Off until everything is settled about it, so that no tool is offered that is to be switched off.
    fn add_entry(&self, scope: &WorkspaceScope, entry: &ServerEntry) -> Result<(), AdminError> {
        let place = self.next_place(scope)?;
        let Resolved {
            mut spec,
            allowance,
        } = entry.resolve(scope.workspace(), place)?;
        let waits = spec.enabled && !entry.tools.is_empty();
        spec.enabled &= !waits;
        self.save_spec(scope, &spec, allowance.as_ref())?;
        let settled = entry.tools.iter();
        for (tool, settled) in settled.filter(|(_, settled)| **settled != ToolEntry::DEFAULT) {
            self.settle_tool(scope, &entry.name, tool, *settled)?;
        }
        if waits {
            self.switch_server(scope, &entry.name, true)?;
        }
        Ok(())
    }

    /// Gives a server other settings. Who it was stays pinned: one that leads elsewhere now waits for
    /// `tools approve` (S-52).
    fn configure_server(
        &self,
        scope: &WorkspaceScope,
        entry: &ServerEntry,
    ) -> Result<(), AdminError> {
        let before = self.server(scope, &entry.name)?;
        let mut spec = entry.resolve(scope.workspace(), before.display_order)?.spec;
        spec.id = before.id;
        spec.enabled = before.enabled;
        if spec.enabled {
            check_alone(&spec, &self.store.servers(scope)?)?;
        }
        Ok(self.store.update_server(scope, &self.actor, &spec)?)
    }

    fn settle_tool(
        &self,
        scope: &WorkspaceScope,
        server: &str,
        tool: &str,
        settled: ToolEntry,
    ) -> Result<(), AdminError> {
        let spec = self.server(scope, server)?;
        let named = (&spec.id, tool);
        let (enabled, word) = (settled.enabled, settled.does);
        Ok(self
            .store
            .settle_tool(scope, &self.actor, named, enabled, word)?)
    }

    /// Puts the servers of a file into its order, before those that are not in it.
    fn order_servers(
        &self,
        scope: &WorkspaceScope,
        order: &[ServerEntry],
    ) -> Result<(), AdminError> {
        let mut servers = self.store.servers(scope)?;
        let place = |slug: &str| order.iter().position(|entry| entry.name == slug);
        servers.sort_by_key(|spec| place(spec.slug.as_str()).unwrap_or(usize::MAX));
        for (spec, place) in servers.iter_mut().zip(0..) {
            if spec.display_order != place {
                spec.display_order = place;
                self.store.update_server(scope, &self.actor, spec)?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for FileApplied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileApplied")
            .field("plan", &self.plan)
            .field("applied", &self.applied)
            .finish_non_exhaustive()
    }
}

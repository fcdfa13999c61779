//! What a file would change: worked out whole before anything is done, and shown.

use serde::Serialize;
use toolgate_namespace::{ServerSpec, WorkspaceId, WorkspaceSlug};
use toolgate_policy::Token;
use toolgate_store::{StoreError, WorkspaceScope};

use super::format::ToolEntry;
use super::server::ServerEntry;
use super::tokens::{self, TokenAct};
use super::{FileChange, WorkspaceFile};
use crate::server::missing_secrets;
use crate::workspace::{NAME_MAX, NAME_MIN, check_name};
use crate::{Admin, AdminError, ReadOnlyMay};

/// What putting a file into force means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FilePlan {
    /// The workspace.
    pub workspace: String,
    /// Everything that is different, in the order of the file.
    pub changes: Vec<FileChange>,
    /// What is there and not in the file, and stays.
    pub kept: Vec<String>,
    /// Tokens of the file whose time is over.
    pub expired: Vec<String>,
    /// Commands for what a file cannot do, such as values of secrets.
    pub next: Vec<String>,
}

/// A plan with what it takes to follow it.
#[derive(Debug)]
pub struct PlannedFile {
    /// What is shown.
    pub shown: FilePlan,
    pub(super) slug: WorkspaceSlug,
    pub(super) scope: Option<WorkspaceScope>,
    pub(super) file: WorkspaceFile,
    pub(super) acts: Vec<Act>,
}

#[derive(Debug)]
pub(super) enum Act {
    CreateWorkspace,
    Describe,
    Settings,
    RemoveServer(String),
    AddServer(ServerEntry),
    ConfigureServer(ServerEntry),
    SwitchServer(String, bool),
    SettleTool(String, String, ToolEntry),
    /// The servers of the file, in its order.
    Order,
    Token(TokenAct),
}

/// A workspace as it is.
#[derive(Default)]
struct There {
    file: Option<WorkspaceFile>,
    specs: Vec<ServerSpec>,
    tokens: Vec<Token>,
}

impl Admin {
    /// Works out what a file would change; changes nothing, and contacts nobody (S-03).
    ///
    /// Only for whoever has the host: a file can name commands (S-70).
    ///
    /// `into` is another workspace than the one the file names. With `prune` what is there and not in the file is
    /// removed; without, it stays.
    pub fn plan_file(
        &self,
        file: &WorkspaceFile,
        into: Option<&str>,
        prune: bool,
    ) -> Result<PlannedFile, AdminError> {
        let slug = WorkspaceSlug::try_from(into.unwrap_or(&file.slug))?;
        check_name(&file.name, "workspace", NAME_MIN, NAME_MAX)?;
        let scope = match self.store.scope(&slug) {
            Err(StoreError::UnknownWorkspace { .. }) => None,
            other => Some(other?),
        };
        let there = match &scope {
            None => There::default(),
            Some(scope) => There {
                file: Some(self.export_workspace(scope)?),
                specs: self.store.servers(scope)?,
                tokens: self.working_tokens(scope)?,
            },
        };
        let mut draft = Draft {
            prune,
            shown: FilePlan {
                workspace: slug.to_string(),
                changes: Vec::new(),
                kept: Vec::new(),
                expired: Vec::new(),
                next: Vec::new(),
            },
            acts: Vec::new(),
        };
        draft.workspace(file, there.file.as_ref());
        let wanted = draft.servers(file, &there)?;
        self.name_missing(&mut draft.shown, scope.as_ref(), &wanted)?;
        draft.tokens(file, &there.tokens)?;
        Ok(PlannedFile {
            shown: draft.shown,
            slug,
            scope,
            file: file.clone(),
            acts: draft.acts,
        })
    }

    /// The secrets that servers of the file need and that have no value.
    fn name_missing(
        &self,
        shown: &mut FilePlan,
        scope: Option<&WorkspaceScope>,
        wanted: &[ServerSpec],
    ) -> Result<(), AdminError> {
        let secrets = match scope {
            Some(scope) => self.store.list_secrets(scope)?,
            None => Vec::new(),
        };
        for spec in wanted {
            for name in missing_secrets(spec, &secrets) {
                shown.next.push(format!(
                    "toolgatectl secrets set {} {name} --workspace {}",
                    spec.slug, shown.workspace
                ));
            }
        }
        Ok(())
    }
}

struct Draft {
    prune: bool,
    shown: FilePlan,
    acts: Vec<Act>,
}

/// The part of a file that is the workspace's own.
#[derive(Serialize)]
struct Own<'a> {
    called: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    read_only: ReadOnlyMay,
    strict_records: bool,
}

impl<'a> Own<'a> {
    fn of(file: &'a WorkspaceFile) -> Self {
        Self {
            called: file.name.trim(),
            description: file.description.trim(),
            read_only: file.read_only,
            strict_records: file.strict_records,
        }
    }
}

impl Draft {
    fn workspace(&mut self, file: &WorkspaceFile, there: Option<&WorkspaceFile>) {
        let slug = self.shown.workspace.clone();
        let own = Own::of(file);
        let Some(there) = there else {
            let added = FileChange::added("workspace", &slug, &own);
            self.shown.changes.push(added);
            self.acts.push(Act::CreateWorkspace);
            self.acts.push(Act::Settings);
            return;
        };
        let before = Own::of(there);
        if (before.called, before.description) != (own.called, own.description) {
            self.acts.push(Act::Describe);
        }
        if (before.read_only, before.strict_records) != (own.read_only, own.strict_records) {
            self.acts.push(Act::Settings);
        }
        let changed = FileChange::changed("workspace", &slug, &before, &own);
        self.shown.changes.extend(changed);
    }

    /// What the servers of the file mean, in its order.
    fn servers(
        &mut self,
        file: &WorkspaceFile,
        there: &There,
    ) -> Result<Vec<ServerSpec>, AdminError> {
        let is_in_file = |slug: &str| file.servers.iter().any(|entry| entry.name == slug);
        for spec in &there.specs {
            let slug = spec.slug.as_str();
            if is_in_file(slug) {
                continue;
            }
            if self.prune {
                self.shown.changes.push(FileChange::removed("server", slug));
                self.acts.push(Act::RemoveServer(slug.to_owned()));
            } else {
                self.shown.kept.push(format!("server {slug}"));
            }
        }
        let nowhere = WorkspaceId::from_random([0; 16]);
        let mut wanted = Vec::new();
        for (entry, place) in file.servers.iter().zip(0..) {
            let resolved = entry.resolve(&nowhere, place);
            let resolved = resolved.map_err(|source| AdminError::InFile {
                place: format!("server `{}`", entry.name),
                source: Box::new(source),
            })?;
            let mut spec = resolved.spec;
            let after = ServerEntry::of(&spec, entry.tools.clone());
            let known = there.specs.iter().find(|known| known.slug == spec.slug);
            let before = there.file.iter().flat_map(|file| &file.servers);
            let before = before.into_iter().find(|known| known.name == entry.name);
            if let (Some(known), Some(before)) = (known, before) {
                // Its secrets are asked for by who it is.
                spec.id = known.id.clone();
                self.server(before, &after);
            } else {
                let added = FileChange::added("server", &entry.name, &after);
                self.shown.changes.push(added);
                for (tool, settled) in &after.tools {
                    self.tool_added(&entry.name, tool, *settled);
                }
                self.acts.push(Act::AddServer(entry.clone()));
            }
            wanted.push(spec);
        }
        self.order(file, there);
        Ok(wanted)
    }

    fn server(&mut self, before: &ServerEntry, after: &ServerEntry) {
        let slug = &after.name;
        let changed = FileChange::changed("server", slug, before, after);
        if changed.is_some() {
            // Off first and on last, so that it never runs half changed.
            let switch = (before.enabled != after.enabled)
                .then(|| Act::SwitchServer(slug.clone(), after.enabled));
            let configure =
                (!after.is_reached_as(before)).then(|| Act::ConfigureServer(after.clone()));
            if after.enabled {
                self.acts.extend(configure.into_iter().chain(switch));
            } else {
                self.acts.extend(switch.into_iter().chain(configure));
            }
        }
        self.shown.changes.extend(changed);
        for (tool, settled) in &after.tools {
            match before.tools.get(tool) {
                None if *settled == ToolEntry::DEFAULT => {}
                None => {
                    self.tool_added(slug, tool, *settled);
                    self.settle(slug, tool, *settled);
                }
                Some(now) => {
                    let name = format!("{slug}/{tool}");
                    if let Some(change) = FileChange::changed("tool", &name, now, settled) {
                        self.shown.changes.push(change);
                        self.settle(slug, tool, *settled);
                    }
                }
            }
        }
        for tool in before.tools.keys() {
            if after.tools.contains_key(tool) {
                continue;
            }
            let name = format!("{slug}/{tool}");
            if self.prune {
                self.shown.changes.push(FileChange::removed("tool", &name));
                self.settle(slug, tool, ToolEntry::DEFAULT);
            } else {
                self.shown
                    .kept
                    .push(format!("what was settled about tool {name}"));
            }
        }
    }

    fn tool_added(&mut self, server: &str, tool: &str, settled: ToolEntry) {
        if settled == ToolEntry::DEFAULT {
            return;
        }
        let name = format!("{server}/{tool}");
        let added = FileChange::added("tool", &name, &settled);
        self.shown.changes.push(added);
    }

    fn settle(&mut self, server: &str, tool: &str, settled: ToolEntry) {
        let act = Act::SettleTool(server.to_owned(), tool.to_owned(), settled);
        self.acts.push(act);
    }

    /// Lists of tools have the servers in the order of the file.
    fn order(&mut self, file: &WorkspaceFile, there: &There) {
        let names = |file: &WorkspaceFile| -> Vec<String> {
            file.servers
                .iter()
                .map(|entry| entry.name.clone())
                .collect()
        };
        let wanted = names(file);
        let mut now = there.file.as_ref().map(names).unwrap_or_default();
        now.retain(|name| wanted.contains(name));
        let added = wanted.iter().filter(|name| !now.contains(name)).cloned();
        let added: Vec<String> = added.collect();
        now.extend(added);
        if now != wanted {
            self.shown.changes.push(FileChange {
                change: "changed",
                what: "order",
                name: "of the servers".to_owned(),
                fields: vec![super::FieldChange {
                    field: "servers".to_owned(),
                    old: Some(now.join(", ")),
                    new: Some(wanted.join(", ")),
                }],
            });
            self.acts.push(Act::Order);
        }
    }

    fn tokens(&mut self, file: &WorkspaceFile, there: &[Token]) -> Result<(), AdminError> {
        let mut wanted = Vec::new();
        for entry in &file.tokens {
            let canonical = entry.canonical().map_err(|source| AdminError::InFile {
                place: format!("token `{}`", entry.name),
                source: Box::new(source),
            })?;
            match canonical {
                Some(entry) => wanted.push(entry),
                None => self.shown.expired.push(entry.name.clone()),
            }
        }
        let plan = tokens::compare(&wanted, there, &self.shown.workspace, self.prune);
        self.shown.changes.extend(plan.changes);
        self.shown.kept.extend(plan.kept);
        self.shown.next.extend(plan.next);
        self.acts.extend(plan.acts.into_iter().map(Act::Token));
        Ok(())
    }
}

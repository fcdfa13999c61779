//! Workspaces: sets of servers behind one URL (product.md section 3).

mod probe;

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolgate_namespace::{WorkspaceId, WorkspaceSlug};
use toolgate_policy::{Role, Token};
use toolgate_store::{NewWorkspace, StoreError, Workspace, WorkspaceScope};

use crate::gateway::workspace_url;
use crate::time::{now_ms, rfc3339};
use crate::token::{TokenGrant, draw_token};
use crate::{Admin, AdminError, GatewayState, McpJson, NewToken, draw, slug};

pub use probe::{ServerTested, ToolTested, WorkspaceTested};

/// Shortest and longest name, in characters.
pub(crate) const NAME_MIN: usize = 2;
pub(crate) const NAME_MAX: usize = 80;
/// Slugs tried before giving up; taken ones are skipped one by one.
const SLUG_ATTEMPTS: usize = 1_000;
/// Name of the token a workspace starts with.
const FIRST_TOKEN: &str = "admin";

/// A workspace that was made, with its first token, which is never shown again; `Debug` leaves it out.
#[derive(Clone, Serialize, JsonSchema)]
pub struct WorkspaceCreated {
    /// Identity (`ws_…`).
    pub id: String,
    /// Its place in the URL; never changes.
    pub slug: String,
    /// What people call it.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Where clients reach it.
    pub url: String,
    /// When it was made.
    pub created_at: String,
    /// Whether it is the default target of commands now.
    pub active: bool,
    /// Id of the first token.
    pub token_id: String,
    /// Role of the first token.
    pub role: Role,
    /// The first token itself.
    pub token: String,
    /// What to paste into an editor's configuration.
    pub mcp_json: McpJson,
    /// What became of the change at the gateway.
    pub gateway: GatewayState,
}

/// A workspace in a list.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct WorkspaceListed {
    /// Identity (`ws_…`).
    pub id: String,
    /// Its place in the URL.
    pub slug: String,
    /// What people call it.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Where clients reach it.
    pub url: String,
    /// How many servers it has.
    pub servers: u64,
    /// How many of its tokens are not revoked.
    pub tokens: u64,
    /// What read-only tokens may call.
    pub read_only: ReadOnlyMay,
    /// Whether writing calls are sent only once their intent is on the disk.
    pub strict_records: bool,
    /// Whether it is the default target of commands.
    pub active: bool,
    /// When it was made.
    pub created_at: String,
}

/// What read-only tokens may call in a workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReadOnlyMay {
    /// Tools that are read-only by their pinned annotation or by an admin's classification.
    #[default]
    Annotated,
    /// Every enabled tool.
    All,
}

/// Settings of a workspace that were changed.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct WorkspaceUpdated {
    /// The workspace.
    pub slug: String,
    /// What people call it.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What read-only tokens may call.
    pub read_only: ReadOnlyMay,
    /// Whether writing calls are sent only once their intent is on the disk.
    pub strict_records: bool,
    /// What became of the change at the gateway.
    pub gateway: GatewayState,
}

/// Settings of a workspace to change; `None` leaves one as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkspaceSettings {
    /// What people call it; its slug stays.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// What read-only tokens may call.
    pub read_only: Option<ReadOnlyMay>,
    /// Whether writing calls are sent only once their intent is on the disk.
    pub strict_records: Option<bool>,
}

/// What goes with a workspace when it is deleted.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct WorkspaceContents {
    /// The workspace.
    pub slug: String,
    /// Tokens that are not revoked.
    pub tokens: u64,
    /// Servers.
    pub servers: u64,
    /// Secrets.
    pub secrets: usize,
}

/// A workspace that is gone.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct WorkspaceDeleted {
    /// Its slug, which is free again.
    pub slug: String,
    /// Always true, as in the management API.
    pub deleted: bool,
    /// Tokens that worked until now.
    pub tokens_revoked: u64,
    /// Servers that were removed.
    pub servers_removed: u64,
    /// Secrets that were deleted.
    pub secrets_deleted: u64,
    /// What became of the change at the gateway.
    pub gateway: GatewayState,
}

impl Admin {
    /// Makes a workspace and its first token, an Admin one. The slug is derived from `name`; a slug that is
    /// taken gets a number.
    pub fn create_workspace(
        &self,
        name: &str,
        description: &str,
    ) -> Result<WorkspaceCreated, AdminError> {
        let first = NewToken {
            role: Role::Admin,
            ..NewToken::named(FIRST_TOKEN)
        };
        let id = WorkspaceId::from_random(draw::bytes()?);
        let grant = TokenGrant {
            per_minute: self.store.settings()?.plan().requests_per_minute,
            ..TokenGrant::default()
        };
        let (raw, token) = draw_token(&id, &first, grant)?;
        let workspace = self.add_workspace(&id, name, description, Some(&token))?;
        let scope = self.scope(workspace.slug.as_str())?;
        let token = self.token_created(&scope, &raw, token)?;
        let slug = workspace.slug.to_string();
        Ok(WorkspaceCreated {
            id: workspace.id.to_string(),
            active: self.active()?.as_deref() == Some(&slug),
            slug,
            name: workspace.name,
            description: workspace.description,
            url: token.url,
            created_at: rfc3339(workspace.created_at),
            token_id: token.id,
            role: token.role,
            token: token.token,
            mcp_json: token.mcp_json,
            gateway: token.gateway,
        })
    }

    /// One workspace, as it is listed.
    pub fn workspace(&self, scope: &WorkspaceScope) -> Result<WorkspaceListed, AdminError> {
        let listed = self.list_workspaces()?.into_iter();
        let mut found = listed.filter(|workspace| workspace.id == scope.workspace().as_str());
        found.next().ok_or_else(|| AdminError::UnknownWorkspace {
            slug: scope.slug().to_string(),
            known: Vec::new(),
        })
    }

    /// Every workspace, by slug.
    pub fn list_workspaces(&self) -> Result<Vec<WorkspaceListed>, AdminError> {
        let base = self.base_url()?;
        let active = self.active()?;
        let listed = self.store.workspaces()?.into_iter().map(|summary| {
            let workspace = summary.workspace;
            let slug = workspace.slug.to_string();
            WorkspaceListed {
                id: workspace.id.to_string(),
                url: workspace_url(&base, &slug),
                active: active.as_deref() == Some(&slug),
                slug,
                name: workspace.name,
                description: workspace.description,
                servers: summary.servers,
                tokens: summary.tokens,
                read_only: ReadOnlyMay::of(workspace.read_only_all),
                strict_records: workspace.strict_records,
                created_at: rfc3339(workspace.created_at),
            }
        });
        Ok(listed.collect())
    }

    /// Changes settings of a workspace.
    pub fn update_workspace(
        &self,
        scope: &WorkspaceScope,
        settings: WorkspaceSettings,
    ) -> Result<WorkspaceUpdated, AdminError> {
        let mut workspace = self.store.workspace(scope)?.workspace;
        if let Some(name) = settings.name {
            check_name(&name, "workspace", NAME_MIN, NAME_MAX)?;
            name.trim().clone_into(&mut workspace.name);
        }
        if let Some(description) = settings.description {
            description.trim().clone_into(&mut workspace.description);
        }
        if let Some(may) = settings.read_only {
            workspace.read_only_all = may == ReadOnlyMay::All;
        }
        if let Some(strict) = settings.strict_records {
            workspace.strict_records = strict;
        }
        self.store
            .update_workspace(scope, &self.actor, &workspace)?;
        Ok(WorkspaceUpdated {
            slug: scope.slug().to_string(),
            name: workspace.name,
            description: workspace.description,
            read_only: ReadOnlyMay::of(workspace.read_only_all),
            strict_records: workspace.strict_records,
            gateway: self.knock(),
        })
    }

    /// What deleting a workspace would take with it.
    pub fn workspace_contents(
        &self,
        scope: &WorkspaceScope,
    ) -> Result<WorkspaceContents, AdminError> {
        let summary = self.store.workspace(scope)?;
        Ok(WorkspaceContents {
            slug: scope.slug().to_string(),
            tokens: summary.tokens,
            servers: summary.servers,
            secrets: self.store.list_secrets(scope)?.len(),
        })
    }

    /// Deletes a workspace with its tokens, servers and secrets; there is no way back.
    pub fn delete_workspace(&self, scope: &WorkspaceScope) -> Result<WorkspaceDeleted, AdminError> {
        let deleted = self.store.delete_workspace(scope, &self.actor)?;
        let gateway = self.knock();
        self.deactivate(scope.slug().as_str())?;
        Ok(WorkspaceDeleted {
            slug: scope.slug().to_string(),
            deleted: true,
            tokens_revoked: deleted.tokens,
            servers_removed: deleted.servers,
            secrets_deleted: deleted.secrets,
            gateway,
        })
    }

    /// Makes a workspace, and with it its first token if it is to have one.
    pub(crate) fn add_workspace(
        &self,
        id: &WorkspaceId,
        name: &str,
        description: &str,
        first: Option<&Token>,
    ) -> Result<Workspace, AdminError> {
        let slugs = slug::candidates(name).take(SLUG_ATTEMPTS);
        self.add_workspace_at(id, slugs, name, description, first)
    }

    /// The same at the first of these slugs that is free.
    pub(crate) fn add_workspace_at(
        &self,
        id: &WorkspaceId,
        slugs: impl IntoIterator<Item = WorkspaceSlug>,
        name: &str,
        description: &str,
        first: Option<&Token>,
    ) -> Result<Workspace, AdminError> {
        check_name(name, "workspace", NAME_MIN, NAME_MAX)?;
        let mut taken = None;
        for slug in slugs {
            let add = || {
                let (_, key) = self.store.master()?.new_workspace_key(id.as_str())?;
                let new = NewWorkspace {
                    id: id.clone(),
                    slug: slug.clone(),
                    name: name.trim().to_owned(),
                    description: description.trim().to_owned(),
                    key,
                    created_at: now_ms(),
                };
                Ok(self.store.create_workspace_with(&self.actor, new, first))
            };
            let added: Result<_, AdminError> = match add()? {
                // The master key was rotated since it was read.
                Err(StoreError::KeyRetired) => add(),
                other => Ok(other),
            };
            match added? {
                // Trying is the only check that another process cannot overtake.
                Err(error @ StoreError::Taken { .. }) => taken = Some(error),
                other => return Ok(other?),
            }
        }
        Err(taken.map_or(AdminError::Random, AdminError::Store))
    }
}

impl fmt::Debug for WorkspaceCreated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkspaceCreated")
            .field("id", &self.id)
            .field("slug", &self.slug)
            .finish_non_exhaustive()
    }
}

impl ReadOnlyMay {
    fn of(all: bool) -> Self {
        if all { Self::All } else { Self::Annotated }
    }
}

/// Checks a name for people.
pub(crate) fn check_name(
    name: &str,
    what: &'static str,
    min: usize,
    max: usize,
) -> Result<(), AdminError> {
    let length = name.trim().chars().count();
    if (min..=max).contains(&length) && !name.chars().any(char::is_control) {
        return Ok(());
    }
    Err(AdminError::Name { what, min, max })
}

//! Secrets: sealed here, opened by the gateway alone (S-16); nothing in this file returns a value.

use schemars::JsonSchema;
use serde::Serialize;
use toolgate_namespace::{ServerId, ServerSpec};
use toolgate_store::{SecretRow, SecretSummary, StoreError, WorkspaceScope};
use toolgate_vault::{Secret, SecretContext, SecretName};

use crate::server::missing_secrets;
use crate::time::{now_ms, rfc3339};
use crate::{Admin, AdminError, GatewayState, Probe};

/// Whose a secret is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretOwner<'a> {
    /// Any server of the workspace that names it.
    Workspace,
    /// Only the server of this name; its own value beats the workspace's (product.md 7.2).
    Server(&'a str),
}

/// A secret that was set.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SecretSet {
    /// Its workspace.
    pub workspace: String,
    /// The only server that gets it; null = any that names it.
    pub server: Option<String>,
    /// Its name.
    pub name: String,
    /// How often it was set.
    pub version: u64,
    /// Whether any server is configured to be given it.
    pub used: bool,
    /// The servers that are given it.
    pub used_by: Vec<String>,
    /// What the gateway found, when this was the last value its server was waiting for.
    pub probe: Option<Probe>,
    /// What became of the change at the gateway.
    pub gateway: GatewayState,
}

/// What may be shown of a secret: never its value.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SecretListed {
    /// Its name.
    pub name: String,
    /// The only server that gets it; null = any that names it.
    pub server: Option<String>,
    /// How often it was set.
    pub version: u64,
    /// When its value was set.
    pub created_at: String,
    /// When it last left for a server.
    pub last_used_at: Option<String>,
    /// The servers that are given it.
    pub used_by: Vec<String>,
}

/// A secret that is gone.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SecretDeleted {
    /// Its workspace.
    pub workspace: String,
    /// The only server that got it; null = any that named it.
    pub server: Option<String>,
    /// Its name.
    pub name: String,
    /// Always true.
    pub deleted: bool,
    /// What became of the change at the gateway.
    pub gateway: GatewayState,
}

impl Admin {
    /// Seals a value under its workspace's key and saves it; the next call uses it.
    ///
    /// `name` is normalised (`github-token` is `GITHUB_TOKEN`), but only the exact name replaces a value that
    /// exists, so that two spellings never overwrite each other by accident (S-18).
    pub fn set_secret(
        &self,
        scope: &WorkspaceScope,
        owner: SecretOwner<'_>,
        name: &str,
        value: &Secret<String>,
    ) -> Result<SecretSet, AdminError> {
        let given = name;
        let name = SecretName::normalise(given)?;
        let value = Secret::check_value(value.expose().clone())?;
        let server = self.owner(scope, owner)?;
        let server_id = server.as_ref().map(|server| &server.id);
        let secrets = self.store.list_secrets(scope)?;
        if given != name.as_str() && find(&secrets, server_id, &name).is_some() {
            return Err(AdminError::SecretSpelling {
                given: given.to_owned(),
                name: name.as_str().to_owned(),
            });
        }
        let version = self.seal(scope, server_id, &name, &value)?;
        let gateway = self.knock();
        let used_by = self.users(scope, server_id, &name)?;
        Ok(SecretSet {
            workspace: scope.slug().to_string(),
            server: server.as_ref().map(|server| server.slug.to_string()),
            used: !used_by.is_empty(),
            used_by,
            probe: self.first_contact(scope, server.as_ref(), gateway)?,
            name: name.as_str().to_owned(),
            version,
            gateway,
        })
    }

    /// Replaces the value of a secret that is set already, named exactly.
    pub fn rotate_secret(
        &self,
        scope: &WorkspaceScope,
        owner: SecretOwner<'_>,
        name: &str,
        value: &Secret<String>,
    ) -> Result<SecretSet, AdminError> {
        let normal = SecretName::normalise(name)?;
        let server = self.owner(scope, owner)?;
        let server_id = server.as_ref().map(|server| &server.id);
        if find(&self.store.list_secrets(scope)?, server_id, &normal).is_none() {
            return Err(unknown(scope, server.as_ref(), &normal));
        }
        self.set_secret(scope, owner, name, value)
    }

    /// Seals a value as the next version and saves it; answers the version.
    fn seal(
        &self,
        scope: &WorkspaceScope,
        server: Option<&ServerId>,
        name: &SecretName,
        value: &Secret<String>,
    ) -> Result<u64, AdminError> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            match self.try_seal(scope, server, name, value) {
                // A rotation came between reading the data key and saving.
                Err(AdminError::Store(StoreError::KeyRetired)) if attempts < SEAL_ATTEMPTS => {}
                other => return other,
            }
        }
    }

    fn try_seal(
        &self,
        scope: &WorkspaceScope,
        server: Option<&ServerId>,
        name: &SecretName,
        value: &Secret<String>,
    ) -> Result<u64, AdminError> {
        let version = self.store.next_version(scope, server, name)?;
        let workspace = scope.workspace();
        let key = self.store.sealing_key(scope)?;
        let context = SecretContext {
            workspace: workspace.as_str(),
            server: server.map(ServerId::as_str),
            name: name.as_str(),
            version,
        };
        let row = SecretRow {
            workspace: workspace.clone(),
            server: server.cloned(),
            name: name.clone(),
            version,
            sealed: key.seal(context, value)?,
            created_at: now_ms(),
            last_used_at: None,
        };
        self.store.put_secret(scope, &self.actor, &row)?;
        Ok(version)
    }

    /// The secrets of a workspace, or those that one server is given or owns.
    pub fn list_secrets(
        &self,
        scope: &WorkspaceScope,
        server: Option<&str>,
    ) -> Result<Vec<SecretListed>, AdminError> {
        let only = server.map(|slug| self.server(scope, slug)).transpose()?;
        let servers = self.store.servers(scope)?;
        let mut listed = Vec::new();
        for secret in self.store.list_secrets(scope)? {
            let owner = secret.server.as_ref();
            let used_by = users(&servers, owner, &secret.name);
            let concerns = |server: &ServerSpec| {
                owner == Some(&server.id) || used_by.iter().any(|slug| slug == server.slug.as_str())
            };
            if !only.as_ref().is_none_or(concerns) {
                continue;
            }
            let owner = owner.and_then(|id| servers.iter().find(|server| server.id == *id));
            listed.push(SecretListed {
                name: secret.name.as_str().to_owned(),
                server: owner.map(|server| server.slug.to_string()),
                version: secret.version,
                created_at: rfc3339(secret.created_at),
                last_used_at: secret.last_used_at.map(rfc3339),
                used_by,
            });
        }
        Ok(listed)
    }

    /// Deletes a secret and its ciphertext.
    pub fn delete_secret(
        &self,
        scope: &WorkspaceScope,
        owner: SecretOwner<'_>,
        name: &str,
    ) -> Result<SecretDeleted, AdminError> {
        let name = SecretName::normalise(name)?;
        let server = self.owner(scope, owner)?;
        let server_id = server.as_ref().map(|server| &server.id);
        let deleted = self
            .store
            .delete_secret(scope, &self.actor, server_id, &name);
        match deleted {
            Err(StoreError::Unknown { .. }) => return Err(unknown(scope, server.as_ref(), &name)),
            other => other?,
        };
        let slug = server.as_ref().map(|server| server.slug.to_string());
        Ok(SecretDeleted {
            workspace: scope.slug().to_string(),
            server: slug,
            name: name.as_str().to_owned(),
            deleted: true,
            gateway: self.knock(),
        })
    }

    fn owner(
        &self,
        scope: &WorkspaceScope,
        owner: SecretOwner<'_>,
    ) -> Result<Option<ServerSpec>, AdminError> {
        match owner {
            SecretOwner::Workspace => Ok(None),
            SecretOwner::Server(slug) => self.server(scope, slug).map(Some),
        }
    }

    /// Contacts a server that was never reached, now that it has all its secrets. A server whose tools are
    /// known is left alone: setting a new value is no reason to bother it.
    fn first_contact(
        &self,
        scope: &WorkspaceScope,
        server: Option<&ServerSpec>,
        gateway: GatewayState,
    ) -> Result<Option<Probe>, AdminError> {
        let Some(server) = server.filter(|server| server.enabled) else {
            return Ok(None);
        };
        let is_waiting = gateway != GatewayState::NotRunning
            && missing_secrets(server, &self.store.list_secrets(scope)?).is_empty()
            && !self
                .store
                .tools(scope)?
                .iter()
                .any(|tool| tool.server == server.id);
        Ok(is_waiting.then(|| self.probe(scope, &server.slug)))
    }

    fn users(
        &self,
        scope: &WorkspaceScope,
        owner: Option<&ServerId>,
        name: &SecretName,
    ) -> Result<Vec<String>, AdminError> {
        Ok(users(&self.store.servers(scope)?, owner, name))
    }
}

/// How often a value is sealed again when the data key was replaced in between.
const SEAL_ATTEMPTS: u32 = 4;

fn unknown(scope: &WorkspaceScope, server: Option<&ServerSpec>, name: &SecretName) -> AdminError {
    AdminError::UnknownSecret {
        name: name.as_str().to_owned(),
        owner: server.map_or_else(
            || format!("workspace `{}`", scope.slug()),
            |server| format!("server `{}`", server.slug),
        ),
    }
}

fn find<'a>(
    secrets: &'a [SecretSummary],
    server: Option<&ServerId>,
    name: &SecretName,
) -> Option<&'a SecretSummary> {
    secrets
        .iter()
        .find(|secret| secret.server.as_ref() == server && secret.name == *name)
}

/// The servers that are given the secret `name` of this owner.
fn users(servers: &[ServerSpec], owner: Option<&ServerId>, name: &SecretName) -> Vec<String> {
    let names = |server: &ServerSpec| {
        let mut injections = server.injections.iter();
        injections.any(|injection| injection.secret_names().contains(&name.as_str()))
    };
    servers
        .iter()
        .filter(|server| owner.is_none_or(|owner| server.id == *owner) && names(server))
        .map(|server| server.slug.to_string())
        .collect()
}

//! A workspace, written out.

use std::collections::HashMap;

use toolgate_namespace::ServerId;
use toolgate_policy::{RateLimit, Token, TokenStatus};
use toolgate_store::WorkspaceScope;

use super::WorkspaceFile;
use super::format::{RateEntry, TokenEntry, ToolEntry, Tools};
use super::server::ServerEntry;
use super::tokens::whole_second;
use crate::{Admin, AdminError, ReadOnlyMay};

impl Admin {
    /// Everything of a workspace but values of secrets and texts of tokens. Tokens that work no more are left out.
    pub fn export_workspace(&self, scope: &WorkspaceScope) -> Result<WorkspaceFile, AdminError> {
        let workspace = self.store.workspace(scope)?.workspace;
        let mut settled: HashMap<ServerId, Tools> = HashMap::new();
        for row in self.store.tools(scope)? {
            let entry = ToolEntry {
                enabled: row.enabled,
                does: row.classification,
            };
            if entry != ToolEntry::DEFAULT {
                settled
                    .entry(row.server)
                    .or_default()
                    .insert(row.name, entry);
            }
        }
        let servers = self.store.servers(scope)?.into_iter().map(|spec| {
            let tools = settled.remove(&spec.id).unwrap_or_default();
            ServerEntry::of(&spec, tools)
        });
        let mut tokens: Vec<_> = self
            .working_tokens(scope)?
            .iter()
            .map(token_entry)
            .collect();
        // Not by age: tokens made in one millisecond have none, and another installation's file would differ.
        tokens.sort();
        Ok(WorkspaceFile {
            read_only: if workspace.read_only_all {
                ReadOnlyMay::All
            } else {
                ReadOnlyMay::Annotated
            },
            strict_records: workspace.strict_records,
            servers: servers.collect(),
            tokens,
            ..WorkspaceFile::new(
                workspace.slug.to_string(),
                workspace.name,
                workspace.description,
            )
        })
    }

    /// The tokens that are accepted.
    pub(super) fn working_tokens(&self, scope: &WorkspaceScope) -> Result<Vec<Token>, AdminError> {
        let now = self.judged_ms()?;
        let mut tokens = self.store.list_tokens(scope)?;
        tokens.retain(|token| token.status(now) == TokenStatus::Active);
        Ok(tokens)
    }
}

pub(super) fn token_entry(token: &Token) -> TokenEntry {
    TokenEntry {
        name: token.name.clone(),
        role: token.role,
        tools: token.rules.patterns().to_vec(),
        rate_limit: rate_entry(token.rate_limit),
        expires_at: token.expires_at.map(whole_second),
        member: None,
    }
}

pub(super) fn rate_entry(limit: RateLimit) -> RateEntry {
    match limit {
        RateLimit::PerMinute(limit) => RateEntry::PerMinute(limit.get()),
        RateLimit::Off => RateEntry::Word("off".to_owned()),
    }
}

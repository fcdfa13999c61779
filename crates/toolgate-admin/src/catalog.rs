//! What clients see of a workspace's tools, computed from the store the way the gateway computes it.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;
use toolgate_namespace::{
    ExposedName, Prefix, ServerId, ServerSlug, ServerSpec, TOOL_NAME_MAX, ToolName, ToolTable,
};
use toolgate_policy::{Classification, Principal, Token, TokenStatus, ToolAccess, may_see};
use toolgate_store::{Store, StoreError, ToolRow, ToolState, WorkspaceScope};

/// The known tools of one workspace.
#[derive(Debug)]
pub(crate) struct Catalog {
    /// Every known tool, also disabled and held ones, in list order.
    pub(crate) entries: Vec<Entry>,
    read_only_all: bool,
}

/// One tool.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Its server's slug.
    pub(crate) server: String,
    /// Whether its server is enabled.
    pub(crate) server_enabled: bool,
    /// The row, with the name its server gives it.
    pub(crate) row: ToolRow,
    /// The name clients see; `None` when it is hidden because of its name (P9.5, S-33).
    pub(crate) exposed: Option<String>,
    /// The same name unshortened, which stays callable (P9.3).
    pub(crate) full: String,
    /// What it does: an admin's word, else its pinned annotations (S-54).
    pub(crate) classification: Classification,
    /// What its server says of it.
    pub(crate) description: Option<String>,
}

impl Catalog {
    pub(crate) fn read(store: &Store, scope: &WorkspaceScope) -> Result<Self, StoreError> {
        let mut servers = store.servers(scope)?;
        servers.sort_by(|a, b| (a.display_order, &a.id).cmp(&(b.display_order, &b.id)));
        let mut rows: HashMap<ServerId, Vec<ToolRow>> = HashMap::new();
        for row in store.tools(scope)? {
            rows.entry(row.server.clone()).or_default().push(row);
        }
        let exposed = exposed_names(&servers, &rows);
        let mut entries = Vec::new();
        for server in &servers {
            for row in rows.remove(&server.id).unwrap_or_default() {
                let definition = Definition::of(&row.definition);
                let full = ToolName::try_from(row.name.as_str())
                    .map(|name| ExposedName::full(prefix(server), &name))
                    .unwrap_or_default();
                entries.push(Entry {
                    server: server.slug.to_string(),
                    server_enabled: server.enabled,
                    full,
                    exposed: exposed.get(&(server.id.clone(), row.name.clone())).cloned(),
                    classification: row.classification.unwrap_or(definition.classification),
                    description: definition.description,
                    row,
                });
            }
        }
        Ok(Self {
            entries,
            read_only_all: store.workspace(scope)?.workspace.read_only_all,
        })
    }

    /// The tools clients may be shown, as policy sees them.
    pub(crate) fn callable(&self) -> impl Iterator<Item = ToolAccess<'_>> {
        self.entries
            .iter()
            .filter(|entry| entry.is_offered())
            .filter_map(|entry| self.access(entry))
    }

    /// Whether `token` may call the tool clients see as `exposed`; why; and how to change it.
    pub(crate) fn explain(
        &self,
        token: &Token,
        exposed: &str,
        now_ms: u64,
    ) -> (bool, String, Option<String>) {
        let no = |reason: &str, hint: String| (false, reason.to_owned(), Some(hint));
        match token.status(now_ms) {
            TokenStatus::Active => {}
            TokenStatus::Expired => return no("the token has expired", new_token()),
            TokenStatus::Revoked => return no("the token was revoked", new_token()),
        }
        let entry = self
            .entries
            .iter()
            .find(|entry| entry.exposed.as_deref() == Some(exposed) || entry.full == exposed);
        let Some((entry, access)) = entry.and_then(|entry| Some((entry, self.access(entry)?)))
        else {
            return no(
                "no tool of that name is known",
                "see `toolgatectl mcp tools` for the names, and `toolgatectl workspace test` to ask the servers again".to_owned(),
            );
        };
        let (server, tool) = (&entry.server, &entry.row.name);
        if !entry.server_enabled {
            return no(
                "its server is disabled",
                format!("`toolgatectl mcp enable {server}`"),
            );
        }
        if !entry.row.enabled {
            return no(
                "the tool is disabled",
                format!("`toolgatectl mcp enable {server} --tool {tool}`"),
            );
        }
        if entry.row.state == ToolState::Held {
            return no(
                "the tool is held: it is new or changed since it was approved",
                format!("look at it with `toolgatectl mcp tools {server}`"),
            );
        }
        let principal = Principal::authenticate(&Arc::new(token.clone()), &token.digest, now_ms);
        if principal.is_some_and(|principal| may_see(&principal, access)) {
            return (
                true,
                "role and rules of the token allow it".to_owned(),
                None,
            );
        }
        if !token.rules.allow_tool(access.exposed, access.full) {
            return no(
                "the token's tool patterns leave it out",
                format!(
                    "make a token with other --tools; this one has {}",
                    token.rules.patterns().join(",")
                ),
            );
        }
        no(
            "the token is read-only and the tool is not known to be",
            format!("if it changes nothing: `toolgatectl mcp classify {server} {tool} read-only`"),
        )
    }

    fn access<'a>(&self, entry: &'a Entry) -> Option<ToolAccess<'a>> {
        Some(ToolAccess {
            exposed: entry.exposed.as_deref()?,
            full: &entry.full,
            classification: entry.classification,
            read_only_may_call_all: self.read_only_all,
        })
    }
}

impl Entry {
    /// Whether clients can be shown it at all.
    pub(crate) fn is_offered(&self) -> bool {
        self.server_enabled
            && self.row.enabled
            && self.row.state == ToolState::Approved
            && self.exposed.is_some()
    }
}

fn new_token() -> String {
    "make a new one with `toolgatectl workspace token create`".to_owned()
}

/// The names clients see, or would see if the server were enabled.
fn exposed_names(
    servers: &[ServerSpec],
    rows: &HashMap<ServerId, Vec<ToolRow>>,
) -> HashMap<(ServerId, String), String> {
    let names: Vec<(&ServerSpec, Vec<ToolName>)> = servers
        .iter()
        .map(|server| {
            let rows = rows.get(&server.id).map(Vec::as_slice).unwrap_or_default();
            let names = rows
                .iter()
                .filter_map(|row| ToolName::try_from(row.name.as_str()).ok());
            (server, names.collect())
        })
        .collect();
    let enabled = names.iter().filter(|(server, _)| server.enabled);
    let table = ToolTable::build(
        enabled.map(|(server, names)| (server.id.clone(), prefix(server), names.as_slice())),
        TOOL_NAME_MAX,
    );
    let listed = table.iter().map(|target| {
        let tool = target.tool.as_str().to_owned();
        (
            (target.server.clone(), tool),
            target.exposed.as_str().to_owned(),
        )
    });
    let disabled = names.iter().filter(|(server, _)| !server.enabled);
    let unlisted = disabled.flat_map(|(server, names)| {
        names.iter().map(|name| {
            let exposed = ExposedName::new(prefix(server), name, TOOL_NAME_MAX);
            (
                (server.id.clone(), name.as_str().to_owned()),
                exposed.as_str().to_owned(),
            )
        })
    });
    listed.chain(unlisted).collect()
}

fn prefix(server: &ServerSpec) -> Option<&ServerSlug> {
    match server.prefix {
        Prefix::Slug => Some(&server.slug),
        Prefix::None => None,
    }
}

/// The little that is read of a tool's definition; everything else in it is opaque here.
struct Definition {
    description: Option<String>,
    classification: Classification,
}

impl Definition {
    fn of(json: &[u8]) -> Self {
        let value: Value = serde_json::from_slice(json).unwrap_or_default();
        let hint = |name: &str| value["annotations"][name].as_bool();
        Self {
            description: value["description"].as_str().map(ToOwned::to_owned),
            classification: Classification::from_hints(
                hint("readOnlyHint"),
                hint("destructiveHint"),
            ),
        }
    }
}

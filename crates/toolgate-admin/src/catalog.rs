//! What clients see of a workspace's tools, computed from the store the way the gateway computes it.

use std::collections::HashMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use toolgate_namespace::{
    Changes, ExposedName, Prefix, ServerId, ServerIdentity, ServerSlug, ServerSpec, TOOL_NAME_MAX,
    ToolName, ToolTable,
};
use toolgate_policy::{
    Classification, Denied, Principal, Role, Standing, Token, TokenStatus, ToolAccess, permit_call,
};
use toolgate_store::{ServerPin, Store, StoreError, ToolRow, ToolState, WorkspaceScope};

/// The gateway's own tools that are for every role; all others take one that manages.
pub const OWN_TOOLS_FOR_ALL: [&str; 2] = ["whoami", "my_calls"];

/// The known tools of one workspace.
#[derive(Debug)]
pub(crate) struct Catalog {
    /// Every known tool, also disabled and held ones, in list order.
    pub(crate) entries: Vec<Entry>,
    read_only_all: bool,
}

/// Who says what a tool does (S-54).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ClassifiedBy {
    /// An admin said so.
    Admin,
    /// Its server's pinned annotations say so.
    Server,
    /// Neither did, so it counts as the worst.
    Nobody,
}

impl ClassifiedBy {
    /// The word in lists and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Server => "server",
            Self::Nobody => "nobody",
        }
    }
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
    /// Whose word that is.
    pub(crate) classified_by: ClassifiedBy,
    /// What its server says of it.
    pub(crate) description: Option<String>,
    /// Whether it may be had, as the gateway decides it.
    pub(crate) standing: Standing,
    /// What changed of its server, while that is quarantined (S-52).
    pub(crate) quarantined: Option<String>,
}

impl Catalog {
    pub(crate) fn read(store: &Store, scope: &WorkspaceScope) -> Result<Self, StoreError> {
        let mut servers = store.servers(scope)?;
        servers.sort_by(|a, b| (a.display_order, &a.id).cmp(&(b.display_order, &b.id)));
        let mut rows: HashMap<ServerId, Vec<ToolRow>> = HashMap::new();
        for row in store.tools(scope)? {
            rows.entry(row.server.clone()).or_default().push(row);
        }
        let quarantined = quarantines(&servers, &store.server_pins(scope)?);
        let standing = |row: &ToolRow| {
            if !row.enabled {
                Standing::Disabled
            } else if row.state == ToolState::Held || quarantined.contains_key(&row.server) {
                Standing::Held
            } else {
                Standing::Approved
            }
        };
        // As in the gateway: what may not be had takes no name from what may.
        let mut exposed = exposed_names(&servers, &rows, |row| {
            row.present && standing(row) == Standing::Approved
        });
        exposed.extend(exposed_names(&servers, &rows, |row| {
            row.present && standing(row) != Standing::Approved
        }));
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
                    classified_by: match row.classification {
                        Some(_) => ClassifiedBy::Admin,
                        None if definition.hinted => ClassifiedBy::Server,
                        None => ClassifiedBy::Nobody,
                    },
                    description: definition.description,
                    standing: standing(&row),
                    quarantined: quarantined.get(&server.id).cloned(),
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

    /// Whether `token` may call a tool of this catalog.
    pub(crate) fn may_call(&self, token: &Token, entry: &Entry, now_ms: u64) -> bool {
        let access = self.access(entry);
        access.is_some_and(|access| entry.decide(token, access, now_ms).is_ok())
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
        if entry.is_none()
            && let Some((ServerSlug::OWN, tool)) = ExposedName::split(exposed)
        {
            return explain_own(token, exposed, tool);
        }
        let Some((entry, access)) = entry.and_then(|entry| Some((entry, self.access(entry)?)))
        else {
            return no(
                "no tool of that name is known",
                "see `toolgatectl tools list` for the names, and `toolgatectl workspace test` to ask the servers again".to_owned(),
            );
        };
        match entry.decide(token, access, now_ms) {
            Ok(()) => (
                true,
                "role and rules of the token allow it, and its pin is approved".to_owned(),
                None,
            ),
            Err((reason, hint)) => (false, reason, Some(hint)),
        }
    }

    /// What a token with these rules could do with a tool, by its server's slug and its own name; the name
    /// clients see, and why not.
    pub(crate) fn try_call(
        &self,
        token: &Token,
        server: &str,
        tool: &str,
        now_ms: u64,
    ) -> (String, Result<(), String>) {
        let named = |entry: &&Entry| entry.server == server && entry.row.name == tool;
        let Some(entry) = self.entries.iter().find(named) else {
            return (
                format!("{server}/{tool}"),
                Err("no such tool is known".to_owned()),
            );
        };
        let shown = entry.exposed.clone().unwrap_or_else(|| entry.full.clone());
        let decided = match self.access(entry) {
            Some(access) => entry.decide(token, access, now_ms).map_err(|(why, _)| why),
            None => Err("it is hidden because of its name".to_owned()),
        };
        (shown, decided)
    }

    fn access<'a>(&self, entry: &'a Entry) -> Option<ToolAccess<'a>> {
        Some(ToolAccess {
            exposed: match (&entry.exposed, entry.row.present) {
                (Some(exposed), _) => exposed,
                (None, false) => &entry.full,
                (None, true) => return None,
            },
            full: &entry.full,
            classification: entry.classification,
            standing: entry.standing,
            least: Role::ReadOnly,
            read_only_may_call_all: self.read_only_all,
        })
    }
}

impl Entry {
    /// Whether clients can be shown it at all.
    pub(crate) fn is_offered(&self) -> bool {
        self.server_enabled
            && self.row.present
            && self.standing == Standing::Approved
            && self.exposed.is_some()
    }

    /// Whether `token` may call the tool; else why not and how to change it.
    fn decide(
        &self,
        token: &Token,
        access: ToolAccess<'_>,
        now_ms: u64,
    ) -> Result<(), (String, String)> {
        let no = |reason: &str, hint: String| Err((reason.to_owned(), hint));
        let (server, tool) = (&self.server, &self.row.name);
        if !self.server_enabled {
            let hint = format!("`toolgatectl mcp enable {server}`");
            return no("its server is disabled", hint);
        }
        if !self.row.present {
            let hint = format!(
                "ask the server again: `toolgatectl tools list {server}` shows what it lists"
            );
            return no("its server does not list it any more", hint);
        }
        let principal = Principal::authenticate(&Arc::new(token.clone()), &token.digest, now_ms);
        let Some(principal) = principal else {
            return no("the token is not active", new_token());
        };
        match permit_call(principal, access, ()) {
            Ok(_) => Ok(()),
            Err(Denied::Disabled) => no(
                "the tool is disabled",
                format!("`toolgatectl tools enable {server}/{tool}`"),
            ),
            Err(Denied::Held) => Err(self.held_because()),
            Err(Denied::Rules) => no(
                "the token's tool patterns leave it out",
                format!(
                    "make a token with other --tools; this one has {}",
                    token.rules.patterns().join(",")
                ),
            ),
            Err(Denied::Role) => no(
                &format!(
                    "the token is read-only and the tool counts as {}",
                    self.classification.as_str()
                ),
                format!(
                    "if it changes nothing: `toolgatectl tools classify {server}/{tool} read-only`"
                ),
            ),
        }
    }

    /// Why it is held, and what lifts that.
    fn held_because(&self) -> (String, String) {
        let (server, tool) = (&self.server, &self.row.name);
        match &self.quarantined {
            Some(what) => (
                format!("its server is quarantined: {what} since it was approved"),
                format!(
                    "look at it with `toolgatectl tools review {server}`; if that is meant, `toolgatectl tools approve {server}`"
                ),
            ),
            None => (
                format!(
                    "the tool is held: {}",
                    self.row
                        .reason
                        .as_deref()
                        .unwrap_or("nobody has approved it yet")
                ),
                format!(
                    "look at it with `toolgatectl tools review {server}/{tool}`, then approve what was shown"
                ),
            ),
        }
    }
}

/// The same for a tool of the gateway's own. Which there are is the gateway's to know.
fn explain_own(token: &Token, exposed: &str, tool: &str) -> (bool, String, Option<String>) {
    let no = |reason: &str, hint: &str| (false, reason.to_owned(), Some(hint.to_owned()));
    let is_for_all = OWN_TOOLS_FOR_ALL.contains(&tool);
    if !is_for_all && !token.role.may_manage() {
        let reason = "the gateway's own tools manage the workspace, which takes the role admin";
        return no(reason, "use an Admin token");
    }
    if !token.rules.allows(exposed) {
        let hint = "make a token whose --tools let it through, such as `toolgate__*`";
        return no("the token's tool patterns leave it out", hint);
    }
    let reason = "it is one of the gateway's own tools, if there is one of that name, and role and rules of the token allow it";
    (true, reason.to_owned(), None)
}

fn new_token() -> String {
    "make a new one with `toolgatectl workspace token create`".to_owned()
}

/// The names clients see, or would see if the server were enabled.
/// What changed of each quarantined server.
pub(crate) fn quarantines(servers: &[ServerSpec], pins: &[ServerPin]) -> HashMap<ServerId, String> {
    let of = |server: &ServerSpec| {
        let pin = pins.iter().find(|pin| pin.server == server.id)?;
        let what = pin.quarantined(&ServerIdentity::of(&server.transport))?;
        Some((server.id.clone(), what))
    };
    let held = servers
        .iter()
        .filter(|server| server.trust.changes == Changes::Hold);
    held.filter_map(of).collect()
}

/// The names clients see of the rows that are wanted.
fn exposed_names(
    servers: &[ServerSpec],
    rows: &HashMap<ServerId, Vec<ToolRow>>,
    is_wanted: impl Fn(&ToolRow) -> bool,
) -> HashMap<(ServerId, String), String> {
    let names: Vec<(&ServerSpec, Vec<ToolName>)> = servers
        .iter()
        .map(|server| {
            let rows = rows.get(&server.id).map(Vec::as_slice).unwrap_or_default();
            let names = rows
                .iter()
                .filter(|row| is_wanted(row))
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
    /// Whether its annotations say anything of what it does.
    hinted: bool,
}

impl Definition {
    fn of(json: &[u8]) -> Self {
        let value: Value = serde_json::from_slice(json).unwrap_or_default();
        let hint = |name: &str| value["annotations"][name].as_bool();
        let (read_only, destructive) = (hint("readOnlyHint"), hint("destructiveHint"));
        Self {
            description: value["description"].as_str().map(ToOwned::to_owned),
            classification: Classification::from_hints(read_only, destructive),
            hinted: read_only.is_some() || destructive.is_some(),
        }
    }
}

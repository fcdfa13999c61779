//! What waits for an admin's word: tools that are new or changed, and servers that are not who they were.

use std::fmt::Write;

use schemars::JsonSchema;
use serde::Serialize;
use toolgate_namespace::{ServerIdentity, ServerSpec};
use toolgate_protocol::trust::{Part, Scanner, differences, reveal};
use toolgate_protocol::{Json, JsonLimits};
use toolgate_store::{StoreError, ToolRow, ToolState, WorkspaceScope};

use super::tools::known;
use crate::catalog::{Catalog, Entry, quarantines};
use crate::{Admin, AdminError, GatewayState};

/// A tool beside what its server offers for it now (S-51).
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ToolReview {
    /// Its server.
    pub server: String,
    /// The server's own name for it, invisible characters written out.
    pub tool: String,
    /// `approved`, `held`, `changed` or `gone`, as [`crate::ToolListed`] has it.
    pub state: &'static str,
    /// Why it waits.
    pub reason: Option<String>,
    /// What an approval has to name: the digest of what is shown here.
    pub hash: String,
    /// Whether an approval is waited for.
    pub waits: bool,
    /// Where what is offered differs from what is pinned; empty for what was never approved.
    pub differences: Vec<DifferenceShown>,
    /// What is offered, place by place, of a tool that was never approved.
    pub offered: Vec<DifferenceShown>,
    /// What the scanner found in what is offered (S-53).
    pub findings: Vec<FindingShown>,
}

/// One place of a definition, invisible characters written out.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct DifferenceShown {
    /// Where, such as `inputSchema.properties.path.description`.
    pub place: String,
    /// What stands there.
    pub parts: Vec<PartShown>,
}

/// A stretch of a text.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct PartShown {
    /// `same`, `gone` or `added`.
    pub change: &'static str,
    /// The text.
    pub text: String,
}

/// Something suspicious.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FindingShown {
    /// The tool.
    pub tool: String,
    /// What kind, in one word.
    pub class: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// Where.
    pub place: String,
    /// Whether the tool is held for it.
    pub quarantines: bool,
}

/// A server that is not who it was (S-52).
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ServerReview {
    /// The server.
    pub server: String,
    /// What changed.
    pub reason: String,
    /// Who was approved.
    pub pinned: ServerIdentity,
    /// Who it is now.
    pub seen: ServerIdentity,
    /// What an approval has to name.
    pub hash: String,
}

/// Something that was approved.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Approved {
    /// Its workspace.
    pub workspace: String,
    /// The server.
    pub server: String,
    /// The tool; null when the server itself was approved.
    pub tool: Option<String>,
    /// What was approved.
    pub hash: String,
    /// What became of the change at the gateway.
    pub gateway: GatewayState,
}

impl Admin {
    /// What waits for an approval: of one server or of all; of one tool, also when it does not wait.
    pub fn review_tools(
        &self,
        scope: &WorkspaceScope,
        server: Option<&str>,
        tool: Option<&str>,
    ) -> Result<Vec<ToolReview>, AdminError> {
        let only = server.map(|slug| self.server(scope, slug)).transpose()?;
        let catalog = Catalog::read(&self.store, scope)?;
        let is_asked = |entry: &&Entry| {
            let server = only
                .as_ref()
                .is_none_or(|only| entry.server == only.slug.as_str());
            let named = match tool {
                Some(tool) => entry.row.name == tool,
                None => entry.row.present && entry.row.awaits().is_some(),
            };
            server && named
        };
        let asked: Vec<&Entry> = catalog.entries.iter().filter(is_asked).collect();
        if let (Some(only), Some(tool), true) = (&only, tool, asked.is_empty()) {
            return Err(AdminError::UnknownTool {
                tool: tool.to_owned(),
                server: only.slug.to_string(),
            });
        }
        let reviews = asked.into_iter();
        Ok(reviews
            .map(|entry| review(entry, &scanner(&catalog, entry)))
            .collect())
    }

    /// The servers that are not who they were: one, or all.
    pub fn review_servers(
        &self,
        scope: &WorkspaceScope,
        server: Option<&str>,
    ) -> Result<Vec<ServerReview>, AdminError> {
        let only = server.map(|slug| self.server(scope, slug)).transpose()?;
        let servers = self.store.servers(scope)?;
        let pins = self.store.server_pins(scope)?;
        let mut held = quarantines(&servers, &pins);
        let asked = |spec: &&ServerSpec| only.as_ref().is_none_or(|only| only.id == spec.id);
        let reviews = servers.iter().filter(asked).filter_map(|spec| {
            let reason = held.remove(&spec.id)?;
            let pin = pins.iter().find(|pin| pin.server == spec.id)?;
            let seen = pin
                .seen
                .clone()
                .unwrap_or_else(|| ServerIdentity::of(&spec.transport));
            Some(ServerReview {
                server: spec.slug.to_string(),
                reason,
                pinned: pin.identity.clone(),
                hash: seen.digest(),
                seen,
            })
        });
        Ok(reviews.collect())
    }

    /// Approves what was shown of a tool, by the digest that was shown with it; another one by now is refused
    /// (S-51).
    pub fn approve_tool(
        &self,
        scope: &WorkspaceScope,
        server: &str,
        tool: &str,
        shown: &str,
    ) -> Result<Approved, AdminError> {
        let spec = self.server(scope, server)?;
        let Some(hash) = from_hex(shown) else {
            return Err(AdminError::NotAHash);
        };
        let done = self
            .store
            .approve_tool(scope, &self.actor, &spec.id, tool, &hash);
        known(changed(done, server, Some(tool))?, &spec, tool)?;
        Ok(self.approved(scope, &spec, Some(tool), shown))
    }

    /// Approves who a server is now, which ends its quarantine (S-52).
    pub fn approve_server(
        &self,
        scope: &WorkspaceScope,
        server: &str,
        shown: &str,
    ) -> Result<Approved, AdminError> {
        let spec = self.server(scope, server)?;
        let reviews = self.review_servers(scope, Some(server))?;
        let Some(review) = reviews.into_iter().find(|review| review.hash == shown) else {
            return Err(AdminError::Changed {
                what: server.to_owned(),
            });
        };
        let done = self
            .store
            .approve_server(scope, &self.actor, &spec.id, &review.seen);
        changed(done, server, None)??;
        Ok(self.approved(scope, &spec, None, shown))
    }

    /// What the scanner finds in the tools of one server, as they are pinned or offered now.
    pub(crate) fn findings(
        &self,
        scope: &WorkspaceScope,
        server: &ServerSpec,
    ) -> Result<Vec<FindingShown>, AdminError> {
        let catalog = Catalog::read(&self.store, scope)?;
        let own = |entry: &&Entry| entry.server == server.slug.as_str() && entry.row.present;
        let found = catalog.entries.iter().filter(own).flat_map(|entry| {
            let scanner = scanner(&catalog, entry);
            findings(&entry.row, &scanner)
        });
        Ok(found.collect())
    }

    fn approved(
        &self,
        scope: &WorkspaceScope,
        spec: &ServerSpec,
        tool: Option<&str>,
        hash: &str,
    ) -> Approved {
        Approved {
            workspace: scope.slug().to_string(),
            server: spec.slug.to_string(),
            tool: tool.map(ToOwned::to_owned),
            hash: hash.to_owned(),
            gateway: self.knock(),
        }
    }
}

/// Sorts out that something else is offered by now.
fn changed(
    done: Result<(), StoreError>,
    server: &str,
    tool: Option<&str>,
) -> Result<Result<(), StoreError>, AdminError> {
    match done {
        Err(StoreError::Conflict { .. }) => Err(AdminError::Changed {
            what: tool.map_or_else(|| server.to_owned(), |tool| format!("{server}/{tool}")),
        }),
        other => Ok(other),
    }
}

fn review(entry: &Entry, scanner: &Scanner) -> ToolReview {
    let row = &entry.row;
    let pinned = json(&row.definition);
    let offered = row.offer.as_ref().map(|offer| json(&offer.definition));
    let compare = |before: Option<&Json>, after: Option<&Json>| match (before, after) {
        (Some(before), Some(after)) => shown(differences(before, after)),
        _ => Vec::new(),
    };
    let never_approved = row.offer.is_none() && row.state == ToolState::Held;
    let nothing = Json::empty_object();
    ToolReview {
        server: entry.server.clone(),
        tool: reveal(&row.name),
        state: super::tools::state_of(entry),
        reason: entry.quarantined.clone().or_else(|| row.reason.clone()),
        hash: hex(row.awaits().unwrap_or(&row.hash)),
        waits: row.awaits().is_some(),
        differences: match &offered {
            Some(offered) => compare(pinned.as_ref(), offered.as_ref()),
            None => Vec::new(),
        },
        offered: if never_approved {
            compare(Some(&nothing), pinned.as_ref())
        } else {
            Vec::new()
        },
        findings: findings(row, scanner),
    }
}

/// A scanner that knows the tools of the other servers.
fn scanner(catalog: &Catalog, entry: &Entry) -> Scanner {
    let others = catalog
        .entries
        .iter()
        .filter(|other| other.server != entry.server);
    Scanner::beside(others.map(|other| other.row.name.as_str()))
}

fn findings(row: &ToolRow, scanner: &Scanner) -> Vec<FindingShown> {
    let definition = row
        .offer
        .as_ref()
        .map_or(&row.definition, |offer| &offer.definition);
    let Some(definition) = json(definition) else {
        return Vec::new();
    };
    let found = scanner.scan(&definition).into_iter();
    found
        .map(|finding| FindingShown {
            tool: reveal(&row.name),
            class: finding.class.as_str(),
            meaning: finding.class.meaning(),
            place: finding.place,
            quarantines: finding.class.quarantines(),
        })
        .collect()
}

fn shown(differences: Vec<toolgate_protocol::trust::Difference>) -> Vec<DifferenceShown> {
    let part = |part| {
        let (change, text) = match part {
            Part::Same(text) => ("same", text),
            Part::Gone(text) => ("gone", text),
            Part::Added(text) => ("added", text),
        };
        PartShown { change, text }
    };
    differences
        .into_iter()
        .map(|difference| DifferenceShown {
            place: difference.place,
            parts: difference.parts.into_iter().map(part).collect(),
        })
        .collect()
}

fn json(text: &[u8]) -> Option<Json> {
    Json::parse(text.to_vec().into(), &JsonLimits::UPSTREAM).ok()
}

pub(super) fn hex(hash: &[u8; 32]) -> String {
    let mut text = String::with_capacity(64);
    for byte in hash {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let mut hash = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (byte, digits) in hash.iter_mut().zip(text.as_bytes().chunks(2)) {
        let digits = std::str::from_utf8(digits).ok()?;
        *byte = u8::from_str_radix(digits, 16).ok()?;
    }
    Some(hash)
}

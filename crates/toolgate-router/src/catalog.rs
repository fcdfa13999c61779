//! Everything one workspace offers, merged: built once per change, read by every request.

use std::sync::Arc;

use bytes::Bytes;
use dashmap::DashMap;
use toolgate_namespace::{ExposedName, Hidden, Prefix, ServerSlug, ToolName, ToolTable};
use toolgate_policy::{Classification, Principal, ToolAccess, may_see};
use toolgate_protocol::mcp::ListResult;
use toolgate_protocol::{Json, Revision, ToolDefinition};

use crate::link::Link;

/// Ready-made lists kept per catalogue; one per (token, revision), the bound is a guard only.
const MAX_CACHED_LISTS: usize = 4096;
/// The vendor key under which a list names the servers it is missing (P9.14, P9.70).
const MISSING_SERVERS: &str = "io.toolgate/missingServers";

/// One tool as clients of one workspace see it.
#[derive(Debug)]
pub struct CatalogTool {
    /// The name clients call.
    pub exposed: ExposedName,
    /// The unshortened form, equal to the exposed one unless that was shortened or cleaned; callable as well.
    pub full: String,
    /// As its server defined it.
    pub definition: Arc<ToolDefinition>,
    /// What it does to the world, by annotation or by an admin's word.
    pub classification: Classification,
    /// The server that owns it.
    pub link: Arc<Link>,
}

impl CatalogTool {
    /// What policy needs to know of this tool.
    pub fn access(&self, read_only_may_call_all: bool) -> ToolAccess<'_> {
        ToolAccess {
            exposed: self.exposed.as_str(),
            full: &self.full,
            classification: self.classification,
            read_only_may_call_all,
        }
    }
}

/// One prompt as clients of one workspace see it (P9.23).
#[derive(Debug)]
pub struct CatalogPrompt {
    /// The name clients ask for.
    pub exposed: ExposedName,
    /// The unshortened form, as of a tool.
    pub full: String,
    /// As its server listed it.
    pub definition: Json,
    /// The name its server knows it by.
    pub name: Box<str>,
    /// The server that owns it.
    pub link: Arc<Link>,
}

/// The merged tools and prompts of one workspace at one moment.
#[derive(Debug)]
pub struct Catalog {
    table: ToolTable,
    tools: Vec<Arc<CatalogTool>>,
    missing: Vec<ServerSlug>,
    read_only_all: bool,
    pub(crate) built_from: u64,
    lists: DashMap<(String, Revision), Bytes>,
}

impl Catalog {
    /// Merges what the links are known to offer, in their order and then each server's own (P9.7).
    pub(crate) fn build(links: &[Arc<Link>], read_only_all: bool, built_from: u64) -> Self {
        let offers: Vec<Offer> = links.iter().filter_map(Offer::of).collect();
        let table = ToolTable::build(
            offers.iter().map(|offer| {
                (
                    offer.link.spec().id.clone(),
                    offer.slug(),
                    offer.names.as_slice(),
                )
            }),
            toolgate_namespace::TOOL_NAME_MAX,
        );
        let tools = table
            .iter()
            .filter_map(|target| {
                let offer = offers.iter().find(|o| o.link.spec().id == target.server)?;
                let definition = offer.tools.get(target.index)?.clone();
                Some(Arc::new(CatalogTool {
                    full: target.full_name().to_owned(),
                    classification: offer.classification(&definition),
                    exposed: target.exposed.clone(),
                    definition,
                    link: offer.link.clone(),
                }))
            })
            .collect();
        let missing = links
            .iter()
            .filter(|link| link.known().is_none())
            .map(|link| link.spec().slug.clone())
            .collect();
        Self {
            table,
            tools,
            missing,
            read_only_all,
            built_from,
            lists: DashMap::new(),
        }
    }

    /// The tool behind an exposed name, shortened or full.
    pub fn find(&self, name: &str) -> Option<&Arc<CatalogTool>> {
        self.table.position(name).and_then(|at| self.tools.get(at))
    }

    /// The prompt behind an exposed name, shortened or full.
    pub fn find_prompt(&self, name: &str) -> Option<&Arc<CatalogPrompt>> {
        let _ = name;
        None
    }

    /// The `prompts/list` result in one revision, kept ready as bytes. `server_info` is the gateway's own (P5.18).
    pub fn prompts_for(&self, revision: Revision, server_info: &Json) -> Bytes {
        let result = ListResult {
            member: "prompts",
            next_cursor: None,
            ttl_ms: 0,
            server_info,
            meta: &[],
        };
        result.write(&[], revision)
    }

    /// Every tool, in list order, whoever may see it.
    pub fn tools(&self) -> &[Arc<CatalogTool>] {
        &self.tools
    }

    /// Tools that could not be given a public name.
    pub fn hidden(&self) -> &[Hidden] {
        self.table.hidden()
    }

    /// Servers that contribute nothing because they were never reached.
    pub fn missing(&self) -> &[ServerSlug] {
        &self.missing
    }

    /// Whether read-only tokens may call everything here.
    pub fn read_only_all(&self) -> bool {
        self.read_only_all
    }

    /// The `tools/list` result for one token in one revision, kept ready as bytes.
    ///
    /// `server_info` is the gateway's own, which merged results carry on 2026-07-28 (P5.18).
    pub fn list_for(&self, principal: &Principal, revision: Revision, server_info: &Json) -> Bytes {
        let key = (principal.token().id.as_str().to_owned(), revision);
        if let Some(list) = self.lists.get(&key) {
            return list.clone();
        }
        let list = self.write_list(principal, revision, server_info);
        if self.lists.len() >= MAX_CACHED_LISTS {
            self.lists.clear();
        }
        self.lists.insert(key, list.clone());
        list
    }

    fn write_list(&self, principal: &Principal, revision: Revision, server_info: &Json) -> Bytes {
        let items: Vec<Bytes> = self
            .tools
            .iter()
            .filter(|tool| may_see(principal, tool.access(self.read_only_all)))
            .map(|tool| tool.definition.for_client(tool.exposed.as_str(), revision))
            .collect();
        let result = ListResult {
            member: "tools",
            next_cursor: None,
            // The list may change with the next admin act, so it is good for no time at all (P9.61).
            ttl_ms: 0,
            server_info,
            meta: &missing_servers(&self.missing),
        };
        result.write(&items, revision)
    }
}

/// The member of `_meta` that names the servers a list is missing; empty when it misses none (P9.14).
pub(crate) fn missing_servers(missing: &[ServerSlug]) -> Vec<(&'static str, Json)> {
    if missing.is_empty() {
        return Vec::new();
    }
    let slugs: Vec<Json> = missing
        .iter()
        .map(|slug| Json::from_text(slug.as_str()))
        .collect();
    vec![(MISSING_SERVERS, Json::list(&slugs))]
}

/// What one link brings into a catalogue.
struct Offer {
    link: Arc<Link>,
    tools: Vec<Arc<ToolDefinition>>,
    names: Vec<ToolName>,
}

impl Offer {
    fn of(link: &Arc<Link>) -> Option<Self> {
        let known = link.known()?;
        let (tools, names) = known
            .tools
            .iter()
            .filter(|tool| !link.tool_override(&tool.name).disabled)
            .filter_map(|tool| Some((tool.clone(), ToolName::try_from(&*tool.name).ok()?)))
            .unzip();
        Some(Self {
            link: link.clone(),
            tools,
            names,
        })
    }

    fn slug(&self) -> Option<&ServerSlug> {
        let spec = self.link.spec();
        (spec.prefix == Prefix::Slug).then_some(&spec.slug)
    }

    fn classification(&self, tool: &ToolDefinition) -> Classification {
        self.link
            .tool_override(&tool.name)
            .classification
            .unwrap_or_else(|| {
                Classification::from_hints(tool.read_only_hint, tool.destructive_hint)
            })
    }
}

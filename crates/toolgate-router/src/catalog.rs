//! Everything one workspace offers, merged: built once per change, read by every request.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use toolgate_namespace::{ExposedName, Hidden, ServerSlug, ToolName};
use toolgate_policy::{Classification, Principal, Role, Standing, ToolAccess, may_see};
use toolgate_protocol::mcp::{ListResult, prompt_for_client};
use toolgate_protocol::{Json, Revision, ToolDefinition};

use crate::index::UriIndex;
use crate::link::Link;
use crate::named::{Named, Names, Offer};
use crate::pins::PinnedTool;
use crate::ready::{Eyes, Ready};
use crate::ui::{ui_uris, with_ui_uris};

/// The vendor key under which a list names the servers it is missing (P9.14, P9.70).
const MISSING_SERVERS: &str = "io.toolgate/missingServers";

/// One tool as clients of one workspace see it.
#[derive(Debug)]
pub struct CatalogTool {
    /// The name clients call.
    pub exposed: ExposedName,
    /// The unshortened form, equal to the exposed one unless that was shortened or cleaned; callable as well.
    pub full: String,
    /// As it is pinned.
    pub definition: Arc<ToolDefinition>,
    /// What it does to the world, by its pinned annotations or by an admin's word (S-54).
    pub classification: Classification,
    /// Whether it may be had at all.
    pub standing: Standing,
    /// The least role that may have it.
    pub least: Role,
    /// The server that owns it.
    pub link: Arc<Link>,
    /// As it is listed, where it names a resource that clients know by another URI (P9.17).
    listed: Option<ToolDefinition>,
}

impl CatalogTool {
    /// What policy needs to know of this tool.
    pub fn access(&self, read_only_may_call_all: bool) -> ToolAccess<'_> {
        ToolAccess {
            exposed: self.exposed.as_str(),
            full: &self.full,
            classification: self.classification,
            standing: self.standing,
            least: self.least,
            read_only_may_call_all,
        }
    }

    fn for_client(&self, revision: Revision) -> Bytes {
        let definition = self.listed.as_ref().unwrap_or(&self.definition);
        definition.for_client(self.exposed.as_str(), revision)
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

/// The merged tools and prompts of one workspace at one moment, and which server each URI belongs to.
#[derive(Debug)]
pub struct Catalog {
    links: Vec<Arc<Link>>,
    tools: Named<CatalogTool>,
    /// Tools that are held or switched off. Apart, so that their names take none from tools that may be had.
    withheld: Named<CatalogTool>,
    prompts: Named<CatalogPrompt>,
    /// Made when it is first needed: most requests are about tools.
    uris: OnceLock<UriIndex>,
    missing: Vec<ServerSlug>,
    missing_prompts: Vec<ServerSlug>,
    read_only_all: bool,
    pub(crate) built_from: u64,
    lists: Ready<Eyes>,
    prompt_lists: Ready<Revision>,
}

impl Catalog {
    /// Merges what the links are known to offer, in their order and then each server's own (P9.7); what is built in
    /// comes last. `before` is the catalogue whose place it takes.
    pub(crate) fn build(
        links: &[Arc<Link>],
        built_in: Option<&Arc<Link>>,
        read_only_all: bool,
        built_from: u64,
        before: Option<&Self>,
    ) -> Self {
        let uris = OnceLock::new();
        let named = |is_wanted: fn(&PinnedTool) -> bool| {
            let offers = links
                .iter()
                .chain(built_in)
                .filter_map(|link| pinned_tools(link, is_wanted));
            let offers: Vec<_> = offers.collect();
            Named::build(&offers, |link, names, tool: &PinnedTool| CatalogTool {
                exposed: names.exposed.clone(),
                full: names.full.to_owned(),
                classification: classification(tool),
                standing: tool.standing,
                least: tool.least,
                listed: listed(link, &tool.definition, || {
                    uris.get_or_init(|| UriIndex::build(links))
                }),
                definition: tool.definition.clone(),
                link: link.clone(),
            })
        };
        let tools = named(|tool| tool.standing == Standing::Approved);
        let withheld = named(|tool| tool.standing != Standing::Approved);
        let offers: Vec<_> = links.iter().filter_map(offered_prompts).collect();
        let prompts = Named::build(&offers, catalog_prompt);
        Self {
            links: links.to_vec(),
            tools,
            withheld,
            prompts,
            uris,
            missing: slugs(links, |link| link.known().is_none()),
            missing_prompts: slugs(links, |link| link.prompts().is_none()),
            read_only_all,
            built_from,
            lists: before.map_or_else(Ready::default, |before| Ready::after(&before.lists)),
            prompt_lists: before
                .map_or_else(Ready::default, |before| Ready::after(&before.prompt_lists)),
        }
    }

    /// The tool behind an exposed name, shortened or full; also one that may not be had, which is policy's to say.
    pub fn find(&self, name: &str) -> Option<&Arc<CatalogTool>> {
        self.tools.find(name).or_else(|| self.withheld.find(name))
    }

    /// The prompt behind an exposed name, shortened or full (P9.23).
    pub fn find_prompt(&self, name: &str) -> Option<&Arc<CatalogPrompt>> {
        self.prompts.find(name)
    }

    /// Every tool that may be had, in list order, whoever may see it.
    pub fn tools(&self) -> &[Arc<CatalogTool>] {
        self.tools.all()
    }

    /// Every tool that is held or switched off, in list order.
    pub fn withheld(&self) -> &[Arc<CatalogTool>] {
        self.withheld.all()
    }

    /// Every prompt, in list order.
    pub fn prompts(&self) -> &[Arc<CatalogPrompt>] {
        self.prompts.all()
    }

    /// Tools that could not be given a public name.
    pub fn hidden(&self) -> &[Hidden] {
        self.tools.hidden()
    }

    /// Servers that contribute no tools because they were never reached.
    pub fn missing(&self) -> &[ServerSlug] {
        &self.missing
    }

    /// Whether read-only tokens may call everything here.
    pub fn read_only_all(&self) -> bool {
        self.read_only_all
    }

    /// Which server each listed URI belongs to.
    pub(crate) fn uris(&self) -> &UriIndex {
        self.uris.get_or_init(|| UriIndex::build(&self.links))
    }

    /// The `tools/list` result for one token in one revision, kept ready as bytes.
    ///
    /// `server_info` is the gateway's own, which merged results carry on 2026-07-28 (P5.18).
    pub fn list_for(&self, principal: &Principal, revision: Revision, server_info: &Json) -> Bytes {
        let write = || {
            let visible = self.tools().iter();
            let visible =
                visible.filter(|tool| may_see(principal, tool.access(self.read_only_all)));
            let items: Vec<Bytes> = visible.map(|tool| tool.for_client(revision)).collect();
            write_list("tools", &items, &self.missing, revision, server_info)
        };
        self.lists.get(
            |eyes| eyes.are_of(principal, revision),
            || Eyes::of(principal, revision),
            write,
        )
    }

    /// The `prompts/list` result in one revision, kept ready as bytes. `server_info` is the gateway's own (P5.18).
    pub fn prompts_for(&self, revision: Revision, server_info: &Json) -> Bytes {
        let write = || {
            let prompts = self.prompts().iter();
            let items = prompts.map(|prompt| {
                prompt_for_client(&prompt.definition, prompt.exposed.as_str(), revision)
            });
            let items: Vec<Bytes> = items.collect();
            let missing = &self.missing_prompts;
            write_list("prompts", &items, missing, revision, server_info)
        };
        let same = |kept: &Revision| *kept == revision;
        self.prompt_lists.get(same, || revision, write)
    }
}

fn write_list(
    member: &str,
    items: &[Bytes],
    missing: &[ServerSlug],
    revision: Revision,
    server_info: &Json,
) -> Bytes {
    let result = ListResult {
        member,
        next_cursor: None,
        // The list may change with the next admin act, so it is good for no time at all (P9.61).
        ttl_ms: 0,
        server_info,
        meta: &missing_servers(missing),
    };
    result.write(items, revision)
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

fn slugs(links: &[Arc<Link>], which: impl Fn(&Link) -> bool) -> Vec<ServerSlug> {
    let links = links.iter().filter(|link| which(link));
    links.map(|link| link.spec().slug.clone()).collect()
}

fn pinned_tools(link: &Arc<Link>, is_wanted: fn(&PinnedTool) -> bool) -> Option<Offer<PinnedTool>> {
    let known = link.known()?;
    let wanted = known.tools.iter().filter(|tool| is_wanted(tool));
    // What has no possible name is left out.
    let named = wanted.filter_map(|tool| {
        let name = ToolName::try_from(&*tool.definition.name).ok()?;
        Some((name, tool.clone()))
    });
    Some(Offer::new(link, named))
}

fn offered_prompts(link: &Arc<Link>) -> Option<Offer<Json>> {
    let prompts = link.prompts()?;
    let named = prompts.iter().filter_map(|prompt| {
        let name = prompt.object()?.text("name")?;
        Some((ToolName::try_from(name.as_str()).ok()?, prompt.clone()))
    });
    Some(Offer::new(link, named))
}

fn catalog_prompt(link: &Arc<Link>, names: &Names<'_>, definition: &Json) -> CatalogPrompt {
    CatalogPrompt {
        exposed: names.exposed.clone(),
        full: names.full.to_owned(),
        definition: definition.clone(),
        name: names.own.into(),
        link: link.clone(),
    }
}

fn classification(tool: &PinnedTool) -> Classification {
    let definition = &tool.definition;
    let hints =
        || Classification::from_hints(definition.read_only_hint, definition.destructive_hint);
    tool.classification.unwrap_or_else(hints)
}

/// The definition as it is listed, where that differs: under the URIs that clients know.
fn listed<'i>(
    link: &Link,
    definition: &ToolDefinition,
    uris: impl FnOnce() -> &'i UriIndex,
) -> Option<ToolDefinition> {
    if ui_uris(definition).is_empty() {
        return None;
    }
    let uris = uris();
    with_ui_uris(definition, |uri| {
        let shown = uris.shown(link, uri);
        (shown != uri).then(|| shown.into_owned())
    })
}

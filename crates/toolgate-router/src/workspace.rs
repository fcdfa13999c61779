//! The links of one workspace, asked all at once and answered for together.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use futures::future::join_all;
use toolgate_namespace::{ExposedName, ServerSlug, WorkspaceId, WorkspaceSlug};
use toolgate_protocol::mcp::{merged_capabilities, merged_instructions};
use toolgate_upstream::ListKind;

use crate::background::Background;
use crate::catalog::{Catalog, CatalogPrompt, CatalogTool};
use crate::introduction::Introduction;
use crate::link::Link;
use crate::page::{Position, ResourcePage, StalePosition};
use crate::uris::{LearntUris, Resolved};

/// What a [`Workspace`] is made from.
#[derive(Debug)]
pub struct WorkspaceConfig {
    /// Its identity.
    pub id: WorkspaceId,
    /// Its name in URLs.
    pub slug: WorkspaceSlug,
    /// Read-only tokens may call every tool.
    pub read_only_all: bool,
    /// Enabled servers, in display order.
    pub links: Vec<Arc<Link>>,
    /// The counter its links raise when their tools change.
    pub changes: Arc<AtomicU64>,
    /// URIs that results named; taken over from the workspace before it.
    pub uris: Arc<LearntUris>,
    /// Owner of refreshes that run behind an answer.
    pub background: Arc<Background>,
}

/// One workspace: its links and what they offer together.
#[derive(Debug)]
pub struct Workspace {
    config: WorkspaceConfig,
    catalog: ArcSwap<Catalog>,
}

impl Workspace {
    /// A workspace over its links, with whatever they are already known to offer.
    pub fn new(config: WorkspaceConfig) -> Arc<Self> {
        let built_from = config.changes.load(Ordering::Acquire);
        let catalog = Catalog::build(&config.links, config.read_only_all, built_from);
        Arc::new(Self {
            config,
            catalog: ArcSwap::from_pointee(catalog),
        })
    }

    /// Its identity.
    pub fn id(&self) -> &WorkspaceId {
        &self.config.id
    }

    /// Its name in URLs.
    pub fn slug(&self) -> &WorkspaceSlug {
        &self.config.slug
    }

    /// Its servers, in display order.
    pub fn links(&self) -> &[Arc<Link>] {
        &self.config.links
    }

    /// Counts changes of what the links offer.
    pub fn changes(&self) -> &Arc<AtomicU64> {
        &self.config.changes
    }

    /// The server of that name.
    pub fn link(&self, slug: &ServerSlug) -> Option<&Arc<Link>> {
        self.config
            .links
            .iter()
            .find(|link| &link.spec().slug == slug)
    }

    /// What is known right now, without waiting for anybody.
    pub fn catalog(&self) -> Arc<Catalog> {
        let changes = self.config.changes.load(Ordering::Acquire);
        let current = self.catalog.load_full();
        if current.built_from == changes {
            return current;
        }
        let rebuilt = Arc::new(Catalog::build(
            &self.config.links,
            self.config.read_only_all,
            changes,
        ));
        self.catalog.store(rebuilt.clone());
        rebuilt
    }

    /// What the workspace offers, asking every server that was never seen at the same time and for at
    /// most its list timeout; stale lists are served and fetched again behind the answer (R-18, P9.14).
    ///
    /// Cancel safe: dropping it abandons the lists under way.
    pub async fn ready(&self) -> Arc<Catalog> {
        let cold: Vec<_> = self
            .config
            .links
            .iter()
            .filter(|link| link.is_cold())
            .collect();
        if !cold.is_empty() {
            join_all(cold.into_iter().map(wait_for)).await;
        }
        self.refresh_stale();
        self.catalog()
    }

    /// The tool behind an exposed name. A link that was never seen is loaded first when the name
    /// carries its slug, or when it is the only, unprefixed one (P9.2).
    pub async fn find(&self, name: &str) -> Option<Arc<CatalogTool>> {
        if let Some(tool) = self.catalog().find(name) {
            return Some(tool.clone());
        }
        let owner = match ExposedName::split(name) {
            Some((slug, _)) => self
                .config
                .links
                .iter()
                .find(|link| link.spec().slug.as_str() == slug),
            None => None,
        };
        let only = match self.config.links.as_slice() {
            [only] => Some(only),
            _ => None,
        };
        let owner = owner.or(only)?;
        if !owner.is_cold() {
            return None;
        }
        wait_for(owner).await;
        self.catalog().find(name).cloned()
    }

    /// What the workspace offers, prompts included: as [`ready`](Self::ready), for prompts (P9.23).
    pub async fn prompts_ready(&self) -> Arc<Catalog> {
        self.catalog()
    }

    /// The prompt behind an exposed name, as [`find`](Self::find) finds tools (P9.23).
    pub async fn find_prompt(&self, name: &str) -> Option<Arc<CatalogPrompt>> {
        self.catalog().find_prompt(name).cloned()
    }

    /// What the workspace is introduced with, from what its servers last said of themselves (P9.27–P9.31).
    /// Never waits.
    pub fn introduction(&self) -> Arc<Introduction> {
        Arc::new(Introduction {
            capabilities: merged_capabilities(&[], false),
            instructions: merged_instructions(&[], false),
        })
    }

    /// The same after servers that were never contacted were asked, all at the same time and for at most
    /// `limit` (P6.2). Contacts that take longer go on behind the answer.
    pub async fn introduced(&self, limit: Duration) -> Arc<Introduction> {
        let _ = limit;
        self.introduction()
    }

    /// One page of resources or templates, of up to 1,000 in the order of the links (P9.55).
    pub async fn resource_page(
        &self,
        kind: ListKind,
        from: Option<&Position>,
    ) -> Result<ResourcePage, StalePosition> {
        let _ = (kind, from);
        Ok(ResourcePage {
            items: Vec::new(),
            next: None,
            missing: Vec::new(),
            ttl_ms: 0,
        })
    }

    /// The server that a URI belongs to (P9.19).
    pub async fn resolve(&self, principal: &str, uri: &str) -> Option<Resolved> {
        let _ = (principal, uri);
        None
    }

    /// Remembers URIs that a result of this server named to this principal (P9.16).
    pub fn learn_uris(&self, principal: &str, link: &Arc<Link>, uris: Vec<String>) {
        let _ = (principal, link, uris);
    }

    /// The server that a template, or else a URI, belongs to, for completion (P9.24).
    pub async fn resolve_template(&self, template: &str) -> Option<Resolved> {
        let _ = template;
        None
    }

    /// URIs that results named, to be handed to the workspace that takes this one's place.
    pub fn learnt_uris(&self) -> &Arc<LearntUris> {
        &self.config.uris
    }

    fn refresh_stale(&self) {
        for link in self.config.links.iter().filter(|link| link.wants_refresh()) {
            let link = link.clone();
            self.config.background.spawn(async move {
                wait_for(&link).await;
            });
        }
    }
}

/// Loads one link within its list timeout. A timeout counts as a failure inside `list_tools`, so the
/// second wall here only guards against a list that ignores its own.
async fn wait_for(link: &Arc<Link>) {
    let limit = link.spec().timeouts.list + link.spec().timeouts.list / 10;
    if tokio::time::timeout(limit, link.refresh()).await.is_err() {
        tracing::warn!(server = %link.spec().slug, "listing tools did not end in time");
    }
}

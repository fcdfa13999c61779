//! The links of one workspace, asked all at once and answered for together.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use futures::future::join_all;
use toolgate_namespace::{ExposedName, ServerSlug, WorkspaceId, WorkspaceSlug};

use crate::background::Background;
use crate::catalog::{Catalog, CatalogTool};
use crate::link::Link;

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

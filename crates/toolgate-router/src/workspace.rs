//! The links of one workspace, asked all at once and answered for together.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use futures::future::join_all;
use tokio::sync::oneshot;
use tokio::time::timeout;
use toolgate_namespace::{ExposedName, ServerSlug, WorkspaceId, WorkspaceSlug};

use crate::background::Background;
use crate::catalog::{Catalog, CatalogPrompt, CatalogTool};
use crate::introduction::Introduction;
use crate::link::{Link, Listed};
use crate::uris::LearntUris;

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
    introduction: ArcSwapOption<Introduced>,
}

/// An introduction and the count of changes it was made from.
#[derive(Debug)]
struct Introduced {
    made_from: u64,
    introduction: Arc<Introduction>,
}

impl Workspace {
    /// A workspace over its links, with whatever they are already known to offer.
    pub fn new(config: WorkspaceConfig) -> Arc<Self> {
        let built_from = config.changes.load(Ordering::Acquire);
        let catalog = Catalog::build(&config.links, config.read_only_all, built_from);
        Arc::new(Self {
            config,
            catalog: ArcSwap::from_pointee(catalog),
            introduction: ArcSwapOption::empty(),
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

    /// What the workspace offers, asking every server whose tools were never seen at the same time and for at
    /// most its list timeout; stale lists are served and fetched again behind the answer (R-18, P9.14). A server
    /// that said that its tools changed is waited for as well (P9.65).
    ///
    /// Cancel safe: dropping it abandons the lists under way.
    pub async fn ready(&self) -> Arc<Catalog> {
        self.gather(Listed::Tools).await
    }

    /// The same for prompts (P9.23).
    pub async fn prompts_ready(&self) -> Arc<Catalog> {
        self.gather(Listed::Prompts).await
    }

    /// The tool behind an exposed name. A link that was never seen is loaded first when the name
    /// carries its slug, or when it is the only, unprefixed one (P9.2).
    pub async fn find(&self, name: &str) -> Option<Arc<CatalogTool>> {
        if let Some(tool) = self.catalog().find(name) {
            return Some(tool.clone());
        }
        self.load_owner(name, Listed::Tools).await?;
        self.catalog().find(name).cloned()
    }

    /// The prompt behind an exposed name, found as [`find`](Self::find) finds tools (P9.23).
    pub async fn find_prompt(&self, name: &str) -> Option<Arc<CatalogPrompt>> {
        if let Some(prompt) = self.catalog().find_prompt(name) {
            return Some(prompt.clone());
        }
        self.load_owner(name, Listed::Prompts).await?;
        self.catalog().find_prompt(name).cloned()
    }

    /// What the workspace is introduced with, from what its servers last said of themselves (P9.27–P9.31).
    /// Never waits.
    pub fn introduction(&self) -> Arc<Introduction> {
        let made_from = self.config.changes.load(Ordering::Acquire);
        if let Some(current) = &*self.introduction.load()
            && current.made_from == made_from
        {
            return current.introduction.clone();
        }
        let introduction = Arc::new(Introduction::of(self.links()));
        self.introduction.store(Some(Arc::new(Introduced {
            made_from,
            introduction: introduction.clone(),
        })));
        introduction
    }

    /// The same after servers that were never contacted were asked, all at the same time and for at most
    /// `limit` (P6.2). Contacts that take longer go on behind the answer.
    pub async fn introduced(&self, limit: Duration) -> Arc<Introduction> {
        // One that did not answer before is contacted again, and not waited for.
        let is_new = |link: &Link| {
            link.is_stranger() && !link.is_down() && !link.was_contacted_before(limit)
        };
        let new: Vec<_> = self.links().iter().filter(|link| is_new(link)).collect();
        let begun = self.acquaint_strangers();
        if !new.is_empty() {
            let begun = begun
                .into_iter()
                .filter(|(link, _)| new.iter().any(|new| Arc::ptr_eq(new, link)));
            let contacted = async {
                // A contact that ends drops its sender, which is all that is waited for.
                join_all(begun.map(|(_, contact)| contact)).await;
                join_all(new.iter().map(|link| link.until_contacted())).await;
            };
            // Who is late contributes nothing yet.
            let _ = timeout(limit, contacted).await;
        }
        self.introduction()
    }

    /// URIs that results named, to be handed to the workspace that takes this one's place.
    pub fn learnt_uris(&self) -> &Arc<LearntUris> {
        &self.config.uris
    }

    /// The place of a server in the order of the links.
    pub(crate) fn place_of(&self, server: &str) -> Option<usize> {
        let mut links = self.links().iter();
        links.position(|link| link.spec().id.as_str() == server)
    }

    /// Loads the lists that an answer has to wait for, all at the same time.
    pub(crate) async fn wait_for_cold(&self, what: Listed) {
        let cold: Vec<_> = self
            .links()
            .iter()
            .filter(|link| link.must_wait(what))
            .collect();
        if !cold.is_empty() {
            join_all(cold.into_iter().map(|link| link.load(what))).await;
        }
    }

    async fn gather(&self, what: Listed) -> Arc<Catalog> {
        self.wait_for_cold(what).await;
        for link in self.links().iter().filter(|link| link.wants_refresh(what)) {
            let link = link.clone();
            self.config
                .background
                .spawn(async move { link.load(what).await });
        }
        // Most have introduced themselves while they were asked; nobody waits for the rest.
        drop(self.acquaint_strangers());
        self.catalog()
    }

    /// Asks a server again without anybody waiting for it.
    pub(crate) fn refresh_behind(&self, asking: impl Future<Output = ()> + Send + 'static) {
        self.config.background.spawn(asking);
    }

    /// The link that may own a name: by the slug in it, or because it is the only one.
    fn owner(&self, name: &str) -> Option<&Arc<Link>> {
        let links = self.links();
        let by_slug = ExposedName::split(name)
            .and_then(|(slug, _)| links.iter().find(|link| link.spec().slug.as_str() == slug));
        let only = || match links {
            [only] => Some(only),
            _ => None,
        };
        by_slug.or_else(only)
    }

    /// The link that may own a tool of that name, if its tools were never seen because it does not answer (P5.14).
    pub fn unreachable_owner(&self, name: &str) -> Option<&Arc<Link>> {
        self.owner(name)
            .filter(|link| link.known().is_none() && link.is_down())
    }

    /// Loads the list of the one link that may own the name, if that has to be waited for.
    async fn load_owner(&self, name: &str, what: Listed) -> Option<()> {
        let owner = self.owner(name).filter(|link| link.is_worth_asking(what))?;
        owner.load(what).await;
        Some(())
    }

    /// Contacts, in the background, every server that never said what it is. Each receiver ends with its contact.
    fn acquaint_strangers(&self) -> Vec<(Arc<Link>, oneshot::Receiver<()>)> {
        self.links()
            .iter()
            .filter(|link| link.is_stranger() && !link.is_being_contacted())
            .map(|link| {
                let (done, contact) = oneshot::channel();
                let stranger = link.clone();
                self.config.background.spawn(async move {
                    stranger.acquaint().await;
                    drop(done);
                });
                (link.clone(), contact)
            })
            .collect()
    }
}

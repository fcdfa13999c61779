//! The links of one workspace, asked all at once and answered for together.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use futures::future::join_all;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};
use toolgate_namespace::{ExposedName, Prefix, ServerId, ServerSlug, WorkspaceId, WorkspaceSlug};

use crate::background::Background;
use crate::catalog::{Catalog, CatalogPrompt, CatalogTool};
use crate::introduction::Introduction;
use crate::link::{Link, LinkChanges, Listed};
use crate::uris::LearntUris;

/// All links are looked at this often at least.
const SETTLED_FOR: Duration = Duration::from_mins(1);

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
    /// What is part of the gateway and always known: nobody waits for it, and it is not shown where a server has no
    /// prefix, since names there are that server's own.
    pub built_in: Option<Arc<Link>>,
    /// What its links learn is counted here.
    pub changes: Arc<LinkChanges>,
    /// URIs that results named; taken over from the workspace before it.
    pub uris: Arc<LearntUris>,
    /// Owner of refreshes that run behind an answer.
    pub background: Arc<Background>,
}

/// One workspace: its links and what they offer together.
#[derive(Debug)]
pub struct Workspace {
    config: WorkspaceConfig,
    /// Made when it is first needed.
    catalog: ArcSwapOption<Catalog>,
    /// Held by whoever makes a catalogue.
    building: Mutex<()>,
    introduction: ArcSwapOption<Introduced>,
    roster: Roster,
    tools_settled: ArcSwapOption<Settled>,
    prompts_settled: ArcSwapOption<Settled>,
}

/// The servers of a workspace, each with the version of its settings: what they offer may differ when this does.
pub type Roster = Arc<[(ServerId, u64)]>;

/// An introduction and the count of changes it was made from.
#[derive(Debug)]
struct Introduced {
    made_from: u64,
    introduction: Arc<Introduction>,
}

/// A list waits for no server and has none asked until then, unless more is counted before.
#[derive(Debug)]
struct Settled {
    offers: u64,
    doubts: u64,
    until: Instant,
}

impl Workspace {
    /// A workspace over its links, with whatever they are already known to offer.
    pub fn new(config: WorkspaceConfig) -> Arc<Self> {
        Self::with(config, None)
    }

    /// The same in the place of another one. If it has the same links under the same rules, what was made of them
    /// stays: a change elsewhere costs nothing here.
    pub fn succeeding(config: WorkspaceConfig, before: &Self) -> Arc<Self> {
        let same = config.read_only_all == before.config.read_only_all
            && Arc::ptr_eq(&config.changes, &before.config.changes)
            && config.built_in.is_some() == before.config.built_in.is_some()
            && config.links.len() == before.links().len()
            && config
                .links
                .iter()
                .zip(before.links())
                .all(|(now, before)| Arc::ptr_eq(now, before));
        Self::with(config, same.then_some(before))
    }

    fn with(config: WorkspaceConfig, same: Option<&Self>) -> Arc<Self> {
        let roster = || {
            let links = config.links.iter();
            links
                .map(|link| (link.spec().id.clone(), link.spec().version))
                .collect()
        };
        Arc::new(Self {
            roster: same.map_or_else(roster, |same| same.roster.clone()),
            catalog: ArcSwapOption::new(same.and_then(|same| same.catalog.load_full())),
            building: Mutex::new(()),
            introduction: ArcSwapOption::new(same.and_then(|same| same.introduction.load_full())),
            tools_settled: ArcSwapOption::empty(),
            prompts_settled: ArcSwapOption::empty(),
            config,
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

    /// The same as identities, cheap to keep and to compare.
    pub fn roster(&self) -> &Roster {
        &self.roster
    }

    /// Counts what the links learn.
    pub fn changes(&self) -> &Arc<LinkChanges> {
        &self.config.changes
    }

    /// What is part of the gateway, whether it is shown or not.
    pub fn built_in(&self) -> Option<&Arc<Link>> {
        self.config.built_in.as_ref()
    }

    /// The same where it is shown: names beside a server without a prefix are that server's own (P9.6).
    fn shown_built_in(&self) -> Option<&Arc<Link>> {
        let mut links = self.config.links.iter();
        let all_prefixed = links.all(|link| link.spec().prefix == Prefix::Slug);
        self.built_in().filter(|_| all_prefixed)
    }

    /// The server of that identity, also if it is part of the gateway.
    pub fn link_of(&self, id: &ServerId) -> Option<&Arc<Link>> {
        let mut links = self.config.links.iter().chain(self.built_in());
        links.find(|link| &link.spec().id == id)
    }

    /// The server of that name.
    pub fn link(&self, slug: &ServerSlug) -> Option<&Arc<Link>> {
        self.config
            .links
            .iter()
            .find(|link| &link.spec().slug == slug)
    }

    /// What is known right now, without waiting for any server.
    pub fn catalog(&self) -> Arc<Catalog> {
        self.current_catalog().unwrap_or_else(|| {
            let building = self.building.lock();
            let _building = building.unwrap_or_else(PoisonError::into_inner);
            // Somebody else may have made it meanwhile.
            self.current_catalog().unwrap_or_else(|| self.rebuild())
        })
    }

    fn current_catalog(&self) -> Option<Arc<Catalog>> {
        let offers = self.config.changes.offers();
        let current = self.catalog.load_full();
        current.filter(|current| current.built_from == offers)
    }

    fn rebuild(&self) -> Arc<Catalog> {
        // Counted before the links are looked at, so that what changes meanwhile is seen the next time.
        let offers = self.config.changes.offers();
        let before = self.catalog.load_full();
        let rebuilt = Arc::new(Catalog::build(
            &self.config.links,
            self.shown_built_in(),
            self.config.read_only_all,
            offers,
            before.as_deref(),
        ));
        self.catalog.store(Some(rebuilt.clone()));
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
        let made_from = self.config.changes.offers();
        if let Some(current) = &*self.introduction.load()
            && current.made_from == made_from
        {
            return current.introduction.clone();
        }
        let introduction = Arc::new(Introduction::of(self.links(), self.shown_built_in()));
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
        if !self.is_settled(what) {
            self.wait_for_cold(what).await;
            for link in self.links().iter().filter(|link| link.wants_refresh(what)) {
                let link = link.clone();
                self.config
                    .background
                    .spawn(async move { link.load(what).await });
            }
            // Most have introduced themselves while they were asked; nobody waits for the rest.
            drop(self.acquaint_strangers());
            self.settle(what);
        }
        self.catalog()
    }

    /// Whether it was found before that there is nothing to do for this list, so that not every list looks at
    /// every link.
    fn is_settled(&self, what: Listed) -> bool {
        let settled = self.settled(what).map(ArcSwapOption::load);
        settled
            .as_deref()
            .and_then(Option::as_ref)
            .is_some_and(|settled| {
                settled.offers == self.config.changes.offers()
                    && settled.doubts == self.config.changes.doubts()
                    && settled.until > Instant::now()
            })
    }

    /// Remembers until when there is nothing to do, if there is nothing now.
    fn settle(&self, what: Listed) {
        let Some(slot) = self.settled(what) else {
            return;
        };
        // Counted before the links are looked at, so that what happens meanwhile ends it.
        let (offers, doubts) = (self.config.changes.offers(), self.config.changes.doubts());
        let whenever = Some(Instant::now() + SETTLED_FOR);
        let each = self.links().iter().map(|link| link.settled_until(what));
        let until = each.fold(whenever, |least, until| Some(least?.min(until?)));
        slot.store(until.map(|until| {
            Arc::new(Settled {
                offers,
                doubts,
                until,
            })
        }));
    }

    fn settled(&self, what: Listed) -> Option<&ArcSwapOption<Settled>> {
        match what {
            Listed::Tools => Some(&self.tools_settled),
            Listed::Prompts => Some(&self.prompts_settled),
            Listed::Resources => None,
        }
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

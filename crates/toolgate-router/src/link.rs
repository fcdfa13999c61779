//! One server of one workspace as the router sees it: what it offers, how it fares, how much it may do at once.

use std::fmt;
use std::future::Future;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::time::{Instant, timeout};
use toolgate_namespace::ServerSpec;
use toolgate_protocol::mcp::ServerSnapshot;
use toolgate_protocol::{Json, ToolDefinition};
use toolgate_upstream::{ListKind, Upstream, UpstreamError, UpstreamErrorKind};

use crate::breaker::{Breaker, Circuit};
use crate::bulkhead::{Bulkhead, Part};
use crate::memory::{LinkHealth, Memory};
use crate::pins::{Pinning, Pins};
use crate::stretch::{Place, Stretch};

/// A server that has not said what it is for this long after it was first contacted does not answer.
const SILENT: Duration = Duration::from_secs(2);
/// A list of tools or prompts older than this is served once more and fetched again behind the answer.
const FRESH_FOR: Duration = Duration::from_mins(1);
/// A list of resources older than this is fetched again before the answer.
const RESOURCES_FRESH_FOR: Duration = Duration::from_secs(1);
/// What is left to a list that ran out of time to say so itself.
const SLACK: Duration = Duration::from_millis(50);
/// Resources or templates of one server that are remembered, and the most on one page (P9.55).
pub(crate) const PAGE: usize = 1000;

/// The tools of one server as it lists them, in its own order.
pub type ToolList = Vec<Arc<ToolDefinition>>;

/// A list of a server that can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Listed {
    /// `tools/list`
    Tools,
    /// `prompts/list`
    Prompts,
    /// `resources/list` and `resources/templates/list`
    Resources,
}

/// Counts what the links of one workspace learn; shared by them. What was made from it at one count is good for as
/// long as that stands.
#[derive(Debug, Default)]
pub struct LinkChanges {
    offers: AtomicU64,
    doubts: AtomicU64,
}

impl LinkChanges {
    /// Counts changes of what the links offer.
    pub fn offers(&self) -> u64 {
        self.offers.load(Ordering::Acquire)
    }

    /// Counts how often a list was called out of date.
    pub(crate) fn doubts(&self) -> u64 {
        self.doubts.load(Ordering::Acquire)
    }
}

/// What a [`Link`] is made from.
pub struct LinkConfig {
    /// The server.
    pub spec: Arc<ServerSpec>,
    /// The conversation with it.
    pub upstream: Arc<Upstream>,
    /// Its pinned tools, from the store; `None` when it was never seen.
    pub pins: Option<Pins>,
    /// What it last said of itself, from the store.
    pub snapshot: Option<ServerSnapshot>,
    /// Counts what the links of the workspace learn.
    pub changes: Arc<LinkChanges>,
    /// Holds what the server lists against its pins.
    pub pinning: Arc<Pinning>,
}

impl fmt::Debug for LinkConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkConfig")
            .field("spec", &self.spec)
            .finish_non_exhaustive()
    }
}

/// One server inside one workspace.
pub struct Link {
    spec: Arc<ServerSpec>,
    upstream: Arc<Upstream>,
    tools: Memory<ToolList>,
    prompts: Memory<Vec<Json>>,
    resources: Memory<Stretch>,
    templates: Memory<Stretch>,
    about: Memory<ServerSnapshot>,
    /// What of the tools may be had. Never what the server said alone (S-50).
    pins: ArcSwapOption<Pins>,
    changes: Arc<LinkChanges>,
    pinning: Arc<Pinning>,
    pub(crate) bulkhead: Bulkhead,
    pub(crate) breaker: Breaker,
    /// Zero of the breaker's clock.
    started: Instant,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("spec", &self.spec)
            .finish_non_exhaustive()
    }
}

impl Link {
    /// A link that serves what the store remembers until its server was asked.
    pub fn new(config: LinkConfig) -> Arc<Self> {
        Arc::new(Self {
            spec: config.spec,
            upstream: config.upstream,
            tools: Memory::new(config.pins.as_ref().map(Pins::definitions)),
            prompts: Memory::new(None),
            resources: Memory::new(None),
            templates: Memory::new(None),
            about: Memory::new(config.snapshot),
            pins: ArcSwapOption::new(config.pins.map(Arc::new)),
            changes: config.changes,
            pinning: config.pinning,
            bulkhead: Bulkhead::new(Part::Server),
            breaker: Breaker::new(RandomState::new().build_hasher().finish()),
            started: Instant::now(),
        })
    }

    /// The server's settings.
    pub fn spec(&self) -> &Arc<ServerSpec> {
        &self.spec
    }

    /// The conversation with the server.
    pub fn upstream(&self) -> &Arc<Upstream> {
        &self.upstream
    }

    /// Its pinned tools; `None` when it was never seen, or not for a day.
    pub fn known(&self) -> Option<Arc<Pins>> {
        self.tools.said().and_then(|_| self.pins.load_full())
    }

    /// What it last listed, whether that may be had or not.
    pub fn listed(&self) -> Option<Arc<ToolList>> {
        self.tools.said()
    }

    /// How it went when the server was last asked for its tools.
    pub fn health(&self) -> Arc<LinkHealth> {
        self.tools.health()
    }

    /// Whether calls go to the server, or are answered at once since it keeps failing.
    pub fn circuit(&self) -> Circuit {
        self.breaker.circuit(self.now_ms())
    }

    /// Whether this process has heard from the server.
    pub fn was_heard(&self) -> bool {
        matches!(*self.health(), LinkHealth::Up) || self.breaker.was_answered()
    }

    /// Lets calls through again: the server was seen to answer by other means.
    pub fn close_circuit(&self) {
        self.breaker.reset(self.now_ms());
    }

    /// The breaker's clock.
    pub(crate) fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// How much it has to do.
    pub fn bulkhead(&self) -> &Bulkhead {
        &self.bulkhead
    }

    /// Replaces the pins, unless newer ones are in force.
    pub fn set_pins(&self, pins: Pins) {
        let pins = Arc::new(pins);
        let mut news = false;
        self.pins.rcu(|current| {
            let before = current.as_ref();
            let is_newer = before.is_none_or(|before| before.generation <= pins.generation);
            news = is_newer && before.is_none_or(|before| before.tools != pins.tools);
            if is_newer {
                Some(pins.clone())
            } else {
                current.clone()
            }
        });
        if news {
            self.changed();
        }
    }

    /// Holds every tool until other pins are set: the server is not who it was (S-52).
    pub fn hold_all(&self) {
        if let Some(pins) = self.pins.load_full() {
            self.set_pins(pins.held());
        }
    }

    /// What the server last said of itself.
    pub fn snapshot(&self) -> Option<Arc<ServerSnapshot>> {
        self.about.said()
    }

    /// Remembers what the server said of itself (P9.30); true when that differs from before.
    pub fn learn_snapshot(&self, snapshot: ServerSnapshot) -> bool {
        let mut news = false;
        self.about.learn(snapshot, |_, _| {
            news = true;
            self.changed();
        });
        news
    }

    /// Whether the server has a feature such as `prompts`, by its snapshot; true when nothing is known.
    pub fn offers(&self, capability: &str) -> bool {
        self.about.said().is_none_or(|snapshot| {
            let capabilities = snapshot.capabilities.object();
            capabilities.is_some_and(|members| members.contains(capability))
        })
    }

    /// The server said that this list changed: it is asked again, and the next list waits for that within its
    /// list timeout, since a client that was just told must not be served the old one (P9.46, P9.65).
    pub fn invalidate(&self, what: Listed) {
        match what {
            Listed::Tools => self.tools.invalidate(),
            Listed::Prompts => self.prompts.invalidate(),
            Listed::Resources => {
                self.resources.invalidate();
                self.templates.invalidate();
            }
        }
        self.changes.doubts.fetch_add(1, Ordering::Release);
    }

    /// Until when a list has neither to wait for this server nor to have it asked again, unless one of the
    /// [`LinkChanges`] is counted before; `None` when it has.
    pub(crate) fn settled_until(&self, what: Listed) -> Option<Instant> {
        let whenever = Instant::now() + FRESH_FOR;
        let list = match what {
            Listed::Tools => self.tools.settled_until(FRESH_FOR),
            Listed::Prompts if self.offers("prompts") => self.prompts.settled_until(FRESH_FOR),
            Listed::Prompts => Some(whenever),
            // Looked at before each answer, see `refresh_page`.
            Listed::Resources => None,
        };
        let acquainted = if self.about.is_usable() {
            Some(whenever)
        } else {
            self.about.quiet_until().max(self.tools.quiet_until())
        };
        Some(list?.min(acquainted?))
    }

    /// Asks the server for its tools, holds the answer against their pins and remembers it; the error is fit for
    /// an admin's eyes. What could not be pinned is not served (S-01).
    ///
    /// Single flight and cancel safe.
    pub async fn refresh(&self) -> Result<Arc<ToolList>, Arc<str>> {
        let ask = || async {
            let tools = self.ask_tools().await?;
            if self.tools.heard_here().as_deref() != Some(&tools) {
                self.set_pins((self.pinning)(self, &tools).await?);
            }
            Ok(tools)
        };
        self.tools.refresh(ask, |_, _| self.changed()).await
    }

    /// The prompts the server was last known to have; `None` when it was never heard.
    pub(crate) fn prompts(&self) -> Option<Arc<Vec<Json>>> {
        if self.offers("prompts") {
            self.prompts.said()
        } else {
            Some(Arc::default())
        }
    }

    /// What is remembered of a list that comes in pages.
    pub(crate) fn memory(&self, kind: ListKind) -> &Memory<Stretch> {
        match kind {
            ListKind::ResourceTemplates => &self.templates,
            ListKind::Resources | ListKind::Prompts => &self.resources,
        }
    }

    /// Whether it did not answer when it was last asked for its tools, or never did since it was first contacted
    /// a while ago.
    pub fn is_down(&self) -> bool {
        let silent = self.snapshot().is_none() && self.was_contacted_before(SILENT);
        self.tools.is_down() || silent
    }

    /// Whether an answer has to wait for this list: never heard or out of date, and not known to be down.
    pub(crate) fn must_wait(&self, what: Listed) -> bool {
        match what {
            Listed::Tools => self.tools.must_wait(),
            Listed::Prompts => self.offers("prompts") && self.prompts.must_wait(),
            Listed::Resources => {
                self.offers("resources")
                    && (self.resources.must_wait() || self.templates.must_wait())
            }
        }
    }

    /// Whether who looks for something of this server should ask for the list first.
    pub(crate) fn is_worth_asking(&self, what: Listed) -> bool {
        match what {
            Listed::Tools => self.tools.is_worth_asking(),
            Listed::Prompts => self.offers("prompts") && self.prompts.is_worth_asking(),
            Listed::Resources => {
                self.offers("resources")
                    && (self.resources.is_worth_asking() || self.templates.is_worth_asking())
            }
        }
    }

    /// Whether this list should be asked for again behind an answer: it is old or out of date, nobody is asking
    /// for it, and that did not fail just now.
    pub fn wants_refresh(&self, what: Listed) -> bool {
        match what {
            Listed::Tools => self.tools.wants_refresh(FRESH_FOR),
            Listed::Prompts => self.offers("prompts") && self.prompts.wants_refresh(FRESH_FOR),
            // Asked for again before the answer, see `refresh_page`.
            Listed::Resources => false,
        }
    }

    /// Asks for a list; what comes of it is remembered. Ends within the list timeout.
    ///
    /// Boxed, since it stands on paths that hardly ever take it.
    pub(crate) fn load(&self, what: Listed) -> BoxFuture<'_, ()> {
        async move {
            match what {
                Listed::Tools => self.within_limit(self.refresh()).await,
                Listed::Prompts => self.within_limit(self.refresh_prompts()).await,
                Listed::Resources => {
                    tokio::join!(
                        self.refresh_page(ListKind::Resources),
                        self.refresh_page(ListKind::ResourceTemplates),
                    );
                }
            }
        }
        .boxed()
    }

    /// Asks for the beginning of a list that comes in pages, unless that was done just now or failed just now.
    pub(crate) async fn refresh_page(&self, kind: ListKind) {
        let memory = self.memory(kind);
        if memory.is_fresh(RESOURCES_FRESH_FOR) || memory.failed_recently() {
            return;
        }
        let news = |before: Option<&Stretch>, now: Option<&Stretch>| {
            let uris = |stretch: Option<&Stretch>| -> Vec<Box<str>> {
                let items = stretch.into_iter().flat_map(|stretch| &stretch.items);
                items.map(|item| item.uri.clone()).collect()
            };
            // Only URIs are merged into the catalogue.
            if uris(before) != uris(now) {
                self.changed();
            }
        };
        let ask = || async {
            let read = Stretch::read(&self.upstream, &self.spec, kind, Place::default(), PAGE);
            read.await
                .map_err(|error| self.failed(kind.method(), &error))
        };
        self.within_limit(memory.refresh(ask, news)).await;
    }

    /// Whether the server never said what it is, and is not known to be down.
    pub(crate) fn is_stranger(&self) -> bool {
        self.about.is_worth_asking() && !self.tools.failed_recently()
    }

    /// Whether the server was contacted for the first time longer ago than that.
    pub(crate) fn was_contacted_before(&self, ago: Duration) -> bool {
        self.about.was_asked_before(ago)
    }

    /// Whether a list that comes in pages failed and may be asked for again, behind an answer.
    pub(crate) fn is_page_down(&self, kind: ListKind) -> bool {
        self.memory(kind).is_down()
    }

    /// Whether the server is being contacted to learn what it is.
    pub(crate) fn is_being_contacted(&self) -> bool {
        self.about.is_being_asked()
    }

    /// Ends when the server is not being contacted any more.
    pub(crate) async fn until_contacted(&self) {
        self.about.until_asked().await;
    }

    /// Contacts the server to learn what it is. Single flight; may take long.
    pub(crate) async fn acquaint(&self) {
        let ask = || async {
            let contact = Box::pin(self.upstream.contact()).await;
            contact.map_err(|error| self.failed("server/discover", &error))
        };
        // The outcome is remembered.
        let _ = self.about.refresh(ask, |_, _| self.changed()).await;
    }

    async fn refresh_prompts(&self) -> Result<Arc<Vec<Json>>, Arc<str>> {
        let ask = || async {
            let listed = timeout(
                self.spec.timeouts.list,
                Box::pin(self.upstream.list_prompts()),
            );
            match listed.await {
                Ok(listed) => listed.map_err(|error| self.failed("prompts/list", &error)),
                Err(_) => Err("listing prompts took too long".into()),
            }
        };
        self.prompts.refresh(ask, |_, _| self.changed()).await
    }

    async fn ask_tools(&self) -> Result<ToolList, Arc<str>> {
        match Box::pin(self.upstream.list_tools()).await {
            Ok(tools) => Ok(tools.into_iter().map(Arc::new).collect()),
            // A server that has prompts or resources only may refuse the question.
            Err(error) if is_answer(&error) && !self.offers("tools") => Ok(Vec::new()),
            Err(error) => Err(self.failed("tools/list", &error)),
        }
    }

    /// Waits for a list, and for whoever was asking for it before, no longer than a list may take.
    async fn within_limit<T>(&self, asked: impl Future<Output = T>) {
        if timeout(self.spec.timeouts.list + SLACK, asked)
            .await
            .is_err()
        {
            tracing::warn!(server = %self.spec.slug, "a list did not end in time");
        }
    }

    fn failed(&self, method: &'static str, error: &UpstreamError) -> Arc<str> {
        let (server, workspace) = (&self.spec.slug, &self.spec.workspace);
        tracing::warn!(%server, %workspace, method, "asking a server failed");
        error.to_string().into()
    }

    fn changed(&self) {
        self.changes.offers.fetch_add(1, Ordering::Release);
    }
}

/// Whether the server answered at all.
fn is_answer(error: &UpstreamError) -> bool {
    matches!(error.kind, UpstreamErrorKind::Protocol(_))
}

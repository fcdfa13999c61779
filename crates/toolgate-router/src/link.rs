//! One server of one workspace as the router sees it: what it offers, how it fares, how much it may do at once.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::sync::{Mutex, Semaphore};
use toolgate_namespace::ServerSpec;
use toolgate_policy::Classification;
use toolgate_protocol::ToolDefinition;
use toolgate_protocol::mcp::ServerSnapshot;
use toolgate_upstream::{Upstream, UpstreamError};

/// A list older than this is served once more and fetched again behind the answer.
const FRESH_FOR: Duration = Duration::from_mins(1);
/// After a failed attempt nobody waits for a link this long; it is retried in the background.
const QUIET_AFTER_FAILURE: Duration = Duration::from_secs(5);
/// Calls in flight to one server; the queue behind it is as long again.
pub(crate) const MAX_IN_FLIGHT: usize = 256;

/// What an admin said about one tool, beyond what its server says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ToolOverride {
    /// Replaces the classification by annotation (S-54).
    pub classification: Option<Classification>,
    /// Neither listed nor callable.
    pub disabled: bool,
}

/// The tools a server was last known to offer.
#[derive(Debug)]
pub struct KnownTools {
    /// In the server's own order.
    pub tools: Vec<Arc<ToolDefinition>>,
    /// When they were learnt in this process; `None` for a list that came from the store.
    pub learnt_at: Option<Instant>,
}

/// How a link fared when it was last asked for its tools.
#[derive(Debug, Clone, Default)]
pub enum LinkHealth {
    /// Not asked yet in this process.
    #[default]
    Unknown,
    /// The last list succeeded.
    Up,
    /// The last list failed.
    Down {
        /// What went wrong, fit for an admin's eyes.
        error: Arc<str>,
        /// When.
        since: Instant,
    },
}

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

/// Told when a link learnt a list that differs from the one before; must not block.
pub type Learnt = dyn Fn(&Link, &[Arc<ToolDefinition>]) + Send + Sync;

/// What a [`Link`] is made from.
pub struct LinkConfig {
    /// The server.
    pub spec: Arc<ServerSpec>,
    /// The conversation with it.
    pub upstream: Arc<Upstream>,
    /// Its last known good list, from the store.
    pub known: Option<Vec<Arc<ToolDefinition>>>,
    /// What it last said of itself, from the store.
    pub snapshot: Option<ServerSnapshot>,
    /// What an admin said about its tools, by the tools' own names.
    pub overrides: HashMap<String, ToolOverride>,
    /// Counts catalogue changes of the workspace; shared by its links.
    pub changes: Arc<AtomicU64>,
    /// Told what the link learns.
    pub learnt: Arc<Learnt>,
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
    known: ArcSwapOption<KnownTools>,
    snapshot: ArcSwapOption<ServerSnapshot>,
    overrides: ArcSwap<HashMap<String, ToolOverride>>,
    health: ArcSwap<LinkHealth>,
    refreshing: Mutex<()>,
    changes: Arc<AtomicU64>,
    learnt: Arc<Learnt>,
    pub(crate) permits: Arc<Semaphore>,
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
        let known = config.known.map(|tools| {
            Arc::new(KnownTools {
                tools,
                learnt_at: None,
            })
        });
        Arc::new(Self {
            spec: config.spec,
            upstream: config.upstream,
            known: ArcSwapOption::new(known),
            snapshot: ArcSwapOption::from_pointee(config.snapshot),
            overrides: ArcSwap::from_pointee(config.overrides),
            health: ArcSwap::default(),
            refreshing: Mutex::new(()),
            changes: config.changes,
            learnt: config.learnt,
            permits: Arc::new(Semaphore::new(MAX_IN_FLIGHT)),
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

    /// The last known good list.
    pub fn known(&self) -> Option<Arc<KnownTools>> {
        self.known.load_full()
    }

    /// How the last list went.
    pub fn health(&self) -> Arc<LinkHealth> {
        self.health.load_full()
    }

    /// What an admin said about a tool.
    pub fn tool_override(&self, tool: &str) -> ToolOverride {
        self.overrides.load().get(tool).copied().unwrap_or_default()
    }

    /// Replaces what an admin said about the tools.
    pub fn set_overrides(&self, overrides: HashMap<String, ToolOverride>) {
        if **self.overrides.load() != overrides {
            self.overrides.store(Arc::new(overrides));
            self.changed();
        }
    }

    /// What the server last said of itself.
    pub fn snapshot(&self) -> Option<Arc<ServerSnapshot>> {
        self.snapshot.load_full()
    }

    /// Remembers what the server said of itself (P9.30); true when that differs from before.
    pub fn learn_snapshot(&self, snapshot: ServerSnapshot) -> bool {
        if self.snapshot.load().as_deref() == Some(&snapshot) {
            return false;
        }
        self.snapshot.store(Some(Arc::new(snapshot)));
        self.changed();
        true
    }

    /// Whether the server has a feature such as `prompts`, by its snapshot; true when nothing is known.
    pub fn offers(&self, capability: &str) -> bool {
        self.snapshot.load().as_ref().is_none_or(|snapshot| {
            snapshot
                .capabilities
                .object()
                .is_some_and(|members| members.contains(capability))
        })
    }

    /// The server said that this list changed: it is asked again, and the next list waits for that within its
    /// list timeout, since a client that was just told must not be served the old one (P9.46, P9.65).
    pub fn invalidate(&self, what: Listed) {
        let _ = what;
        if let Some(known) = self.known.load_full() {
            self.known.store(Some(Arc::new(KnownTools {
                tools: known.tools.clone(),
                learnt_at: None,
            })));
        }
    }

    /// Asks the server for its tools and remembers the answer.
    ///
    /// Single flight: whoever comes while a list is under way takes its outcome. Cancel safe: a
    /// dropped call leaves the old list in place.
    pub async fn refresh(&self) -> Result<Arc<KnownTools>, Arc<str>> {
        let asked_at = Instant::now();
        let _turn = self.refreshing.lock().await;
        if let Some(outcome) = self.outcome_since(asked_at) {
            return outcome;
        }
        match self.upstream.list_tools().await {
            Ok(tools) => Ok(self.learn(tools)),
            Err(error) => Err(self.fail(&error)),
        }
    }

    /// Whether the next list should ask the server again.
    pub(crate) fn wants_refresh(&self) -> bool {
        let fresh = self
            .known
            .load()
            .as_ref()
            .and_then(|known| known.learnt_at)
            .is_some_and(|at| at.elapsed() < FRESH_FOR);
        !fresh && !self.failed_recently() && self.refreshing.try_lock().is_ok()
    }

    /// Whether a list has to wait for this link: never seen, and not known to be down.
    pub(crate) fn is_cold(&self) -> bool {
        self.known.load().is_none() && !self.failed_recently()
    }

    fn failed_recently(&self) -> bool {
        matches!(&**self.health.load(), LinkHealth::Down { since, .. } if since.elapsed() < QUIET_AFTER_FAILURE)
    }

    fn outcome_since(&self, asked_at: Instant) -> Option<Result<Arc<KnownTools>, Arc<str>>> {
        if let LinkHealth::Down { error, since } = &**self.health.load()
            && *since >= asked_at
        {
            return Some(Err(error.clone()));
        }
        let known = self.known.load_full()?;
        (known.learnt_at? >= asked_at).then_some(Ok(known))
    }

    fn learn(&self, tools: Vec<ToolDefinition>) -> Arc<KnownTools> {
        let before = self.known.load_full();
        let same = before.as_ref().is_some_and(|before| {
            before.tools.len() == tools.len()
                && before.tools.iter().zip(&tools).all(|(a, b)| a.raw == b.raw)
        });
        let known = Arc::new(KnownTools {
            tools: match before {
                Some(before) if same => before.tools.clone(),
                _ => tools.into_iter().map(Arc::new).collect(),
            },
            learnt_at: Some(Instant::now()),
        });
        self.known.store(Some(known.clone()));
        self.health.store(Arc::new(LinkHealth::Up));
        if !same {
            self.changed();
            (self.learnt)(self, &known.tools);
        }
        known
    }

    fn fail(&self, error: &UpstreamError) -> Arc<str> {
        let text: Arc<str> = error.to_string().into();
        tracing::warn!(server = %self.spec.slug, workspace = %self.spec.workspace, "listing tools failed");
        self.health.store(Arc::new(LinkHealth::Down {
            error: text.clone(),
            since: Instant::now(),
        }));
        text
    }

    fn changed(&self) {
        self.changes.fetch_add(1, Ordering::Release);
    }
}

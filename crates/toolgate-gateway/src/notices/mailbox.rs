//! What waits to be told to one client, merged while it waits (P6.11, P9.46).

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Notify;
use tokio::time::Instant;
use toolgate_namespace::ServerId;
use toolgate_policy::Principal;
use toolgate_protocol::Revision;
use toolgate_router::{Listed, Roster};
use toolgate_upstream::Origin;

use crate::gateway::Gateway;
use crate::session::questions::Questions;
use crate::snapshot::WorkspaceEntry;

/// After a notice the same one waits this long (P9.46).
const MERGE: Duration = Duration::from_millis(250);
/// Resources whose change waits to be told; further ones are told as a change of the list (P6.11).
const MAX_UPDATED: usize = 256;
/// Messages that wait while the client reads slowly; further ones are dropped (P7.9).
const MAX_MESSAGES: usize = 256;

/// Which changes a client wants to hear of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wants {
    pub(crate) tools: bool,
    pub(crate) prompts: bool,
    pub(crate) resources: bool,
}

impl Wants {
    /// All lists: what clients of older revisions are told.
    pub(crate) const ALL: Self = Self {
        tools: true,
        prompts: true,
        resources: true,
    };

    fn has(self, what: Listed) -> bool {
        match what {
            Listed::Tools => self.tools,
            Listed::Prompts => self.prompts,
            Listed::Resources => self.resources,
        }
    }
}

/// The notification that tells of a changed list.
pub(crate) fn name_of(what: Listed) -> &'static str {
    match what {
        Listed::Tools => "notifications/tools/list_changed",
        Listed::Prompts => "notifications/prompts/list_changed",
        Listed::Resources => "notifications/resources/list_changed",
    }
}

/// Whose mailbox it is.
#[derive(Debug, Clone)]
pub(crate) struct Owner {
    pub(crate) principal: Principal,
    /// The client session; `None` for a listen of a modern client.
    pub(crate) session: Option<Arc<str>>,
    pub(crate) revision: Revision,
    /// What its client was asked.
    pub(crate) questions: Arc<Questions>,
}

/// One thing to tell.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Letter {
    /// A list changed.
    Changed(Listed),
    /// A watched resource changed; its URI as the client knows it.
    Updated(String),
    /// A message that belongs to no call: a log, a question.
    Message(Bytes),
}

/// What waits for one client.
#[derive(Debug)]
pub(crate) struct Mailbox {
    owner: Owner,
    wants: Wants,
    /// Watched resources: the server and its own URI, and the URI as the client knows it.
    watched: Mutex<HashMap<(ServerId, String), String>>,
    waiting: Mutex<Waiting>,
    bell: Notify,
    /// To be compared when the gateway itself changed something (P9.47).
    seen: Mutex<Seen>,
    joined: AtomicBool,
}

/// What a principal sees of a workspace, in a form that is cheap to compare: who sees the same shares the bytes.
#[derive(Debug, Clone)]
pub(crate) struct View {
    tools: Bytes,
    prompts: Bytes,
    /// The servers that resources come from.
    servers: Roster,
}

/// What a client was last shown of each list, or could have been when it came.
#[derive(Debug, Default)]
struct Seen {
    tools: Option<Bytes>,
    prompts: Option<Bytes>,
    servers: Option<Roster>,
}

impl View {
    /// What this owner sees now.
    pub(crate) fn of(gateway: &Gateway, workspace: &WorkspaceEntry, owner: &Owner) -> Self {
        let catalog = workspace.workspace.catalog();
        let server_info = gateway.server_info();
        let digest = owner.principal.token().digest;
        // Role and rules may have changed since the mailbox was made.
        let snapshot = gateway.snapshot();
        let current = snapshot
            .tokens
            .get(&digest)
            .and_then(|entry| Principal::authenticate(&entry.token, &digest, gateway.now_ms()));
        let principal = current.unwrap_or_else(|| owner.principal.clone());
        Self {
            tools: catalog.list_for(&principal, owner.revision, server_info),
            prompts: catalog.prompts_for(owner.revision, server_info),
            servers: workspace.workspace.roster().clone(),
        }
    }
}

#[derive(Debug, Default)]
struct Waiting {
    changed: Vec<Listed>,
    updated: VecDeque<String>,
    messages: VecDeque<Bytes>,
    told: HashMap<String, Instant>,
    /// Streams that show this mailbox now; without one, messages are not kept (P6.11).
    open: usize,
}

impl Mailbox {
    pub(crate) fn new(owner: Owner, wants: Wants) -> Arc<Self> {
        Arc::new(Self {
            owner,
            wants,
            watched: Mutex::default(),
            waiting: Mutex::default(),
            bell: Notify::new(),
            seen: Mutex::default(),
            joined: AtomicBool::new(false),
        })
    }

    pub(crate) fn owner(&self) -> &Owner {
        &self.owner
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn watched(&self) -> MutexGuard<'_, HashMap<(ServerId, String), String>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A list changed, or may have.
    pub(crate) fn changed(&self, what: Listed) {
        if self.wants.has(what) {
            let mut waiting = self.lock();
            if !waiting.changed.contains(&what) {
                waiting.changed.push(what);
            }
            drop(waiting);
            self.bell.notify_one();
        }
    }

    /// From now on changes of this resource are told, as changes of `shown`.
    pub(crate) fn watch(&self, server: ServerId, own: String, shown: String) {
        self.watched().insert((server, own), shown);
    }

    /// Changes of this resource are told no longer.
    pub(crate) fn unwatch(&self, server: &ServerId, own: &str) {
        self.watched().remove(&(server.clone(), own.to_owned()));
    }

    /// A resource changed, in the upstream session of `origin` (P9.43).
    pub(crate) fn updated(&self, server: &ServerId, own: &str, origin: &Origin) {
        if !self.may_hear(origin) {
            return;
        }
        let shown = self
            .watched()
            .get(&(server.clone(), own.to_owned()))
            .cloned();
        if let Some(shown) = shown {
            self.tell_updated(shown);
        }
    }

    /// Changes of that server's resources may have been missed (P9.41).
    pub(crate) fn may_have_missed(&self, server: &ServerId) {
        let shown: Vec<String> = self
            .watched()
            .iter()
            .filter(|((watched, _), _)| watched == server)
            .map(|(_, shown)| shown.clone())
            .collect();
        for uri in shown {
            self.tell_updated(uri);
        }
    }

    fn tell_updated(&self, shown: String) {
        let mut waiting = self.lock();
        if waiting.updated.contains(&shown) {
            return;
        }
        if waiting.updated.len() >= MAX_UPDATED {
            drop(waiting);
            self.changed(Listed::Resources);
            return;
        }
        waiting.updated.push_back(shown);
        drop(waiting);
        self.bell.notify_one();
    }

    /// A message for the client's general stream; `false` when none is open or it is full.
    pub(crate) fn send(&self, message: Bytes) -> bool {
        let mut waiting = self.lock();
        if waiting.open == 0 || waiting.messages.len() >= MAX_MESSAGES {
            return false;
        }
        waiting.messages.push_back(message);
        drop(waiting);
        self.bell.notify_one();
        true
    }

    /// Whether what happened in that upstream session is this client's business.
    fn may_hear(&self, origin: &Origin) -> bool {
        let token = self.owner.principal.token().id.as_str();
        let principal = origin.principal.as_deref().is_none_or(|p| p == token);
        let session = origin.session.is_none() || origin.session == self.owner.session;
        principal && session
    }

    /// Counts a stream that shows this mailbox, for as long as the value lives.
    pub(crate) fn reader(self: &Arc<Self>) -> Reader {
        self.lock().open += 1;
        Reader(Arc::clone(self))
    }

    /// Marks it as hearing of its workspace; `false` when it did already.
    pub(crate) fn joins(&self) -> bool {
        !self.joined.swap(true, Ordering::AcqRel)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the client could see when it came. Lists that are not known yet (`complete` is false) are no view of
    /// it: what is learnt at first is no change to tell of.
    pub(crate) fn came_to(&self, view: View, complete: bool) {
        *self.seen() = Seen {
            tools: complete.then_some(view.tools),
            prompts: complete.then_some(view.prompts),
            servers: Some(view.servers),
        };
    }

    /// The client was shown this list; of the others it knows what it knew. `servers` is from before the list was
    /// made, so that no change falls between the two.
    pub(crate) fn was_shown(&self, what: Listed, list: &Bytes, servers: Roster) {
        let mut seen = self.seen();
        match what {
            Listed::Tools => seen.tools = Some(list.clone()),
            Listed::Prompts => seen.prompts = Some(list.clone()),
            Listed::Resources => seen.servers = Some(servers),
        }
    }

    /// Tells what of the view differs from what the client was shown (P9.47). Another set of servers changes
    /// every list, though what a new one offers is not known yet.
    pub(crate) fn sees(&self, view: View) {
        // The new one is kept in any case, so that nobody keeps an old list alive. What is shared is told at a
        // glance: there may be thousands of listeners.
        fn differs<T: AsRef<[U]>, U: PartialEq>(seen: &mut Option<T>, now: T) -> bool {
            let Some(seen) = seen else { return false };
            let before = std::mem::replace(seen, now);
            let (before, now) = (before.as_ref(), seen.as_ref());
            !std::ptr::eq(before, now) && before != now
        }
        let mut seen = self.seen();
        let servers = differs(&mut seen.servers, view.servers);
        let tools = differs(&mut seen.tools, view.tools) || servers;
        let prompts = differs(&mut seen.prompts, view.prompts) || servers;
        drop(seen);
        for (what, changed) in [
            (Listed::Tools, tools),
            (Listed::Prompts, prompts),
            (Listed::Resources, servers),
        ] {
            if changed {
                self.changed(what);
            }
        }
    }
}

/// A stream that shows a mailbox.
#[derive(Debug)]
pub(crate) struct Reader(Arc<Mailbox>);

impl Drop for Reader {
    fn drop(&mut self) {
        let mut waiting = self.0.lock();
        waiting.open -= 1;
        if waiting.open == 0 {
            waiting.messages.clear();
        }
    }
}

/// What can be told now.
enum Due {
    Now(Letter),
    At(Instant),
    Nothing,
}

impl Reader {
    /// The next thing to tell, waiting for it. Cancel safe.
    pub(crate) async fn next(&self) -> Letter {
        loop {
            let due = self.0.lock().take(Instant::now());
            match due {
                Due::Now(letter) => return letter,
                Due::At(at) => {
                    tokio::select! {
                        () = self.0.bell.notified() => {}
                        () = tokio::time::sleep_until(at) => {}
                    }
                }
                Due::Nothing => self.0.bell.notified().await,
            }
        }
    }
}

impl Waiting {
    /// The first thing whose time has come: messages at once, notices a while after their like.
    fn take(&mut self, now: Instant) -> Due {
        if let Some(message) = self.messages.pop_front() {
            return Due::Now(Letter::Message(message));
        }
        self.told.retain(|_, at| *at + MERGE > now);
        let free = |key: &str| !self.told.contains_key(key);
        if let Some(at) = self.changed.iter().position(|what| free(name_of(*what))) {
            let what = self.changed.remove(at);
            self.told.insert(name_of(what).to_owned(), now);
            return Due::Now(Letter::Changed(what));
        }
        if let Some(at) = self.updated.iter().position(|uri| free(uri))
            && let Some(uri) = self.updated.remove(at)
        {
            self.told.insert(uri.clone(), now);
            return Due::Now(Letter::Updated(uri));
        }
        if self.changed.is_empty() && self.updated.is_empty() {
            return Due::Nothing;
        }
        let earliest = self.told.values().min().copied().unwrap_or(now);
        Due::At(earliest + MERGE)
    }
}

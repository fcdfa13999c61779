//! Which server a URI belongs to, as far as lists do not say (P9.16, P9.19).

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use toolgate_namespace::ServerId;

use crate::link::{Link, Listed};
use crate::workspace::Workspace;

/// URIs that are remembered for one workspace; beyond it the oldest are forgotten (P9.16).
const MAX_LEARNT: usize = 10_000;
/// The longest URI that is remembered, in bytes.
const MAX_URI: usize = 2048;
/// In the place of a principal: what lists say, to everybody.
const EVERYBODY: &str = "";

/// A URI and the server it belongs to.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// The server.
    pub link: Arc<Link>,
    /// The URI as that server knows it.
    pub own: String,
    /// Whether the client used the explicit form, which results then use again (P9.20).
    pub explicit: bool,
}

/// URIs that results named, by the principal who read them, and those on later pages of lists (P9.16).
///
/// Outlives the workspace's compiled form.
#[derive(Debug, Default)]
pub struct LearntUris {
    learnt: Mutex<Learnt>,
}

#[derive(Debug, Default)]
struct Learnt {
    owners: HashMap<Arc<str>, ServerId>,
    /// The keys, oldest first.
    order: VecDeque<Arc<str>>,
}

impl LearntUris {
    fn learn(&self, principal: &str, server: &ServerId, uris: impl IntoIterator<Item = String>) {
        let mut learnt = self.learnt.lock().unwrap_or_else(PoisonError::into_inner);
        for uri in uris.into_iter().filter(|uri| uri.len() <= MAX_URI) {
            let key: Arc<str> = key(principal, &uri).into();
            if learnt.owners.insert(key.clone(), server.clone()).is_some() {
                continue;
            }
            learnt.order.push_back(key);
            if learnt.order.len() > MAX_LEARNT
                && let Some(oldest) = learnt.order.pop_front()
            {
                learnt.owners.remove(&oldest);
            }
        }
    }

    fn owner(&self, principal: &str, uri: &str) -> Option<ServerId> {
        let learnt = self.learnt.lock().unwrap_or_else(PoisonError::into_inner);
        learnt.owners.get(key(principal, uri).as_str()).cloned()
    }
}

/// Principals are ids of tokens, so the first space ends one.
fn key(principal: &str, uri: &str) -> String {
    [principal, " ", uri].concat()
}

impl Workspace {
    /// The server that a URI belongs to (P9.19): the explicit form, then lists, then what results named to this
    /// principal, then templates, then the only server with its scheme, then the only one with resources. A lone
    /// server gets every URI. `None` means that no server is asked: that would tell each what is read elsewhere.
    ///
    /// Servers that never listed their resources are asked for that first, within their list timeout. Cancel safe.
    pub async fn resolve(&self, principal: &str, uri: &str) -> Option<Resolved> {
        if let Some((link, own)) = self.catalog().uris().explicit(uri) {
            return Some(Resolved {
                link: link.clone(),
                own: own.into_owned(),
                explicit: true,
            });
        }
        let bare = |link: &Arc<Link>| Resolved {
            link: link.clone(),
            own: uri.to_owned(),
            explicit: false,
        };
        if let [only] = self.links() {
            return Some(bare(only));
        }
        if let Some(owner) = self.known_owner(principal, uri) {
            return Some(bare(owner));
        }
        self.wait_for_cold(Listed::Resources).await;
        self.known_owner(principal, uri)
            .or_else(|| self.likely_owner(uri))
            .map(bare)
    }

    /// The server that a template, or else a URI, belongs to, for completion (P9.24); as
    /// [`resolve`](Self::resolve).
    pub async fn resolve_template(&self, template: &str) -> Option<Resolved> {
        self.resolve(EVERYBODY, template).await
    }

    /// Remembers URIs that a result of this server named to this principal; the last word counts (P9.16).
    pub fn learn_uris(&self, principal: &str, link: &Arc<Link>, uris: Vec<String>) {
        // A lone server gets every URI anyway.
        if self.links().len() > 1 && !uris.is_empty() {
            self.learnt_uris().learn(principal, &link.spec().id, uris);
        }
    }

    /// Remembers URIs on a page that is not remembered itself.
    pub(crate) fn learn_listed(&self, link: &Arc<Link>, uris: Vec<String>) {
        self.learn_uris(EVERYBODY, link, uris);
    }

    /// The place of the link that lists the URI, on whichever page.
    pub(crate) fn lister(&self, uri: &str) -> Option<usize> {
        let on_later_page = self
            .learnt_uris()
            .owner(EVERYBODY, uri)
            .and_then(|server| self.place_of(server.as_str()));
        let on_first_page = self.catalog().uris().owner(uri);
        // The first in order has it (P9.17).
        [on_first_page, on_later_page].into_iter().flatten().min()
    }

    fn known_owner(&self, principal: &str, uri: &str) -> Option<&Arc<Link>> {
        let learnt = || {
            let server = self.learnt_uris().owner(principal, uri)?;
            self.place_of(server.as_str())
        };
        self.links().get(self.lister(uri).or_else(learnt)?)
    }

    fn likely_owner(&self, uri: &str) -> Option<&Arc<Link>> {
        let likely = self.catalog().uris().likely_owner(uri);
        if let Some(place) = likely {
            return self.links().get(place);
        }
        let mut with_resources = self.links().iter().filter(|link| link.offers("resources"));
        match (with_resources.next(), with_resources.next()) {
            (Some(only), None) => Some(only),
            _ => None,
        }
    }
}

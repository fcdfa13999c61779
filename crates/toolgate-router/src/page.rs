//! One page of the resources or templates of a workspace (P9.55).

use std::sync::Arc;

use bytes::Bytes;
use futures::future::join_all;
use serde::{Deserialize, Serialize};
use toolgate_namespace::ServerSlug;
use toolgate_protocol::mcp::{ListResult, ResourceDefinition, explicit_uri};
use toolgate_protocol::{Json, Revision};
use toolgate_upstream::ListKind;

use crate::catalog::missing_servers;
use crate::link::{Link, PAGE};
use crate::stretch::{Place, Stretch};
use crate::workspace::Workspace;

/// Where a page begins; what a cursor of the gateway holds, sealed by whoever hands it out (P9.55).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The id of the server whose items come next.
    pub server: String,
    /// That server's own cursor, sent to nobody else (P9.58); `None` at the beginning of its list.
    pub cursor: Option<String>,
    /// Items after the cursor that earlier pages had.
    pub skip: usize,
    /// Pages of that server that came before, so that a server without an end comes to one (P9.56).
    pub pages: usize,
}

/// A position in the list of a server that is gone (P9.57).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("continuing a list: its server is gone")]
pub struct StalePosition;

/// One resource or template as clients see it.
#[derive(Debug, Clone)]
pub struct ResourceItem {
    /// As its server listed it.
    pub definition: Arc<ResourceDefinition>,
    /// The URI or template that clients see: bare, or explicit where it would mean another server's (P9.17).
    pub shown: String,
    /// The server that owns it.
    pub link: Arc<Link>,
}

/// One page of resources or templates.
#[derive(Debug)]
pub struct ResourcePage {
    /// The items, in the order of the links and then each server's own (P9.7).
    pub items: Vec<ResourceItem>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<Position>,
    /// Servers whose list could not be read; they contribute what was last known of them, if anything (P9.14).
    pub missing: Vec<ServerSlug>,
    /// How long the page stays good, in milliseconds (P9.61).
    pub ttl_ms: u64,
}

impl ResourcePage {
    /// Writes the page as the result of its list. `next_cursor` is [`next`](Self::next), sealed; `server_info` is
    /// the gateway's own (P5.18).
    pub fn write(
        &self,
        kind: ListKind,
        revision: Revision,
        server_info: &Json,
        next_cursor: Option<&str>,
    ) -> Bytes {
        let items: Vec<Bytes> = self
            .items
            .iter()
            .map(|item| item.definition.for_client(&item.shown, revision))
            .collect();
        let result = ListResult {
            member: kind.member(),
            next_cursor,
            ttl_ms: self.ttl_ms,
            server_info,
            meta: &missing_servers(&self.missing),
        };
        result.write(&items, revision)
    }
}

impl Workspace {
    /// One page of resources or templates, of up to 1,000 in the order of the links (P9.55). The beginning of
    /// each server's list is asked for again when it is older than a second, all at the same time and within
    /// the list timeout; a server that fails contributes what was last known (P9.14). What comes after the
    /// beginning is read from the one server it belongs to, with its own cursor (P9.58).
    ///
    /// Cancel safe.
    pub async fn resource_page(
        &self,
        kind: ListKind,
        from: Option<&Position>,
    ) -> Result<ResourcePage, StalePosition> {
        let mut first = 0;
        let mut place = Place::default();
        if let Some(position) = from {
            first = self.place_of(&position.server).ok_or(StalePosition)?;
            place = position.place();
        }
        let mut draft = Draft::new(self, kind);
        if !place.is_in_beginning(PAGE) {
            draft.read_on(first, place).await;
            if draft.is_over() {
                return Ok(draft.finish());
            }
            (first, place) = (first + 1, Place::default());
        }
        let links = self.links().get(first..).unwrap_or_default();
        let (down, up): (Vec<_>, Vec<_>) = links
            .iter()
            .filter(|link| offers(link))
            .partition(|link| link.is_page_down(kind));
        for link in down {
            let link = Arc::clone(link);
            self.refresh_behind(async move { link.refresh_page(kind).await });
        }
        join_all(up.into_iter().map(|link| link.refresh_page(kind))).await;
        let mut skip = place.skip;
        for at in first..self.links().len() {
            draft.take_beginning(at, std::mem::take(&mut skip));
            if draft.is_over() {
                break;
            }
        }
        Ok(draft.finish())
    }
}

fn offers(link: &Link) -> bool {
    link.offers("resources")
}

impl Position {
    fn new(link: &Link, place: Place) -> Self {
        Self {
            server: link.spec().id.as_str().to_owned(),
            cursor: place.cursor,
            skip: place.skip,
            pages: place.pages,
        }
    }

    fn place(&self) -> Place {
        Place {
            cursor: self.cursor.clone(),
            skip: self.skip,
            pages: self.pages,
        }
    }
}

/// A page that is being put together.
struct Draft<'a> {
    workspace: &'a Workspace,
    kind: ListKind,
    items: Vec<ResourceItem>,
    next: Option<Position>,
    missing: Vec<ServerSlug>,
    /// The least of what the contributors leave; `None` before the first.
    ttl_ms: Option<u64>,
}

impl<'a> Draft<'a> {
    fn new(workspace: &'a Workspace, kind: ListKind) -> Self {
        Self {
            workspace,
            kind,
            items: Vec::new(),
            next: None,
            missing: Vec::new(),
            ttl_ms: None,
        }
    }

    fn is_over(&self) -> bool {
        self.next.is_some()
    }

    fn room(&self) -> usize {
        PAGE.saturating_sub(self.items.len())
    }

    /// Adds what comes after the beginning of a long list. A server that fails now is left behind: repeating
    /// the position would keep the client asking for as long as it is down.
    async fn read_on(&mut self, at: usize, place: Place) {
        let link = &self.workspace.links()[at];
        let read = Stretch::read(link.upstream(), link.spec(), self.kind, place, self.room());
        let Ok(stretch) = read.await else {
            self.miss(link);
            return;
        };
        self.contribute(stretch.ttl_ms);
        let had = self.items.len();
        self.add(at, stretch.items.iter());
        let bare = self.items[had..]
            .iter()
            .filter(|item| *item.shown == *item.definition.uri);
        let bare = bare.map(|item| item.shown.clone()).collect();
        self.workspace.learn_listed(link, bare);
        self.next = stretch.rest.map(|rest| Position::new(link, rest));
    }

    /// Adds what is remembered of the beginning of a list, but for the first `skip`.
    fn take_beginning(&mut self, at: usize, skip: usize) {
        let link = &self.workspace.links()[at];
        if !offers(link) {
            return;
        }
        let memory = link.memory(self.kind);
        let Some(heard) = memory.heard() else {
            self.miss(link);
            return;
        };
        let stretch = &heard.said;
        let is_empty = stretch.items.len() <= skip && stretch.rest.is_none();
        if self.room() == 0 && !is_empty {
            self.next = Some(Position::new(link, Place::default()));
            return;
        }
        if memory.is_down() {
            self.miss(link);
        }
        let age = u64::try_from(heard.at.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.contribute(stretch.ttl_ms.map(|ttl| ttl.saturating_sub(age)));
        let taken = self.room();
        self.add(at, stretch.items.iter().skip(skip).take(taken));
        let left = stretch.items.len() > skip + taken;
        self.next = if left {
            let skip = skip + taken;
            Some(Position::new(
                link,
                Place {
                    skip,
                    ..Place::default()
                },
            ))
        } else {
            stretch.rest.clone().map(|rest| Position::new(link, rest))
        };
    }

    fn add<'i>(&mut self, at: usize, items: impl Iterator<Item = &'i Arc<ResourceDefinition>>) {
        let workspace = self.workspace;
        let link = &workspace.links()[at];
        let catalog = workspace.catalog();
        self.items.extend(items.map(|definition| {
            let uri = &*definition.uri;
            let is_taken = workspace.lister(uri).is_some_and(|lister| lister < at);
            let shown = if is_taken {
                explicit_uri(link.spec().slug.as_str(), uri)
            } else {
                catalog.uris().shown(link, uri).into_owned()
            };
            ResourceItem {
                definition: definition.clone(),
                shown,
                link: link.clone(),
            }
        }));
    }

    fn miss(&mut self, link: &Link) {
        self.missing.push(link.spec().slug.clone());
        self.contribute(None);
    }

    /// Weighs how long a contribution stays good; one that does not say is good for no time (P9.61).
    fn contribute(&mut self, ttl_ms: Option<u64>) {
        let ttl_ms = ttl_ms.unwrap_or(0);
        self.ttl_ms = Some(self.ttl_ms.map_or(ttl_ms, |least| least.min(ttl_ms)));
    }

    fn finish(self) -> ResourcePage {
        ResourcePage {
            items: self.items,
            next: self.next,
            missing: self.missing,
            ttl_ms: self.ttl_ms.unwrap_or(0),
        }
    }
}

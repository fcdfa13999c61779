//! A stretch of one server's resources or templates, read page by page (P9.55, P9.56).

use std::collections::HashSet;
use std::sync::Arc;

use tokio::time::{Instant, timeout_at};
use toolgate_namespace::ServerSpec;
use toolgate_protocol::Json;
use toolgate_protocol::mcp::{ListPage, ResourceDefinition};
use toolgate_upstream::{Delivery, ListKind, Upstream, UpstreamError, UpstreamErrorKind};

/// Pages of a server that are read for one stretch.
const MAX_PAGES_AT_ONCE: usize = 64;
/// Pages of a server in all, whatever its cursors say.
const MAX_PAGES: usize = 10_000;
/// Pages in a row that may bring nothing new (P9.56).
const MAX_BARREN_PAGES: usize = 3;

/// Items of one server, and where the rest begins.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Stretch {
    pub(crate) items: Vec<Arc<ResourceDefinition>>,
    /// `None` when the list ended.
    pub(crate) rest: Option<Place>,
    /// How long the server says it stays good: the least of its pages, `None` when one did not say.
    pub(crate) ttl_ms: Option<u64>,
}

/// A place in a server's list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// The server's own cursor of a page; an empty string is one (P9.56).
    pub(crate) cursor: Option<String>,
    /// Items of that page that come before the place.
    pub(crate) skip: usize,
    /// Pages before that one.
    pub(crate) pages: usize,
}

impl Place {
    /// Whether the place is among the first `count` items, as far as these are remembered.
    pub(crate) fn is_in_beginning(&self, count: usize) -> bool {
        self.cursor.is_none() && self.skip < count
    }
}

impl Stretch {
    /// Reads up to `max` items from a place on, within the list timeout. What was read before a failure counts;
    /// an error means that there was nothing.
    pub(crate) async fn read(
        upstream: &Upstream,
        spec: &ServerSpec,
        kind: ListKind,
        from: Place,
        max: usize,
    ) -> Result<Self, UpstreamError> {
        let deadline = Instant::now() + spec.timeouts.list;
        let mut reader = Reader::new(kind, from, max);
        for _ in 0..MAX_PAGES_AT_ONCE {
            let asked = Box::pin(upstream.list_page(kind, reader.place.cursor.as_deref()));
            let page = match timeout_at(deadline, asked).await {
                Ok(Ok(Some(page))) => page,
                Ok(Ok(None)) => return Ok(reader.end()),
                Ok(Err(_)) | Err(_) if reader.pages_read > 0 => break,
                Ok(Err(error)) => return Err(error),
                Err(_) => return Err(late(spec)),
            };
            match reader.take(page) {
                Next::Page => {}
                Next::Full => break,
                Next::End => return Ok(reader.end()),
                Next::Loop => {
                    tracing::warn!(server = %spec.slug, method = kind.method(), "a list does not end; cut");
                    return Ok(reader.end());
                }
            }
        }
        Ok(reader.stop())
    }
}

fn late(spec: &ServerSpec) -> UpstreamError {
    UpstreamError {
        server: spec.slug.clone(),
        kind: UpstreamErrorKind::TimedOut,
        outcome: Delivery::Unknown,
    }
}

/// What to do after a page.
enum Next {
    /// Read the page at the reader's place.
    Page,
    /// Nothing: there are enough items, and the rest begins at the reader's place.
    Full,
    /// Nothing: that was the last page.
    End,
    /// Nothing: the server goes in circles (P9.56).
    Loop,
}

/// A stretch under way.
struct Reader {
    kind: ListKind,
    max: usize,
    place: Place,
    items: Vec<Arc<ResourceDefinition>>,
    uris: HashSet<Box<str>>,
    cursors: HashSet<Option<String>>,
    barren: usize,
    pages_read: usize,
    ttl_ms: Option<u64>,
}

impl Reader {
    fn new(kind: ListKind, place: Place, max: usize) -> Self {
        Self {
            kind,
            max,
            cursors: HashSet::from([place.cursor.clone()]),
            place,
            items: Vec::new(),
            uris: HashSet::new(),
            barren: 0,
            pages_read: 0,
            ttl_ms: None,
        }
    }

    fn take(&mut self, page: ListPage) -> Next {
        self.ttl_ms = match (self.pages_read, self.ttl_ms, page.ttl_ms) {
            (0, _, first) => first,
            (_, Some(a), Some(b)) => Some(a.min(b)),
            _ => None,
        };
        self.pages_read += 1;
        let had = self.items.len();
        for item in page.items.into_iter().skip(self.place.skip) {
            if self.items.len() == self.max {
                return Next::Full;
            }
            self.place.skip += 1;
            self.add(item);
        }
        let is_barren = self.items.len() == had;
        self.barren = if is_barren { self.barren + 1 } else { 0 };
        let Some(next) = page.next_cursor else {
            return Next::End;
        };
        self.place = Place {
            cursor: Some(next),
            skip: 0,
            pages: self.place.pages + 1,
        };
        let is_new = self.cursors.insert(self.place.cursor.clone());
        if !is_new || self.barren >= MAX_BARREN_PAGES || self.place.pages >= MAX_PAGES {
            return Next::Loop;
        }
        if self.items.len() == self.max {
            Next::Full
        } else {
            Next::Page
        }
    }

    /// Keeps what has a URI that did not come before: the list may change between two pages (P9.59).
    fn add(&mut self, item: Json) {
        let definition = match self.kind {
            ListKind::ResourceTemplates => ResourceDefinition::template(item),
            ListKind::Resources | ListKind::Prompts => ResourceDefinition::resource(item),
        };
        if let Some(definition) = definition
            && self.uris.insert(definition.uri.clone())
        {
            self.items.push(Arc::new(definition));
        }
    }

    fn end(self) -> Stretch {
        Stretch {
            items: self.items,
            rest: None,
            ttl_ms: self.ttl_ms,
        }
    }

    fn stop(self) -> Stretch {
        Stretch {
            items: self.items,
            rest: Some(self.place),
            ttl_ms: self.ttl_ms,
        }
    }
}

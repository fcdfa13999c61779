//! All tools of a server, page by page (P9.54, P9.56).

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::time::{Instant, timeout_at};
use toolgate_protocol::mcp::ListPage;
use toolgate_protocol::{
    Json, JsonLimits, Object, ObjectEdit, Outcome, Revision, ToolDefinition, codes,
};

use crate::call::{Call, Event, IsolationKey};
use crate::error::{UpstreamError, UpstreamErrorKind};
use crate::exchange::Exchange;
use crate::route::Wayfinder;

/// Pages of one list at most (P9.54).
const MAX_PAGES: usize = 64;
/// Tools of one server at most (P9.54).
const MAX_TOOLS: usize = 256;
/// Pages in a row that may bring nothing new (P9.56).
const MAX_BARREN_PAGES: usize = 3;
/// Longest definition (security.md section 17).
const MAX_DEFINITION: usize = 64 * 1024;

/// The lists that are read page by page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ListKind {
    /// `prompts/list`
    Prompts,
    /// `resources/list`
    Resources,
    /// `resources/templates/list`
    ResourceTemplates,
}

impl ListKind {
    /// The method that lists them.
    pub const fn method(self) -> &'static str {
        match self {
            Self::Prompts => "prompts/list",
            Self::Resources => "resources/list",
            Self::ResourceTemplates => "resources/templates/list",
        }
    }

    /// The member of the result that holds the items.
    pub const fn member(self) -> &'static str {
        match self {
            Self::Prompts => "prompts",
            Self::Resources => "resources",
            Self::ResourceTemplates => "resourceTemplates",
        }
    }
}

/// One page; `None` when the server has no such list (-32601).
pub(crate) async fn page(
    wayfinder: &Arc<Wayfinder>,
    kind: ListKind,
    cursor: Option<&str>,
) -> Result<Option<ListPage>, UpstreamError> {
    let shared = wayfinder.shared();
    let deadline = Instant::now() + shared.spec.timeouts.list;
    let params = page_params(cursor);
    let asked = ask(wayfinder, kind.method(), params, deadline);
    let answered = timeout_at(deadline, asked).await;
    let (outcome, _) = answered.map_err(|_| shared.unknown(UpstreamErrorKind::TimedOut))??;
    match outcome {
        Outcome::Result(result) => match ListPage::parse(&result, kind.member()) {
            Some(page) => Ok(Some(page)),
            None => Err(shared.broke("a list without its items")),
        },
        Outcome::Error(error) if error.code == codes::METHOD_NOT_FOUND => Ok(None),
        Outcome::Error(_) => Err(shared.broke("it answered an error instead of a list")),
    }
}

/// Every prompt in the server's own order, with the guards of [`tools`].
pub(crate) async fn prompts(wayfinder: &Arc<Wayfinder>) -> Result<Vec<Json>, UpstreamError> {
    let mut prompts = Vec::new();
    let mut cursor: Option<String> = None;
    let mut cursors = HashSet::new();
    for _ in 0..MAX_PAGES {
        let page = page(wayfinder, ListKind::Prompts, cursor.as_deref()).await?;
        let Some(page) = page else { break };
        prompts.extend(page.items);
        match page.next_cursor {
            Some(next) if prompts.len() < MAX_TOOLS && cursors.insert(next.clone()) => {
                cursor = Some(next);
            }
            _ => break,
        }
    }
    prompts.truncate(MAX_TOOLS);
    Ok(prompts)
}

/// Every tool in the server's own order; what is invalid or too much is dropped and counted.
pub(crate) async fn tools(
    wayfinder: &Arc<Wayfinder>,
) -> Result<Vec<ToolDefinition>, UpstreamError> {
    let shared = wayfinder.shared();
    let deadline = Instant::now() + shared.spec.timeouts.list;
    let drained = timeout_at(deadline, drain(wayfinder, deadline)).await;
    drained.unwrap_or_else(|_| Err(shared.unknown(UpstreamErrorKind::TimedOut)))
}

async fn drain(
    wayfinder: &Arc<Wayfinder>,
    deadline: Instant,
) -> Result<Vec<ToolDefinition>, UpstreamError> {
    let shared = wayfinder.shared();
    let mut found = Found::default();
    let mut cursor: Option<String> = None;
    let mut cursors = HashSet::new();
    for _ in 0..MAX_PAGES {
        let params = page_params(cursor.as_deref());
        let (outcome, revision) = ask(wayfinder, "tools/list", params, deadline).await?;
        let Outcome::Result(result) = outcome else {
            return Err(shared.broke("it answered an error instead of a list"));
        };
        let page = ListPage::parse(&result, "tools")
            .ok_or_else(|| shared.broke("a list of tools without tools"))?;
        found.add(page.items, revision);
        // An empty string is a cursor (P9.56).
        match page.next_cursor {
            Some(next) if !found.is_over() && cursors.insert(next.clone()) => cursor = Some(next),
            _ => break,
        }
    }
    shared
        .tools_dropped
        .fetch_add(found.dropped, Ordering::Relaxed);
    Ok(found.tools)
}

/// What the pages brought so far.
#[derive(Default)]
struct Found {
    tools: Vec<ToolDefinition>,
    names: HashSet<Arc<str>>,
    barren: usize,
    dropped: u64,
}

impl Found {
    fn add(&mut self, items: Vec<Json>, revision: Revision) {
        let mut names = HashSet::new();
        for item in items {
            let too_much = item.bytes().len() > MAX_DEFINITION || self.tools.len() >= MAX_TOOLS;
            match ToolDefinition::parse(item, revision) {
                // The list may change between two pages, which repeats items (P9.59); what one page
                // repeats is for the namespace to judge (P9.5).
                Ok(tool) if self.names.contains(&tool.name) => {}
                Ok(tool) if !too_much => {
                    names.insert(tool.name.clone());
                    self.tools.push(tool);
                }
                _ => self.dropped += 1,
            }
        }
        self.barren = if names.is_empty() { self.barren + 1 } else { 0 };
        self.names.extend(names);
    }

    fn is_over(&self) -> bool {
        self.barren >= MAX_BARREN_PAGES || self.tools.len() >= MAX_TOOLS
    }
}

fn page_params(cursor: Option<&str>) -> Object {
    let Some(cursor) = cursor else {
        return Object::empty();
    };
    let text = ObjectEdit::new()
        .set("cursor", Json::from_text(cursor))
        .finish();
    Object::parse(text, &JsonLimits::CLIENT).unwrap_or_default()
}

/// A request of the gateway's own: what came of it, and in which revision.
pub(crate) async fn ask(
    wayfinder: &Arc<Wayfinder>,
    method: &'static str,
    params: Object,
    deadline: Instant,
) -> Result<(Outcome, Revision), UpstreamError> {
    let mut exchange = Exchange::begin(wayfinder, own_call(method, params, deadline)).await?;
    loop {
        match exchange.next().await {
            Event::Done(outcome) => return Ok((outcome, exchange.revision())),
            Event::Failed(error) => return Err(error),
            // Nothing was declared, so nothing is asked; the rest is of no interest.
            // A part comes only to who asked for parts.
            Event::Progress(_)
            | Event::Log(_)
            | Event::Ask(_)
            | Event::Undeclared(_)
            | Event::Large
            | Event::Part(_)
            | Event::Whole(_) => {}
        }
    }
}

/// A call on the gateway's own behalf: the principal without a name (see [`crate::pool::Scope`]).
pub(crate) fn own_call(method: &'static str, params: Object, deadline: Instant) -> Call {
    Call {
        method: method.into(),
        params,
        name: None,
        tool: None,
        capabilities: Json::empty_object(),
        log_level: None,
        wants_progress: false,
        isolation: IsolationKey {
            principal: "".into(),
            session: None,
        },
        deadline: deadline.into_std(),
        extra: Vec::new(),
    }
}

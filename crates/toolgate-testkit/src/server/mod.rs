//! A scriptable MCP server over HTTP.

mod answer;
mod play;
mod running;
mod serve;
mod state;
mod watched;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::script::Script;

pub use running::Running;
use state::State;

/// What a [`Server`] speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speaks {
    Legacy,
    Modern,
    Both,
    /// The 2024-11-05 pair of a GET stream and a second URL.
    HttpSse,
}

/// A scriptable MCP server. By default it speaks the legacy era with sessions and answers in JSON.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one independent switch of the builder"
)]
pub struct Server {
    pub(crate) speaks: Speaks,
    pub(crate) sessions: bool,
    pub(crate) session_loss_status: u16,
    pub(crate) streams: bool,
    pub(crate) event_ids: bool,
    pub(crate) general_stream: bool,
    pub(crate) version: String,
    pub(crate) page_size: usize,
    pub(crate) delay: Duration,
    pub(crate) disconnect_after: Option<usize>,
    pub(crate) required_header: Option<(String, String)>,
    pub(crate) refuse: Option<(u16, String)>,
    pub(crate) answer_headers: Vec<(String, String)>,
    pub(crate) taken_with: (u16, String),
    pub(crate) capabilities: Value,
    pub(crate) instructions: Option<String>,
    pub(crate) endless_pages: bool,
    pub(crate) greeting: Option<Value>,
    pub(crate) listens: bool,
    pub(crate) unknown_uri: Option<String>,
    pub(crate) touched_between: Option<String>,
    pub(crate) endpoint_event: Option<String>,
    pub(crate) modern_versions: Vec<String>,
    pub(crate) tools: Vec<(Value, Script)>,
    pub(crate) methods: Vec<(String, Script)>,
    pub(crate) pages: Vec<(String, Option<String>, Script)>,
    pub(crate) first: Option<(String, Script)>,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            speaks: Speaks::Legacy,
            sessions: true,
            session_loss_status: 404,
            streams: false,
            event_ids: false,
            general_stream: true,
            version: "2025-11-25".to_owned(),
            page_size: usize::MAX,
            delay: Duration::ZERO,
            disconnect_after: None,
            required_header: None,
            refuse: None,
            answer_headers: Vec::new(),
            taken_with: (202, String::new()),
            capabilities: json!({"tools": {"listChanged": true}, "logging": {}}),
            instructions: None,
            endless_pages: false,
            greeting: None,
            listens: true,
            unknown_uri: None,
            touched_between: None,
            endpoint_event: None,
            modern_versions: vec!["2026-07-28".to_owned()],
            tools: Vec::new(),
            methods: Vec::new(),
            pages: Vec::new(),
            first: None,
        }
    }
}

impl Server {
    /// A legacy server with sessions and JSON answers, without tools.
    pub fn new() -> Self {
        Self::default()
    }

    /// Speaks 2026-07-28 only.
    #[must_use]
    pub fn modern(mut self) -> Self {
        self.speaks = Speaks::Modern;
        self
    }

    /// Speaks both eras.
    #[must_use]
    pub fn both(mut self) -> Self {
        self.speaks = Speaks::Both;
        self
    }

    /// Speaks the 2024-11-05 transport: GET stream and a second URL.
    #[must_use]
    pub fn http_sse(mut self) -> Self {
        self.speaks = Speaks::HttpSse;
        "2024-11-05".clone_into(&mut self.version);
        self
    }

    /// Legacy without session ids.
    #[must_use]
    pub fn stateless(mut self) -> Self {
        self.sessions = false;
        self.general_stream = false;
        self
    }

    /// A lost session is answered with this HTTP status (404 by default; some servers use 400).
    #[must_use]
    pub fn session_loss_status(mut self, status: u16) -> Self {
        self.session_loss_status = status;
        self
    }

    /// Answers requests with an event stream instead of JSON.
    #[must_use]
    pub fn streams(mut self) -> Self {
        self.streams = true;
        self
    }

    /// Gives each event an id, sends a priming event, and lets clients resume. Implies streams.
    #[must_use]
    pub fn event_ids(mut self) -> Self {
        self.streams = true;
        self.event_ids = true;
        self
    }

    /// Whether GET opens a general stream (yes by default with sessions) or gets 405.
    #[must_use]
    pub fn general_stream(mut self, yes: bool) -> Self {
        self.general_stream = yes;
        self
    }

    /// The legacy revision that `initialize` answers (default 2025-11-25).
    #[must_use]
    pub fn version(mut self, version: &str) -> Self {
        version.clone_into(&mut self.version);
        self
    }

    /// The versions `server/discover` names (default 2026-07-28); others are refused with -32022.
    #[must_use]
    pub fn modern_versions(mut self, versions: &[&str]) -> Self {
        self.modern_versions = versions.iter().map(|v| (*v).to_owned()).collect();
        self
    }

    /// Lists come in pages of this many.
    #[must_use]
    pub fn page_size(mut self, size: usize) -> Self {
        self.page_size = size;
        self
    }

    /// Lists never end: each page repeats the first cursor.
    #[must_use]
    pub fn endless_pages(mut self) -> Self {
        self.endless_pages = true;
        self
    }

    /// Waits this long before each answer.
    #[must_use]
    pub fn delay(mut self, time: Duration) -> Self {
        self.delay = time;
        self
    }

    /// Closes the connection instead of answering once this many requests were answered.
    #[must_use]
    pub fn disconnect_after(mut self, requests: usize) -> Self {
        self.disconnect_after = Some(requests);
        self
    }

    /// Answers 401 unless each request carries this header.
    #[must_use]
    pub fn require_header(mut self, name: &str, value: &str) -> Self {
        self.required_header = Some((name.to_ascii_lowercase(), value.to_owned()));
        self
    }

    /// Answers every request with this status and body.
    #[must_use]
    pub fn refuse(mut self, status: u16, body: &str) -> Self {
        self.refuse = Some((status, body.to_owned()));
        self
    }

    /// What the server says it can do (default tools with `listChanged`, and logging).
    #[must_use]
    pub fn capabilities(mut self, capabilities: Value) -> Self {
        self.capabilities = capabilities;
        self
    }

    /// What the server says about itself.
    #[must_use]
    pub fn instructions(mut self, text: &str) -> Self {
        self.instructions = Some(text.to_owned());
        self
    }

    /// Puts a header on every HTTP response.
    #[must_use]
    pub fn answer_header(mut self, name: &str, value: &str) -> Self {
        self.answer_headers
            .push((name.to_owned(), value.to_owned()));
        self
    }

    /// Takes notifications and responses with this status and body (default 202 and nothing).
    #[must_use]
    pub fn taken_with(mut self, status: u16, body: &str) -> Self {
        self.taken_with = (status, body.to_owned());
        self
    }

    /// Modern: `subscriptions/listen` is an unknown method.
    #[must_use]
    pub fn without_listen(mut self) -> Self {
        self.listens = false;
        self
    }

    /// A resource that nobody can watch: `resources/subscribe` is refused with -32002, and a listen is
    /// acknowledged without it.
    #[must_use]
    pub fn unknown_uri(mut self, uri: &str) -> Self {
        self.unknown_uri = Some(uri.to_owned());
        self
    }

    /// Modern: tells the listens that are open about this resource just before it acknowledges another.
    #[must_use]
    pub fn touched_between(mut self, uri: &str) -> Self {
        self.touched_between = Some(uri.to_owned());
        self
    }

    /// Sends this on each general stream as soon as the session stands, as servers do that ask for roots.
    #[must_use]
    pub fn greet(mut self, message: Value) -> Self {
        self.greeting = Some(message);
        self
    }

    /// The `endpoint` event of the 2024-11-05 transport, instead of a good one.
    #[must_use]
    pub fn endpoint_event(mut self, uri: &str) -> Self {
        self.endpoint_event = Some(uri.to_owned());
        self
    }

    /// Adds a tool: `"text"`, a result value, or a [`Script`].
    #[must_use]
    pub fn tool(self, name: &str, script: impl Into<Script>) -> Self {
        let definition = json!({
            "name": name,
            "description": format!("The {name} tool."),
            "inputSchema": {"type": "object"},
        });
        self.tool_definition(definition, script)
    }

    /// Adds a tool with its whole definition.
    #[must_use]
    pub fn tool_definition(mut self, definition: Value, script: impl Into<Script>) -> Self {
        self.tools.push((definition, script.into()));
        self
    }

    /// Answers any other method, such as `prompts/list`, with a script.
    #[must_use]
    pub fn method(mut self, method: &str, script: impl Into<Script>) -> Self {
        self.methods.push((method.to_owned(), script.into()));
        self
    }

    /// Answers a list, such as `resources/list`, at this cursor; other cursors are refused.
    #[must_use]
    pub fn page(mut self, method: &str, cursor: Option<&str>, script: impl Into<Script>) -> Self {
        let cursor = cursor.map(str::to_owned);
        self.pages.push((method.to_owned(), cursor, script.into()));
        self
    }

    /// Answers the first request with this method by this script, and the later ones as ever.
    #[must_use]
    pub fn first(mut self, method: &str, script: impl Into<Script>) -> Self {
        self.first = Some((method.to_owned(), script.into()));
        self
    }

    /// Listens on a free port of 127.0.0.1 and serves until the returned value is dropped.
    pub async fn start(self) -> Running {
        serve::start(Arc::new(State::new(self))).await
    }
}

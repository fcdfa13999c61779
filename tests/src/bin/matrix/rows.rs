//! What is run: the cells of the matrix, and the rows beside them.

use std::fmt;

/// The revision of the stateful era that the suite scores.
pub(crate) const LEGACY: &str = "2025-11-25";
/// The stateless revision.
pub(crate) const MODERN: &str = "2026-07-28";
/// What the workspace and the server under test are called in it.
pub(crate) const WORKSPACE: &str = "team";
pub(crate) const FIXTURE: &str = "fixture";

/// One run of the suite, and what it has to reach.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// Also the name of its folder.
    pub(crate) name: String,
    pub(crate) leg: Leg,
    pub(crate) scope: Scope,
    /// So many scenarios are scored.
    pub(crate) scenarios: u64,
    /// So many checks of scored scenarios succeed at least. A scenario can run fewer checks than it has (a tool
    /// missing in a list, a branch not taken), and nothing else would tell.
    pub(crate) floor: u64,
}

/// Which side of us the suite talks to.
#[derive(Debug, Clone)]
pub(crate) enum Leg {
    /// It is the client of a workspace.
    Server(Setup),
    /// It is the server, and starts the program around our client once for each scenario.
    Client,
}

/// Which scenarios run.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Scope {
    /// All that a revision requires, and more that is not scored.
    Requirements(&'static str),
    /// All there are for an older revision.
    Wire(&'static str),
    /// These, in this revision.
    Scenarios(&'static str, &'static [&'static str]),
}

/// A workspace and what is behind it.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    pub(crate) upstream: Upstream,
    pub(crate) namespace: Namespace,
    pub(crate) era: Era,
}

/// The server under test: its transport and the eras it speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Upstream {
    HttpLegacy,
    SseLegacy,
    StdioLegacy,
    HttpModern,
    StdioModern,
    HttpDual,
}

/// How names reach the client, and who else is in the workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Namespace {
    /// Bare names, one server, no token: the suite talks to the gateway itself.
    None,
    /// Prefixed names, three servers, a token: the suite talks to the shim.
    Prefix,
    /// The same, but one of the other two never answers and one refuses.
    PrefixDead,
}

/// What the link to the server says of its era and transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Era {
    /// The gateway finds out.
    Auto,
    Legacy,
    Modern,
}

/// Client scenarios of 2025-11-25 without authorization.
const LEGACY_CLIENT: &[&str] = &[
    "initialize",
    "tools_call",
    "elicitation-sep1034-client-defaults",
    "sse-retry",
];
/// Client scenarios of 2026-07-28 without authorization.
const MODERN_CLIENT: &[&str] = &[
    "tools_call",
    "request-metadata",
    "sep-2322-client-request-state",
    "http-standard-headers",
    "http-custom-headers",
    "http-invalid-tool-headers",
    "json-schema-ref-no-deref",
];

/// Everything, in the order in which it runs.
pub(crate) fn all() -> Vec<Row> {
    use Namespace::{None, Prefix, PrefixDead};
    use Upstream::{HttpDual, HttpLegacy, HttpModern, StdioLegacy};

    let mut rows = Vec::new();
    for upstream in Upstream::ALL {
        for revision in [LEGACY, MODERN] {
            rows.push(cell(upstream, revision, None, upstream.forced()));
            rows.push(cell(upstream, revision, Prefix, Era::Auto));
        }
    }
    for upstream in [HttpLegacy, HttpModern, StdioLegacy] {
        for revision in [LEGACY, MODERN] {
            rows.push(cell(upstream, revision, PrefixDead, Era::Auto));
        }
    }
    // A server of both eras, made to speak the one its client does not.
    rows.push(cell(HttpDual, LEGACY, None, Era::Modern).named("modern"));
    rows.push(cell(HttpDual, MODERN, None, Era::Legacy).named("legacy"));
    for upstream in [HttpLegacy, HttpModern] {
        rows.push(older(upstream, "2025-06-18", 27, 55));
        rows.push(older(upstream, "2025-03-26", 1, 3));
    }
    rows.push(client(LEGACY, LEGACY_CLIENT, 11));
    rows.push(client(MODERN, MODERN_CLIENT, 55));
    rows
}

/// A cell of the matrix; what it has to reach depends on the client and on the era that is really spoken behind.
fn cell(upstream: Upstream, revision: &'static str, namespace: Namespace, era: Era) -> Row {
    let setup = Setup {
        upstream,
        namespace,
        era,
    };
    let (scenarios, floor) = match (revision, setup.modern()) {
        (LEGACY, _) => (30, 69),
        (_, false) => (37, 119),
        (_, true) => (37, 120),
    };
    Row {
        name: format!("{upstream}-{revision}-{namespace}"),
        leg: Leg::Server(setup),
        scope: Scope::Requirements(revision),
        scenarios,
        floor,
    }
}

fn older(upstream: Upstream, revision: &'static str, scenarios: u64, floor: u64) -> Row {
    Row {
        name: format!("{upstream}-{revision}"),
        scope: Scope::Wire(revision),
        scenarios,
        floor,
        ..cell(upstream, LEGACY, Namespace::None, upstream.forced())
    }
}

fn client(revision: &'static str, scenarios: &'static [&'static str], floor: u64) -> Row {
    Row {
        name: format!("client-{revision}"),
        leg: Leg::Client,
        scope: Scope::Scenarios(revision, scenarios),
        scenarios: scenarios.len() as u64,
        floor,
    }
}

impl Setup {
    /// Whether 2026-07-28 has to be spoken with the server: where there is a choice, it is the better one.
    pub(crate) fn modern(&self) -> bool {
        match self.era {
            Era::Auto => self.upstream.speaks_modern(),
            Era::Legacy => false,
            Era::Modern => true,
        }
    }

    /// Whether the link holds a server of both eras to one.
    pub(crate) fn held(&self) -> bool {
        self.upstream == Upstream::HttpDual && self.era != Era::Auto
    }
}

impl Row {
    fn named(mut self, suffix: &str) -> Self {
        self.name = format!("{}-{suffix}", self.name);
        self
    }
}

impl Upstream {
    pub(crate) const ALL: [Self; 6] = [
        Self::HttpLegacy,
        Self::SseLegacy,
        Self::StdioLegacy,
        Self::HttpModern,
        Self::StdioModern,
        Self::HttpDual,
    ];

    /// In words, for people.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::HttpLegacy => "2025-11-25, streamable HTTP",
            Self::SseLegacy => "2025-11-25, HTTP+SSE",
            Self::StdioLegacy => "2025-11-25, stdio",
            Self::HttpModern => "2026-07-28, HTTP",
            Self::StdioModern => "2026-07-28, stdio",
            Self::HttpDual => "both, HTTP",
        }
    }

    fn speaks_modern(self) -> bool {
        matches!(self, Self::HttpModern | Self::StdioModern | Self::HttpDual)
    }

    /// The era that is set on the link where nothing is left to be found out; a server of both has none.
    fn forced(self) -> Era {
        match self {
            Self::HttpLegacy | Self::SseLegacy | Self::StdioLegacy => Era::Legacy,
            Self::HttpModern | Self::StdioModern => Era::Modern,
            Self::HttpDual => Era::Auto,
        }
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HttpLegacy => "H-L",
            Self::SseLegacy => "S-L",
            Self::StdioLegacy => "P-L",
            Self::HttpModern => "H-M",
            Self::StdioModern => "P-M",
            Self::HttpDual => "H-D",
        })
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Prefix => "prefix",
            Self::PrefixDead => "prefix-dead",
        })
    }
}

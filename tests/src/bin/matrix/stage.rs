//! What a server row needs around it: the server under test, its neighbours, a gateway, and the shim.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::thread;

use serde_json::json;
use toolgate_testkit::Client;
use toolgate_tests::{Fixtures, Gateway, Installation, Process, ready};

use crate::rows::{Era, FIXTURE, Namespace, Setup, Upstream, WORKSPACE};

/// One of the tokens `tests/fixtures/python/server.py` knows.
const PYTHON_TOKEN: &str = "fixture-token-alpha";

/// Servers that share the workspace with the one under test. They outlive a cell: nothing in it calls them.
pub(crate) struct Neighbours {
    everything: (Process, String),
    python: (Process, String),
}

impl Neighbours {
    pub(crate) fn start(fixtures: &Fixtures) -> Self {
        Self {
            everything: fixtures.everything(),
            python: fixtures.python_server(),
        }
    }
}

/// Everything that runs during one attempt, made for it alone.
pub(crate) struct Stage {
    upstream: Option<Process>,
    gateway: Gateway,
    shim: Option<Process>,
    installation: Installation,
    /// What the suite is told to test.
    pub(crate) url: String,
}

impl Stage {
    /// Configures a new installation as a user would, and starts it.
    pub(crate) fn set(
        fixtures: &Fixtures,
        setup: &Setup,
        neighbours: impl FnOnce() -> [Neighbour; 2],
    ) -> Self {
        let installation = Installation::new();
        installation.workspace(WORKSPACE);
        let upstream = add_fixture(&installation, fixtures, setup);
        if setup.namespace == Namespace::None {
            let gateway = installation.start_with(&["--anonymous", WORKSPACE]);
            let url = localhost(&gateway.workspace(WORKSPACE));
            return Self {
                upstream,
                gateway,
                shim: None,
                installation,
                url,
            };
        }
        for neighbour in neighbours() {
            neighbour.add(&installation);
        }
        let flags = ["--role", "developer", "--rate-limit", "off"];
        let token = installation.token(WORKSPACE, &flags);
        let gateway = installation.start();
        if setup.namespace == Namespace::PrefixDead {
            // The first list waits for a server that hangs, as long as it may. The row is about everything after that.
            list_everything(&gateway, &token.token);
        }
        let mut command = fixtures.run(&fixtures.script("node/conformance/suite-shim.mjs"));
        command
            .env("TARGET", gateway.workspace(WORKSPACE))
            .env("BEARER", token.token)
            .env("PREFIX", format!("{FIXTURE}__"));
        let (shim, url) = ready("shim", &mut command);
        Self {
            upstream,
            gateway,
            shim: Some(shim),
            installation,
            url,
        }
    }

    /// The revision that is spoken with the server under test, as an admin sees it; nothing while nobody needed it.
    pub(crate) fn revision(&self) -> Option<String> {
        let servers = self
            .installation
            .lines(&["mcp", "list", "--workspace", WORKSPACE]);
        let fixture = servers.iter().find(|server| server["server"] == FIXTURE);
        Some(fixture?["revision"].as_str()?.to_owned())
    }

    /// Ends everything in order, and leaves what it logged in `folder`.
    pub(crate) fn strike(mut self, folder: &Path) {
        self.gateway.process.signal("TERM");
        self.gateway.process.wait();
        let processes = [
            ("gateway", Some(&self.gateway.process)),
            ("upstream", self.upstream.as_ref()),
            ("shim", self.shim.as_ref()),
        ];
        for (name, process) in processes {
            if let Some(process) = process {
                fs::write(folder.join(format!("{name}.log")), process.stderr())
                    .expect("target/ can be written");
            }
        }
    }
}

/// Asks for every list there is, whatever the answer.
fn list_everything(gateway: &Gateway, token: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let mut client = Client::new(&gateway.workspace(WORKSPACE)).bearer(token);
    for list in ["tools", "prompts", "resources", "resources/templates"] {
        runtime.block_on(client.modern(&format!("{list}/list"), json!({})));
    }
}

/// The suite tests rebinding only where the name is local.
fn localhost(url: &str) -> String {
    url.replace("127.0.0.1", "localhost")
}

/// Adds the server under test, which is started here unless the gateway starts it.
fn add_fixture(installation: &Installation, fixtures: &Fixtures, setup: &Setup) -> Option<Process> {
    let (script, mode) = match setup.upstream {
        Upstream::HttpLegacy => ("legacy.mjs", "--http"),
        Upstream::SseLegacy => ("legacy.mjs", "--sse"),
        Upstream::StdioLegacy => ("legacy.mjs", "--stdio"),
        Upstream::HttpModern => ("modern.mjs", "--http"),
        Upstream::StdioModern => ("modern.mjs", "--stdio"),
        Upstream::HttpDual => ("modern.mjs", "--dual"),
    };
    let script = fixtures.script(&format!("node/conformance/{script}"));

    let mut args = vec!["mcp", "add", FIXTURE, "--workspace", WORKSPACE];
    // The suite's server changes its lists while it is tested.
    args.extend(["--changes", "accept"]);
    if setup.namespace == Namespace::None {
        args.extend(["--prefix", "none"]);
    }
    match setup.era {
        Era::Auto => {}
        Era::Legacy => args.extend(["--era", "legacy"]),
        Era::Modern => args.extend(["--era", "modern"]),
    }
    let forced = setup.era != Era::Auto;
    if mode == "--stdio" {
        // One child for everybody cannot say whom it asks, so nobody is asked over it.
        if setup.upstream == Upstream::StdioLegacy {
            args.extend(["--isolation", "session"]);
        }
        let (node, script) = (fixtures.node(), script.as_path());
        args.extend(["--", plain(&node), plain(script), mode]);
        installation.done(&args);
        return None;
    }
    if forced {
        let sse = setup.upstream == Upstream::SseLegacy;
        args.extend(["--transport", if sse { "sse" } else { "http" }]);
    }
    let (process, url) = ready("upstream", fixtures.run(&script).arg(mode));
    args.extend(["--url", &url]);
    installation.done(&args);
    Some(process)
}

fn plain(path: &Path) -> &str {
    path.to_str().expect("fixtures have plain names")
}

/// A server beside the one under test.
pub(crate) struct Neighbour {
    slug: &'static str,
    url: String,
    bearer: Option<&'static str>,
}

impl Neighbour {
    fn add(&self, installation: &Installation) {
        let mut args = vec!["mcp", "add", self.slug, "--workspace", WORKSPACE];
        args.extend(["--changes", "accept"]);
        args.extend(["--url", &self.url]);
        if self.bearer.is_some() {
            args.extend(["--bearer", "TOKEN"]);
        }
        installation.done(&args);
        if let Some(value) = self.bearer {
            installation.secret(WORKSPACE, self.slug, "TOKEN", value);
        }
    }

    /// Two that work.
    pub(crate) fn alive(running: &Neighbours) -> [Self; 2] {
        [
            Self {
                slug: "everything",
                url: running.everything.1.clone(),
                bearer: None,
            },
            Self {
                slug: "py",
                url: running.python.1.clone(),
                bearer: Some(PYTHON_TOKEN),
            },
        ]
    }

    /// Two that do not: one takes connections and never answers, at the other's port nobody listens.
    pub(crate) fn dead() -> [Self; 2] {
        let listen = || TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = |listener: &TcpListener| {
            let address = listener.local_addr().expect("it is bound");
            format!("http://{address}/mcp")
        };
        let (hanging, refusing) = (listen(), listen());
        let urls = [url(&hanging), url(&refusing)];
        thread::spawn(move || {
            let mut held = Vec::new();
            for connection in hanging.incoming().flatten() {
                held.push(connection);
            }
        });
        let [hanging, refusing] = urls;
        [
            Self {
                slug: "hanging",
                url: hanging,
                bearer: None,
            },
            Self {
                slug: "refusing",
                url: refusing,
                bearer: None,
            },
        ]
    }
}

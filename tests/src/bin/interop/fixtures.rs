//! The servers that others wrote: where they lie, how they are started, how they are added to a workspace.

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;
use toolgate_tests::{Fixtures, Installation, Process, ready};

/// The bearer token the Python server knows as tenant `alpha`.
pub(crate) const ALPHA: &str = "fixture-token-alpha";
/// The bearer token the Python server knows as tenant `beta`.
pub(crate) const BETA: &str = "fixture-token-beta";

/// How a server is reached without the gateway.
#[derive(Debug, Clone)]
pub(crate) enum Reach {
    /// At a URL, with a bearer token if it wants one.
    Http {
        url: String,
        bearer: Option<&'static str>,
    },
    /// As a child process.
    Stdio { argv: Vec<String> },
}

/// What a server is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offers {
    /// The tools that every client calls: echo, count, wait, fate.
    Tools,
    /// What every client does beside tools: prompts, resources, completion, questions, notices.
    Features,
    /// Only what it has by itself.
    Own,
}

/// One server of the workspace.
#[derive(Debug, Clone)]
pub(crate) struct Real {
    /// Its slug in the workspace.
    pub(crate) slug: &'static str,
    /// How it is reached.
    pub(crate) reach: Reach,
    /// What the clients that others wrote can do with it.
    pub(crate) offers: Offers,
    /// It speaks 2026-07-28.
    pub(crate) modern: bool,
}

/// All servers, running.
pub(crate) struct Servers {
    pub(crate) all: Vec<Real>,
    /// Where the filesystem server may write: one folder for direct calls, one for calls through the gateway.
    pub(crate) files: TempDir,
    /// Kept because dropping a process ends it.
    #[expect(dead_code, reason = "held, not read")]
    processes: Vec<Process>,
}

impl Servers {
    pub(crate) fn start(fixtures: &Fixtures) -> Self {
        let files = TempDir::new().expect("a temporary directory");
        let folder = files.path().to_str().expect("plain");
        let text = |path: PathBuf| path.to_str().expect("fixtures have plain names").to_owned();
        let package =
            |name| fixtures.package(&format!("@modelcontextprotocol/{name}/dist/index.js"));
        let script = |name| fixtures.script(&format!("node/{name}"));
        let node = |script: PathBuf, argument: &str| Reach::Stdio {
            argv: vec![text(fixtures.node()), text(script), argument.to_owned()],
        };
        let mut processes = Vec::new();
        let mut http = |(process, url): (Process, String), bearer| {
            processes.push(process);
            Reach::Http { url, bearer }
        };
        let scripted = |name, argument| ready(name, fixtures.run(&script(name)).arg(argument));

        let python = http(fixtures.python_server(), Some(ALPHA));
        let mut rust = Command::new(fixtures.rmcp("rmcp-server"));
        let rust = http(ready("rmcp", rust.arg("0")), None);
        let session = http(scripted("server-v1.mjs", "http"), None);
        let everything = http(fixtures.everything(), None);
        let legacy = http(scripted("conformance/legacy.mjs", "--http"), None);
        let modern = http(scripted("conformance/modern.mjs", "--http"), None);

        let everything_stdio = node(package("server-everything"), "stdio");
        let filesystem = node(package("server-filesystem"), folder);
        let session_stdio = node(script("server-v1.mjs"), "stdio");
        let legacy_stdio = node(script("conformance/legacy.mjs"), "--stdio");
        let rust_stdio = Reach::Stdio {
            argv: vec![text(fixtures.rmcp("rmcp-server")), "stdio".to_owned()],
        };

        let real = |slug, offers, modern, reach| Real {
            slug,
            reach,
            offers,
            modern,
        };
        let all = vec![
            real("py", Offers::Tools, true, python),
            real("rust", Offers::Tools, true, rust),
            real("v1", Offers::Tools, false, session),
            real("every", Offers::Own, false, everything),
            real("everyio", Offers::Own, false, everything_stdio),
            real("files", Offers::Own, false, filesystem),
            real("memory", Offers::Own, false, memory(fixtures, folder)),
            real("v1io", Offers::Tools, false, session_stdio),
            real("rustio", Offers::Tools, true, rust_stdio),
            real("legacy", Offers::Features, false, legacy),
            real("modern", Offers::Features, true, modern),
            real("legacyio", Offers::Features, false, legacy_stdio),
        ];
        Self {
            all,
            files,
            processes,
        }
    }

    /// Adds every server to a workspace, the Python one with the secret of tenant `alpha`.
    pub(crate) fn add_to(&self, installation: &Installation, workspace: &str) {
        for server in &self.all {
            let mut args = vec!["mcp", "add", server.slug, "--workspace", workspace];
            // Some change their lists while they are tested.
            args.extend(["--changes", "accept"]);
            match &server.reach {
                Reach::Http { url, bearer: None } => args.extend(["--url", url]),
                Reach::Http {
                    url,
                    bearer: Some(_),
                } => args.extend(["--url", url, "--bearer", "TOKEN"]),
                Reach::Stdio { argv } => {
                    if server.offers == Offers::Features {
                        // One child for everybody cannot say whom it asks, so nobody is asked over it.
                        args.extend(["--isolation", "session"]);
                    }
                    args.push("--");
                    args.extend(argv.iter().map(String::as_str));
                }
            }
            installation.done(&args);
            if let Reach::Http {
                bearer: Some(bearer),
                ..
            } = &server.reach
            {
                installation.secret(workspace, server.slug, "TOKEN", bearer);
            }
        }
    }

    /// The servers for one kind of checks.
    pub(crate) fn offering(&self, offers: Offers) -> impl Iterator<Item = &Real> {
        self.all
            .iter()
            .filter(move |server| server.offers == offers)
    }

    pub(crate) fn url(&self, slug: &str) -> &str {
        let server = self.all.iter().find(|server| server.slug == slug);
        match server.map(|server| &server.reach) {
            Some(Reach::Http { url, .. }) => url,
            _ => panic!("{slug} has no URL"),
        }
    }
}

/// The memory server keeps its graph in a file that a variable names; each process gets one of its own.
fn memory(fixtures: &Fixtures, folder: &str) -> Reach {
    const START: &str = "MEMORY_FILE_PATH=$(mktemp -u -p \"$1\") exec \"$2\" \"$3\"";
    let script = fixtures.package("@modelcontextprotocol/server-memory/dist/index.js");
    let [node, script] =
        [fixtures.node(), script].map(|path| path.to_str().expect("plain").to_owned());
    let argv = ["sh", "-c", START, "memory", folder, &node, &script];
    Reach::Stdio {
        argv: argv.map(str::to_owned).to_vec(),
    }
}

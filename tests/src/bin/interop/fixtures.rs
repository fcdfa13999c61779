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

/// One server of the workspace.
#[derive(Debug, Clone)]
pub(crate) struct Real {
    /// Its slug in the workspace.
    pub(crate) slug: &'static str,
    /// How it is reached.
    pub(crate) reach: Reach,
    /// It has the tools that the clients' scenario asks for: echo, count, wait, fate.
    pub(crate) scenario: bool,
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
        let text = |path: PathBuf| path.to_str().expect("fixtures have plain names").to_owned();
        let package =
            |name| fixtures.package(&format!("@modelcontextprotocol/{name}/dist/index.js"));
        let node = |script: PathBuf, argument: &str| {
            vec![text(fixtures.node()), text(script), argument.to_owned()]
        };

        let python = fixtures.python_server();
        let rust = ready("rmcp", Command::new(fixtures.rmcp("rmcp-server")).arg("0"));
        let session = ready(
            "sdk v1",
            fixtures
                .run(&fixtures.script("node/server-v1.mjs"))
                .arg("http"),
        );
        let everything = fixtures.everything();
        let http = |started: &(Process, String), bearer| Reach::Http {
            url: started.1.clone(),
            bearer,
        };

        let everything_stdio = node(package("server-everything"), "stdio");
        let filesystem = node(
            package("server-filesystem"),
            files.path().to_str().expect("plain"),
        );
        let session_stdio = node(fixtures.script("node/server-v1.mjs"), "stdio");
        let rust_stdio = vec![text(fixtures.rmcp("rmcp-server")), "stdio".to_owned()];
        let stdio = |argv| Reach::Stdio { argv };

        let all = vec![
            Real {
                slug: "py",
                reach: http(&python, Some(ALPHA)),
                scenario: true,
                modern: true,
            },
            Real {
                slug: "rust",
                reach: http(&rust, None),
                scenario: true,
                modern: true,
            },
            Real {
                slug: "v1",
                reach: http(&session, None),
                scenario: true,
                modern: false,
            },
            Real {
                slug: "every",
                reach: http(&everything, None),
                scenario: false,
                modern: false,
            },
            Real {
                slug: "everyio",
                reach: stdio(everything_stdio),
                scenario: false,
                modern: false,
            },
            Real {
                slug: "files",
                reach: stdio(filesystem),
                scenario: false,
                modern: false,
            },
            Real {
                slug: "v1io",
                reach: stdio(session_stdio),
                scenario: true,
                modern: false,
            },
            Real {
                slug: "rustio",
                reach: stdio(rust_stdio),
                scenario: true,
                modern: true,
            },
        ];
        let processes = vec![python.0, rust.0, session.0, everything.0];
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
            match &server.reach {
                Reach::Http { url, bearer: None } => args.extend(["--url", url]),
                Reach::Http {
                    url,
                    bearer: Some(_),
                } => args.extend(["--url", url, "--bearer", "TOKEN"]),
                Reach::Stdio { argv } => {
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

    pub(crate) fn url(&self, slug: &str) -> &str {
        let server = self.all.iter().find(|server| server.slug == slug);
        match server.map(|server| &server.reach) {
            Some(Reach::Http { url, .. }) => url,
            _ => panic!("{slug} has no URL"),
        }
    }
}

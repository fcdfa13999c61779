//! What `tests/fixtures/install` brought: interpreters, scripts, packages, and the servers that take some starting.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Process, eventually};

/// Where the fixtures lie.
#[derive(Debug)]
pub struct Fixtures {
    /// `tests/fixtures`.
    folder: PathBuf,
    /// `target/fixtures`.
    built: PathBuf,
}

impl Fixtures {
    /// Where everything lies, or the first thing that is missing.
    pub fn find() -> Result<Self, String> {
        let found = Self {
            folder: Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures"),
            built: checkout().join("target/fixtures"),
        };
        let needed = [
            found.node(),
            found.python(),
            found.rmcp("rmcp-server"),
            found.rmcp("rmcp-newest"),
            found.rmcp("rmcp-old"),
        ];
        match needed.into_iter().find(|path| !path.exists()) {
            Some(missing) => Err(missing.display().to_string()),
            None => Ok(found),
        }
    }

    /// The Node of the lock file: the suite and the inspector need a newer one than many machines have.
    pub fn node(&self) -> PathBuf {
        self.script("node/node_modules/node/bin/node")
    }

    /// The Python of the virtual environment.
    pub fn python(&self) -> PathBuf {
        self.built.join("venv/bin/python")
    }

    /// A program of `tests/fixtures/rmcp`.
    pub fn rmcp(&self, program: &str) -> PathBuf {
        self.built.join("rmcp/debug").join(program)
    }

    /// A file below `tests/fixtures`.
    pub fn script(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }

    /// A file of an installed package, such as `mcp-remote/dist/proxy.js`.
    pub fn package(&self, path: &str) -> PathBuf {
        self.script("node/node_modules").join(path)
    }

    /// Node, about to run this script.
    pub fn run(&self, script: &Path) -> Command {
        let mut command = Command::new(self.node());
        command.arg(script);
        command
    }

    /// The everything server over HTTP. It takes a port and says nothing on standard output.
    pub fn everything(&self) -> (Process, String) {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let address = free.expect("a free port");
        let script = self.package("@modelcontextprotocol/server-everything/dist/index.js");
        let mut command = self.run(&script);
        command
            .arg("streamableHttp")
            .env("PORT", address.port().to_string());
        let process = Process::start("everything", &mut command);
        eventually("the everything server listens", || {
            TcpStream::connect(address).ok()
        });
        (process, format!("http://{address}/mcp"))
    }

    /// The server on the Python SDK over HTTP, which wants the token of a tenant.
    pub fn python_server(&self) -> (Process, String) {
        let script = self.script("python/server.py");
        ready(
            "python",
            Command::new(self.python()).arg(script).arg("http"),
        )
    }
}

/// Starts a process that says where it listens.
pub fn ready(name: &str, command: &mut Command) -> (Process, String) {
    let process = Process::start(name, command);
    let url = process.ready();
    (process, url)
}

/// The root of this checkout.
pub fn checkout() -> &'static Path {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("tests/ lies in the checkout")
}

//! What is measured: a process on a core of its own.

use std::process::Command;
use std::sync::OnceLock;

use toolgate_tests::{Gateway, Process};

use crate::house::{House, WORKSPACE};
use crate::job::{Job, Load, Measured, Target};
use crate::upstream::SECRET;

/// Server and load.
pub const LOAD_CORE: &str = "0";
/// Relay or gateway.
pub const SUBJECT_CORE: &str = "1";

/// A part of the bench in a process of its own.
#[derive(Debug)]
pub struct Helper {
    /// The process.
    pub process: Process,
    /// What it said to be ready at.
    pub url: String,
}

impl Helper {
    /// Starts this program again for a part of it.
    pub fn start(name: &str, args: &[&str], core: &str) -> Self {
        let this = this_program();
        let line = [pin(core), vec![&this], args.to_vec()].concat();
        let process = Process::start(name, Command::new(line[0]).args(&line[1..]));
        let url = process.ready();
        Self { process, url }
    }

    /// Starts the MCP server.
    pub fn upstream() -> Self {
        Self::start("server", &["upstream"], LOAD_CORE)
    }

    /// Makes the MCP server slow, or quick again.
    pub fn delay(&self, milliseconds: u64) {
        let url = format!("{}/delay/{milliseconds}", self.url);
        let address = url.trim_start_matches("http://");
        let (host, path) = address.split_once('/').expect("a URL with a path");
        let mut socket = std::net::TcpStream::connect(host).expect("the server listens");
        let request = format!("GET /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        std::io::Write::write_all(&mut socket, request.as_bytes()).expect("it listens");
        let said = std::io::read_to_string(socket).expect("it answers");
        assert!(said.starts_with("HTTP/1.1 200"), "{said}");
    }
}

/// This very program.
pub(crate) fn this_program() -> String {
    let this = std::env::current_exe().expect("a running program has a path");
    this.to_str().expect("a plain path").to_owned()
}

/// What keeps a process on one core, where there is such a thing and more than one core.
pub fn pin(core: &str) -> Vec<&str> {
    static PINNED: OnceLock<bool> = OnceLock::new();
    let try_it = || {
        let mut command = Command::new("taskset");
        let status = command.args(["-c", SUBJECT_CORE, "true"]).status();
        status.is_ok_and(|status| status.success())
    };
    if *PINNED.get_or_init(try_it) {
        vec!["taskset", "-c", core]
    } else {
        Vec::new()
    }
}

/// Relay, gateway or another server, running.
#[derive(Debug)]
pub struct Subject {
    /// Where it is reached and which process it is.
    pub target: Target,
    _alive: Alive,
}

#[derive(Debug)]
#[expect(dead_code, reason = "held, so that they live as long as the subject")]
enum Alive {
    Helper(Helper),
    Gateway(Gateway),
}

impl Subject {
    /// The bare relay in front of a server.
    pub fn relay(server: &str, http2: bool) -> Self {
        let part = if http2 { "relay2" } else { "relay" };
        let helper = Helper::start("relay", &[part, server], SUBJECT_CORE);
        let url = format!("{}/s1/mcp", helper.url);
        Self::helper(helper, &url)
    }

    /// A server that has one answer, which is in a file.
    pub fn memory(file: &str) -> Self {
        let helper = Helper::start("memory", &["memory", file], SUBJECT_CORE);
        let url = helper.url.clone();
        Self::helper(helper, &url)
    }

    fn helper(helper: Helper, url: &str) -> Self {
        let target = target(url, vec![SECRET.to_owned()], "t0", helper.process.id());
        Self {
            target,
            _alive: Alive::Helper(helper),
        }
    }

    /// The gateway of a house.
    pub fn gateway(house: &House) -> Self {
        Self::gateway_under(house, &pin(SUBJECT_CORE))
    }

    /// The same under a command that becomes it.
    pub fn gateway_under(house: &House, wrapper: &[&str]) -> Self {
        let gateway = house.installation.start_under(wrapper, &[]);
        let url = gateway.workspace(WORKSPACE);
        Self {
            target: target(&url, house.tokens.clone(), "s1__t0", gateway.process.id()),
            _alive: Alive::Gateway(gateway),
        }
    }

    /// Drives one load through it, from a process of its own.
    pub fn measure(&self, load: &Load) -> Measured {
        let target = self.target.clone();
        let job = Job {
            target,
            load: *load,
        };
        let (job, program) = (
            serde_json::to_string(&job).expect("plain data"),
            this_program(),
        );
        let line = [pin(LOAD_CORE), vec![&program, "drive", &job]].concat();
        let output = Command::new(line[0])
            .args(&line[1..])
            .output()
            .expect("the load starts");
        let complained = String::from_utf8_lossy(&output.stderr);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{load:?}: {complained}"))
    }
}

fn target(url: &str, tokens: Vec<String>, tool: &str, pid: u32) -> Target {
    let rest = url.trim_start_matches("http://");
    let (address, path) = rest.split_once('/').expect("a URL with a path");
    Target {
        address: address.to_owned(),
        path: format!("/{path}"),
        tokens,
        tool: tool.to_owned(),
        pid,
    }
}

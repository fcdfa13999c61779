//! What is measured: a process on a core of its own, and how much CPU time it has used.

use std::fs;
use std::process::Command;
use std::time::Duration;

use toolgate_tests::{Gateway, Installation, Process};

use crate::drive::{Job, Measured};
use crate::scenario::{SCENARIOS, Scenario};
use crate::upstream::SECRET;

/// Server and load.
pub(crate) const LOAD_CORE: &str = "0";
/// Relay or gateway.
const SUBJECT_CORE: &str = "1";

/// A part of the bench in a process of its own.
pub(crate) struct Helper {
    process: Process,
    pub(crate) url: String,
}

impl Helper {
    pub(crate) fn start(name: &str, args: &[&str], core: &str) -> Self {
        let this = std::env::current_exe().expect("a running program has a path");
        let program = this.to_str().expect("a plain path");
        let line = [pin(core), vec![program], args.to_vec()].concat();
        let process = Process::start(name, Command::new(line[0]).args(&line[1..]));
        let url = process.ready();
        Self { process, url }
    }
}

/// What keeps a process on one core, where there is such a thing and more than one core.
fn pin(core: &str) -> Vec<&str> {
    let pinned = Command::new("taskset")
        .args(["-c", core, "true"])
        .status()
        .is_ok_and(|status| status.success());
    if pinned {
        vec!["taskset", "-c", core]
    } else {
        Vec::new()
    }
}

/// Relay or gateway, running.
pub(crate) struct Subject {
    address: String,
    path: String,
    token: String,
    tool: &'static str,
    pid: u32,
    _alive: Alive,
}

#[expect(dead_code, reason = "held, so that they live as long as the subject")]
enum Alive {
    Relay(Helper),
    Gateway(Gateway, Installation),
}

impl Subject {
    pub(crate) fn relay(server: &str) -> Self {
        let relay = Helper::start("relay", &["relay", server], SUBJECT_CORE);
        let (address, path) = split(&relay.url);
        let (token, pid) = (SECRET.to_owned(), relay.process.id());
        Self {
            address,
            path,
            token,
            tool: "t0",
            pid,
            _alive: Alive::Relay(relay),
        }
    }

    /// With everything on that a real one has: token with tool rules, secret, masking, records. Only the rate limit is
    /// off, since a bench that keeps within 120 calls a minute measures nothing.
    pub(crate) fn gateway(server: &str) -> Self {
        let installation = Installation::new();
        installation.workspace("load");
        installation.done(&[
            "mcp",
            "add",
            "s",
            "--workspace",
            "load",
            "--url",
            server,
            "--bearer",
            "KEY",
        ]);
        installation.secret("load", "s", "KEY", SECRET);
        let token = installation
            .token(
                "load",
                &["--rate-limit", "off", "--tools", "s__*,!s__delete*"],
            )
            .token;
        let gateway = installation.start_under(&pin(SUBJECT_CORE), &[]);
        let (address, path) = split(&gateway.workspace("load"));
        let pid = gateway.process.id();
        Self {
            address,
            path,
            token,
            tool: "s__t0",
            pid,
            _alive: Alive::Gateway(gateway, installation),
        }
    }

    /// Drives one scenario through it, from a process of its own.
    pub(crate) fn measure(
        &self,
        scenario: &Scenario,
        warmup: Duration,
        measured: Duration,
    ) -> Measured {
        let job = Job {
            address: self.address.clone(),
            path: self.path.clone(),
            token: self.token.clone(),
            tool: self.tool.to_owned(),
            pid: self.pid,
            scenario: SCENARIOS
                .iter()
                .position(|one| one.name == scenario.name)
                .expect("one of them"),
            warmup,
            measured,
        };
        let this = std::env::current_exe().expect("a running program has a path");
        let (job, program) = (
            job.to_json(),
            this.to_str().expect("a plain path").to_owned(),
        );
        let line = [pin(LOAD_CORE), vec![&program, "drive", &job]].concat();
        let output = Command::new(line[0])
            .args(&line[1..])
            .output()
            .expect("the load starts");
        let said = String::from_utf8_lossy(&output.stdout);
        let complained = String::from_utf8_lossy(&output.stderr);
        Measured::from_json(said.trim())
            .unwrap_or_else(|| panic!("{}: {complained}", scenario.name))
    }
}

fn split(url: &str) -> (String, String) {
    let rest = url.trim_start_matches("http://");
    let (address, path) = rest.split_once('/').expect("a URL with a path");
    (address.to_owned(), format!("/{path}"))
}

/// CPU time of a process, user and system, as the kernel counts it: in ticks of 10 ms.
pub(crate) fn cpu_time(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("the subject lives");
    // The name may hold anything, parentheses too; the fields after it are numbers. See proc(5): 14 and 15.
    let fields: Vec<&str> = stat[stat.rfind(')').expect("a name in parentheses") + 2..]
        .split(' ')
        .collect();
    let ticks = |index: usize| fields[index].parse::<u64>().expect("a number");
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}

/// One line about the machine, since figures belong to one.
pub(crate) fn machine() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .unwrap_or("unknown processor");
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let pinned = if pin(LOAD_CORE).is_empty() {
        "not pinned"
    } else {
        "pinned"
    };
    format!(
        "{}, {cores} cores, {pinned}",
        model.trim_start_matches([' ', '\t', ':'])
    )
}

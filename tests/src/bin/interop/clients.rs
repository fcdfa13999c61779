//! Clients that nobody here wrote: each initialises or discovers, lists, calls, watches progress, cancels.

use std::process::Command;

use serde_json::{Value, json};
use toolgate_tests::{Fixtures, Process};

use crate::fixtures::{Offers, Reach, Real, Servers};
use crate::report::Report;

/// A published SDK in one of its modes.
pub(crate) struct Probe {
    pub(crate) name: &'static str,
    pub(crate) mode: &'static str,
    /// What it negotiates with a gateway that serves every revision.
    pub(crate) revision: &'static str,
    command: fn(&Fixtures) -> Command,
}

/// What the servers tell of a count to three.
const STEPS: &[f64] = &[1.0, 2.0, 3.0];

const LEGACY: &str = "2025-11-25";
const MODERN: &str = "2026-07-28";

pub(crate) const PROBES: &[Probe] = &[
    probe("typescript sdk v1", "legacy", LEGACY, typescript_v1),
    probe("typescript sdk v1", "sse", LEGACY, typescript_v1),
    probe("typescript sdk v1", "remote", LEGACY, typescript_v1),
    probe("typescript sdk v2", "legacy", LEGACY, typescript_v2),
    probe("typescript sdk v2", "auto", MODERN, typescript_v2),
    probe("typescript sdk v2", "modern", MODERN, typescript_v2),
    probe("python sdk", "legacy", LEGACY, python),
    probe("python sdk", "auto", MODERN, python),
    probe("python sdk", "modern", MODERN, python),
    probe("rmcp", "legacy", LEGACY, rmcp),
    probe("rmcp", "auto", MODERN, rmcp),
    probe("rmcp", "modern", MODERN, rmcp),
    probe("rmcp 1.0", "legacy", "2025-06-18", rmcp_old),
];

const fn probe(
    name: &'static str,
    mode: &'static str,
    revision: &'static str,
    command: fn(&Fixtures) -> Command,
) -> Probe {
    Probe {
        name,
        mode,
        revision,
        command,
    }
}

impl Probe {
    /// Whether it can talk to this server without a gateway in between: not every server speaks its era or transport.
    pub(crate) fn reaches(&self, server: &Real) -> bool {
        match self.mode {
            "sse" => false,
            "modern" => server.modern,
            // The modern server of the suite refuses clients that say hello.
            _ => server.slug != "modern" || self.mode == "auto",
        }
    }
}

/// Every client through the gateway, to every server that has the scenario's tools.
pub(crate) fn check(
    report: &mut Report,
    fixtures: &Fixtures,
    servers: &Servers,
    url: &str,
    token: &str,
) {
    for probe in PROBES {
        for server in servers.offering(Offers::Tools) {
            report.check(
                &format!(
                    "{} ({}) through the gateway to {}",
                    probe.name, probe.mode, server.slug
                ),
                || {
                    let prefix = format!("{}__", server.slug);
                    let seen = heard(probe, fixtures, [url, token, &prefix, "tools"]);
                    judge(&seen, &prefix);
                    assert_eq!(seen["revision"], probe.revision, "{seen}");
                },
            );
        }
    }
}

/// Every client straight to every HTTP server whose era it speaks.
pub(crate) fn check_direct(report: &mut Report, fixtures: &Fixtures, servers: &Servers) {
    for probe in PROBES {
        for server in servers.offering(Offers::Tools) {
            let Reach::Http { url, bearer } = &server.reach else {
                continue;
            };
            if !probe.reaches(server) {
                continue;
            }
            report.check(
                &format!(
                    "{} ({}) straight to {}",
                    probe.name, probe.mode, server.slug
                ),
                || {
                    let bearer = bearer.unwrap_or("none");
                    judge(&heard(probe, fixtures, [url, bearer, "", "tools"]), "");
                },
            );
        }
    }
}

/// Runs a client; one of TypeScript until it heard of every step, three times at most.
///
/// That SDK forgets who hears of progress when it reads the answer, and hears of it a moment later than it reads it:
/// steps that come in one read with the answer, as they do where a machine is busy, are lost in it.
fn heard(probe: &Probe, fixtures: &Fixtures, arguments: [&str; 4]) -> Value {
    let tries = if probe.name.starts_with("typescript") {
        3
    } else {
        1
    };
    let is_whole = |seen: &Value| seen["progress"].as_array().map(Vec::len) == Some(STEPS.len());
    let mut seen = run(probe, fixtures, arguments);
    for _ in 1..tries {
        if !is_whole(&seen) {
            seen = run(probe, fixtures, arguments);
        }
    }
    seen
}

fn judge(seen: &Value, prefix: &str) {
    assert_eq!(seen["echo"], "héllo \"wörld\" ✓", "{seen}");
    assert_eq!(seen["count"], "counted 3", "{seen}");
    assert_eq!(
        seen["fate"], "cancelled",
        "the server saw the cancellation: {seen}"
    );
    let progress = seen["progress"]
        .as_array()
        .map(|steps| steps.iter().filter_map(Value::as_f64).collect::<Vec<_>>());
    assert_eq!(progress.as_deref(), Some(STEPS), "{seen}");
    for tool in ["echo", "count", "wait", "fate"] {
        let name = json!(format!("{prefix}{tool}"));
        assert!(
            seen["tools"]
                .as_array()
                .is_some_and(|tools| tools.contains(&name)),
            "{name} is not in {seen}"
        );
    }
}

/// Runs one probe: at a URL, with a bearer and a prefix, doing `tools` or `features`. Its last line is what it saw.
pub(crate) fn run(
    probe: &Probe,
    fixtures: &Fixtures,
    [url, bearer, prefix, what]: [&str; 4],
) -> Value {
    run_with(probe, fixtures, &[url, probe.mode, bearer, prefix, what])
}

/// The same with the arguments as the program has them.
pub(crate) fn run_with(probe: &Probe, fixtures: &Fixtures, arguments: &[&str]) -> Value {
    let mut command = (probe.command)(fixtures);
    command.args(arguments);
    let said = finish(probe.name, &mut command);
    let last = said.lines().last().unwrap_or_default();
    serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {said}"))
}

/// Runs a program to its end, which has to be soon and good, and returns what it printed.
pub(crate) fn finish(name: &str, command: &mut Command) -> String {
    let mut process = Process::start(name, command);
    let status = process.wait();
    let said = process.output();
    assert!(status.success(), "{name}: {said}{}", process.stderr());
    said
}

fn typescript_v1(fixtures: &Fixtures) -> Command {
    fixtures.run(&fixtures.script("node/client-v1.mjs"))
}

fn typescript_v2(fixtures: &Fixtures) -> Command {
    fixtures.run(&fixtures.script("node/client-v2.mjs"))
}

fn python(fixtures: &Fixtures) -> Command {
    let mut command = Command::new(fixtures.python());
    command.arg(fixtures.script("python/client.py"));
    command
}

fn rmcp(fixtures: &Fixtures) -> Command {
    Command::new(fixtures.rmcp("rmcp-newest"))
}

fn rmcp_old(fixtures: &Fixtures) -> Command {
    Command::new(fixtures.rmcp("rmcp-old"))
}

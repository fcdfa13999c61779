//! Clients that nobody here wrote: each initialises or discovers, lists, calls, watches progress, cancels.

use std::process::Command;

use serde_json::{Value, json};
use toolgate_tests::Fixtures;

use crate::fixtures::{Reach, Servers};
use crate::report::Report;

/// A published SDK in one of its modes.
struct Probe {
    name: &'static str,
    mode: &'static str,
    /// What it negotiates with a gateway that serves every revision.
    revision: &'static str,
    command: fn(&Fixtures) -> Command,
}

const MODERN: &str = "2026-07-28";

const PROBES: &[Probe] = &[
    Probe {
        name: "typescript sdk v1",
        mode: "legacy",
        revision: "2025-11-25",
        command: typescript_v1,
    },
    Probe {
        name: "typescript sdk v2",
        mode: "legacy",
        revision: "2025-11-25",
        command: typescript_v2,
    },
    Probe {
        name: "typescript sdk v2",
        mode: "auto",
        revision: MODERN,
        command: typescript_v2,
    },
    Probe {
        name: "typescript sdk v2",
        mode: "modern",
        revision: MODERN,
        command: typescript_v2,
    },
    Probe {
        name: "python sdk",
        mode: "legacy",
        revision: "2025-11-25",
        command: python,
    },
    Probe {
        name: "python sdk",
        mode: "auto",
        revision: MODERN,
        command: python,
    },
    Probe {
        name: "python sdk",
        mode: "modern",
        revision: MODERN,
        command: python,
    },
    Probe {
        name: "rmcp",
        mode: "legacy",
        revision: "2025-11-25",
        command: rmcp,
    },
    Probe {
        name: "rmcp",
        mode: "auto",
        revision: MODERN,
        command: rmcp,
    },
    Probe {
        name: "rmcp",
        mode: "modern",
        revision: MODERN,
        command: rmcp,
    },
    Probe {
        name: "rmcp 1.0",
        mode: "legacy",
        revision: "2025-06-18",
        command: rmcp_old,
    },
];

/// Every client through the gateway, to every server that has the scenario's tools.
pub(crate) fn check(
    report: &mut Report,
    fixtures: &Fixtures,
    servers: &Servers,
    url: &str,
    token: &str,
) {
    for probe in PROBES {
        for server in servers.all.iter().filter(|server| server.scenario) {
            report.check(
                &format!(
                    "{} ({}) through the gateway to {}",
                    probe.name, probe.mode, server.slug
                ),
                || {
                    let prefix = format!("{}__", server.slug);
                    let seen = run(probe, fixtures, url, token, &prefix);
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
        for server in servers.all.iter().filter(|server| server.scenario) {
            let Reach::Http { url, bearer } = &server.reach else {
                continue;
            };
            if probe.mode == "modern" && !server.modern {
                continue;
            }
            report.check(
                &format!(
                    "{} ({}) straight to {}",
                    probe.name, probe.mode, server.slug
                ),
                || {
                    judge(&run(probe, fixtures, url, bearer.unwrap_or("none"), ""), "");
                },
            );
        }
    }
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
    assert_eq!(progress, Some(vec![1.0, 2.0, 3.0]), "{seen}");
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

/// Runs one probe; its last line of output is what it saw.
fn run(probe: &Probe, fixtures: &Fixtures, url: &str, bearer: &str, prefix: &str) -> Value {
    let output = (probe.command)(fixtures)
        .args([url, probe.mode, bearer, prefix])
        .output()
        .expect("the probe starts");
    let (said, complained) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{said}{complained}");
    let last = said.lines().last().unwrap_or_default();
    serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {said}{complained}"))
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

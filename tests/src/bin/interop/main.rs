//! Interop: the clients and servers that others wrote, in front of and behind a real gateway.
//!
//! ```text
//! tests/fixtures/install                          # once: npm, a virtual environment, the Rust SDK
//! cargo run -p toolgate-tests --bin interop       # everything, through the gateway
//! cargo run -p toolgate-tests --bin interop -- --direct    # the same without it: are the fixtures themselves sound?
//! ```
//!
//! Each check prints a line; the last line is `N passed, N failed`, and the exit code is 1 if one failed.

#![expect(
    clippy::print_stdout,
    reason = "the report is what this program is for"
)]

mod arguments;
mod caller;
mod catalog;
mod clients;
mod features;
mod fixtures;
mod inspector;
mod manage;
mod parity;
mod report;
mod tenants;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use toolgate_tests::{Fixtures, Installation};

use fixtures::Servers;
use report::Report;

/// How long every server may take to answer for the first time.
const PATIENCE: Duration = Duration::from_mins(2);

fn main() -> ExitCode {
    let fixtures = match Fixtures::find() {
        Ok(fixtures) => fixtures,
        Err(missing) => {
            println!("{missing} is missing (hint: run tests/fixtures/install)");
            return ExitCode::FAILURE;
        }
    };
    let mut report = Report::new();
    let direct = std::env::args().any(|argument| argument == "--direct");

    let servers = Servers::start(&fixtures);
    if direct {
        clients::check_direct(&mut report, &fixtures, &servers);
        features::check_direct(&mut report, &fixtures, &servers);
        parity::check_direct(&mut report, &servers);
    } else {
        let installation = Installation::new();
        let team = installation.workspace("team");
        servers.add_to(&installation, &team.slug);
        let token = installation.unlimited(&team.slug);
        let gateway = installation.start();
        let url = gateway.workspace(&team.slug);
        wait_for_servers(&installation, &team.slug);
        clients::check(&mut report, &fixtures, &servers, &url, &token.token);
        features::check(&mut report, &fixtures, &servers, &url, &token.token);
        inspector::check(&mut report, &fixtures, &url, &token.token);
        parity::check(&mut report, &servers, &url, &token.token);
        catalog::check(&mut report, &servers, &url, &token.token);
        tenants::check(&mut report, &installation, &gateway, &servers);
        gateway.stop();
        let gateway = installation.start_with(&["--management-tools", "on"]);
        manage::check(&mut report, &fixtures, &installation, &gateway, &servers);
    }
    report.close()
}

/// Programs in Node and Python take seconds to start on a busy machine, and a list goes on without those that are late.
fn wait_for_servers(installation: &Installation, workspace: &str) {
    let asked = Instant::now();
    while !installation
        .ctl(&["workspace", "test", workspace])
        .status
        .success()
    {
        assert!(asked.elapsed() < PATIENCE, "a server never answered");
    }
}

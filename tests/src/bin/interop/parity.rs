//! Every tool of every server, called directly and through the gateway: the answers are the same.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};
use toolgate_tests::eventually;

use crate::arguments::{calls, comparable};
use crate::caller::{Caller, Era};
use crate::fixtures::{Offers, Reach, Real, Servers};
use crate::report::Report;

/// Compares a direct call with one through the gateway.
pub(crate) fn check(report: &mut Report, servers: &Servers, url: &str, token: &str) {
    for (server, era) in sides(servers) {
        report.check(
            &format!("every tool of {} answers alike, {era:?}", server.slug),
            || {
                let mut through = Caller::http(url, token, era);
                compare(
                    servers,
                    server,
                    era,
                    &mut through,
                    &format!("{}__", server.slug),
                );
            },
        );
    }
}

/// Compares a direct call with another direct call: what differs here differs without a gateway too.
pub(crate) fn check_direct(report: &mut Report, servers: &Servers) {
    for (server, era) in sides(servers) {
        report.check(
            &format!("every tool of {} answers alike twice, {era:?}", server.slug),
            || {
                compare(
                    servers,
                    server,
                    era,
                    &mut Caller::direct(&server.reach, era),
                    "",
                );
            },
        );
    }
}

/// Each server in each era it speaks; a child is asked directly in the legacy era only.
fn sides(servers: &Servers) -> impl Iterator<Item = (&Real, Era)> {
    // The tools of the others ask questions, which is what `features` is about.
    let plain = |server: &&Real| server.offers != Offers::Features;
    servers.all.iter().filter(plain).flat_map(|server| {
        let modern = server.modern && matches!(server.reach, Reach::Http { .. });
        let eras = if modern {
            &[Era::Legacy, Era::Modern][..]
        } else {
            &[Era::Legacy]
        };
        eras.iter().map(move |era| (server, *era))
    })
}

fn compare(servers: &Servers, server: &Real, era: Era, through: &mut Caller, prefix: &str) {
    let mut direct = Caller::direct(&server.reach, era);
    let (here, there) = (
        folder(servers, &format!("direct-{era:?}")),
        folder(servers, &format!("through-{era:?}")),
    );
    let plan = calls(server.slug, &here);

    // Some servers add tools once the handshake is over, and say so; a gateway has to hear it.
    let names = eventually("the gateway lists the tools the server has", || {
        let listed = names(&direct.tools(), "");
        let shown = names(&through.tools(), prefix);
        listed.is_subset(&shown).then_some(listed)
    });
    let called: BTreeSet<String> = plan.iter().map(|(tool, _)| (*tool).to_owned()).collect();
    assert_eq!(
        names, called,
        "the tools of {} and the calls written down for it",
        server.slug
    );

    for ((tool, arguments), (_, same)) in plan.iter().zip(calls(server.slug, &there)) {
        // Behind the gateway this server speaks 2026-07-28 whatever the client speaks, and says so.
        if *tool == "revision" && era == Era::Legacy {
            continue;
        }
        let mut ask = || {
            let wanted = direct.ask(
                "tools/call",
                &json!({ "name": tool, "arguments": arguments }),
            );
            let got = through.ask(
                "tools/call",
                &json!({ "name": format!("{prefix}{tool}"), "arguments": same }),
            );
            (wanted, got)
        };
        let (mut wanted, mut got) = ask();
        // This one writes the second into its answer, and two calls may fall on both sides of one.
        if *tool == "get-resource-reference" && wanted != got {
            (wanted, got) = ask();
        }
        if *tool == "simulate-research-query" {
            // P9.50: it only runs as a task, which the gateway refuses before the server would.
            assert_eq!(got["error"]["code"], -32601, "{got}");
            continue;
        }
        assert_eq!(
            comparable(tool, &got, &there),
            comparable(tool, &wanted, &here),
            "{}: {tool} through the gateway (left) and directly (right)",
            server.slug
        );
    }
}

/// The names of the tools that carry the prefix, without it.
fn names(tools: &[Value], prefix: &str) -> BTreeSet<String> {
    let name = |tool: &Value| {
        tool["name"]
            .as_str()?
            .strip_prefix(prefix)
            .map(str::to_owned)
    };
    tools.iter().filter_map(name).collect()
}

/// An empty folder that the filesystem server may write to.
fn folder(servers: &Servers, name: &str) -> String {
    let folder = servers.files.path().join(name);
    // It is not there the first time.
    drop(fs::remove_dir_all(&folder));
    fs::create_dir_all(&folder).expect("a folder for the filesystem server");
    folder.to_str().expect("plain").to_owned()
}

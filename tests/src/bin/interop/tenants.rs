//! Two workspaces, the same server, different secrets: each sees its own, and nothing of the other.

use serde_json::{Value, json};
use toolgate_tests::{Gateway, Installation};

use crate::caller::{Caller, Era};
use crate::fixtures::{ALPHA, BETA, Servers};
use crate::report::Report;

pub(crate) fn check(
    report: &mut Report,
    installation: &Installation,
    gateway: &Gateway,
    servers: &Servers,
) {
    report.check(
        "two workspaces share a server and see only their own",
        || {
            let server = servers.url("py");
            let mut sides = [("alpha", ALPHA), ("beta", BETA)].map(|(name, secret)| {
                let workspace = installation.workspace(name);
                installation.done(&[
                    "mcp",
                    "add",
                    "py",
                    "--url",
                    server,
                    "--bearer",
                    "TOKEN",
                    "--workspace",
                    &workspace.slug,
                ]);
                installation.secret(&workspace.slug, "py", "TOKEN", secret);
                let caller = Caller::http(
                    &gateway.workspace(&workspace.slug),
                    &workspace.token,
                    Era::Legacy,
                );
                (name, secret, caller)
            });

            for (name, _, caller) in &mut sides {
                assert_eq!(
                    said(caller, "py__whoami", &json!({})),
                    *name,
                    "the secret of this workspace was sent"
                );
                said(
                    caller,
                    "py__remember",
                    &json!({ "text": format!("a note of {name}") }),
                );
            }
            for (name, secret, caller) in &mut sides {
                // Other checks have left notes of tenant alpha; what counts is whose they are.
                let notes = answer(caller, "py__recall", &json!({})).to_string();
                let other = if *name == "alpha" { "beta" } else { "alpha" };
                assert!(notes.contains(&format!("a note of {name}")), "{notes}");
                assert!(!notes.contains(&format!("a note of {other}")), "{notes}");
                let leaked = said(caller, "py__leak_token", &json!({}));
                assert_eq!(
                    leaked, "authorization: Bearer [REDACTED]",
                    "{secret} is masked on its way back"
                );
            }
            for (name, other) in [("alpha", "beta"), ("beta", "alpha")] {
                let seen = [&["calls"][..], &["mcp", "list"], &["secrets", "list"]]
                    .map(|command| installation.done(&[command, &["--workspace", name]].concat()));
                assert!(
                    !seen.concat().contains(other),
                    "{name} sees something of {other}: {seen:?}"
                );
            }
        },
    );
}

fn said(caller: &mut Caller, tool: &str, arguments: &Value) -> String {
    let answer = answer(caller, tool, arguments);
    let text = answer["result"]["content"][0]["text"].as_str();
    text.unwrap_or_else(|| panic!("{tool}: {answer}"))
        .to_owned()
}

fn answer(caller: &mut Caller, tool: &str, arguments: &Value) -> Value {
    caller.ask(
        "tools/call",
        &json!({ "name": tool, "arguments": arguments }),
    )
}

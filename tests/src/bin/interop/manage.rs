//! The gateway's own tools in the hands of clients that others wrote: a workspace is run by an agent.

use serde_json::{Value, json};
use toolgate_tests::{Fixtures, Gateway, Installation};

use crate::clients::{self, PROBES};
use crate::fixtures::Servers;
use crate::report::Report;

/// Published clients that check each answer against the schema of its tool.
const STRICT: &str = "typescript sdk v2";

pub(crate) fn check(
    report: &mut Report,
    fixtures: &Fixtures,
    installation: &Installation,
    gateway: &Gateway,
    servers: &Servers,
) {
    // The operator allowed its address by adding it there.
    let server = servers.url("v1");
    installation.workspace("managed");
    installation.done(&[
        "mcp",
        "add",
        "base",
        "--url",
        server,
        "--workspace",
        "managed",
    ]);
    let token = installation.unlimited("managed").token;
    let url = gateway.workspace("managed");
    for probe in PROBES.iter().filter(|probe| probe.name == STRICT) {
        let name = format!("{} ({}) runs a workspace", probe.name, probe.mode);
        report.check(&name, || {
            let seen = clients::run_with(
                probe,
                fixtures,
                &[&url, probe.mode, &token, "", "manage", server],
            );
            assert_eq!(seen["role"], "admin", "{seen}");
            assert_eq!(seen["probe"], "ok", "{seen}");
            for said in ["listed", "revoked", "wrong", "removed", "gone"] {
                assert_eq!(seen[said], true, "{said}: {seen}");
            }
            assert_eq!(seen["servers"], json!(["base", "by-agent"]), "{seen}");
            let reads = seen["reads"].as_object().expect("what was read");
            assert!(
                reads.values().all(|failed| *failed == Value::Bool(false)),
                "{seen}"
            );
        });
    }
}

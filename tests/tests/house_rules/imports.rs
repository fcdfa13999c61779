//! Who may import whom.

use crate::packages::workspace;
use crate::tree::{read, root};

/// Who may import whom, and nothing else. A crate that is missing here fails the test.
pub(crate) const ARROWS: &[(&str, &[&str])] = &[
    (
        "toolgate",
        &["gateway", "demo", "log", "manage", "telemetry"],
    ),
    ("toolgatectl", &["admin", "api", "export", "log"]),
    ("api", &["admin", "export", "http"]),
    (
        "manage",
        &["admin", "upstream", "policy", "namespace", "protocol"],
    ),
    ("telemetry", &["analytics", "http", "namespace", "store"]),
    ("export", &["analytics"]),
    (
        "gateway",
        &[
            "router",
            "upstream",
            "http",
            "store",
            "unseal",
            "analytics",
            "policy",
            "namespace",
            "vault",
            "protocol",
            "sys",
        ],
    ),
    (
        "admin",
        &[
            "store",
            "http",
            "analytics",
            "policy",
            "namespace",
            "vault",
            "protocol",
            "sys",
        ],
    ),
    ("router", &["upstream", "policy", "namespace", "protocol"]),
    ("store", &["policy", "vault", "analytics", "namespace"]),
    (
        "upstream",
        &["http", "sys", "vault", "namespace", "protocol"],
    ),
    ("unseal", &["vault"]),
    ("policy", &["namespace"]),
    ("analytics", &["namespace"]),
    ("namespace", &["protocol"]),
    ("testkit", &["protocol"]),
    ("protocol", &[]),
    ("vault", &[]),
    ("http", &[]),
    ("sys", &[]),
    ("demo", &[]),
    ("log", &[]),
];

/// Programs around the house: they show or prove it, so they may use any room.
pub(crate) const OUTSIDE: &[&str] = &["examples", "benches", "tests"];

/// Crates without a socket, a clock or a task.
const PURE: &[&str] = &["protocol", "namespace", "policy", "vault", "unseal"];
/// What would bring one in.
const IMPURE: &[&str] = &["tokio", "hyper", "rusqlite", "libc", "rustls"];

#[test]
fn crates_import_only_along_the_arrows() {
    for package in workspace() {
        if OUTSIDE.contains(&package.short()) {
            continue;
        }
        let allowed = ARROWS.iter().find(|(from, _)| *from == package.short());
        let (_, allowed) =
            allowed.unwrap_or_else(|| panic!("{} has no place in ARROWS", package.name));
        for dependency in &package.dependencies {
            let Some(room) = dependency.name.strip_prefix("toolgate-") else {
                continue;
            };
            let by_test = dependency.dev && room == "testkit";
            assert!(
                by_test || allowed.contains(&room),
                "{} may not import toolgate-{room}; if it must, redraw the arrows in ARCHITECTURE.md and here",
                package.name
            );
        }
    }
}

#[test]
fn pure_crates_have_no_socket_no_clock_and_no_task() {
    let root = root();
    for package in workspace()
        .iter()
        .filter(|package| PURE.contains(&package.short()))
    {
        let named = package
            .dependencies
            .iter()
            .find(|d| !d.dev && IMPURE.contains(&d.name.as_str()));
        assert!(
            named.is_none(),
            "{} is pure and may not depend on {named:?}",
            package.name
        );

        // A crate's clippy.toml replaces the root's, so the bans and the shared keys both have to be there.
        let lints = read(&package.folder.join("clippy.toml"));
        for banned in ["Instant::now", "SystemTime::now", "env::var"] {
            assert!(
                lints.contains(banned),
                "{}/clippy.toml has to ban {banned}",
                package.name
            );
        }
        for shared in read(&root.join("clippy.toml")).lines() {
            let key = shared.split('=').next().unwrap_or_default();
            assert!(
                lints.contains(key),
                "{}/clippy.toml has to repeat `{shared}`",
                package.name
            );
        }
    }
}

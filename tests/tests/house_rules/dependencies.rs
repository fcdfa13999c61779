//! What every manifest says, and where each dangerous dependency lives.

use crate::imports::OUTSIDE;
use crate::packages::workspace;
use crate::tree::{read, root};

/// Dependencies that are dangerous or heavy, and the only crates that may name them outside of tests.
const FENCED: &[(&str, &[&str])] = &[
    ("rusqlite", &["store"]),
    (
        "ring",
        &["vault", "unseal", "policy", "namespace", "gateway"],
    ),
    ("clap", &["toolgate", "toolgatectl"]),
    ("anyhow", &["toolgate", "toolgatectl"]),
    (
        "hyper",
        &["http", "upstream", "gateway", "api", "telemetry", "testkit"],
    ),
    ("rustls", &["http"]),
    ("libc", &["sys"]),
    ("lettre", &["admin"]),
];

#[test]
fn dangerous_dependencies_stay_behind_their_fence() {
    for package in workspace() {
        for (fenced, inside) in FENCED {
            let named = package
                .dependencies
                .iter()
                .any(|d| d.name == *fenced && !d.dev);
            let allowed = inside.contains(&package.short()) || OUTSIDE.contains(&package.short());
            assert!(
                !named || allowed,
                "{} may not depend on {fenced}; only {inside:?} may",
                package.name
            );
        }
    }
}

#[test]
fn every_dependency_says_which_version_it_needs() {
    for package in workspace() {
        let loose = package
            .dependencies
            .iter()
            .find(|d| d.requirement == "*" && !d.name.starts_with("toolgate-"));
        assert!(
            loose.is_none(),
            "{} takes whatever version comes: {loose:?}",
            package.name
        );
    }
}

#[test]
fn every_crate_opens_with_its_sentence() {
    let mut strays = Vec::new();
    for package in workspace() {
        let source = read(&package.source);
        let opening = source.lines().next().unwrap_or_default();
        // A link in rustdoc is plain code in a manifest.
        let opening = opening
            .trim_start_matches("//! ")
            .replace("[`", "`")
            .replace("`]", "`");
        if package.description != opening {
            strays.push(format!(
                "{}:\n  manifest: {}\n  source:   {opening}",
                package.name, package.description
            ));
        }
    }
    assert!(
        strays.is_empty(),
        "description and first line of the source are one sentence\n{}",
        strays.join("\n")
    );
}

#[test]
fn every_member_is_introduced_in_the_root_manifest() {
    let manifest = read(&root().join("Cargo.toml"));
    let (_, rest) = manifest
        .split_once("members = [")
        .expect("a workspace has members");
    let (members, _) = rest.split_once(']').expect("a list ends");
    for line in members
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        let comment = line.split_once("# ").map_or("", |(_, comment)| comment);
        assert!(!comment.is_empty(), "a member without a comment: {line}");
    }
}

#[test]
fn every_manifest_takes_the_lints_of_the_workspace() {
    for package in workspace() {
        let manifest = read(&package.folder.join("Cargo.toml"));
        // sys is the one crate with unsafe code; it has to spell its own table out.
        let own = package.short() == "sys" && manifest.contains("[lints.rust]");
        assert!(
            own || manifest.contains("[lints]\nworkspace = true"),
            "{} has lints of its own",
            package.name
        );
    }
}

/// Versions with known holes are not built in: RUSTSEC-2024-0336, RUSTSEC-2024-0399 (rustls), RUSTSEC-2026-0098,
/// RUSTSEC-2026-0099, RUSTSEC-2026-0104 (rustls-webpki), RUSTSEC-2025-0009 (ring), RUSTSEC-2024-0003 and
/// RUSTSEC-2024-0332 (h2), RUSTSEC-2023-0034 (hyper's resets); S-11, S-59, S-61, S-87.
#[test]
fn s87_no_dependency_is_older_than_its_fix() {
    const LEAST: [(&str, [u64; 3]); 5] = [
        ("rustls", [0, 23, 18]),
        ("rustls-webpki", [0, 103, 13]),
        ("ring", [0, 17, 12]),
        ("h2", [0, 4, 4]),
        ("hyper", [1, 5, 1]),
    ];
    let lock = read(&root().join("Cargo.lock"));
    for (name, least) in LEAST {
        let head = format!("name = \"{name}\"\nversion = \"");
        let versions: Vec<&str> = lock
            .split(&head)
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .collect();
        assert!(!versions.is_empty(), "{name} is locked under another name");
        for version in versions {
            let mut numbers = version
                .split(['.', '-', '+'])
                .map(|part| part.parse().unwrap_or(0));
            let found = [(); 3].map(|()| numbers.next().unwrap_or(0));
            assert!(found >= least, "{name} {version} has a known hole");
        }
    }
}

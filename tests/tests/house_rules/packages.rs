//! The members of the workspace as their manifests describe them.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::imports::ARROWS;
use crate::tree::root;

/// One member of the workspace, as its manifest describes it.
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) folder: PathBuf,
    /// `lib.rs`, or `main.rs` of a crate without one.
    pub(crate) source: PathBuf,
    pub(crate) dependencies: Vec<Dependency>,
}

#[derive(Debug)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) requirement: String,
    pub(crate) dev: bool,
}

impl Package {
    /// The name without the prefix that all crates share.
    pub(crate) fn short(&self) -> &str {
        self.name.strip_prefix("toolgate-").unwrap_or(&self.name)
    }
}

pub(crate) fn workspace() -> Vec<Package> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    let packages: Vec<Package> = list(&metadata["packages"]).iter().map(package).collect();
    let names: BTreeSet<&str> = packages.iter().map(Package::short).collect();
    for (planned, _) in ARROWS {
        assert!(
            names.contains(planned),
            "the plan has a crate that is not there: {planned}"
        );
    }
    packages
}

fn package(metadata: &Value) -> Package {
    let manifest = PathBuf::from(string(&metadata["manifest_path"]));
    let sources: BTreeMap<String, PathBuf> = list(&metadata["targets"])
        .iter()
        .map(|target| {
            (
                string(&target["kind"][0]),
                PathBuf::from(string(&target["src_path"])),
            )
        })
        .collect();
    let source = sources
        .get("lib")
        .or(sources.get("bin"))
        .expect("a crate is a library or a program");
    Package {
        name: string(&metadata["name"]),
        description: string(&metadata["description"]),
        folder: manifest
            .parent()
            .expect("a manifest lies in a folder")
            .to_owned(),
        source: source.clone(),
        dependencies: list(&metadata["dependencies"])
            .iter()
            .map(|d| Dependency {
                name: string(&d["name"]),
                requirement: string(&d["req"]),
                dev: d["kind"] == "dev",
            })
            .collect(),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn string(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

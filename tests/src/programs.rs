//! The binaries under test, built from this checkout.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The path of `toolgate` or `toolgatectl`, in the same profile as this test.
///
/// Cargo builds the binaries of other packages only when asked, so the first caller asks; where they are fresh
/// that takes a fraction of a second, and an old binary is never tested by mistake.
pub fn program(name: &str) -> PathBuf {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    let wanted = [
        "--package",
        "toolgate",
        "--package",
        "toolgatectl",
        "--bins",
    ];
    let folder = FOLDER.get_or_init(|| build(&wanted)).as_ref();
    folder
        .expect("cargo build -p toolgate -p toolgatectl succeeds")
        .join(executable(name))
}

/// The path of another program of this package, built the same way.
pub fn tool(name: &str) -> PathBuf {
    build(&["--package", env!("CARGO_PKG_NAME"), "--bin", name])
        .unwrap_or_else(|| panic!("cargo build --bin {name} succeeds"))
        .join(executable(name))
}

fn executable(name: &str) -> String {
    format!("{name}{}", std::env::consts::EXE_SUFFIX)
}

/// Where they lie, or nothing when they do not build: then nobody has to try again.
fn build(wanted: &[&str]) -> Option<PathBuf> {
    let profile = profile_folder();
    let mut cargo = Command::new(option_env!("CARGO").unwrap_or("cargo"));
    cargo.args(["build", "--quiet"]).args(wanted);
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    if let Some(target) = profile.parent() {
        cargo.arg("--target-dir").arg(target);
    }
    // What the cargo that runs this test says of its package is not said of the programs: build scripts that look at it
    // (of `ring`) would run again each time, and everything above them be compiled anew.
    for (name, _) in std::env::vars_os() {
        let is_of_package = name.to_str().is_some_and(|name| {
            name.starts_with("CARGO_MANIFEST_") || name.starts_with("CARGO_PKG_")
        });
        if is_of_package {
            cargo.env_remove(name);
        }
    }
    let status = cargo
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .expect("cargo runs");
    status.success().then_some(profile)
}

/// `target/<profile>`: tests run from its `deps`, programs from itself.
fn profile_folder() -> PathBuf {
    let this = std::env::current_exe().expect("a running program has a path");
    let folder = this.parent().expect("a program lies in a folder");
    let profile = if folder.ends_with("deps") {
        folder.parent().unwrap_or(folder)
    } else {
        folder
    };
    Path::to_owned(profile)
}

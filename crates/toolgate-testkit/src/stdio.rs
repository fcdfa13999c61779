//! Finding the stdio server.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The path of `testkit-stdio`, a scriptable server over standard input and output (see its source
/// for its flags and tools).
///
/// It stands beside the test executable in `target/<profile>`. Cargo does not build binaries of
/// dev-dependencies, so it is built here when it is missing or older than its source.
///
/// # Panics
/// If it cannot be built.
pub fn stdio_server_path() -> PathBuf {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(locate).clone()
}

fn locate() -> PathBuf {
    let test = std::env::current_exe().expect("a running test has a path");
    let deps = test.parent().expect("an executable is in a folder");
    // Unit and integration tests run from target/<profile>/deps, examples and doctests elsewhere.
    let profile = if deps.ends_with("deps") {
        deps.parent().unwrap_or(deps)
    } else {
        deps
    };
    let name = format!("testkit-stdio{}", std::env::consts::EXE_SUFFIX);
    let path = profile.join(&name);
    if !is_fresh(&path) {
        build(profile);
    }
    assert!(
        path.exists(),
        "cargo build -p toolgate-testkit makes {}",
        path.display()
    );
    path
}

/// Whether the server is younger than its sources.
fn is_fresh(path: &Path) -> bool {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bin/testkit-stdio");
    let modified = |path: &Path| path.metadata().and_then(|about| about.modified());
    let (Ok(built), Ok(sources)) = (modified(path), sources.read_dir()) else {
        return false;
    };
    let is_older = |source: PathBuf| modified(&source).is_ok_and(|written| built >= written);
    sources.flatten().all(|source| is_older(source.path()))
}

fn build(profile: &Path) {
    let mut cargo = Command::new(option_env!("CARGO").unwrap_or("cargo"));
    cargo.args([
        "build",
        "--quiet",
        "-p",
        "toolgate-testkit",
        "--bin",
        "testkit-stdio",
    ]);
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    if let Some(target) = profile.parent() {
        cargo.arg("--target-dir").arg(target);
    }
    let built = cargo.status();
    assert!(
        built.is_ok_and(|status| status.success()),
        "the stdio server builds"
    );
}

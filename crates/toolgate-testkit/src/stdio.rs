//! Finding the stdio server.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// The path of `testkit-stdio`, a scriptable server over standard input and output (see its source
/// for its flags and tools).
///
/// It stands beside the test executable in `target/<profile>`. Cargo does not build binaries of
/// dev-dependencies, so the first caller builds it once.
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
    let release = profile.file_name().is_some_and(|n| n == "release");
    let mut cargo = Command::new(option_env!("CARGO").unwrap_or("cargo"));
    cargo.args([
        "build",
        "--quiet",
        "-p",
        "toolgate-testkit",
        "--bin",
        "testkit-stdio",
    ]);
    if release {
        cargo.arg("--release");
    }
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    if let Some(target) = profile.parent() {
        cargo.arg("--target-dir").arg(target);
    }
    // Also when it exists: an old one would test old behaviour. Cargo returns at once when it is fresh.
    let built = cargo.status().is_ok_and(|status| status.success());
    assert!(
        path.exists() && (built || !cfg!(debug_assertions)),
        "cargo build -p toolgate-testkit makes {}",
        path.display()
    );
    path
}

//! What a child finds in its environment (S-72).

use std::ffi::OsString;
use std::path::PathBuf;

/// What children inherit; everything else of ours stays here, our own secrets among it.
const INHERITED: [&str; 9] = [
    "PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TZ", "USER", "LOGNAME",
];

/// Variables that make a loader or an interpreter run something else.
const STEERING: [&str; 6] = ["BASH_ENV", "ENV", "IFS", "PS4", "SHELLOPTS", "PERL5DB"];
const STEERING_PREFIXES: [&str; 6] = ["LD_", "DYLD_", "GIT_", "PYTHON", "NODE_", "JAVA_"];
const STEERING_SUFFIXES: [&str; 3] = ["_OPTIONS", "PATH", "_PROXY"];

/// The variables every child gets.
pub(super) fn inherited() -> impl Iterator<Item = (&'static str, OsString)> {
    INHERITED
        .into_iter()
        .filter_map(|name| Some((name, std::env::var_os(name)?)))
}

/// Whether a secret may not have this name, since loaders and interpreters obey it.
pub(super) fn is_steering(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    STEERING.contains(&name.as_str())
        || STEERING_PREFIXES
            .iter()
            .any(|prefix| name.starts_with(prefix))
        || STEERING_SUFFIXES
            .iter()
            .any(|suffix| name.ends_with(suffix))
}

/// Where a program is, the way the child's start will look for it.
pub(super) fn find_program(program: &str) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(program.into());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s72_names_that_steer_are_known() {
        for name in [
            "LD_PRELOAD",
            "DYLD_INSERT_LIBRARIES",
            "NODE_OPTIONS",
            "JAVA_TOOL_OPTIONS",
            "PATH",
            "PYTHONSTARTUP",
            "BASH_ENV",
            "GIT_SSH_COMMAND",
            "HTTPS_PROXY",
            "https_proxy",
            "CLASSPATH",
        ] {
            assert!(is_steering(name), "{name}");
        }
        for name in ["GITHUB_TOKEN", "API_KEY", "DATABASE_URL", "LDAP_PASSWORD"] {
            assert!(!is_steering(name), "{name}");
        }
    }
}

//! How a server that is a child process is started and confined (S-70, S-72, S-73).

use serde::{Deserialize, Serialize};

/// What the operator settled about a child process besides its command line.
///
/// Limits that are `None` are not set. Members that are missing in stored settings have their default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChildSettings {
    /// Program and arguments that are put before the command, such as a sandbox; its program is a full path.
    pub wrapper: Vec<String>,
    /// Where it starts, a full path; `None` means a private directory of its own.
    pub cwd: Option<String>,
    /// Names of secrets that it may be given although loaders and interpreters obey them (S-72).
    pub steering_env: Vec<String>,
    /// Descriptors open at once, of each process. Default 4,096.
    pub max_files: Option<u64>,
    /// Processes and threads that its user may run beyond what ran when it started. The system does not
    /// apply it to root. Default 2,048.
    pub max_processes: Option<u64>,
    /// Bytes of any file it writes. Default 4 GiB.
    pub max_file_bytes: Option<u64>,
    /// Bytes of writable memory of each process; what is only reserved does not count. Default 4 GiB.
    pub max_memory_bytes: Option<u64>,
}

const GIB: u64 = 1 << 30;

impl Default for ChildSettings {
    fn default() -> Self {
        Self {
            wrapper: Vec::new(),
            cwd: None,
            steering_env: Vec::new(),
            max_files: Some(4096),
            max_processes: Some(2048),
            max_file_bytes: Some(4 * GIB),
            max_memory_bytes: Some(4 * GIB),
        }
    }
}

impl ChildSettings {
    /// Whether nothing was settled.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a secret may be handed to the child under this name (S-72).
    pub fn permits_variable(&self, name: &str) -> bool {
        let same = |given: &String| given.eq_ignore_ascii_case(name);
        !steers(name) || self.steering_env.iter().any(same)
    }
}

/// Whether loaders, shells or interpreters act on a variable of that name, so that its value could run code
/// or send traffic elsewhere (S-72).
pub fn steers(name: &str) -> bool {
    const PREFIXES: [&str; 7] = [
        "LD_",
        "DYLD_",
        "GIT_",
        "PYTHON",
        "NODE_",
        "JAVA_",
        "NPM_CONFIG_",
    ];
    const SUFFIXES: [&str; 3] = ["_OPTIONS", "PATH", "_PROXY"];
    const NAMES: [&str; 12] = [
        "BASH_ENV",
        "ENV",
        "IFS",
        "PS4",
        "SHELLOPTS",
        "BASHOPTS",
        "SHELL",
        "HOME",
        "TMPDIR",
        "PERL5OPT",
        "PERL5DB",
        "RUBYOPT",
    ];
    let name = name.to_ascii_uppercase();
    PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
        || NAMES.contains(&name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s72_names_that_steer_are_known_in_either_case() {
        for name in [
            "LD_PRELOAD",
            "DYLD_INSERT_LIBRARIES",
            "NODE_OPTIONS",
            "JAVA_TOOL_OPTIONS",
            "_JAVA_OPTIONS",
            "PATH",
            "CLASSPATH",
            "PYTHONSTARTUP",
            "BASH_ENV",
            "GIT_SSH_COMMAND",
            "HTTPS_PROXY",
            "https_proxy",
            "HOME",
            "RUBYOPT",
        ] {
            assert!(steers(name), "{name}");
        }
        for name in [
            "GITHUB_TOKEN",
            "API_KEY",
            "DATABASE_URL",
            "LDAP_PASSWORD",
            "PGPASSWORD",
        ] {
            assert!(!steers(name), "{name}");
        }
    }

    #[test]
    fn s72_only_the_names_that_the_operator_listed_pass() {
        let listed = ChildSettings {
            steering_env: vec!["NODE_OPTIONS".into()],
            ..ChildSettings::default()
        };
        assert!(listed.permits_variable("NODE_OPTIONS"));
        assert!(listed.permits_variable("API_KEY"));
        assert!(!listed.permits_variable("NODE_PATH"));
        assert!(!ChildSettings::default().permits_variable("NODE_OPTIONS"));
    }
}

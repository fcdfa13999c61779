//! A data directory and the binary that works on it.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// One installation of its own for each test.
pub(crate) struct Installation {
    folder: TempDir,
}

/// What a command left behind.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Installation {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn dir(&self) -> PathBuf {
        self.folder.path().join("tg")
    }

    /// The home directory of whoever runs the command.
    pub(crate) fn user(&self) -> PathBuf {
        let user = self.folder.path().join("user");
        std::fs::create_dir_all(&user).unwrap();
        user.canonicalize().unwrap()
    }

    /// Runs a command without anything on standard input.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.feed(args, "")
    }

    /// Runs a command with `input` on standard input, which is no terminal.
    pub(crate) fn feed(&self, args: &[&str], input: &str) -> Ran {
        let mut child = Command::new(env!("CARGO_BIN_EXE_toolgatectl"))
            .args(args)
            .env("TOOLGATE_DATA_DIR", self.dir())
            .env("HOME", self.user())
            .env_remove("XDG_CONFIG_HOME")
            .current_dir(self.user())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that reads nothing may be gone before it is written to.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        Ran {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs a command that must do what it says, and gives what it printed.
    #[track_caller]
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        let ran = self.run(args);
        assert_eq!(ran.code, 0, "{args:?}: {ran:?}");
        ran.out
    }

    /// The same with `--json`: one object for each line.
    #[track_caller]
    pub(crate) fn json(&self, args: &[&str]) -> Vec<Value> {
        let mut args = args.to_vec();
        // Before `--`, behind which everything belongs to the server's command.
        let place = args
            .iter()
            .position(|arg| *arg == "--")
            .unwrap_or(args.len());
        args.insert(place, "--json");
        let out = self.ok(&args);
        out.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// The only object a command prints.
    #[track_caller]
    pub(crate) fn one(&self, args: &[&str]) -> Value {
        let mut values = self.json(args);
        assert_eq!(values.len(), 1, "{args:?}: {values:?}");
        values.remove(0)
    }

    /// Whether any file of the installation holds these bytes.
    pub(crate) fn holds(&self, needle: &[u8]) -> Option<PathBuf> {
        let entries = std::fs::read_dir(self.dir()).unwrap();
        let mut paths = entries.map(|entry| entry.unwrap().path());
        paths.find(|path| {
            let bytes = std::fs::read(path).unwrap();
            bytes.windows(needle.len()).any(|window| window == needle)
        })
    }
}

/// The names of an object's members, in order.
pub(crate) fn names(value: &Value) -> Vec<&str> {
    let object = value.as_object().unwrap();
    object.keys().map(String::as_str).collect()
}

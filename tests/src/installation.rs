//! What a user has on a host: a data directory, the admin command and a gateway.

use std::io::Write;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::{Process, program};

/// Off unless a test is about them: most compare a list with what stands behind the gateway, whatever their token is.
const MANAGEMENT_TOOLS: &str = "--management-tools";

/// A data directory of its own, gone with the value.
#[derive(Debug)]
pub struct Installation {
    data: TempDir,
}

/// What `toolgatectl` said.
#[derive(Debug)]
pub struct Said {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

/// A workspace or token as `toolgatectl … create --json` shows it.
#[derive(Debug, Clone)]
pub struct Created {
    /// The workspace.
    pub slug: String,
    /// The token, which is shown only here.
    pub token: String,
    /// The whole object.
    pub json: Value,
}

/// A running `toolgate`.
#[derive(Debug)]
pub struct Gateway {
    /// The process.
    pub process: Process,
    /// `http://HOST:PORT` as its ready line says.
    pub url: String,
}

impl Default for Installation {
    fn default() -> Self {
        Self::new()
    }
}

impl Installation {
    /// An empty place; nothing is in it before the first command.
    pub fn new() -> Self {
        Self {
            data: TempDir::new().expect("a temporary directory"),
        }
    }

    /// Where everything is kept. It does not exist before the first command.
    pub fn data_dir(&self) -> std::path::PathBuf {
        self.data.path().join("data")
    }

    /// A place for files of the test.
    pub fn scratch(&self) -> &Path {
        self.data.path()
    }

    /// Runs `toolgatectl` with these arguments and no standard input.
    pub fn ctl(&self, args: &[&str]) -> Said {
        self.ctl_with(args, "")
    }

    /// Runs `toolgatectl` with these arguments and this standard input.
    pub fn ctl_with(&self, args: &[&str], input: &str) -> Said {
        let mut child = clean(&mut Command::new(program("toolgatectl")))
            .arg("--data-dir")
            .arg(self.data_dir())
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("toolgatectl starts");
        // A command that does not read its input closes the pipe, which is fine.
        drop(
            child
                .stdin
                .take()
                .expect("piped")
                .write_all(input.as_bytes()),
        );
        let output = child.wait_with_output().expect("toolgatectl ends");
        Said {
            status: output.status,
            stdout: String::from_utf8(output.stdout).expect("it prints text"),
            stderr: String::from_utf8(output.stderr).expect("it prints text"),
        }
    }

    /// Runs a command that must succeed.
    #[track_caller]
    pub fn done(&self, args: &[&str]) -> String {
        let said = self.ctl(args);
        assert!(
            said.status.success(),
            "toolgatectl {}: {}",
            args.join(" "),
            said.stderr
        );
        said.stdout
    }

    /// Runs a command with `--json` that must succeed, and returns its one object.
    #[track_caller]
    pub fn json(&self, args: &[&str]) -> Value {
        let mut lines = self.lines(args);
        assert_eq!(
            lines.len(),
            1,
            "toolgatectl {}: one object was expected: {lines:?}",
            args.join(" ")
        );
        lines.remove(0)
    }

    /// Runs a command with `--json` that must succeed, and returns its objects, one a line.
    #[track_caller]
    pub fn lines(&self, args: &[&str]) -> Vec<Value> {
        let args = [&["--json"], args].concat();
        let parse =
            |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}"));
        self.done(&args).lines().map(parse).collect()
    }

    /// Creates a workspace.
    #[track_caller]
    pub fn workspace(&self, name: &str) -> Created {
        Created::new(self.json(&["workspace", "create", name]), None)
    }

    /// Creates a token of a workspace; `flags` as on the command line.
    #[track_caller]
    pub fn token(&self, slug: &str, flags: &[&str]) -> Created {
        let args = [
            &["workspace", "token", "create", slug, "--name", "test"],
            flags,
        ]
        .concat();
        Created::new(self.json(&args), Some(slug))
    }

    /// Creates a token without a rate limit, for tests that call a lot.
    #[track_caller]
    pub fn unlimited(&self, slug: &str) -> Created {
        self.token(slug, &["--role", "admin", "--rate-limit", "off"])
    }

    /// Sets a secret of a server through standard input, as people should.
    #[track_caller]
    pub fn secret(&self, workspace: &str, server: &str, name: &str, value: &str) {
        let said = self.ctl_with(
            &["secrets", "set", server, name, "--workspace", workspace],
            value,
        );
        assert!(
            said.status.success(),
            "secrets set {server} {name}: {}",
            said.stderr
        );
    }

    /// Starts the gateway on a free port and waits until it is ready.
    pub fn start(&self) -> Gateway {
        self.start_with(&[])
    }

    /// Starts the gateway with more flags.
    pub fn start_with(&self, flags: &[&str]) -> Gateway {
        self.start_under(&[], flags)
    }

    /// Starts the gateway under a command that becomes it, such as `taskset -c 1`.
    pub fn start_under(&self, wrapper: &[&str], flags: &[&str]) -> Gateway {
        let process = self.launch_under(wrapper, flags);
        let url = process.ready();
        Gateway { process, url }
    }

    /// Starts the gateway on a listening socket that it is passed, as systemd passes it (`LISTEN_FDS`).
    pub fn start_on(&self, socket: &TcpListener) -> Gateway {
        // Standard input is the one descriptor that can be passed on without a system call of our own.
        const PASS: &str = r#"exec 3<&0 </dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" "$@""#;
        let socket = socket.try_clone().expect("a descriptor is left");
        let mut command = Command::new("sh");
        command.args(["-c", PASS]).arg(program("toolgate"));
        clean(&mut command).arg("--data-dir").arg(self.data_dir());
        command.args([MANAGEMENT_TOOLS, "off"]);
        let input = Stdio::from(OwnedFd::from(socket));
        let process = Process::start_with_input("toolgate", &mut command, input);
        let url = process.ready();
        Gateway { process, url }
    }

    /// Starts the gateway without waiting, for a start that should fail.
    pub fn launch(&self, flags: &[&str]) -> Process {
        self.launch_under(&[], flags)
    }

    /// Starts `toolgatectl serve` on a free port and waits until it is ready.
    pub fn serve(&self, flags: &[&str]) -> Served {
        let mut command = Command::new(program("toolgatectl"));
        clean(&mut command).arg("--data-dir").arg(self.data_dir());
        command
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(flags);
        let process = Process::start("toolgatectl serve", &mut command);
        let url = process.ready();
        Served { process, url }
    }

    fn launch_under(&self, wrapper: &[&str], flags: &[&str]) -> Process {
        let gateway = program("toolgate");
        let mut command = match wrapper {
            [] => Command::new(gateway),
            [first, rest @ ..] => {
                let mut command = Command::new(first);
                command.args(rest).arg(gateway);
                command
            }
        };
        clean(&mut command)
            .arg("--data-dir")
            .arg(self.data_dir())
            .args(flags);
        if !flags.contains(&MANAGEMENT_TOOLS) {
            command.args([MANAGEMENT_TOOLS, "off"]);
        }
        if !flags.contains(&"--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        Process::start("toolgate", &mut command)
    }
}

/// The management API and the dashboard, running.
#[derive(Debug)]
pub struct Served {
    /// The process.
    pub process: Process,
    /// Where it listens.
    pub url: String,
}

impl Created {
    #[track_caller]
    fn new(json: Value, slug: Option<&str>) -> Self {
        let text = |key: &str| {
            json[key]
                .as_str()
                .unwrap_or_else(|| panic!("no {key} in {json}"))
                .to_owned()
        };
        Self {
            slug: slug.map_or_else(|| text("slug"), str::to_owned),
            token: text("token"),
            json,
        }
    }
}

impl Gateway {
    /// The address of a workspace.
    pub fn workspace(&self, slug: &str) -> String {
        format!("{}/ws/{slug}", self.url)
    }

    /// Asks it to end and waits until it has.
    pub fn stop(mut self) -> ExitStatus {
        self.process.signal("TERM");
        self.process.wait()
    }
}

/// Without what the machine's own installation may have set.
fn clean(command: &mut Command) -> &mut Command {
    let ours = std::env::vars().filter(|(name, _)| name.starts_with("TOOLGATE_"));
    for (name, _) in ours {
        command.env_remove(name);
    }
    command.env_remove("RUST_LOG")
}

//! A child process that says when it is ready, and that ends with the test.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use crate::PATIENCE;

/// How long the rest of a dead process's complaints may take to be read.
const COMPLAINTS: std::time::Duration = std::time::Duration::from_secs(2);

/// A running process whose standard output and error are kept. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    stdout: Arc<Mutex<String>>,
    stderr: Arc<Mutex<String>>,
    ready: mpsc::Receiver<String>,
    /// Closed when nobody can write to standard error any more.
    complained: mpsc::Receiver<String>,
}

impl Process {
    /// Starts the command.
    pub fn start(name: &str, command: &mut Command) -> Self {
        Self::start_with_input(name, command, Stdio::null())
    }

    /// Starts the command with this standard input.
    pub fn start_with_input(name: &str, command: &mut Command, input: Stdio) -> Self {
        let mut child = command
            .stdin(input)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("starting {name}: {error}"));
        let (say, ready) = mpsc::sync_channel(1);
        let (ended, complained) = mpsc::sync_channel(1);
        let (stdout, stderr) = (Arc::default(), Arc::default());
        keep(
            child.stdout.take().expect("piped"),
            Arc::clone(&stdout),
            Some(say),
        );
        keep(
            child.stderr.take().expect("piped"),
            Arc::clone(&stderr),
            Some(ended),
        );
        Self {
            name: name.to_owned(),
            child,
            stdout,
            stderr,
            ready,
            complained,
        }
    }

    /// Waits for a line `ready URL` on standard output and returns the URL.
    pub fn ready(&self) -> String {
        self.ready.recv_timeout(PATIENCE).unwrap_or_else(|_| {
            panic!(
                "{} did not become ready\nstdout: {}\nstderr: {}",
                self.name,
                self.stdout(),
                self.stderr()
            )
        })
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has printed so far.
    pub fn stdout(&self) -> String {
        self.stdout.lock().expect("readers do not panic").clone()
    }

    /// All it has printed: waits until nobody can print any more.
    pub fn output(&self) -> String {
        // The reader ends with the pipe, and its side of the channel with it; until then these are ready lines.
        while self.ready.recv_timeout(PATIENCE).is_ok() {}
        self.stdout()
    }

    /// What it has logged so far.
    pub fn stderr(&self) -> String {
        self.stderr.lock().expect("readers do not panic").clone()
    }

    /// Sends a signal by name, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let id = self.id().to_string();
        let status = Command::new("kill")
            .args(["-s", name, &id])
            .status()
            .expect("kill is there");
        assert!(
            status.success(),
            "{} was gone before its {name} signal",
            self.name
        );
    }

    /// Waits until it ends by itself, and until what it complained of has been read.
    pub fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("the child is ours") {
                // A grandchild may hold the pipe for longer than anybody wants to wait.
                while self.complained.recv_timeout(COMPLAINTS).is_ok() {}
                return status;
            }
            assert!(
                Instant::now() < deadline,
                "{} does not end\nstderr: {}",
                self.name,
                self.stderr()
            );
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only when it has already ended, which is what is wanted.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Reads a pipe to its end, so that its writer never blocks, and reports the first `ready` line.
fn keep(
    pipe: impl Read + Send + 'static,
    into: Arc<Mutex<String>>,
    ready: Option<mpsc::SyncSender<String>>,
) {
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            let url = line.strip_prefix("ready ").map(str::to_owned);
            {
                let mut text = into.lock().expect("nobody panics with it");
                text.push_str(&line);
                text.push('\n');
            }
            if let (Some(url), Some(ready)) = (url, &ready) {
                // Nobody waits for a second one.
                drop(ready.try_send(url));
            }
        }
    });
}

//! The control socket: what the admin binary asks of the running gateway.
//!
//! The gateway listens on [`DataDir::socket`], for the owner of the data directory only. One
//! connection carries one [`ControlRequest`] and one [`ControlReply`], each a JSON object on a line.
//! The gateway implements its side itself, with [`decode_request`] and [`encode_reply`].

use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use toolgate_namespace::{ServerSlug, WorkspaceSlug};
use toolgate_policy::Classification;

use crate::{AlertId, DataDir};

/// Longest line either side accepts, in bytes: room for the tools of the largest server.
pub const MAX_LINE_BYTES: usize = 4 * 1024 * 1024;

/// A question to the running gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case", deny_unknown_fields)]
pub enum ControlRequest {
    /// The store changed: put it into force, then answer [`ControlReply::Done`].
    Changed,
    /// Contact one server now and answer [`ControlReply::Probed`].
    Probe {
        /// Its workspace.
        workspace: WorkspaceSlug,
        /// Its name there.
        server: ServerSlug,
    },
    /// Seal anew, now, what is still under retired data keys (S-12); answer [`ControlReply::Resealed`].
    Reseal,
    /// Open one secret of each workspace of the store in this directory, a scratch copy of a backup, and
    /// answer [`ControlReply::Tried`]: no value leaves the gateway (S-16).
    TrySecrets {
        /// The directory.
        data_dir: PathBuf,
    },
    /// Answer [`ControlReply::Pong`].
    Ping,
    /// Answer [`ControlReply::Status`].
    Status,
    /// Answer [`ControlReply::Logs`] with what the child processes of one server wrote last.
    Logs {
        /// Its workspace.
        workspace: WorkspaceSlug,
        /// Its name there.
        server: ServerSlug,
    },
    /// Send a sample of an alert's webhook now; answer [`ControlReply::AlertTested`].
    TestAlert {
        /// Which one.
        alert: AlertId,
    },
    /// Answer [`ControlReply::Alerts`] with how each alert stands.
    Alerts,
    /// Answer [`ControlReply::Usage`] with the calls of this month.
    Usage,
    /// Answer [`ControlReply::Held`] with the servers that are down for their crashes.
    Held {
        /// Their workspace.
        workspace: WorkspaceSlug,
    },
}

/// The gateway's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
pub enum ControlReply {
    /// The store is in force.
    Done {
        /// As of this change ([`crate::Installation::generation`]).
        generation: u64,
    },
    /// Nothing is under a retired data key any more, but for what does not open.
    Resealed {
        /// How many secrets were sealed anew.
        secrets: u64,
        /// How many retired keys are gone.
        keys: u64,
    },
    /// What the server said.
    Probed {
        /// The revision it speaks, such as `2025-11-25`.
        revision: String,
        /// Its `serverInfo`.
        server_info: serde_json::Value,
        /// Its tools, in its order.
        tools: Vec<ProbedTool>,
    },
    /// How opening secrets went.
    Tried {
        /// Workspaces one of whose secrets opened.
        opened: u64,
        /// Slugs of those where it did not.
        failed: Vec<String>,
    },
    /// It did not work.
    Failed {
        /// What was attempted and why it failed.
        error: String,
        /// What a person can do about it.
        hint: Option<String>,
    },
    /// How the gateway fares.
    Status(GatewayStatus),
    /// Standard error of a server's child processes, without its secrets (S-75).
    Logs {
        /// Oldest first.
        lines: Vec<LoggedLine>,
    },
    /// Servers whose calls fail at once.
    Held {
        /// In the order of the workspace.
        servers: Vec<HeldServer>,
    },
    /// The sample was sent, or could not be.
    AlertTested(AlertDelivery),
    /// How the alerts stand that are switched on.
    Alerts {
        /// In no order.
        alerts: Vec<AlertState>,
    },
    /// The calls of this month.
    Usage(MonthlyUsage),
    /// The gateway is there.
    Pong {
        /// Where it listens, such as `http://127.0.0.1:8080`.
        url: String,
    },
}

/// How the running gateway fares: figures, no content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GatewayStatus {
    /// Milliseconds since it was opened.
    pub uptime_ms: u64,
    /// `ready`, `degraded` or `not_ready`.
    pub health: String,
    /// What it sheds: `nothing`, `streams`, `calls` or `connections`.
    pub sheds: String,
    /// Requests it refused since it was opened because it had too much to do.
    pub shed: u64,
    /// Every queue and every resource that has a limit.
    pub gauges: Vec<Gauge>,
    /// Every enabled server.
    pub links: Vec<LinkStatus>,
}

/// How much of something there is, and how much there may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Gauge {
    /// What is counted, such as `calls under way`.
    pub what: String,
    /// How much there is.
    pub used: u64,
    /// How much there may be; `None` for what is only counted.
    pub limit: Option<u64>,
}

/// How one server fares at the gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LinkStatus {
    /// Slug of its workspace.
    pub workspace: String,
    /// Its name there.
    pub server: String,
    /// `closed`, `open` or `probing`: whether calls are sent to it.
    pub circuit: String,
    /// Until the open circuit is probed.
    pub retry_after_ms: Option<u64>,
    /// Calls under way with it.
    pub under_way: u64,
    /// Calls that wait for a turn.
    pub waiting: u64,
    /// `connected`; `unknown` while it was not asked; `reconnecting` since it did not answer; `circuit_open`,
    /// `probing` or `crashed` while it gets no calls.
    #[serde(default)]
    pub state: String,
    /// Sessions, or child processes, open with it.
    #[serde(default)]
    pub sessions: u64,
    /// Streams on which it tells what changed.
    #[serde(default)]
    pub streams: u64,
    /// Connections to it that carry an exchange.
    #[serde(default)]
    pub connections_busy: u64,
    /// Connections to it that wait for one.
    #[serde(default)]
    pub connections_idle: u64,
    /// Its child processes that ended by themselves, since the gateway was opened or the server changed.
    #[serde(default)]
    pub crashes: u64,
    /// What it sent and nobody could use: messages that are malformed, too long or belong to nothing.
    #[serde(default)]
    pub messages_dropped: u64,
}

/// How an alert stands at the gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertState {
    /// Which one.
    pub id: AlertId,
    /// Since when what it watches has been so, unix milliseconds; `None` while it is not.
    pub firing_since_ms: Option<u64>,
    /// What became of its last webhook.
    pub last: Option<AlertDelivery>,
}

/// What became of a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertDelivery {
    /// When it was last tried, unix milliseconds.
    pub at_ms: u64,
    /// Whether the receiver took it.
    pub delivered: bool,
    /// The receiver's HTTP status, if it answered.
    pub status: Option<u16>,
    /// Why it was not delivered, in our words.
    pub error: Option<String>,
    /// How often it was tried.
    pub attempts: u32,
}

/// Calls of the month so far, and how many there may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonthlyUsage {
    /// When the count starts anew, unix milliseconds.
    pub resets_at_ms: u64,
    /// Of the whole installation.
    pub installation: Gauge,
    /// Of each workspace, by slug.
    pub workspaces: Vec<Gauge>,
}

/// One tool as a probe found it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ProbedTool {
    /// The name its server gives it.
    pub name: String,
    /// The name clients see.
    pub exposed: String,
    /// What it does, by an admin's word or by its annotations.
    pub classification: Classification,
    /// Whether it waits for an approval or is switched off, so that clients do not get it.
    #[serde(default)]
    pub held: bool,
    /// Its description, if it has one.
    pub description: Option<String>,
}

/// One line that a child process wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedLine {
    /// When it was read, in milliseconds since 1970.
    pub at_ms: u64,
    /// The line, control characters escaped.
    pub text: String,
}

/// A server that is down for its crashes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldServer {
    /// Its name.
    pub server: ServerSlug,
    /// How its last process ended, in words.
    pub reason: String,
    /// When the next start is tried, in milliseconds from now.
    pub retry_after_ms: u64,
    /// It crashed so often that it is only probed once a minute.
    pub often: bool,
}

/// Why the gateway could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Nobody listens on this data directory.
    #[error("asking the gateway: none is running on this data directory")]
    NotRunning,
    /// It took too long.
    #[error("asking the gateway: no answer within {} ms", .0.as_millis())]
    TimedOut(Duration),
    /// The connection broke.
    #[error("asking the gateway")]
    Io(#[source] io::Error),
    /// A line that is not one of these messages; its text is not shown.
    #[error("reading a control message: it is not one of this version")]
    Malformed,
    /// A line longer than [`MAX_LINE_BYTES`].
    #[error("reading a control message: it is longer than {MAX_LINE_BYTES} bytes")]
    TooLong,
}

impl ControlError {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotRunning => Some("start the gateway with the same data directory"),
            Self::TimedOut(_) => Some("the gateway may be busy; its log says more"),
            Self::Malformed => Some("run the same version of both programs"),
            Self::Io(_) | Self::TooLong => None,
        }
    }
}

/// Asks the gateway that runs on `dir` and waits for its answer, at most `timeout` in all.
pub fn ask(
    dir: &DataDir,
    request: &ControlRequest,
    timeout: Duration,
) -> Result<ControlReply, ControlError> {
    let deadline = Deadline::after(timeout);
    let mut stream = UnixStream::connect(dir.socket()).map_err(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::ConnectionRefused => ControlError::NotRunning,
        _ => ControlError::Io(error),
    })?;
    let write = |stream: &mut UnixStream| {
        stream.set_write_timeout(Some(deadline.left()?))?;
        stream.write_all(&line(request))
    };
    write(&mut stream).map_err(|error| deadline.explain(error))?;
    let reply = read_line(&mut stream, &deadline)?;
    serde_json::from_slice(&reply).map_err(|_| ControlError::Malformed)
}

/// Reads a request from its line, newline or not (the gateway's side).
pub fn decode_request(line: &[u8]) -> Result<ControlRequest, ControlError> {
    if line.len() > MAX_LINE_BYTES {
        return Err(ControlError::TooLong);
    }
    serde_json::from_slice(line).map_err(|_| ControlError::Malformed)
}

/// Writes a reply as its line, newline included (the gateway's side).
pub fn encode_reply(reply: &ControlReply) -> Vec<u8> {
    line(reply)
}

fn line(message: &impl Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(message).expect("text and numbers have a JSON form");
    line.push(b'\n');
    line
}

fn read_line(stream: &mut UnixStream, deadline: &Deadline) -> Result<Vec<u8>, ControlError> {
    let mut line = Vec::new();
    let mut chunk = [0; 8 * 1024];
    loop {
        let read = deadline
            .left()
            .and_then(|left| stream.set_read_timeout(Some(left)))
            .and_then(|()| stream.read(&mut chunk))
            .map_err(|error| deadline.explain(error))?;
        if read == 0 {
            return Err(ControlError::Io(ErrorKind::UnexpectedEof.into()));
        }
        let end = chunk[..read].iter().position(|byte| *byte == b'\n');
        line.extend_from_slice(&chunk[..end.unwrap_or(read)]);
        if line.len() > MAX_LINE_BYTES {
            return Err(ControlError::TooLong);
        }
        if end.is_some() {
            return Ok(line);
        }
    }
}

/// A time limit over several reads and writes.
struct Deadline {
    at: Instant,
    timeout: Duration,
}

impl Deadline {
    fn after(timeout: Duration) -> Self {
        Self {
            at: Instant::now() + timeout,
            timeout,
        }
    }

    /// What is left, never zero, which would mean "no limit" to a socket.
    fn left(&self) -> io::Result<Duration> {
        let left = self.at.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        Ok(left)
    }

    fn explain(&self, error: io::Error) -> ControlError {
        match error.kind() {
            ErrorKind::TimedOut | ErrorKind::WouldBlock => ControlError::TimedOut(self.timeout),
            _ => ControlError::Io(error),
        }
    }
}

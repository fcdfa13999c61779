//! A command that prints the master key, such as one that has a key management service unwrap it (S-07).

use std::io::{self, ErrorKind, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use toolgate_vault::Secret;

/// How long the command may take, from start to end.
const LIMIT: Duration = Duration::from_secs(5);
/// How often its end is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Longer than any spelling of a key.
const MAX_OUTPUT: usize = 1024;

/// Why the command gave no key. What it printed is never shown (S-21).
#[derive(Debug, thiserror::Error)]
pub enum KeyCommandError {
    /// The setting is no JSON array of strings with a program in it.
    #[error("reading the key command: it is not a JSON array of program and arguments")]
    Argv,
    /// The program is not named by its full path.
    #[error("reading the key command: its program is not a full path")]
    RelativeProgram,
    /// The program could not be started.
    #[error("starting the key command {program}")]
    Start {
        /// The program.
        program: String,
        /// The system's reason.
        source: std::io::Error,
    },
    /// It took longer than 5 s; it was killed.
    #[error("running the key command {program}: it took longer than {} s", LIMIT.as_secs())]
    TooSlow {
        /// The program.
        program: String,
    },
    /// It said that it failed.
    #[error("running the key command {program}: it ended with {status}")]
    Failed {
        /// The program.
        program: String,
        /// How it ended.
        status: std::process::ExitStatus,
    },
    /// It printed something that is no text, or far too much.
    #[error("running the key command {program}: it did not print a key")]
    Output {
        /// The program.
        program: String,
    },
}

impl KeyCommandError {
    /// What a person can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Argv | Self::RelativeProgram => {
                "write it like [\"/usr/bin/unwrap\", \"--key\", \"toolgate\"]; no shell reads it"
            }
            Self::Start { .. } => "check that the program is there and may be run by this user",
            Self::TooSlow { .. } => {
                "run it by hand: is the service it asks reachable, does it wait for an answer?"
            }
            Self::Failed { .. } => "run it by hand to see what it says",
            Self::Output { .. } => {
                "it has to print 64 hex digits, or 32 bytes in base64, and nothing else"
            }
        }
    }
}

/// Reads the setting.
pub(super) fn parse(text: &str) -> Result<Vec<String>, KeyCommandError> {
    let argv: Vec<String> = serde_json::from_str(text).map_err(|_| KeyCommandError::Argv)?;
    match argv.first() {
        None => Err(KeyCommandError::Argv),
        Some(program) if !program.starts_with('/') => Err(KeyCommandError::RelativeProgram),
        Some(_) => Ok(argv),
    }
}

/// Runs it and takes what it prints.
pub(super) fn run(argv: &[String]) -> Result<Secret<String>, KeyCommandError> {
    let deadline = Instant::now() + LIMIT;
    let (program, arguments) = argv.split_first().ok_or(KeyCommandError::Argv)?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        // What it complains of could quote the key, and nobody reads it.
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(|source| KeyCommandError::Start {
            program: program.clone(),
            source,
        })?;
    let printed = collect(&mut child);
    let ended = wait(&mut child, deadline);
    let Some(status) = ended else {
        // Best effort: it may have ended this very moment.
        let _ = child.kill();
        let _ = child.wait();
        return Err(KeyCommandError::TooSlow {
            program: program.clone(),
        });
    };
    if !status.success() {
        return Err(KeyCommandError::Failed {
            program: program.clone(),
            status,
        });
    }
    let left = deadline.saturating_duration_since(Instant::now());
    match printed.recv_timeout(left) {
        Ok(Some(text)) => Ok(text),
        Ok(None) => Err(KeyCommandError::Output {
            program: program.clone(),
        }),
        // It ended, but a child of its own still holds the pipe.
        Err(_) => Err(KeyCommandError::TooSlow {
            program: program.clone(),
        }),
    }
}

/// Reads what it prints on a thread of its own, which ends with the pipe; nothing if it is no text or too much.
fn collect(child: &mut Child) -> mpsc::Receiver<Option<Secret<String>>> {
    let (say, printed) = mpsc::sync_channel(1);
    let pipe = child.stdout.take();
    thread::spawn(move || {
        // Room for all of it: a buffer that grew would leave a piece of the key in freed memory.
        let mut bytes = Vec::with_capacity(2 * MAX_OUTPUT);
        let read = pipe.map(|mut pipe| {
            let limit = MAX_OUTPUT as u64 + 1;
            let read = pipe.by_ref().take(limit).read_to_end(&mut bytes)?;
            // To its end, so that the command is judged by what it says of itself; it is killed in time.
            io::copy(&mut pipe, &mut io::sink())?;
            Ok::<_, io::Error>(read)
        });
        let is_whole = matches!(read, Some(Ok(length)) if length <= MAX_OUTPUT);
        let text = String::from_utf8(bytes).ok().map(Secret::new);
        // Nobody listens any more when it was too slow.
        let _ = say.send(text.filter(|_| is_whole));
    });
    printed
}

fn wait(child: &mut Child, deadline: Instant) -> Option<std::process::ExitStatus> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Err(error) if error.kind() != ErrorKind::Interrupted => return None,
            _ if Instant::now() >= deadline => return None,
            _ => thread::sleep(LOOK_EVERY),
        }
    }
}

//! The two small MCP servers that --demo starts: real processes over stdio, one of which needs a secret.
//!
//! `toolgate --demo` adds both to a workspace like any other stdio server, so a newcomer sees names, secrets
//! and call records on something that is really there. They are ordinary servers: blocking, one line of JSON-RPC
//! at a time, revision 2025-06-18, nothing borrowed from the gateway they stand behind.
//!
//! ```
//! use toolgate_demo::Demo;
//!
//! let asked = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}\n";
//! let mut answered = Vec::new();
//! Demo::Notes.serve(asked.as_bytes(), &mut answered, None)?;
//! assert!(String::from_utf8_lossy(&answered).contains("add_note"));
//! # Ok::<(), std::io::Error>(())
//! ```

mod notes;
mod stdio;
mod weather;

use std::io::{self, BufRead, Write};
use std::process::ExitCode;

/// One of the servers behind `--demo`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demo {
    /// Keeps notes in memory for as long as the process lives. Needs nothing.
    Notes,
    /// Makes up a forecast for any city. Needs the secret [`Demo::secret`] names.
    Weather,
}

impl Demo {
    /// Both servers, in the order they are added to the workspace.
    pub const ALL: [Self; 2] = [Self::Notes, Self::Weather];

    /// The name it is asked for by, which is also its slug in the workspace.
    pub fn name(self) -> &'static str {
        match self {
            Self::Notes => "notes",
            Self::Weather => "weather",
        }
    }

    /// The server of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|demo| demo.name() == name)
    }

    /// The environment variable it reads its secret from, if it needs one.
    pub fn secret(self) -> Option<&'static str> {
        match self {
            Self::Notes => None,
            Self::Weather => Some(weather::API_KEY),
        }
    }

    /// Answers every line of `input` on `output` until the input ends.
    ///
    /// `secret` is the value of the variable that [`Demo::secret`] names. Without it the server still
    /// starts and lists its tools; calls say what is missing.
    ///
    /// # Errors
    ///
    /// When reading or writing fails, or a line is longer than 1 MiB.
    pub fn serve(
        self,
        input: impl BufRead,
        output: impl Write,
        secret: Option<String>,
    ) -> io::Result<()> {
        match self {
            Self::Notes => stdio::serve(&mut notes::Notes::default(), input, output),
            Self::Weather => stdio::serve(&mut weather::Weather::new(secret), input, output),
        }
    }
}

/// Runs the server of that name on this process's standard input and output until the input ends.
///
/// Exit codes: 0 when the client closed the pipe, 1 when the pipe broke, 2 when there is no such server.
pub fn run(name: &str) -> ExitCode {
    let Some(demo) = Demo::parse(name) else {
        let known = Demo::ALL.map(Demo::name).join(", ");
        eprintln!("no demo server is called {name} (hint: there are {known})");
        return ExitCode::from(2);
    };
    let secret = demo
        .secret()
        .and_then(|variable| std::env::var(variable).ok());
    match demo.serve(io::stdin().lock(), io::stdout().lock(), secret) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo server {name}: {error}");
            ExitCode::FAILURE
        }
    }
}

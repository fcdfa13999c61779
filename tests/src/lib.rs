//! End to end: both binaries as processes, real clients, real servers, the house rules.
//!
//! [`Installation`] is what a user has on a host: a data directory, `toolgatectl` to change it, and a [`Gateway`]
//! that serves it. Both binaries are built from this checkout and driven only by what a user can see of them: flags,
//! standard input and output, HTTP. The tests in `tests/e2e` need nothing but Rust, and so does `cargo run -p
//! toolgate-tests --bin fidelity`, which compares what is sent with what arrives; `--bin interop` brings the clients and
//! servers that others wrote, `--bin matrix` the official conformance suite; both need Node and Python.

#![expect(
    clippy::missing_panics_doc,
    reason = "a harness panics wherever a test has failed"
)]

mod dice;
mod fixtures;
mod installation;
mod process;
mod processes;
mod programs;

pub use dice::Dice;
pub use fixtures::{Fixtures, checkout, ready};
pub use installation::{Created, Gateway, Installation, Said, Served};
pub use process::Process;
pub use processes::{marked, parent_of, zombies_of};
pub use programs::{program, tool};

use std::time::{Duration, Instant};

/// How long anything may take that should take no time: the machine may be busy, but it is not asleep.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Looks again and again until `look` finds something; after [`PATIENCE`] it panics, and `what` says what was missing.
#[track_caller]
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

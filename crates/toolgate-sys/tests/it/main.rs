//! The system calls, seen from outside: by `/proc`, by a shell, by a signal's effect.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail like the test")]

mod child;
mod environment;
mod group;
mod keeping;
mod passing;
mod peer;
mod process;

//! The recorder through its public surface: nothing lost under capacity, every loss counted.

#![expect(
    clippy::unwrap_used,
    reason = "a test says what it expects; helpers are not marked as tests"
)]

mod journals;
mod recorder;

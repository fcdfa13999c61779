//! The admin through its functions, on a real store in a temporary data directory.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do, by panicking"
)]

mod backups;
mod calls;
mod doctor;
mod events;
mod gateway;
mod home;
mod keys;
mod open;
mod operators;
mod secrets;
mod servers;
mod tokens;
mod workspaces;

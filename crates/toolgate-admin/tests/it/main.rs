//! The admin through its functions, on a real store in a temporary data directory.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do, by panicking"
)]

mod alerts;
mod backups;
mod calls;
mod doctor;
mod events;
mod files;
mod gateway;
mod home;
mod insight;
mod keys;
mod members;
mod open;
mod operators;
mod plans;
mod secrets;
mod servers;
mod tokens;
mod workspaces;

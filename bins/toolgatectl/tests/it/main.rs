//! The built binary, over the sequences people type, in a temporary data directory.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do, by panicking"
)]

mod audit;
mod backup;
mod editors;
mod failures;
mod files;
mod help;
mod installation;
mod json;
mod mail;
mod mail_server;
mod members;
mod secrets;
mod terminal;
mod text;

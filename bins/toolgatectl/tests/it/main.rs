//! The built binary, over the sequences people type, in a temporary data directory.

mod failures;
mod help;
mod installation;
mod json;
mod secrets;
mod text;

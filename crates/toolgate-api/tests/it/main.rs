//! The management API over real sockets, from outside.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail like the test")]

mod authentication;
mod bounds;
mod document;
mod forms;
mod inventory;
mod isolation;
mod live;
mod nouns;
mod once;
mod pages;
mod people;
mod reach;
mod roles;
mod support;
mod watch;

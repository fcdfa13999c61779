//! The management API over real sockets, from outside.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail like the test")]

mod authentication;
mod bounds;
mod browser;
mod document;
mod export;
mod forgery;
mod forms;
mod inventory;
mod isolation;
mod keys;
mod live;
mod nouns;
mod once;
mod pages;
mod people;
mod plan;
mod reach;
mod roles;
mod support;
mod watch;

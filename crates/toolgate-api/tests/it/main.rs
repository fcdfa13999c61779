//! The management API over real sockets, from outside.

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

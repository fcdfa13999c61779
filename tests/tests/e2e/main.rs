//! Both binaries as processes, met the way a user meets them. Needs nothing but Rust.

mod access;
mod admin;
mod bad_input;
mod cells;
mod children;
mod durable;
mod faults;
mod first_run;
mod key_sources;
mod keys;
mod listening;
mod records;
mod secrets;
mod world;

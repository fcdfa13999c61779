//! Both binaries as processes, met the way a user meets them. Needs nothing but Rust.

mod access;
mod admin;
mod bad_input;
mod cells;
mod child_commands;
mod child_output;
mod children;
mod confinement;
mod crash_loop;
mod durable;
mod faults;
mod first_run;
mod key_sources;
mod keys;
mod leaks;
mod listening;
mod orphans;
mod pages;
mod records;
mod secrets;
mod trust;
mod world;

//! The admin through its functions, on a real store in a temporary data directory.

mod calls;
mod doctor;
mod gateway;
mod home;
mod open;
mod secrets;
mod servers;
mod tokens;
mod workspaces;

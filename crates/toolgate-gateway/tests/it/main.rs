//! The gateway through its own door: real sockets, a real store, scriptable servers behind.

mod bad_input;
mod calls;
mod eras;
mod fidelity;
mod lists;
mod secrets;
mod setup;
mod tokens;

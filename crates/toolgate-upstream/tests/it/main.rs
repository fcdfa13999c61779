//! Conversations with scriptable servers on real sockets and pipes.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so and stops"
)]

mod beside;
mod built_in;
mod credentials;
mod detect;
mod isolation;
mod legacy;
mod list;
mod modern;
mod old_sse;
mod parked;
mod stdio;
mod support;
mod time;
mod watching;

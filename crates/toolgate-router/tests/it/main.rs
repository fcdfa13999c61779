//! Workspaces over scriptable servers on real sockets.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so and stops"
)]

mod breaker;
mod failing;
mod introduction;
mod lists;
mod names;
mod order;
mod pins;
mod resources;
mod support;
mod uris;

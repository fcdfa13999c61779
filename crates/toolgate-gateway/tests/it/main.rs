//! The gateway through its own door: real sockets, a real store, scriptable servers behind.

#![expect(
    clippy::unwrap_used,
    reason = "a test says what it expects; helpers are not marked as tests"
)]

mod bad_input;
mod bare;
mod binding;
mod caching;
mod calls;
mod clock;
mod credentials_stay;
mod down_conversion;
mod eras;
mod error_corpus;
mod everything;
mod faults;
mod fidelity;
mod forwarded;
mod header_egress;
mod headers;
mod health;
mod hostile;
mod interaction;
mod introduction;
mod inventory;
mod large_results;
mod limits;
mod listen;
mod lists;
mod logs;
mod old_sse;
mod order;
mod overload;
mod own_tools;
mod pages;
mod passing;
mod pins;
mod progress;
mod quarantine;
mod quota;
mod ready_lists;
mod redaction;
mod resume;
mod revocation;
mod role_matrix;
mod routing;
mod secrets;
mod setup;
mod snapshots;
mod ssrf_oracle;
mod stdio;
mod streams;
mod strict;
mod tokens;
mod watches;
mod wire;

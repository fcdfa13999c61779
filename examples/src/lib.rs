//! Programs that embed the library crates without the binaries.
//!
//! Each is a file beside this folder and an `[[example]]` of this package; run one with
//! `cargo run -p toolgate-examples --example embed_router`.

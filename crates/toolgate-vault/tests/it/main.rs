//! The vault through its public surface.

#![expect(
    clippy::unwrap_used,
    reason = "a test says what it expects; helpers are not marked as tests"
)]

mod associated_data;
mod kek_file;
mod kek_sources;
mod key_id;
mod manifest;
mod nonce_policy;
mod retired;
mod secret;
mod secret_name;
mod secret_value;
mod support;
mod workspace_key;
mod wrong_kek;

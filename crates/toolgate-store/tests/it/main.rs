//! The store through its public surface, on real files.

#![expect(
    clippy::unwrap_used,
    reason = "a test says what it expects; helpers are not marked as tests"
)]

mod audit;
mod audit_tamper;
mod backups;
mod call_blocks;
mod calls;
mod control;
mod data_keys;
mod files;
mod fixtures;
mod isolation;
mod manifests;
mod master_key;
mod months;
mod nouns;
mod people;
mod pins;
mod plans;
mod rollups;
mod servers;
mod sharing;
mod shred;
mod steps;

//! Opening, handles and masking through the public surface.

#![expect(
    clippy::unwrap_used,
    reason = "a test says what it expects; helpers are not marked as tests"
)]

mod handles;
mod mask;
mod mask_blobs;
mod mask_json;
mod mask_message_stream;
mod mask_spellings;
mod mask_stream;
mod opener;
mod support;

//! Masking of echoed secrets (S-22).
//!
//! What is looked for is a list of patterns: every secret in every spelling of `spelling`. What is found is
//! decided by one rule, leftmost-longest: of all matches the one that starts first, of those the longest, then
//! on behind it. `index` finds them at memory speed, `replacement` says what stands in their place, `tail` keeps
//! JSON well-formed around it, `masker` and `stream` put these together for a whole buffer and for chunks; `blob` and `blob_stream` look
//! into the base64 of a message, which `message_stream` masks in chunks.

mod blob;
mod blob_stream;
mod index;
mod masker;
mod message_stream;
mod replacement;
mod spelling;
mod stream;
mod tail;

pub use masker::Masker;
pub use message_stream::MessageStream;
pub use stream::MaskStream;

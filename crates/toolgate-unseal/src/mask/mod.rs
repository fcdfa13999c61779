//! Masking of echoed secrets (S-22).
//!
//! What is looked for is a list of patterns: every secret in every spelling of `spelling`. What is found is
//! decided by one rule, leftmost-longest: of all matches the one that starts first, of those the longest, then
//! on behind it. `index` finds them at memory speed, `replacement` says what stands in their place, `tail` keeps
//! JSON well-formed around it, `masker` and `stream` put these together for a whole buffer and for chunks.

mod blob;
mod index;
mod masker;
mod replacement;
mod spelling;
mod stream;
mod tail;

pub use masker::Masker;
pub use stream::MaskStream;

//! The master key: what is derived from it, and where it comes from.

mod derive;
mod file;
mod retired;
mod source;
mod text;

pub use derive::MasterKey;
pub use retired::{RetiredKeys, SealedRetiredKeys};
pub use source::{KeyOrigin, MasterKeyError, MasterKeySource};

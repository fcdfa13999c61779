//! Secrets: what they are called, and what keeps their values in.

mod guard;
mod name;
mod value;

pub use guard::Secret;
pub use name::{InvalidSecretName, SecretName};
pub use value::{InvalidSecretValue, MAX_SECRET_BYTES, MIN_SECRET_BYTES};

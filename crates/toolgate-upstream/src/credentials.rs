//! Secrets, asked for at the last moment.

use hyper::header::{HeaderName, HeaderValue};
use toolgate_vault::Secret;
use url::Url;

/// Opens the secrets of one server for one request.
///
/// Called for every request, just before it is written; nothing it returns is kept (S-15). The
/// gateway implements it over `toolgate-unseal`, tests with fixed values.
pub trait Credentials: Send + Sync {
    /// What to add to the next request, or to the environment of a child.
    fn open(&self) -> Result<Injected, CredentialError>;
}

/// Secrets in the places where they go.
#[derive(Debug, Default)]
pub struct Injected {
    /// Headers to add to a request; their values are marked sensitive.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Environment variables of a child process.
    pub env: Vec<(String, Secret<String>)>,
    /// The URL with its placeholders filled; `None` when the configured one has none.
    pub url: Option<Url>,
}

/// A secret that is needed is not there, or cannot be opened.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("opening secret {secret}")]
pub struct CredentialError {
    /// Its name, never its value.
    pub secret: String,
}

//! Secrets, asked for at the last moment, and taken out of whatever comes back.

use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
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

    /// Whether a child may be started from this command line: its program is still the one that was approved, or
    /// somebody else would be given the secrets (S-52). Asked before each start.
    fn admit<'a>(&'a self, argv: &'a [String]) -> BoxFuture<'a, bool> {
        let _ = argv;
        std::future::ready(true).boxed()
    }

    /// A message of the server without the secrets that were put into what it was sent (S-22).
    ///
    /// Called with every message before anything reads it, so that nothing behind it has to think of secrets:
    /// results, lists, errors, questions, logs, what the server says of itself. Clean bytes come back uncopied.
    #[must_use = "the bytes that went in may hold a secret"]
    fn mask(&self, message: Bytes) -> Bytes;

    /// A filter that does the same for one message that comes in chunks; `None` when messages can only be masked
    /// as a whole.
    ///
    /// [`OutputMask::pause`] is its end.
    fn message_mask(self: Arc<Self>) -> Option<Box<dyn OutputMask>> {
        None
    }

    /// A filter that takes these secrets out of what one child writes to standard error (S-75); `None` when
    /// there is nothing to take out.
    fn output_mask(self: Arc<Self>) -> Option<Box<dyn OutputMask>> {
        None
    }
}

/// Takes secrets out of a stream of bytes, however it was cut.
pub trait OutputMask: Send {
    /// Takes bytes in and gives out what is decided.
    fn push(&mut self, chunk: Bytes) -> Bytes;
    /// Gives out the rest and keeps no secret in memory until the next `push` (S-15): called when nothing was
    /// written for a while, and at the end.
    fn pause(&mut self) -> Bytes;
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

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;

/// What all outgoing connections share. The defaults are those of security.md, section 17.
#[derive(Clone, Debug)]
pub struct EgressConfig {
    /// Root certificates trusted besides the system's.
    pub extra_roots: Vec<CertificateDer<'static>>,
    /// Where this gateway itself listens; never connected to (S-64).
    pub own_listeners: Vec<SocketAddr>,
    /// Longest answer, unless [`InBody::limited`](super::InBody::limited) says otherwise. 16 MiB.
    pub max_response_bytes: usize,
    /// Header fields of one answer. 100.
    pub max_headers: usize,
    /// All header fields of one answer with its status line. 16 KiB.
    pub max_header_bytes: usize,
    /// How long an unused connection is kept. 60 s, or 1 s less than the server's `Keep-Alive` says.
    pub idle_timeout: Duration,
    /// Unused connections kept for one endpoint; more are closed. 256.
    pub max_idle_connections: usize,
    /// How names become addresses.
    pub resolver: Resolver,
}

impl Default for EgressConfig {
    fn default() -> Self {
        Self {
            extra_roots: Vec::new(),
            own_listeners: Vec::new(),
            max_response_bytes: 16 * 1024 * 1024,
            max_headers: 100,
            max_header_bytes: 16 * 1024,
            idle_timeout: Duration::from_mins(1),
            max_idle_connections: 256,
            resolver: Resolver::system(),
        }
    }
}

/// Turns a name and a port into addresses. Whatever it answers is checked before it is used (S-64).
#[derive(Clone)]
pub struct Resolver(Option<Arc<Fixed>>);

type Fixed = dyn Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync;

impl Resolver {
    /// The system's resolver.
    pub fn system() -> Self {
        Self(None)
    }

    /// Answers from a table or a test; it must not block.
    pub fn from_fn(
        resolve: impl Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    ) -> Self {
        Self(Some(Arc::new(resolve)))
    }

    pub(super) async fn resolve(&self, name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        match &self.0 {
            Some(resolve) => resolve(name, port),
            None => Ok(tokio::net::lookup_host((name, port)).await?.collect()),
        }
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() {
            "Resolver(fixed)"
        } else {
            "Resolver(system)"
        })
    }
}

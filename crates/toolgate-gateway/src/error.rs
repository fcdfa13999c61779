//! Why a gateway could not start or go on.

use std::net::SocketAddr;
use std::path::PathBuf;

use toolgate_http::ServeError;
use toolgate_http::serve::TlsError;
use toolgate_store::StoreError;
use toolgate_store::master::KeySourceError;
use toolgate_vault::KeyError;

/// Why a gateway could not start.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The store could not be opened, read or written.
    #[error("using the store in {path}")]
    Store {
        /// The data directory.
        path: PathBuf,
        /// What went wrong.
        source: StoreError,
    },
    /// The master key could not be read or made.
    #[error("reading the master key")]
    MasterKey(#[source] KeySourceError),
    /// The key at hand is not the one the store was sealed with (S-08).
    #[error("the master key is not the one this store was made with")]
    WrongKey,
    /// The store exists, its key does not (S-01).
    #[error("the master key {path} is missing, but the store is there")]
    KeyMissing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A workspace's key could not be opened or made.
    #[error("opening the key of workspace {workspace}")]
    WorkspaceKey {
        /// Which workspace.
        workspace: String,
        /// What went wrong.
        source: KeyError,
    },
    /// The operating system gave no randomness.
    #[error("drawing random bytes")]
    Random,
    /// The listener could not be opened.
    #[error("listening on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What went wrong.
        source: ServeError,
    },
    /// The certificate or its key can't be used.
    #[error("preparing TLS")]
    Tls(#[from] TlsError),
    /// The signal that asks for a new certificate can't be heard.
    #[error("listening for the hang-up signal")]
    Signal(#[source] std::io::Error),
    /// What was passed on as a listening socket is none.
    #[error("using the socket that was passed on (LISTEN_FDS)")]
    PassedSocket(#[source] std::io::Error),
    /// Plain HTTP is for loopback only (S-57).
    #[error("{address} is not a loopback address, and this listener has no TLS")]
    PlainOutsideLoopback {
        /// The address.
        address: SocketAddr,
    },
    /// A public URL, a proxy or another address than loopback means that others than this machine's users reach the
    /// gateway (S-57).
    #[error("a workspace cannot be served without tokens to others than this machine's users")]
    AnonymousBehindProxy,
    /// The client side of HTTP could not be set up.
    #[error("preparing outgoing connections")]
    Egress(#[source] toolgate_http::EgressError),
    /// The control socket could not be opened.
    #[error("opening the control socket {path}")]
    Control {
        /// Where.
        path: PathBuf,
        /// What went wrong.
        source: std::io::Error,
    },
    /// The public URL is not one.
    #[error("`{url}` is not an http or https URL with a host")]
    PublicUrl {
        /// What was given.
        url: String,
    },
    /// The work was interrupted, as happens while the process ends.
    #[error("the work was interrupted")]
    Interrupted,
    /// Something broke that the gateway cannot go on without (S-63).
    #[error("{what} ended unexpectedly")]
    Broken {
        /// What broke.
        what: &'static str,
    },
    /// A thread could not be started.
    #[error("starting the thread that follows the store")]
    Thread(#[source] std::io::Error),
}

impl GatewayError {
    /// Whether the master key is what is wrong (S-07, S-08).
    pub fn is_about_the_key(&self) -> bool {
        matches!(
            self,
            Self::MasterKey(_) | Self::WrongKey | Self::KeyMissing { .. }
        )
    }

    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::WrongKey => Some(
                "put the key this store was made with back in place; a backup of `master.key` is kept apart from the store's".into(),
            ),
            Self::KeyMissing { path } => Some(format!(
                "restore {} from its backup; without it no secret in this store can be opened",
                path.display()
            )),
            Self::PlainOutsideLoopback { .. } => Some(
                "give a certificate with --tls-cert and --tls-key, or name the proxy that terminates TLS with --behind-proxy; or listen on 127.0.0.1".into(),
            ),
            Self::Tls(_) => Some(
                "--tls-cert takes the chain in PEM, the server's certificate first, and --tls-key its private key".into(),
            ),
            Self::AnonymousBehindProxy => Some(
                "leave --anonymous out, or listen on loopback without --public-url and --behind-proxy".into(),
            ),
            Self::Listen { address, .. } => Some(format!(
                "if port {} is taken, choose another with --listen, or port 0 for a free one",
                address.port()
            )),
            Self::MasterKey(error) => error.hint(),
            Self::Store { source, .. } => source.hint().map(Into::into),
            _ => None,
        }
    }
}

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};

use super::proxies::Proxies;
use super::tls::TlsIdentity;

/// A bound socket, ready for [`serve`](super::serve).
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    tls: Option<TlsIdentity>,
    proxies: Proxies,
}

/// Why a listener could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address is taken, isn't ours, or needs rights we don't have.
    #[error("listening on {address}")]
    Bind {
        /// What was asked for.
        address: SocketAddr,
        /// The system's word.
        source: io::Error,
    },
    /// Plain text is for loopback (S-57).
    #[error("listening on {address} without TLS")]
    PlainTextOffLoopback {
        /// What was asked for.
        address: SocketAddr,
    },
}

impl ServeError {
    /// What a person can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Bind { source, .. } if source.kind() == io::ErrorKind::AddrInUse => {
                "another process listens there; stop it or choose another port"
            }
            Self::Bind { .. } => "choose an address of this machine and a port you may use",
            Self::PlainTextOffLoopback { .. } => {
                "listen on 127.0.0.1, give a certificate, or say that a proxy in front terminates TLS"
            }
        }
    }
}

impl Listener {
    /// Listens in plain text on a loopback address; any other is refused (S-57).
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime, as do the other ways to bind.
    pub fn bind(address: SocketAddr) -> Result<Self, ServeError> {
        Self::bind_behind(address, Proxies::default())
    }

    /// Listens in plain text on any address, for these proxies, which terminate TLS, and for
    /// loopback; whoever else connects is turned away before a byte is read (S-57).
    pub fn bind_behind(address: SocketAddr, proxies: Proxies) -> Result<Self, ServeError> {
        may_be_plain(address, &proxies)?;
        Ok(Self::open(address, None)?.with_proxies(proxies))
    }

    /// Listens with TLS on any address (S-59).
    pub fn bind_tls(address: SocketAddr, identity: TlsIdentity) -> Result<Self, ServeError> {
        Self::open(address, Some(identity))
    }

    /// Goes on listening on a socket that was opened elsewhere: with TLS if there is an identity, else in plain
    /// text under the rule of [`Listener::bind_behind`].
    pub fn adopt(
        socket: std::net::TcpListener,
        identity: Option<TlsIdentity>,
        proxies: Proxies,
    ) -> Result<Self, ServeError> {
        let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
        let failed = |source| ServeError::Bind {
            address: unknown,
            source,
        };
        let address = socket.local_addr().map_err(failed)?;
        if identity.is_none() {
            may_be_plain(address, &proxies)?;
        }
        let listener = Self::listen(socket, identity).map_err(failed)?;
        Ok(listener.with_proxies(proxies))
    }

    /// Believes these peers when they say on whose behalf they come (S-57).
    #[must_use]
    pub fn with_proxies(self, proxies: Proxies) -> Self {
        Self { proxies, ..self }
    }

    /// Where it listens; the port is known even if 0 was asked for.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    fn open(address: SocketAddr, tls: Option<TlsIdentity>) -> Result<Self, ServeError> {
        let failed = |source| ServeError::Bind { address, source };
        let socket = std::net::TcpListener::bind(address).map_err(failed)?;
        Self::listen(socket, tls).map_err(failed)
    }

    fn listen(socket: std::net::TcpListener, tls: Option<TlsIdentity>) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let socket = TcpListener::from_std(socket)?;
        let address = socket.local_addr()?;
        Ok(Self {
            socket,
            address,
            tls,
            proxies: Proxies::default(),
        })
    }

    pub(super) async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        self.socket.accept().await
    }

    pub(super) fn proxies(&self) -> &Proxies {
        &self.proxies
    }

    /// Whether this peer may speak here at all: plain text off loopback is for the named proxies.
    pub(super) fn serves(&self, peer: IpAddr) -> bool {
        self.tls.is_some()
            || self.address.ip().is_loopback()
            || peer.to_canonical().is_loopback()
            || self.proxies.contains(peer)
    }

    pub(super) fn tls(&self) -> Option<Arc<rustls::ServerConfig>> {
        self.tls.as_ref().map(TlsIdentity::server_config)
    }
}

/// Plain text is for loopback, or for proxies that are named (S-57).
fn may_be_plain(address: SocketAddr, proxies: &Proxies) -> Result<(), ServeError> {
    if proxies.is_empty() && !address.ip().is_loopback() {
        return Err(ServeError::PlainTextOffLoopback { address });
    }
    Ok(())
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener")
            .field("address", &self.address)
            .field("tls", &self.tls.is_some())
            .finish_non_exhaustive()
    }
}

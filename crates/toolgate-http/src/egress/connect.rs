use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;
use url::Host;

use super::Egress;
use super::address::{AddressPolicy, AllowedOrigin, address_of};
use super::config::Resolver;
use super::connection::Connection;
use super::error::{SendError, SendErrorKind};

/// Where an endpoint's connections go. Made once, from a checked URL.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) host: Host<String>,
    pub(super) port: u16,
    pub(super) allowed: Option<AllowedOrigin>,
    /// The name to verify, for `https`.
    pub(super) tls_name: Option<ServerName<'static>>,
    pub(super) connect_timeout: Duration,
}

impl Target {
    /// Opens a connection: name, address check, socket, TLS, HTTP, all within the time limit.
    pub(super) async fn connect(&self, egress: &Egress) -> Result<Box<Connection>, SendError> {
        let deadline = Instant::now() + self.connect_timeout;
        let connection = timeout_at(deadline, async {
            let addresses = self.addresses(egress.policy(), egress.resolver()).await?;
            let stream = self.open(&addresses, deadline).await?;
            self.secure(stream, egress).await
        });
        let timed_out = |_| SendErrorKind::ConnectTimeout;
        connection
            .await
            .map_err(timed_out)
            .and_then(|result| result)
            .map_err(SendError::unsent)
    }

    /// Every address of the host, all of them checked: one that is blocked refuses the host, since
    /// a name that also points inside is an attack or a mistake (S-64).
    async fn addresses(
        &self,
        policy: &AddressPolicy,
        resolver: &Resolver,
    ) -> Result<Vec<SocketAddr>, SendErrorKind> {
        let addresses = match (&self.host, address_of(&self.host)) {
            (_, Some(address)) => vec![SocketAddr::new(address, self.port)],
            (Host::Domain(name), _) => resolver
                .resolve(name, self.port)
                .await
                .map_err(SendErrorKind::Resolve)?,
            (Host::Ipv4(_) | Host::Ipv6(_), None) => Vec::new(),
        };
        for address in &addresses {
            policy
                .check(address.ip(), self.port, &self.host, self.allowed.as_ref())
                .map_err(SendErrorKind::Refused)?;
        }
        if addresses.is_empty() {
            let nothing = io::Error::new(io::ErrorKind::NotFound, "the name has no addresses");
            return Err(SendErrorKind::Resolve(nothing));
        }
        Ok(addresses)
    }

    /// Connects to the first address that accepts. Each gets its share of the time that is left,
    /// so that a silent one doesn't use it up.
    async fn open(
        &self,
        addresses: &[SocketAddr],
        deadline: Instant,
    ) -> Result<TcpStream, SendErrorKind> {
        let mut last = SendErrorKind::ConnectTimeout;
        for (tried, address) in addresses.iter().enumerate() {
            let waiting = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
            let share = deadline.duration_since(Instant::now()) / waiting;
            match timeout(share, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    // Requests are written whole, so waiting for more bytes only delays them.
                    stream.set_nodelay(true).map_err(SendErrorKind::Connect)?;
                    return Ok(stream);
                }
                Ok(Err(error)) => last = SendErrorKind::Connect(error),
                Err(_) => last = SendErrorKind::ConnectTimeout,
            }
        }
        Err(last)
    }

    async fn secure(
        &self,
        stream: TcpStream,
        egress: &Egress,
    ) -> Result<Box<Connection>, SendErrorKind> {
        let started = match &self.tls_name {
            None => Connection::start(stream, egress.config()).await,
            Some(name) => {
                let config = egress.tls().await.map_err(SendErrorKind::Tls)?;
                let handshake =
                    TlsConnector::from(Arc::clone(config)).connect(name.clone(), stream);
                let stream = handshake.await.map_err(SendErrorKind::Tls)?;
                Connection::start(stream, egress.config()).await
            }
        };
        started.map_err(SendErrorKind::Closed)
    }
}

//! The API as something that answers requests.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use hyper::body::Incoming;
use hyper::{HeaderMap, Request, Response};
use tokio::sync::Semaphore;
use toolgate_admin::{Admin, AdminError};
use toolgate_http::serve::{Guesses, Proxies, TooMany};
use toolgate_http::{Drain, Handler, HostPolicy, ReplyBody};

use crate::dashboard::Dashboard;
use crate::download::DOWNLOADS;
use crate::handle::handle;
use crate::live::STREAMS;
use crate::pool::Pool;
use crate::session::{Clock, Door};

/// What an [`Api`] needs besides the installation.
#[derive(Debug, Clone, Default)]
pub struct ApiConfig {
    /// Whom it is served to, besides loopback names (S-58).
    pub hosts: HostPolicy,
    /// Proxies in front, which say on whose behalf they come.
    pub proxies: Proxies,
    /// It is reached over TLS.
    pub tls: bool,
}

/// The management API of one installation.
#[derive(Debug)]
pub struct Api {
    pool: Pool,
    config: ApiConfig,
    guesses: Guesses,
    streams: Arc<Semaphore>,
    downloads: Arc<Semaphore>,
    drain: Drain,
    door: Arc<Door>,
    dashboard: Dashboard,
    started: Instant,
}

impl Api {
    /// Over an opened installation; open streams end once `drain` says so.
    pub fn new(admin: Admin, config: ApiConfig, drain: Drain) -> Result<Self, AdminError> {
        Ok(Self {
            pool: Pool::open(admin)?,
            config,
            guesses: Guesses::new(),
            streams: Arc::new(Semaphore::new(STREAMS)),
            downloads: Arc::new(Semaphore::new(DOWNLOADS)),
            drain,
            door: Arc::new(Door::new(Clock::monotonic())),
            dashboard: Dashboard::new(),
            started: Instant::now(),
        })
    }

    pub(crate) fn pool(&self) -> &Pool {
        &self.pool
    }

    pub(crate) fn config(&self) -> &ApiConfig {
        &self.config
    }

    pub(crate) fn streams(&self) -> &Arc<Semaphore> {
        &self.streams
    }

    pub(crate) fn downloads(&self) -> &Arc<Semaphore> {
        &self.downloads
    }

    pub(crate) fn drain(&self) -> &Drain {
        &self.drain
    }

    pub(crate) fn door(&self) -> &Arc<Door> {
        &self.door
    }

    pub(crate) fn dashboard(&self) -> &Dashboard {
        &self.dashboard
    }

    /// The address a request comes from, behind any proxy.
    pub(crate) fn source(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        self.config.proxies.source(peer, headers)
    }

    /// Counts a failed authentication, unless its source had too many (S-37).
    pub(crate) fn failed_guess(&self, peer: IpAddr, headers: &HeaderMap) -> Result<(), TooMany> {
        let source = self.source(peer, headers);
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.guesses.failed(source, now)
    }
}

impl Handler for Api {
    async fn handle(
        self: Arc<Self>,
        request: Request<Incoming>,
        peer: SocketAddr,
    ) -> Response<ReplyBody> {
        handle(&self, request, peer.ip()).await
    }
}

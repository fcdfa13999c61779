//! The API as a process: open, listen, announce, serve, end in good order.

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::time::sleep;
use toolgate_admin::{Admin, AdminError, DASHBOARD_URL};
use toolgate_http::serve::{BadHostEntry, Proxies, TlsError, TlsIdentity, renew};
use toolgate_http::{Drain, HostPolicy, Listener, ServeError, ServeLimits, serve};

use crate::{Api, ApiConfig};

/// How often what changed is kept in the second sinks and sealed (S-84, R-08).
const SETTLE: Duration = Duration::from_mins(1);
/// Administration is a handful of people and programs.
const CONNECTIONS: usize = 512;

/// How the process listens, and for whom.
#[derive(Debug, Clone)]
pub struct RunConfig {
    /// Where.
    pub listen: SocketAddr,
    /// A certificate; without one only loopback and named proxies are served (S-57).
    pub tls: Option<TlsFiles>,
    /// Proxies in front that terminate TLS.
    pub proxies: Proxies,
    /// The URL people reach it under, when that is not a loopback name.
    pub public_url: Option<String>,
    /// Where the end of the audit chain is kept besides the data directory.
    pub checkpoints: Option<PathBuf>,
}

/// A certificate and its key, in PEM files.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The chain, its own certificate first.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// What is told once it listens.
#[derive(Debug, Serialize)]
pub struct Announce {
    /// Where.
    pub address: SocketAddr,
    /// The URL people reach it under.
    pub url: String,
    /// What claims the installation in a browser, good for 30 minutes, while nobody can sign in (S-76).
    pub setup_token: Option<String>,
    /// What the links of invitations begin with; null = nobody said where the dashboard is, so codes are handed over.
    pub invitation_links: Option<String>,
}

/// Why the process did not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The store could not be opened once more.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// The address cannot be listened on.
    #[error(transparent)]
    Listen(#[from] ServeError),
    /// The certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The public URL cannot be read.
    #[error("`{given}` is not a public URL")]
    PublicUrl {
        /// What was given.
        given: String,
    },
    /// The host of the public URL cannot be served.
    #[error(transparent)]
    Host(#[from] BadHostEntry),
    /// A setup token cannot be drawn.
    #[error("drawing a setup token")]
    Setup,
    /// Signals cannot be heard.
    #[error("waiting for signals")]
    Signal(#[source] std::io::Error),
}

impl ApiError {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Admin(error) => error.hint(),
            Self::Listen(error) => Some(error.hint().to_owned()),
            Self::Tls(_) => Some("give a certificate chain and its key in PEM files".to_owned()),
            Self::PublicUrl { .. } | Self::Host(_) => {
                Some("give scheme and host, such as https://toolgate.example.com".to_owned())
            }
            Self::Setup | Self::Signal(_) => None,
        }
    }
}

/// Serves the API over an opened installation until `shutdown` resolves; requests under way then finish.
///
/// `announce` is called once the listener is open and before the first request is answered.
pub async fn run(
    admin: Admin,
    config: RunConfig,
    announce: impl FnOnce(&Announce),
    shutdown: impl Future<Output = ()>,
) -> Result<(), ApiError> {
    let identity = config
        .tls
        .as_ref()
        .map(|files| TlsIdentity::load(&files.certificate, &files.key))
        .transpose()?;
    let scheme = if identity.is_some() { "https" } else { "http" };
    let listener = match identity.clone() {
        Some(identity) => Listener::bind_tls(config.listen, identity)?,
        None => Listener::bind_behind(config.listen, config.proxies.clone())?,
    };
    let listener = listener.with_proxies(config.proxies.clone());
    let address = listener.local_addr();
    let (signal, drain) = Drain::new();
    let served = ApiConfig {
        hosts: hosts(&config, address)?,
        proxies: config.proxies.clone(),
        tls: identity.is_some(),
    };
    let invitation_links = link_base(&admin, config.public_url.as_deref())?;
    let api = Arc::new(Api::new(admin, served, drain.clone())?);
    let setup_token = api.door().issue_setup_token(&api.pool().door())?;
    announce(&Announce {
        setup_token,
        invitation_links,
        address,
        url: config
            .public_url
            .clone()
            .unwrap_or_else(|| format!("{scheme}://{address}")),
    });
    let limits = ServeLimits {
        max_connections: CONNECTIONS,
        ..ServeLimits::default()
    };
    let serving = serve(listener, limits, Arc::clone(&api), drain);
    tokio::pin!(serving);
    let renewing = renew(identity).map_err(ApiError::Signal)?;
    tokio::select! {
        () = &mut serving => {}
        () = settle_now_and_then(&api, config.checkpoints.clone()) => {}
        () = renewing => {}
        () = shutdown => {
            signal.drain();
            serving.await;
        }
    }
    settle(&api, config.checkpoints).await;
    Ok(())
}

/// What links of invitations begin with: what was set, else the public URL, which is then set.
fn link_base(admin: &Admin, public_url: Option<&str>) -> Result<Option<String>, ApiError> {
    let set = admin.setting(DASHBOARD_URL)?.value;
    if let (None, Some(url)) = (&set, public_url) {
        // Plain http off this host makes no links that could be sent to anybody.
        return Ok(admin
            .set_setting(DASHBOARD_URL, url)
            .ok()
            .and_then(|changed| changed.setting.value));
    }
    Ok(set)
}

/// Loopback names, and what it is said to be reached under (S-58).
fn hosts(config: &RunConfig, address: SocketAddr) -> Result<HostPolicy, ApiError> {
    let mut hosts = HostPolicy::loopback();
    if !address.ip().is_loopback() && !address.ip().is_unspecified() {
        hosts = hosts.allow_host(&address.to_string())?;
    }
    let Some(given) = &config.public_url else {
        return Ok(hosts);
    };
    let bad = || ApiError::PublicUrl {
        given: given.clone(),
    };
    let url = url::Url::parse(given).map_err(|_| bad())?;
    let name = url.host_str().ok_or_else(bad)?;
    let host = match url.port() {
        Some(port) => format!("{name}:{port}"),
        None => name.to_owned(),
    };
    hosts = hosts.allow_host(&host)?;
    Ok(hosts.allow_origin(&url.origin().ascii_serialization())?)
}

async fn settle_now_and_then(api: &Api, sink: Option<PathBuf>) {
    loop {
        sleep(SETTLE).await;
        settle(api, sink.clone()).await;
    }
}

async fn settle(api: &Api, sink: Option<PathBuf>) {
    let admin = api.pool().door();
    let settled = tokio::task::spawn_blocking(move || admin.settle(sink.as_deref())).await;
    if !matches!(settled, Ok(Ok(()))) {
        // The next time, or the gateway, makes up for this.
        tracing::warn!("no audit checkpoint was kept");
    }
}

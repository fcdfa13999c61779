//! What a gateway is told before it starts.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;

use toolgate_analytics::Observer;
use toolgate_http::serve::Proxies;
use toolgate_http::{EgressConfig, HostPolicy, ServeLimits};
use toolgate_namespace::WorkspaceSlug;
use toolgate_store::DataDir;
use toolgate_store::master::GivenKeySources;

use crate::clock::WallClock;
use crate::error::GatewayError;
use crate::overload::OverloadLimits;
use crate::own_tools::OwnTools;

/// Everything a gateway needs to know; all else is in its store.
#[derive(Debug)]
pub struct Config {
    /// Where the stores, the master key and the control socket live. Made when absent.
    pub data_dir: DataDir,
    /// Where the master key comes from; by default `master.key` in the data directory, made when absent (S-07).
    pub master_key: GivenKeySources,
    /// Where to listen. Default `127.0.0.1:8420`; port 0 takes a free one. Other addresses than
    /// loopback need `tls` or `proxies` (S-57).
    pub listen: SocketAddr,
    /// The listener's certificate and key; plain text without.
    pub tls: Option<TlsFiles>,
    /// The proxies in front that terminate TLS. They may connect in plain text, and only they may say on whose behalf
    /// they come.
    pub proxies: Proxies,
    /// A listening socket that was passed on, used instead of `listen`.
    pub socket: Option<TcpListener>,
    /// The URL clients reach this gateway under, without a trailing slash; `None` means the listen
    /// address. Used in what is printed, and its host joins the allowed `Host` names (S-58).
    pub public_url: Option<String>,
    /// A file to keep heads of the audit chain in, besides the one in the data directory: somewhere that
    /// whoever can change the store cannot (S-84).
    pub audit_checkpoints: Option<PathBuf>,
    /// Start the demonstration servers in the workspace `default`.
    pub demo: Option<Demo>,
    /// Tools of the gateway's own, in every workspace; none by default.
    pub own_tools: Option<OwnTools>,
    /// Workspaces served without a token to whoever reaches the listener, which is loopback only (S-01,
    /// S-57). Empty by default; refused together with `public_url`.
    pub anonymous: Vec<WorkspaceSlug>,
    /// Limits of the listener (security.md section 17).
    pub limits: ServeLimits,
    /// What the process may use before it sheds load.
    pub overload: OverloadLimits,
    /// Which `Host` and `Origin` headers are accepted besides loopback names.
    pub hosts: HostPolicy,
    /// How servers are reached.
    pub egress: EgressConfig,
    /// Hears of every call that ended, beside the store.
    pub observer: Option<Arc<dyn Observer>>,
    /// Whether calls are spans of a trace, which servers are told to go on (P9.69). The observer gets them.
    pub traces: bool,
    /// Where wall time comes from. Expiry is judged by it, and never by an earlier time than was seen
    /// before (S-38).
    pub clock: WallClock,
    /// Program and leading arguments of a process that calls [`keep_child`](crate::keep_child) with the arguments
    /// after these: the keeper of each child process, through which nothing that a child started outlives this
    /// process (S-74). `None` starts children directly.
    pub keeper: Option<Vec<String>>,
}

/// Where the listener's certificate is kept. Both files are read again when they change (S-59).
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The chain in PEM, the server's own certificate first.
    pub certificate: PathBuf,
    /// Its private key in PEM.
    pub key: PathBuf,
}

/// How to start the demonstration servers.
#[derive(Debug, Clone)]
pub struct Demo {
    /// Program and leading arguments; the server's name is appended.
    pub argv: Vec<String>,
}

impl Config {
    /// The defaults over one data directory: loopback, port 8420, every limit as documented.
    pub fn new(data_dir: DataDir) -> Self {
        Self {
            data_dir,
            master_key: GivenKeySources::default(),
            listen: SocketAddr::from(([127, 0, 0, 1], 8420)),
            tls: None,
            proxies: Proxies::default(),
            socket: None,
            public_url: None,
            audit_checkpoints: None,
            demo: None,
            own_tools: None,
            anonymous: Vec::new(),
            limits: ServeLimits::default(),
            overload: OverloadLimits::default(),
            hosts: HostPolicy::loopback(),
            egress: EgressConfig::default(),
            observer: None,
            traces: false,
            clock: WallClock::default(),
            keeper: None,
        }
    }

    /// Lets the listener's own address pass the `Host` check: an address cannot be rebound as a name can (S-58).
    pub(crate) fn serve_own_address(&mut self, address: SocketAddr) {
        if address.ip().is_unspecified() {
            if self.public_url.is_none() {
                tracing::warn!(
                    "only loopback names are served: tell with --public-url under which name clients come"
                );
            }
        } else if let Ok(hosts) = self.hosts.clone().allow_host(&address.to_string()) {
            self.hosts = hosts;
        }
    }

    /// Listens on the socket that whoever started this process passed on (`LISTEN_FDS`), if there is one, so that a
    /// new gateway accepts while the old one drains and no connection is refused in between.
    ///
    /// To be called before anything else opens descriptors.
    pub fn with_passed_socket(mut self) -> Result<Self, GatewayError> {
        let mut sockets = toolgate_sys::passed_listeners().map_err(GatewayError::PassedSocket)?;
        if sockets.len() > 1 {
            let error = io::Error::other("more than one was passed");
            return Err(GatewayError::PassedSocket(error));
        }
        if let Some(socket) = sockets.pop() {
            self.listen = socket.local_addr().map_err(GatewayError::PassedSocket)?;
            self.socket = Some(socket);
        }
        Ok(self)
    }

    /// Sets the URL clients reach the gateway under and lets its host pass the `Host` check (S-58).
    pub fn with_public_url(mut self, url: &str) -> Result<Self, GatewayError> {
        let bad = || GatewayError::PublicUrl {
            url: url.to_owned(),
        };
        let parsed = url::Url::parse(url).map_err(|_| bad())?;
        let host = parsed.host_str().ok_or_else(bad)?;
        let entry = match parsed.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        let origin = parsed.origin().ascii_serialization();
        self.hosts = self
            .hosts
            .allow_host(&entry)
            .and_then(|hosts| hosts.allow_origin(&origin))
            .map_err(|_| bad())?;
        self.public_url = Some(url.trim_end_matches('/').to_owned());
        Ok(self)
    }
}

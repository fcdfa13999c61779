//! The gateway as a process: open, listen, announce, serve, drain.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{Request, Response};
use toolgate_http::serve::{TlsIdentity, renew};
use toolgate_http::{Drain, Handler, Listener, ReplyBody, serve};

use crate::bootstrap::FirstRun;
use crate::config::Config;
use crate::error::GatewayError;
use crate::gateway::Gateway;

/// What is told once the gateway listens.
#[derive(Debug)]
pub struct Announce {
    /// Where it listens.
    pub address: SocketAddr,
    /// `http` or `https`: what is spoken there.
    pub scheme: &'static str,
    /// The URL clients reach it under.
    pub url: String,
    /// What serves there.
    pub gateway: Arc<Gateway>,
    /// What a first start made.
    pub first_run: Option<FirstRun>,
}

/// Runs a gateway until `shutdown` resolves, then drains: calls in flight finish, streams end, records are written.
///
/// `announce` is called once the listener is open and before the first request is answered.
pub async fn run(
    mut config: Config,
    announce: impl FnOnce(&Announce),
    shutdown: impl Future<Output = ()>,
) -> Result<(), GatewayError> {
    let (address, public_url, limits) = (config.listen, config.public_url.clone(), config.limits);
    let alone = address.ip().is_loopback() && public_url.is_none() && config.proxies.is_empty();
    if !alone && !config.anonymous.is_empty() {
        return Err(GatewayError::AnonymousBehindProxy);
    }
    let identity = match &config.tls {
        Some(files) => Some(TlsIdentity::load(&files.certificate, &files.key)?),
        None => None,
    };
    let scheme = if identity.is_some() { "https" } else { "http" };
    let listener = listener(&mut config, identity.clone())?;
    let address = listener.local_addr();
    config.serve_own_address(address);
    let url = public_url.unwrap_or_else(|| format!("{scheme}://{address}"));
    // A server that is this gateway itself would call in circles (S-64).
    config.egress.own_listeners.push(address);
    let (gateway, first_run) = Gateway::open(config).await?;
    gateway.open_control(url.clone())?;
    gateway.remember_url(&url).await?;
    announce(&Announce {
        address,
        scheme,
        url,
        gateway: gateway.clone(),
        first_run,
    });

    let (signal, drain) = Drain::new();
    let serving = serve(listener, limits, Arc::new(Door(gateway.clone())), drain);
    tokio::pin!(serving);
    let renewing = renew(identity).map_err(GatewayError::Signal)?;
    tokio::select! {
        () = &mut serving => {}
        () = renewing => {}
        what = gateway.broken() => return Err(GatewayError::Broken { what }),
        () = shutdown => {
            tracing::info!("draining");
            signal.drain();
            gateway.begin_drain();
            serving.await;
        }
    }
    gateway.shutdown().await;
    Ok(())
}

/// Opens the listener that the configuration allows, or takes the one that was passed on (S-57, R-23).
fn listener(config: &mut Config, identity: Option<TlsIdentity>) -> Result<Listener, GatewayError> {
    let (address, proxies) = (config.listen, config.proxies.clone());
    if identity.is_none() && proxies.is_empty() && !address.ip().is_loopback() {
        return Err(GatewayError::PlainOutsideLoopback { address });
    }
    let opened = match (config.socket.take(), identity) {
        (Some(socket), identity) => Listener::adopt(socket, identity, proxies.clone()),
        (None, Some(identity)) => Listener::bind_tls(address, identity),
        (None, None) => Listener::bind_behind(address, proxies.clone()),
    };
    opened
        .map(|listener| listener.with_proxies(proxies))
        .map_err(|source| GatewayError::Listen { address, source })
}

/// The listener's way to the gateway.
struct Door(Arc<Gateway>);

impl Handler for Door {
    async fn handle(
        self: Arc<Self>,
        request: Request<Incoming>,
        peer: SocketAddr,
    ) -> Response<ReplyBody> {
        self.0.handle_from(request, peer.ip()).await
    }

    async fn may_accept(&self) {
        self.0.overload().accepts().await;
    }
}

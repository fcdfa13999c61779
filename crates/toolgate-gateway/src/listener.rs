//! The gateway as a process: open, listen, announce, serve, drain.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{Request, Response};
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
    /// The URL clients reach it under.
    pub url: String,
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
    if !address.ip().is_loopback() {
        return Err(GatewayError::PlainOutsideLoopback { address });
    }
    if public_url.is_some() && !config.anonymous.is_empty() {
        return Err(GatewayError::AnonymousBehindProxy);
    }
    let listener =
        Listener::bind(address).map_err(|source| GatewayError::Listen { address, source })?;
    let address = listener.local_addr();
    let url = public_url.unwrap_or_else(|| format!("http://{address}"));
    // A server that is this gateway itself would call in circles (S-64).
    config.egress.own_listeners.push(address);
    let (gateway, first_run) = Gateway::open(config).await?;
    gateway.open_control(url.clone())?;
    gateway.remember_url(&url).await?;
    announce(&Announce {
        address,
        url,
        first_run,
    });

    let (signal, drain) = Drain::new();
    let serving = serve(listener, limits, Arc::new(Door(gateway.clone())), drain);
    tokio::pin!(serving);
    tokio::select! {
        () = &mut serving => {}
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

/// The listener's way to the gateway.
struct Door(Arc<Gateway>);

impl Handler for Door {
    async fn handle(
        self: Arc<Self>,
        request: Request<Incoming>,
        _peer: SocketAddr,
    ) -> Response<ReplyBody> {
        self.0.handle(request).await
    }
}

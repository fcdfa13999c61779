use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{Request, Response};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::connection::serve_connection;
use super::drain::Drain;
use super::guests::Guests;
use super::limits::ServeLimits;
use super::listener::Listener;
use super::reply_body::ReplyBody;

/// Answers requests.
pub trait Handler: Send + Sync + 'static {
    /// Answers one request.
    ///
    /// The future is dropped when the client disconnects before the reply, and a streamed reply
    /// body when it disconnects after it, so dropping must cancel what should be cancelled.
    fn handle(
        self: Arc<Self>,
        request: Request<Incoming>,
        peer: SocketAddr,
    ) -> impl Future<Output = Response<ReplyBody>> + Send;

    /// Resolves when another connection may be accepted; until then it waits in the kernel's queue.
    /// Cancel safe.
    fn may_accept(&self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }
}

/// Serves HTTP/1.1 and HTTP/2 on a listener until `drain` says to end.
///
/// Then the listener closes, idle connections close, requests in flight get `limits.drain_grace`
/// to finish, and what is left is cut. When this returns no connection is left. Dropping
/// the future cuts all connections at once.
pub async fn serve<H: Handler>(
    listener: Listener,
    limits: ServeLimits,
    handler: Arc<H>,
    drain: Drain,
) {
    let mut connections = JoinSet::new();
    let guests = Guests::new(&limits);
    let tls = listener.tls().map(TlsAcceptor::from);
    loop {
        let (stream, peer, place) = tokio::select! {
            () = drain.draining() => break,
            guest = async {
                handler.may_accept().await;
                guests.next(&listener).await
            } => guest,
            // Reaps what ended, so that the set holds living connections only.
            Some(_) = connections.join_next() => continue,
        };
        let (handler, drain, tls) = (Arc::clone(&handler), drain.clone(), tls.clone());
        connections.spawn(async move {
            // Replies are written whole, so waiting for more bytes only delays them.
            let _ = stream.set_nodelay(true);
            match tls {
                None => serve_connection(stream, peer, limits, handler, drain).await,
                Some(tls) => {
                    let handshake = timeout(limits.tls_handshake, tls.accept(stream));
                    if let Ok(Ok(stream)) = handshake.await {
                        serve_connection(stream, peer, limits, handler, drain).await;
                    }
                }
            }
            drop(place);
        });
    }
    drop(listener);
    let finished = async { while connections.join_next().await.is_some() {} };
    if timeout(limits.drain_grace, finished).await.is_err() {
        tracing::warn!(
            connections = connections.len(),
            "connections were still busy when the grace period ended; they are cut"
        );
        connections.shutdown().await;
    }
}

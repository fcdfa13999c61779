use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;

use super::limits::ServeLimits;
use super::listener::Listener;
use super::proxies::one_source;

/// How many connections there are, in all and from each address.
pub(super) struct Guests {
    places: Arc<Semaphore>,
    from: Arc<Counts>,
    from_one_max: usize,
}

/// A connection's claim on both limits, given back when dropped.
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
    counted: Option<(Arc<Counts>, IpAddr)>,
}

type Counts = Mutex<HashMap<IpAddr, usize>>;

/// How long to wait when the listener itself fails, which means that descriptors or memory ran out.
const PAUSE: Duration = Duration::from_millis(50);

impl Guests {
    pub(super) fn new(limits: &ServeLimits) -> Self {
        Self {
            places: Arc::new(Semaphore::new(limits.max_connections)),
            from: Arc::default(),
            from_one_max: limits.max_connections_per_address,
        }
    }

    /// The next connection that may be served. Cancel safe.
    pub(super) async fn next(&self, listener: &Listener) -> (TcpStream, SocketAddr, Place) {
        loop {
            let permit = Arc::clone(&self.places).acquire_owned().await;
            let permit = permit.expect("the semaphore is never closed");
            match listener.accept().await {
                Ok((stream, peer)) => {
                    if !listener.serves(peer.ip()) {
                        tracing::debug!("a peer that is not the named proxy was turned away");
                        continue;
                    }
                    let exempt = listener.proxies().contains(peer.ip());
                    if let Some(place) = self.place(peer.ip(), exempt, permit) {
                        return (stream, peer, place);
                    }
                    tracing::debug!("an address has reached its number of connections");
                }
                Err(error) if concerns_one_connection(&error) => {}
                Err(error) => {
                    tracing::warn!(kind = ?error.kind(), "accepting a connection failed");
                    sleep(PAUSE).await;
                }
            }
        }
    }

    fn place(&self, address: IpAddr, exempt: bool, permit: OwnedSemaphorePermit) -> Option<Place> {
        let address = one_source(address);
        if exempt || address.is_loopback() {
            return Some(Place {
                _permit: permit,
                counted: None,
            });
        }
        let mut from = self.from.lock().unwrap_or_else(PoisonError::into_inner);
        let count = from.entry(address).or_default();
        if *count >= self.from_one_max {
            return None;
        }
        *count += 1;
        Some(Place {
            _permit: permit,
            counted: Some((Arc::clone(&self.from), address)),
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((from, address)) = self.counted.take() else {
            return;
        };
        let mut from = from.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = from.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                from.remove(&address);
            }
        }
    }
}

/// Whether an error of `accept` concerns one connection only, rather than the listener.
fn concerns_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted
    )
}

use std::time::Duration;

/// What one listener grants its clients before it closes on them (S-60, S-61, section 17).
///
/// Every field has a safe default; none means "no limit".
#[derive(Clone, Copy, Debug)]
pub struct ServeLimits {
    /// From the accepted connection to its first byte (and the bytes that tell HTTP/1 from 2). 5 s.
    pub first_byte: Duration,
    /// From the first byte of a request's header to its last. 10 s.
    pub header: Duration,
    /// A keep-alive connection without a request. 60 s.
    pub idle: Duration,
    /// A pending write of which the client takes nothing. 30 s.
    pub write_stall: Duration,
    /// The TLS handshake (S-59). 5 s.
    pub tls_handshake: Duration,
    /// Header fields of one request. 100; more is a 431.
    pub max_headers: usize,
    /// All header fields of one request with the request line. 16 KiB; more is a 431.
    pub max_header_bytes: u32,
    /// Connections at once. 10,000; further ones wait in the kernel's queue.
    pub max_connections: usize,
    /// Connections at once from one address (IPv6: one /64). 64; further ones are closed at once.
    /// Loopback and named proxies are exempt: they bring everyone from there.
    pub max_connections_per_address: usize,
    /// HTTP/2 streams at once on one connection. 100.
    pub max_streams: u32,
    /// How long [`serve`](super::serve) waits for requests in flight once it drains. 30 s.
    pub drain_grace: Duration,
}

impl Default for ServeLimits {
    fn default() -> Self {
        Self {
            first_byte: Duration::from_secs(5),
            header: Duration::from_secs(10),
            idle: Duration::from_mins(1),
            write_stall: Duration::from_secs(30),
            tls_handshake: Duration::from_secs(5),
            max_headers: 100,
            max_header_bytes: 16 * 1024,
            max_connections: 10_000,
            max_connections_per_address: 64,
            max_streams: 100,
            drain_grace: Duration::from_secs(30),
        }
    }
}

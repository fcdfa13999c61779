use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use hyper::HeaderMap;
use hyper::header::HeaderName;

/// The proxies in front of a listener that terminate TLS for it (S-57).
///
/// Only they may say on whose behalf they come, and what they say is used to count failures (S-37)
/// and for nothing else: no decision about who may do what rests on an address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies(Vec<Network>);

/// One address or one network in CIDR form, such as `10.0.0.7` or `10.1.0.0/16`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

/// Text that names no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("reading {text:?} as an address or network: {problem}")]
pub struct BadNetwork {
    text: String,
    problem: &'static str,
}

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// Hops that are looked at; a longer list is not believed.
const MAX_HOPS: usize = 16;

impl Proxies {
    /// Exactly these.
    pub fn new(networks: Vec<Network>) -> Self {
        Self(networks)
    }

    /// Whether none is named.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this address is one of them.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(address))
    }

    /// Whose failure it is: the peer's, or, if the peer is one of these proxies, the last address in
    /// `X-Forwarded-For` that is none of them. What a proxy says in no readable way is its own.
    pub fn source(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        if self.is_empty() || !self.contains(peer) {
            return peer;
        }
        // Each proxy appends whom it heard, so the end of the list is the part that can be believed.
        let values = headers.get_all(FORWARDED_FOR).iter().rev();
        let hops = values.flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b','));
        for hop in hops.take(MAX_HOPS) {
            match hop_address(hop) {
                Some(address) if self.contains(address) => {}
                Some(address) => return address,
                None => return peer,
            }
        }
        peer
    }
}

/// An address as proxies write it: bare, in brackets, or with a port.
fn hop_address(hop: &[u8]) -> Option<IpAddr> {
    let hop = std::str::from_utf8(hop).ok()?.trim();
    let bare = hop
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(hop);
    bare.parse()
        .or_else(|_| {
            hop.parse()
                .map(|with_port: std::net::SocketAddr| with_port.ip())
        })
        .ok()
        .map(|address| address.to_canonical())
}

impl Network {
    fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                masked_v4(own, self.bits) == masked_v4(other, self.bits)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                masked_v6(own, self.bits) == masked_v6(other, self.bits)
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = BadNetwork;

    fn from_str(text: &str) -> Result<Self, BadNetwork> {
        let bad = |problem| BadNetwork {
            text: text.to_owned(),
            problem,
        };
        let (address, bits) = match text.split_once('/') {
            None => (text, None),
            Some((address, bits)) => (address, Some(bits)),
        };
        let address: IpAddr = address
            .parse()
            .map_err(|_| bad("use an address such as 10.0.0.7 or a network such as 10.1.0.0/16"))?;
        let all = if address.is_ipv4() { 32 } else { 128 };
        let bits: u8 = match bits {
            None => all,
            Some(bits) => bits
                .parse()
                .ok()
                .filter(|bits| *bits <= all)
                .ok_or_else(|| bad("the number after the slash counts the network's bits"))?,
        };
        if bits == 0 {
            return Err(bad("that is everybody; name the proxy"));
        }
        let network = match address {
            IpAddr::V4(address) => IpAddr::V4(masked_v4(address, bits)),
            IpAddr::V6(address) => IpAddr::V6(masked_v6(address, bits)),
        };
        if network != address {
            return Err(bad("the address has bits outside its network"));
        }
        Ok(Self { address, bits })
    }
}

fn masked_v4(address: Ipv4Addr, bits: u8) -> Ipv4Addr {
    let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
    Ipv4Addr::from_bits(address.to_bits() & mask)
}

fn masked_v6(address: Ipv6Addr, bits: u8) -> Ipv6Addr {
    let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
    Ipv6Addr::from_bits(address.to_bits() & mask)
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

/// Who counts as one source: an IPv4 address, or the /64 that one IPv6 customer has (S-37).
pub fn one_source(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) if !v6.is_loopback() => IpAddr::V6(masked_v6(v6, 64)),
        other => other,
    }
}

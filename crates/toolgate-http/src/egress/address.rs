use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use url::{Host, Url};

/// What an address is for, as far as deciding whether a server may live there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressClass {
    /// Globally reachable.
    Public,
    /// This machine (127/8, `::1`).
    Loopback,
    /// RFC 1918.
    Private,
    /// `fc00::/7`, and the site-local range it replaced.
    UniqueLocal,
    /// 169.254/16, `fe80::/10`.
    LinkLocal,
    /// 100.64/10, behind a provider's translation.
    CarrierGrade,
    /// 198.18/15, network benchmarks.
    Benchmark,
    /// Examples in texts.
    Documentation,
    /// A cloud's instance metadata or credential service.
    Metadata,
    /// One to many, broadcast included.
    Multicast,
    /// `0.0.0.0`, `::` and the rest of 0/8.
    Unspecified,
    /// Everything else the registries keep back.
    Reserved,
    /// An address this gateway itself listens on.
    OwnListener,
}

/// An address the policy doesn't let us connect to (S-64).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("connecting to {address}, which is a {class} address")]
pub struct Blocked {
    /// Where the connection would have gone.
    pub address: IpAddr,
    /// Why it may not.
    pub class: AddressClass,
}

/// One exact `host:port` the operator allowed to be private and to speak plain `http`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedOrigin {
    host: Host<String>,
    port: u16,
}

/// Which addresses may be connected to (S-64, S-65).
#[derive(Clone, Debug, Default)]
pub struct AddressPolicy {
    own_listeners: Vec<SocketAddr>,
}

impl AddressPolicy {
    /// The policy of a gateway that listens on `own_listeners`.
    pub fn new(own_listeners: Vec<SocketAddr>) -> Self {
        Self { own_listeners }
    }

    /// Checks one address that `host` resolved to (or is).
    ///
    /// `allowed` opens what is private, for exactly its host and port. A metadata address opens
    /// only to an allowance of that very address, never to a name. Multicast, unspecified and our
    /// own listeners never open.
    pub fn check(
        &self,
        ip: IpAddr,
        port: u16,
        host: &Host<String>,
        allowed: Option<&AllowedOrigin>,
    ) -> Result<(), Blocked> {
        let class = if self.is_own(ip, port) {
            AddressClass::OwnListener
        } else {
            AddressClass::of(ip)
        };
        let named = allowed.is_some_and(|allowed| allowed.host == *host && allowed.port == port);
        let passes = match class {
            AddressClass::Public => true,
            AddressClass::Loopback
            | AddressClass::Private
            | AddressClass::UniqueLocal
            | AddressClass::LinkLocal
            | AddressClass::CarrierGrade
            | AddressClass::Benchmark
            | AddressClass::Documentation
            | AddressClass::Reserved => named,
            AddressClass::Metadata => named && address_of(host) == Some(ip),
            AddressClass::Multicast | AddressClass::Unspecified | AddressClass::OwnListener => {
                false
            }
        };
        if passes {
            Ok(())
        } else {
            Err(Blocked { address: ip, class })
        }
    }

    fn is_own(&self, ip: IpAddr, port: u16) -> bool {
        let ip = ip.to_canonical();
        self.own_listeners.iter().any(|own| {
            let listener = own.ip().to_canonical();
            own.port() == port
                && (listener == ip || (listener.is_unspecified() && is_this_machine(ip)))
        })
    }
}

/// Whether a wildcard listener answers at this address: only what is the machine's can be bound.
fn is_this_machine(ip: IpAddr) -> bool {
    ip.is_loopback() || UdpSocket::bind((ip, 0)).is_ok()
}

impl AllowedOrigin {
    /// Reads `host:port`, the host as the WHATWG parser reads it, so that it compares with a URL's.
    pub fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port.parse().ok().filter(|port| digits && *port != 0)?;
        // A path, user or query would be read as such and change what was meant, and a star would
        // promise what isn't kept.
        if host.is_empty() || host.contains(['/', '\\', '@', '?', '#', '%', '*']) {
            return None;
        }
        let url = Url::parse(&format!("http://{host}:{port}")).ok()?;
        Some(Self {
            host: url.host()?.to_owned(),
            port,
        })
    }

    /// Whether this allowance is for exactly this host and port.
    pub fn is_for(&self, host: &Host<String>, port: u16) -> bool {
        self.host == *host && self.port == port
    }
}

impl fmt::Display for AllowedOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

pub(super) fn address_of(host: &Host<String>) -> Option<IpAddr> {
    match host {
        Host::Domain(_) => None,
        Host::Ipv4(address) => Some((*address).into()),
        Host::Ipv6(address) => Some((*address).into()),
    }
}

impl AddressClass {
    /// Classifies an address by the IANA special-purpose registries, and one that carries an IPv4
    /// address inside (mapped, translated, NAT64, 6to4, Teredo, ISATAP) by that one.
    pub fn of(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(address) => Self::of_v4(address),
            IpAddr::V6(address) => Self::of_v6(address),
        }
    }

    #[expect(
        clippy::match_same_arms,
        reason = "an arm for each entry of the registry, and the order counts"
    )]
    fn of_v4(address: Ipv4Addr) -> Self {
        if METADATA_V4.contains(&address) {
            return Self::Metadata;
        }
        match address.octets() {
            [0, ..] => Self::Unspecified,
            [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Self::Private,
            [100, 64..=127, ..] => Self::CarrierGrade,
            [127, ..] => Self::Loopback,
            [169, 254, ..] => Self::LinkLocal,
            [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Self::Documentation,
            // Protocol assignments, and the 6to4 relay that was withdrawn.
            [192, 0, 0, _] | [192, 88, 99, _] => Self::Reserved,
            [198, 18..=19, ..] => Self::Benchmark,
            [224..=239, ..] | [255, 255, 255, 255] => Self::Multicast,
            [240..=255, ..] => Self::Reserved,
            _ => Self::Public,
        }
    }

    #[expect(
        clippy::match_same_arms,
        reason = "an arm for each entry of the registry, and the order counts"
    )]
    fn of_v6(address: Ipv6Addr) -> Self {
        if METADATA_V6.contains(&address) {
            return Self::Metadata;
        }
        match address.segments() {
            [0, 0, 0, 0, 0, 0, 0, 0] => Self::Unspecified,
            [0, 0, 0, 0, 0, 0, 0, 1] => Self::Loopback,
            // IPv4-compatible, -mapped and -translated; the first is withdrawn, so never public.
            [0, 0, 0, 0, 0, 0, high, low] => Self::of_v4(joined(high, low)).never_public(),
            [0, 0, 0, 0, 0, 0xffff, high, low] => Self::of_v4(joined(high, low)),
            [0, 0, 0, 0, 0xffff, 0, high, low] => Self::of_v4(joined(high, low)).never_public(),
            // NAT64: the well-known prefix, and the one for private use.
            [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Self::of_v4(joined(high, low)),
            [0x64, 0xff9b, 1, .., high, low] => Self::of_v4(joined(high, low)).never_public(),
            // 6to4.
            [0x2002, high, low, ..] => Self::of_v4(joined(high, low)),
            // Teredo: the relay as it is, the client behind it inverted.
            [0x2001, 0, relay_high, relay_low, .., high, low] => {
                match Self::of_v4(joined(!high, !low)) {
                    Self::Public => Self::of_v4(joined(relay_high, relay_low)).never_public(),
                    blocked => blocked,
                }
            }
            [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Self::Documentation,
            [0x2001, 2, 0, ..] => Self::Benchmark,
            // The rest of the protocol assignments.
            [0x2001, 0..=0x1ff, ..] => Self::Reserved,
            [0xfc00..=0xfdff | 0xfec0..=0xfeff, ..] => Self::UniqueLocal,
            [0xfe80..=0xfebf, ..] => Self::LinkLocal,
            [0xff00..=0xffff, ..] => Self::Multicast,
            // ISATAP: an IPv4 address as interface id, under any global prefix.
            [0x2000..=0x3ffe, _, _, _, 0 | 0x200, 0x5efe, high, low] => {
                Self::of_v4(joined(high, low))
            }
            // Global unicast is what has been given out so far; the rest is kept back.
            [0x2000..=0x3ffe, ..] => Self::Public,
            _ => Self::Reserved,
        }
    }

    fn never_public(self) -> Self {
        if self == Self::Public {
            Self::Reserved
        } else {
            self
        }
    }
}

fn joined(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low))
}

impl fmt::Display for AddressClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public => "public",
            Self::Loopback => "loopback",
            Self::Private => "private",
            Self::UniqueLocal => "unique-local",
            Self::LinkLocal => "link-local",
            Self::CarrierGrade => "carrier-grade NAT",
            Self::Benchmark => "benchmark",
            Self::Documentation => "documentation",
            Self::Metadata => "cloud metadata",
            Self::Multicast => "multicast",
            Self::Unspecified => "unspecified",
            Self::Reserved => "reserved",
            Self::OwnListener => "gateway listener",
        })
    }
}

/// Instance metadata, credential and host-agent services of the clouds.
const METADATA_V4: [Ipv4Addr; 9] = [
    Ipv4Addr::new(169, 254, 169, 254), // AWS, Azure, Google, Oracle, DigitalOcean, OpenStack …
    Ipv4Addr::new(169, 254, 170, 2),   // AWS ECS task credentials
    Ipv4Addr::new(169, 254, 170, 23),  // AWS EKS pod identity
    Ipv4Addr::new(169, 254, 0, 23),    // Tencent
    Ipv4Addr::new(169, 254, 10, 10),   // Tencent
    Ipv4Addr::new(169, 254, 42, 42),   // Scaleway
    Ipv4Addr::new(100, 100, 100, 200), // Alibaba
    Ipv4Addr::new(168, 63, 129, 16),   // Azure host agent, a public address by its number
    Ipv4Addr::new(192, 0, 0, 192),     // Oracle, classic
];

const METADATA_V6: [Ipv6Addr; 4] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), // AWS
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23),  // AWS EKS pod identity
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),  // Google
    Ipv6Addr::new(0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42),   // Scaleway
];

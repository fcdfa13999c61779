use hyper::header::{HOST, HeaderName, HeaderValue, ORIGIN};
use hyper::{HeaderMap, Uri};
use url::{Host, Url};

/// Which names this listener answers to, and which web pages may talk to it (S-58).
///
/// It is what stops DNS rebinding: a page of another site can make a browser connect here, but not
/// lie in `Host` or `Origin`. Loopback names are always served.
#[derive(Clone, Debug, Default)]
pub struct HostPolicy {
    hosts: Vec<Name>,
    origins: Vec<(Scheme, Name)>,
}

/// A host, on one port or on any.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Name {
    host: Host,
    port: Option<u16>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

/// Why a request is not for us, or not from a page we trust. Each is a 403 (P5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// No `Host`, several, one that disagrees with the request line, or one that cannot be read.
    #[error("the Host header is missing, repeated or malformed")]
    HostMalformed,
    /// A name that is not ours.
    #[error("the Host header names a host that is not served here")]
    HostNotAllowed,
    /// Several origins, `null`, or one that cannot be read.
    #[error("the Origin header is repeated, null or malformed")]
    OriginMalformed,
    /// A page of a site that is not allowed.
    #[error("the Origin header names a site that is not allowed")]
    OriginNotAllowed,
}

/// A configured host or origin that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("reading {entry:?} as {expected}")]
pub struct BadHostEntry {
    entry: String,
    expected: &'static str,
}

impl HostPolicy {
    /// Serves `localhost`, `127.0.0.1` and `[::1]` on any port, and pages from there.
    pub fn loopback() -> Self {
        Self::default()
    }

    /// Also serves `name` or `name:port`, and `https` pages from there.
    pub fn allow_host(mut self, entry: &str) -> Result<Self, BadHostEntry> {
        let name = Name::parse(entry).ok_or_else(|| BadHostEntry {
            entry: entry.to_owned(),
            expected: "a host name with or without a port",
        })?;
        self.hosts.push(name);
        Ok(self)
    }

    /// Also lets pages of `https://name[:port]` or `http://name[:port]` in.
    pub fn allow_origin(mut self, entry: &str) -> Result<Self, BadHostEntry> {
        let origin = parse_origin(entry).ok_or_else(|| BadHostEntry {
            entry: entry.to_owned(),
            expected: "an origin such as https://app.example.com",
        })?;
        self.origins.push(origin);
        Ok(self)
    }

    /// Checks the request line's authority, `Host` and `Origin`.
    pub fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), HostError> {
        self.check_host(uri, headers)?;
        self.check_origin(headers)
    }

    fn check_host(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), HostError> {
        let header = only(headers, &HOST).map_err(|Repeated| HostError::HostMalformed)?;
        let header = header.map(HeaderValue::to_str).transpose();
        let header = header.map_err(|_| HostError::HostMalformed)?;
        // HTTP/2 puts the name into `:authority`; where both are there they must agree (S-62).
        let authority = uri.authority().map(hyper::http::uri::Authority::as_str);
        let host = match (header, authority) {
            (Some(header), Some(authority)) if !header.eq_ignore_ascii_case(authority) => {
                return Err(HostError::HostMalformed);
            }
            (Some(host), _) | (None, Some(host)) => host,
            (None, None) => return Err(HostError::HostMalformed),
        };
        if is_plain_loopback(host) {
            return Ok(());
        }
        let name = Name::parse(host).ok_or(HostError::HostMalformed)?;
        // A port left out is the scheme's, and which scheme the client used isn't said.
        let implied = [Scheme::Http.port(), Scheme::Https.port()];
        if name.is_loopback()
            || self
                .hosts
                .iter()
                .any(|served| served.covers(&name, &implied))
        {
            Ok(())
        } else {
            Err(HostError::HostNotAllowed)
        }
    }

    fn check_origin(&self, headers: &HeaderMap) -> Result<(), HostError> {
        let origin = only(headers, &ORIGIN).map_err(|Repeated| HostError::OriginMalformed)?;
        let Some(origin) = origin else { return Ok(()) };
        let origin = origin.to_str().map_err(|_| HostError::OriginMalformed)?;
        let (scheme, name) = parse_origin(origin).ok_or(HostError::OriginMalformed)?;
        let implied = [scheme.port()];
        let own_page = scheme == Scheme::Https
            && self
                .hosts
                .iter()
                .any(|served| served.covers(&name, &implied));
        let listed = self.origins.iter().any(|(allowed, site)| {
            let port = |name: &Name| name.port.unwrap_or(scheme.port());
            *allowed == scheme && site.host == name.host && port(site) == port(&name)
        });
        if name.is_loopback() || own_page || listed {
            Ok(())
        } else {
            Err(HostError::OriginNotAllowed)
        }
    }
}

impl Name {
    /// Reads `host` or `host:port`, strictly: no user, path, escapes, zone or empty port.
    fn parse(text: &str) -> Option<Self> {
        let (host, port) = match text.rfind(':') {
            // The last colon of an IPv6 literal is inside its brackets.
            Some(colon) if !text.ends_with(']') => {
                let (host, port) = text.split_at(colon);
                (host, Some(parse_port(&port[1..])?))
            }
            _ => (text, None),
        };
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._[]:".contains(&byte);
        if host.is_empty() || !host.bytes().all(plain) {
            return None;
        }
        let host = Host::parse(host).ok()?;
        Some(Self { host, port })
    }

    fn is_loopback(&self) -> bool {
        match &self.host {
            Host::Domain(name) => name == "localhost",
            Host::Ipv4(address) => *address == std::net::Ipv4Addr::LOCALHOST,
            Host::Ipv6(address) => *address == std::net::Ipv6Addr::LOCALHOST,
        }
    }

    /// Whether this entry means `name`, whose port, if left out, is one of `implied`.
    /// An entry without a port means every port.
    fn covers(&self, name: &Self, implied: &[u16]) -> bool {
        let port_fits = match (self.port, name.port) {
            (None, _) => true,
            (Some(port), Some(named)) => port == named,
            (Some(port), None) => implied.contains(&port),
        };
        self.host == name.host && port_fits
    }
}

impl Scheme {
    fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// An origin is `scheme://host[:port]` and nothing else (RFC 6454).
fn parse_origin(text: &str) -> Option<(Scheme, Name)> {
    let (scheme, name) = text.split_once("://")?;
    let scheme = match scheme {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        _ => return None,
    };
    // The URL parser has the last word on what a host is.
    Url::parse(text).ok()?;
    Some((scheme, Name::parse(name)?))
}

fn parse_port(text: &str) -> Option<u16> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| digits && *port != 0)
}

/// The everyday case, settled without parsing or allocating.
fn is_plain_loopback(host: &str) -> bool {
    let rest = ["127.0.0.1", "localhost", "[::1]"]
        .iter()
        .find_map(|name| host.strip_prefix(name));
    match rest {
        None => false,
        Some("") => true,
        Some(rest) => rest.strip_prefix(':').and_then(parse_port).is_some(),
    }
}

struct Repeated;

fn only<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'h HeaderValue>, Repeated> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        Err(Repeated)
    } else {
        Ok(first)
    }
}

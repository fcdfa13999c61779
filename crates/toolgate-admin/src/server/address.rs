//! Where a URL leads, and what the operator allows by adding it (S-64, S-65).
//!
//! Servers are reached over https at public addresses. The operator, who has the host, may add any other
//! one: the allowance is recorded for exactly that host and port, and said. Metadata services of clouds need
//! a word of their own, since reaching one by mistake gives credentials away.

use std::net::{IpAddr, ToSocketAddrs};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use toolgate_http::egress::AddressClass;
use toolgate_namespace::Injection;
use url::{Host, Url};

use super::{InvalidServer, header};

/// A name server that does not answer must not hold up the command; the gateway resolves for itself anyway.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(2);

/// What the operator allowed by adding a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Allowance {
    /// Exactly this `host:port`.
    pub origin: String,
    /// Although it is plain http.
    pub plain_http: bool,
    /// Although it is this address, such as `loopback address 127.0.0.1`.
    pub address: Option<String>,
}

/// A URL that was looked at.
#[derive(Debug)]
pub(super) struct Address {
    /// What it takes to reach it.
    pub(super) allowance: Option<Allowance>,
    /// The secrets that are filled in.
    pub(super) injections: Vec<Injection>,
}

/// Checks a server's URL, in which `{NAME}` stands for a secret.
pub(super) fn check(text: &str, allow_metadata: bool) -> Result<Address, InvalidServer> {
    let names = placeholders(text)?;
    // A plain word in place of each secret gives a URL of the same shape.
    let filled = names.iter().fold(text.to_owned(), |url, name| {
        url.replace(&format!("{{{name}}}"), "secret")
    });
    let invalid = || InvalidServer::Url {
        url: text.to_owned(),
    };
    let url = Url::parse(&filled).map_err(|_| invalid())?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err(InvalidServer::Scheme {
            scheme: url.scheme().to_owned(),
        });
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(InvalidServer::UrlCredentials);
    }
    if url.fragment().is_some() {
        return Err(InvalidServer::UrlFragment);
    }
    let plain_http = url.scheme() == "http";
    let allowance = if authority(text).contains('{') {
        if plain_http {
            return Err(InvalidServer::PlainTemplate);
        }
        // Where it leads is known only once the secret is: the gateway checks it then, and allows nothing.
        None
    } else {
        allowance(&url, plain_http, allow_metadata).ok_or_else(invalid)??
    };
    let injections = names
        .into_iter()
        .map(|secret| Injection::Url { secret })
        .collect();
    Ok(Address {
        allowance,
        injections,
    })
}

/// What it takes to reach `url`; `None` when it has no host and port.
fn allowance(
    url: &Url,
    plain_http: bool,
    allow_metadata: bool,
) -> Option<Result<Option<Allowance>, InvalidServer>> {
    let port = url.port_or_known_default()?;
    let origin = format!("{}:{port}", url.host_str()?);
    let mut unusual = None;
    for address in addresses(&url.host()?, port) {
        match AddressClass::of(address) {
            AddressClass::Public => {}
            AddressClass::Metadata if !allow_metadata => {
                return Some(Err(InvalidServer::Metadata { origin, address }));
            }
            class => unusual = Some(format!("{class} address {address}")),
        }
    }
    let allowance = (plain_http || unusual.is_some()).then_some(Allowance {
        origin,
        plain_http,
        address: unusual,
    });
    Some(Ok(allowance))
}

/// The addresses of a host, as far as they can be found out now.
fn addresses(host: &Host<&str>, port: u16) -> Vec<IpAddr> {
    match host {
        Host::Ipv4(address) => vec![IpAddr::V4(*address)],
        Host::Ipv6(address) => vec![IpAddr::V6(*address)],
        Host::Domain(name) => resolve(name, port),
    }
}

fn resolve(name: &str, port: u16) -> Vec<IpAddr> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let target = (name.to_owned(), port);
    // The system's resolver cannot be cancelled, only abandoned: this thread ends by itself.
    thread::spawn(move || {
        let found = target
            .to_socket_addrs()
            .map(|found| found.map(|address| address.ip()).collect())
            .unwrap_or_default();
        // Nobody listens any more when it took too long.
        let _ = sender.send(found);
    });
    receiver.recv_timeout(RESOLVE_TIMEOUT).unwrap_or_default()
}

/// The part between `//` and the path, as written.
fn authority(text: &str) -> &str {
    let rest = text.split_once("//").map_or("", |(_, rest)| rest);
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    &rest[..end]
}

/// The names in `{…}`, each once; other braces have no place in a URL.
fn placeholders(text: &str) -> Result<Vec<String>, InvalidServer> {
    let mut names: Vec<String> = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        let name = &rest[open + 1..];
        let Some(close) = name.find('}') else {
            return Err(InvalidServer::Url {
                url: text.to_owned(),
            });
        };
        let (name, after) = (&name[..close], &name[close + 1..]);
        header::check_placeholder(name)?;
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
        rest = after;
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_allowed(url: &str, origin: Option<&str>) {
        let address = check(url, false).unwrap();
        let found = address.allowance.map(|allowance| allowance.origin);
        assert_eq!(found.as_deref(), origin, "{url}");
    }

    #[track_caller]
    fn check_refused(url: &str, message: &str) {
        let error = check(url, false).unwrap_err().to_string();
        assert!(error.contains(message), "{url}: {error}");
    }

    #[test]
    fn s65_an_allowance_is_for_exactly_one_host_and_port() {
        check_allowed("https://1.1.1.1/mcp", None);
        check_allowed("http://1.1.1.1/mcp", Some("1.1.1.1:80"));
        check_allowed("http://127.0.0.1:9000/mcp", Some("127.0.0.1:9000"));
        check_allowed("https://10.1.2.3/mcp", Some("10.1.2.3:443"));
        check_allowed("https://[::1]:8443/mcp", Some("[::1]:8443"));
        check_allowed("http://localhost:3000/mcp", Some("localhost:3000"));
        check_allowed("https://{TENANT}.example.com/{PATH}/mcp", None);
    }

    #[test]
    fn s65_metadata_addresses_take_a_word_of_their_own() {
        check_refused(
            "http://169.254.169.254/latest",
            "metadata address 169.254.169.254",
        );
        let address = check("http://169.254.169.254/latest", true).unwrap();
        assert_eq!(address.allowance.unwrap().origin, "169.254.169.254:80");
    }

    #[test]
    fn s64_what_is_not_a_server_address_is_refused() {
        check_refused("api.example.com/mcp", "is not the URL");
        check_refused("/mcp", "is not the URL");
        check_refused("https://", "is not the URL");
        check_refused("ftp://1.1.1.1/x", "not `ftp`");
        check_refused("file:///etc/passwd", "not `file`");
        check_refused("https://user:password@1.1.1.1/mcp", "user name or password");
        check_refused("https://1.1.1.1/mcp#part", "fragment");
        check_refused("http://{HOST}/mcp", "plain http");
        check_refused("https://1.1.1.1/{key}", "{key}");
        check_refused("https://1.1.1.1/{KEY", "is not the URL");
    }

    #[test]
    fn placeholders_become_injections_once_each() {
        let address = check("https://1.1.1.1/{A}/{B}/{A}", false).unwrap();
        let names: Vec<&str> = address
            .injections
            .iter()
            .flat_map(Injection::secret_names)
            .collect();
        assert_eq!(names, ["A", "B"]);
    }
}

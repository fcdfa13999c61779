use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Body;
use hyper::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, HOST, HeaderName, HeaderValue,
};
use hyper::http::uri::PathAndQuery;
use hyper::{HeaderMap, Method, Request, Response, Uri};
use rustls::pki_types::{DnsName, ServerName};
use url::{Host, Url};

use super::Egress;
use super::address::{AllowedOrigin, address_of};
use super::connect::Target;
use super::connection::{Connection, ExchangeError};
use super::decode::{Coding, Decoder};
use super::error::{EgressError, ProtocolFault, SendError, SendErrorKind, Sent};
use super::in_body::InBody;
use super::pool::Pool;
use super::request::{OutRequest, is_forbidden_header};

/// One server's address with its kept connections. Cloning is cheap and shares them.
///
/// Redirects are answers like any other, never followed (S-66), and no proxy is used.
/// How many exchanges run at once is the caller's to bound.
#[derive(Clone)]
pub struct Endpoint(Arc<Shared>);

pub(super) struct Shared {
    egress: Egress,
    url: Url,
    uri: Uri,
    host: HeaderValue,
    target: Target,
    pub(super) pool: Pool,
    /// Held by each connection that is open, and here.
    open: Arc<()>,
}

/// How many connections there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Connections {
    /// Those that carry an exchange.
    pub busy: usize,
    /// Those that wait for one.
    pub idle: usize,
}

impl Endpoint {
    /// Checks an address (S-64) and makes an endpoint of it; nothing is contacted.
    ///
    /// `allowed_origin` is the exact `host:port` the operator let be private and speak plain
    /// `http`; it has no effect on any other host or port. `connect_timeout` covers name
    /// resolution, connecting and the TLS handshake.
    pub fn new(
        egress: &Egress,
        url: &Url,
        allowed_origin: Option<&str>,
        connect_timeout: Duration,
    ) -> Result<Self, EgressError> {
        let allowed = allowed_origin.map(parse_allowance).transpose()?;
        let host = url.host().ok_or(EgressError::NoHost)?.to_owned();
        let port = url.port_or_known_default().ok_or(EgressError::NoHost)?;
        let origin = || format!("{host}:{port}");

        let tls = match url.scheme() {
            "https" => true,
            "http"
                if allowed
                    .as_ref()
                    .is_some_and(|allowed| allowed.is_for(&host, port)) =>
            {
                false
            }
            "http" => return Err(EgressError::PlainHttp { origin: origin() }),
            other => {
                return Err(EgressError::Scheme {
                    scheme: other.to_owned(),
                });
            }
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EgressError::Credentials);
        }
        if let Some(address) = address_of(&host) {
            let checked = egress
                .policy()
                .check(address, port, &host, allowed.as_ref());
            checked.map_err(|source| EgressError::Blocked {
                origin: origin(),
                source,
            })?;
        }

        let tls_name = if tls { Some(tls_name(&host)?) } else { None };
        Ok(Self(Arc::new(Shared {
            egress: egress.clone(),
            uri: Uri::from(path_of(url)?),
            host: host_header(url)?,
            url: url.clone(),
            target: Target {
                host,
                port,
                allowed,
                tls_name,
                connect_timeout,
            },
            pool: Pool::new(egress.config().max_idle_connections),
            open: Arc::default(),
        })))
    }

    /// The address it was made of.
    pub fn url(&self) -> &Url {
        &self.0.url
    }

    /// How many connections there are now.
    pub fn connections(&self) -> Connections {
        let open = Arc::strong_count(&self.0.open).saturating_sub(1);
        let idle = self.0.pool.len().min(open);
        Connections {
            busy: open - idle,
            idle,
        }
    }

    /// Sends a request and waits for the head of its answer.
    ///
    /// A kept connection that turns out to be closed before one byte was written is replaced
    /// silently; nothing else is ever sent twice. There is no time limit but for connecting:
    /// dropping the future, or later the body, closes the connection and so cancels (P8.20).
    pub async fn send(&self, request: OutRequest) -> Result<Response<InBody>, SendError> {
        let shared = &self.0;
        let mut request = shared.build(request).map_err(SendError::unsent)?;
        loop {
            let (mut connection, kept) = match shared.pool.take().await {
                Some(connection) => (connection, true),
                // Boxed, since most exchanges find a kept one, and their futures should not carry a handshake.
                None => (Box::pin(shared.connect()).await?, false),
            };
            match connection.exchange(request).await {
                Ok(response) => return shared.accept(response, connection),
                // Each turn uses up a kept connection, and a new one ends the loop.
                Err(ExchangeError::Unused(unused, _)) if kept => request = *unused,
                Err(error) => return Err(send_error(error)),
            }
        }
    }
}

impl Shared {
    async fn connect(&self) -> Result<Box<Connection>, SendError> {
        let mut connection = self.target.connect(&self.egress).await?;
        connection.count(&self.open);
        Ok(connection)
    }

    /// The request as it goes out: the caller's headers and ours, nothing else (S-27).
    fn build(&self, request: OutRequest) -> Result<Request<Full<Bytes>>, SendErrorKind> {
        if let Some(name) = request
            .headers
            .keys()
            .find(|name| is_forbidden_header(name))
        {
            return Err(SendErrorKind::Header(name.clone()));
        }
        let uri = match request.path_and_query {
            None => self.uri.clone(),
            Some(path) => Uri::from(parse_path(path)?),
        };
        // hyper leaves the length of an empty body out, and some servers answer 411 then.
        let says_empty = request.body.is_empty() && request.method != Method::GET;
        let mut built = Request::new(Full::new(request.body));
        *built.method_mut() = request.method;
        *built.uri_mut() = uri;
        *built.headers_mut() = request.headers;
        built.headers_mut().insert(HOST, self.host.clone());
        built.headers_mut().insert(ACCEPT_ENCODING, IDENTITY);
        if says_empty {
            built
                .headers_mut()
                .insert(CONTENT_LENGTH, HeaderValue::from(0));
        }
        Ok(built)
    }

    pub(super) fn idle_timeout(&self) -> Duration {
        self.egress.config().idle_timeout
    }

    fn accept(
        self: &Arc<Self>,
        mut response: Response<hyper::body::Incoming>,
        mut connection: Box<Connection>,
    ) -> Result<Response<InBody>, SendError> {
        let decoder = decoder(&mut response).map_err(|fault| SendError {
            kind: SendErrorKind::Protocol(fault),
            sent: Sent::Unknown,
        })?;
        if let Some(limit) = keep_alive_limit(response.headers()) {
            connection.limit_idle(limit);
        }
        let max = self.egress.config().max_response_bytes;
        Ok(response.map(|body| InBody::new(body, decoder, connection, self, max)))
    }
}

const IDENTITY: HeaderValue = HeaderValue::from_static("identity");
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");

/// We ask for `identity`, since decoding costs more than a local network does. What comes compressed
/// all the same is decoded within bounds (S-68), and its head no longer speaks of what went over the wire.
fn decoder(
    response: &mut Response<hyper::body::Incoming>,
) -> Result<Option<Box<Decoder>>, ProtocolFault> {
    let Some(coding) = Coding::of(response.headers())? else {
        return Ok(None);
    };
    if response.body().is_end_stream() {
        return Ok(None);
    }
    response.headers_mut().remove(CONTENT_ENCODING);
    response.headers_mut().remove(CONTENT_LENGTH);
    let decoder = Decoder::new(coding).map_err(|_| ProtocolFault::Encoded)?;
    Ok(Some(Box::new(decoder)))
}

/// Until when an unused connection is safe to use again, if the server says when it will close it.
/// The second in between keeps a request from meeting the close on its way.
fn keep_alive_limit(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(KEEP_ALIVE)?.to_str().ok()?;
    let timeout = value
        .split(',')
        .find_map(|item| item.trim().strip_prefix("timeout="))?;
    let seconds: u32 = timeout.parse().ok()?;
    Some(Duration::from_secs(u64::from(seconds.saturating_sub(1))))
}

fn send_error(error: ExchangeError) -> SendError {
    let (error, sent) = match error {
        ExchangeError::Unused(_, error) | ExchangeError::Unwritten(error) => (error, Sent::Nothing),
        ExchangeError::Written(error) => (error, Sent::Unknown),
    };
    let kind = if error.is_parse_too_large() {
        SendErrorKind::Protocol(ProtocolFault::HeaderTooLarge)
    } else if error.is_parse() {
        SendErrorKind::Protocol(ProtocolFault::Malformed)
    } else {
        SendErrorKind::Closed(error)
    };
    SendError { kind, sent }
}

fn parse_allowance(text: &str) -> Result<AllowedOrigin, EgressError> {
    AllowedOrigin::parse(text).ok_or_else(|| EgressError::BadAllowance {
        origin: text.to_owned(),
    })
}

fn tls_name(host: &Host<String>) -> Result<ServerName<'static>, EgressError> {
    match (host, address_of(host)) {
        (_, Some(address)) => Ok(ServerName::from(address)),
        (Host::Domain(name), _) => DnsName::try_from(name.clone())
            .map(ServerName::DnsName)
            .map_err(|_| EgressError::NoHost),
        (Host::Ipv4(_) | Host::Ipv6(_), None) => Err(EgressError::NoHost),
    }
}

fn path_of(url: &Url) -> Result<PathAndQuery, EgressError> {
    let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
    PathAndQuery::from_str(path).map_err(|_| EgressError::NoHost)
}

fn host_header(url: &Url) -> Result<HeaderValue, EgressError> {
    let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
    HeaderValue::from_str(host).map_err(|_| EgressError::NoHost)
}

fn parse_path(path: String) -> Result<PathAndQuery, SendErrorKind> {
    if !path.starts_with('/') {
        return Err(SendErrorKind::Path);
    }
    PathAndQuery::from_maybe_shared(Bytes::from(path)).map_err(|_| SendErrorKind::Path)
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Shared {
    /// The origin only: a path or query may hold a secret (S-20).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({}:{})", self.target.host, self.target.port)
    }
}

use std::fmt;
use std::io;

use hyper::header::HeaderName;

use super::address::{AddressClass, Blocked};

/// Why an address can't be an endpoint at all. Nothing was contacted.
#[derive(Debug, thiserror::Error)]
pub enum EgressError {
    /// A configured root certificate isn't one.
    #[error("reading a configured root certificate")]
    BadRoot {
        /// What is wrong with it.
        source: rustls::Error,
    },
    /// Neither `https` nor `http`.
    #[error("using a {scheme} address")]
    Scheme {
        /// What stood before the colon.
        scheme: String,
    },
    /// `http` to a host the operator didn't allow it for (S-64).
    #[error("using plain http to {origin}")]
    PlainHttp {
        /// `host:port`.
        origin: String,
    },
    /// No host in the URL.
    #[error("using an address without a host")]
    NoHost,
    /// A user name or password in the URL, where logs and lists would show it.
    #[error("using an address with a user name or password in it")]
    Credentials,
    /// The recorded allowance isn't `host:port`.
    #[error("reading the allowance {origin:?} as host:port")]
    BadAllowance {
        /// What was given.
        origin: String,
    },
    /// The URL's host is an address we don't connect to (S-64). Names are checked when they are
    /// resolved, for each connection.
    #[error("using {origin}")]
    Blocked {
        /// `host:port`.
        origin: String,
        /// Which address, and why.
        source: Blocked,
    },
}

impl EgressError {
    /// What a person can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::BadRoot { .. } => "give CA certificates in PEM or DER form",
            Self::Scheme { .. } => "give an https:// address",
            Self::PlainHttp { .. } => {
                "use https, or let the operator allow exactly this host and port on the gateway's host"
            }
            Self::NoHost => "give an address such as https://mcp.example.com/mcp",
            Self::Credentials => "save the credentials as a secret and send them in a header",
            Self::BadAllowance { .. } => "give a host and a port, such as 10.0.0.5:8080",
            Self::Blocked { source, .. } => source.hint(),
        }
    }
}

impl Blocked {
    /// What a person can do about it.
    pub fn hint(&self) -> &'static str {
        match self.class {
            AddressClass::Metadata => {
                "metadata services hand out the host's credentials; the operator must allow this exact address"
            }
            AddressClass::Multicast | AddressClass::Unspecified => {
                "no server can be reached at such an address; correct it"
            }
            AddressClass::OwnListener => "that is the gateway itself; link the server directly",
            _ => "the operator can allow exactly this host and port on the gateway's host",
        }
    }
}

/// Why a request got no answer, and whether the server may have seen it.
#[derive(Debug)]
pub struct SendError {
    /// What went wrong.
    pub kind: SendErrorKind,
    /// Whether any of the request left this process.
    pub sent: Sent,
}

/// How much of a request was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// Not one byte: it is safe to send it again.
    Nothing,
    /// Some, perhaps all: the server may have acted on it.
    Unknown,
}

/// What went wrong while sending a request or waiting for its answer.
#[derive(Debug, thiserror::Error)]
pub enum SendErrorKind {
    /// The host resolved to an address the policy doesn't let us connect to (S-64).
    #[error("connecting to the server's address")]
    Refused(#[source] Blocked),
    /// A header that only this crate may set, or nobody (S-27).
    #[error("sending the header {0}, which is not the caller's to set")]
    Header(HeaderName),
    /// A path that isn't one.
    #[error("reading the request path")]
    Path,
    /// The name has no addresses, or the resolver failed.
    #[error("resolving the server's name")]
    Resolve(#[source] io::Error),
    /// No address accepted a connection.
    #[error("connecting to the server")]
    Connect(#[source] io::Error),
    /// Name, connection and handshake took longer than the connect timeout.
    #[error("connecting to the server within the time limit")]
    ConnectTimeout,
    /// The server's certificate or handshake isn't acceptable, or no roots could be loaded.
    #[error("setting up TLS with the server")]
    Tls(#[source] io::Error),
    /// The answer breaks HTTP or our limits for it (S-68).
    #[error("reading the server's answer: {0}")]
    Protocol(ProtocolFault),
    /// The connection ended before the answer came.
    #[error("waiting for the server's answer")]
    Closed(#[source] hyper::Error),
}

/// How an answer breaks HTTP or our limits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolFault {
    /// Not an HTTP/1.1 answer, or contradictory lengths.
    #[error("it is not valid HTTP")]
    Malformed,
    /// More header fields or bytes than allowed.
    #[error("its header is larger than allowed")]
    HeaderTooLarge,
    /// Compressed in a way that isn't undone: several layers, or none of gzip, br and zstd.
    #[error("its content encoding is not one of identity, gzip, br and zstd")]
    Encoded,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl std::error::Error for SendError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.kind.source()
    }
}

impl SendError {
    pub(super) fn unsent(kind: SendErrorKind) -> Self {
        Self {
            kind,
            sent: Sent::Nothing,
        }
    }
}

//! HTTP out: endpoints with kept connections, checked addresses, bounded answers.

mod address;
mod client;
mod config;
mod connect;
mod connection;
mod decode;
mod endpoint;
mod error;
mod in_body;
mod pool;
mod request;
mod roots;

pub use address::{AddressClass, AddressPolicy, AllowedOrigin, Blocked};
pub use client::Egress;
pub use config::{EgressConfig, Resolver};
pub use decode::{Coding, DecodeError, Decoder, FREE_BYTES, RATIO_MAX};
pub use endpoint::{Connections, Endpoint};
pub use error::{EgressError, ProtocolFault, SendError, SendErrorKind, Sent};
pub use in_body::{InBody, InBodyError};
pub use request::{OutRequest, is_forbidden_header, secret_header_value};
pub use rustls::pki_types::CertificateDer;

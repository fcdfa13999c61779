//! `toolgatectl serve`

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use toolgate_api::Network;
use toolgate_log::LogFormat;

/// Serves the management API and the dashboard.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  toolgatectl serve
  toolgatectl serve --listen 127.0.0.1:0
  toolgatectl serve --listen 0.0.0.0:8443 --tls-cert chain.pem --tls-key key.pem --public-url https://admin.example.com:8443
  toolgatectl serve --listen 10.1.0.9:8421 --behind-proxy 10.1.0.2 --public-url https://admin.example.com

Prints the address once it listens; SIGTERM or Ctrl-C ends it after what is under way. Programs use
it with a key (`toolgatectl key create`) or an Admin token; what it offers is at /openapi.json.")]
pub(crate) struct ServeArgs {
    /// Where to listen. Port 0 takes a free one. Others than loopback need --tls-cert or --behind-proxy
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8421", value_parser = listen_address)]
    pub(crate) listen: SocketAddr,
    /// The listener's certificate chain in PEM, its own first. Read again when it changes and on SIGHUP
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The certificate's private key in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// A proxy in front that terminates TLS: an address or a network such as 10.1.0.0/16; repeatable
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) behind_proxy: Vec<Network>,
    /// The URL people reach it under, such as `https://admin.example.com`
    #[arg(
        long,
        value_name = "URL",
        env = "TOOLGATE_ADMIN_URL",
        hide_env_values = true
    )]
    pub(crate) public_url: Option<String>,
    /// How log lines are written to standard error. The environment variable `TOOLGATE_LOG` filters them (`info` by default)
    #[arg(long, value_name = "LOG_FORMAT", default_value = "text", value_parser = log_format())]
    pub(crate) log_format: LogFormat,
}

fn log_format() -> impl TypedValueParser<Value = LogFormat> {
    PossibleValuesParser::new(LogFormat::NAMES).try_map(|name| name.parse::<LogFormat>())
}

/// An address, or the first one a host name stands for.
fn listen_address(text: &str) -> Result<SocketAddr, String> {
    match text.to_socket_addrs() {
        Ok(mut addresses) => addresses
            .next()
            .ok_or_else(|| format!("`{text}` stands for no address")),
        Err(_) => Err("use HOST:PORT, such as 127.0.0.1:8421 or localhost:0".to_owned()),
    }
}

//! The command line: what was typed, turned into what it means.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Parser, Subcommand, ValueEnum};
use toolgate_gateway::{
    Config, DataDir, Demo, GivenKeySources, Network, OwnServer, OwnTools, Proxies, Secret,
    TlsFiles, WorkspaceSlug,
};
use toolgate_log::LogFormat;
use toolgate_manage::Manage;
use toolgate_telemetry::{OtlpConfig, TelemetryConfig};
use url::Url;

use crate::telemetry::Wanted;

/// The MCP gateway: one URL and one token in front of all your MCP servers.
///
/// Started with nothing configured it makes its data directory, a master key and a workspace `default`,
/// prints the URL, an Admin token (once) and a block to paste into an editor, and serves. Everything
/// else is done with `toolgatectl`, while it runs or before.
#[derive(Debug, Parser)]
#[command(name = "toolgate", version, after_help = EXAMPLES)]
pub(crate) struct Flags {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    /// Where the store, the master key and the control socket live; made when absent.
    /// Default: the platform's data directory, such as ~/.local/share/toolgate.
    #[arg(long, value_name = "DIR", env = "TOOLGATE_DATA_DIR")]
    data_dir: Option<PathBuf>,

    /// The master key is in this file, which has to be there. Default: `master.key` in the data directory, made when absent.
    #[arg(long, value_name = "PATH", env = "TOOLGATE_MASTER_KEY_FILE")]
    master_key_file: Option<PathBuf>,

    /// The master key is the systemd credential of this name (`LoadCredential=`).
    #[arg(long, value_name = "NAME", env = "TOOLGATE_MASTER_KEY_CREDENTIAL")]
    master_key_credential: Option<String>,

    /// The master key is what this program prints within 5 s: a JSON array of its full path and its arguments.
    /// The variable `TOOLGATE_MASTER_KEY` can hold the key itself. Exactly one source may be given.
    #[arg(long, value_name = "JSON", env = "TOOLGATE_MASTER_KEY_COMMAND")]
    master_key_command: Option<String>,

    /// Where to listen. Port 0 takes a free one and prints it. Others than loopback need --tls-cert or --behind-proxy.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8420", value_parser = listen_address)]
    listen: SocketAddr,

    /// The listener's certificate chain in PEM, its own first. Read again when it changes and on SIGHUP.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,

    /// The certificate's private key in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,

    /// A proxy in front that terminates TLS: an address or a network such as 10.1.0.0/16; repeatable. It may connect in
    /// plain text and say in `X-Forwarded-For` on whose behalf; nobody else off this machine may.
    #[arg(long, value_name = "ADDRESS")]
    behind_proxy: Vec<Network>,

    /// The URL clients reach the gateway under, when a proxy stands in front: `https://mcp.example.com`.
    #[arg(long, value_name = "URL", env = "TOOLGATE_PUBLIC_URL")]
    public_url: Option<String>,

    /// Also keep the end of the audit chain in this file each minute, somewhere that whoever can change the store cannot.
    #[arg(long, value_name = "FILE", env = "TOOLGATE_AUDIT_CHECKPOINTS")]
    audit_checkpoints: Option<PathBuf>,

    /// Serve this workspace without a token to every program on this machine. For conformance suites and
    /// first steps; repeatable. Not possible together with --public-url.
    #[arg(long, value_name = "WORKSPACE", value_parser = workspace, conflicts_with = "public_url")]
    anonymous: Vec<WorkspaceSlug>,

    /// Whether each workspace has the gateway's own tools, `toolgate__…`: an Admin token manages its workspace with
    /// them, others see who they are and what they called.
    #[arg(long, value_enum, value_name = "on|off", default_value_t = Switch::On, env = "TOOLGATE_MANAGEMENT_TOOLS")]
    management_tools: Switch,

    /// Resident memory, in bytes, near which new work is refused. Default: what the control group allows.
    #[arg(long, value_name = "BYTES")]
    memory_limit: Option<u64>,

    /// Calls under way at once, over all workspaces; further ones are refused with 503.
    #[arg(long, value_name = "NUMBER", default_value_t = 8192, value_parser = at_least_one)]
    max_calls: usize,

    /// Export traces, metrics and logs to this OpenTelemetry collector, by OTLP over HTTP: `http://127.0.0.1:4318`.
    #[arg(long, value_name = "URL", env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    otlp_endpoint: Option<Url>,

    /// Headers for the collector are in this file, `Name: value` a line. The variable `OTEL_EXPORTER_OTLP_HEADERS` can hold
    /// them as well, as `name=value,name=value`.
    #[arg(
        long,
        value_name = "FILE",
        env = "TOOLGATE_OTLP_HEADERS_FILE",
        requires = "otlp_endpoint"
    )]
    otlp_headers_file: Option<PathBuf>,

    /// Serve Prometheus metrics here, under /metrics. Others than loopback need --tls-cert or --behind-proxy.
    #[arg(long, value_name = "HOST:PORT", env = "TOOLGATE_METRICS_LISTEN", value_parser = listen_address)]
    metrics_listen: Option<SocketAddr>,

    /// A name that scrapers know the metrics listener by, when they do not come to its address; repeatable.
    #[arg(long, value_name = "NAME", requires = "metrics_listen")]
    metrics_host: Vec<String>,

    /// Count metrics for each tool, not only for each server.
    #[arg(long)]
    metrics_by_tool: bool,

    /// How log lines are written to standard error. The environment variable `TOOLGATE_LOG` filters them (`info` by default).
    #[arg(long, default_value = "text", value_parser = PossibleValuesParser::new(LogFormat::NAMES).try_map(|name| name.parse::<LogFormat>()))]
    pub(crate) log_format: LogFormat,

    /// Also put two small real MCP servers into the workspace `default`, one of which needs a secret.
    #[arg(long)]
    demo: bool,
}

/// What the binary does besides serving.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs one of the demonstration servers over standard input and output; started by `--demo`.
    #[command(hide = true)]
    DemoServer {
        /// `notes` or `weather`.
        name: String,
    },
}

/// Whether something is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    /// It is.
    On,
    /// It is not.
    Off,
}

const EXAMPLES: &str = "\
Examples:
  toolgate                                   serve on 127.0.0.1:8420
  toolgate --demo                            with two servers to try
  toolgate --listen 127.0.0.1:0              on a free port, printed as `ready http://…`
  toolgate --data-dir ./data --log-format json
  toolgate --listen 0.0.0.0:8443 --tls-cert chain.pem --tls-key key.pem --public-url https://mcp.example.com:8443
  toolgate --otlp-endpoint http://127.0.0.1:4318 --metrics-listen 127.0.0.1:9464
  toolgate --listen 10.1.0.9:8420 --behind-proxy 10.1.0.2 --public-url https://mcp.example.com

Then, in another terminal:
  toolgatectl mcp add files -- npx -y @modelcontextprotocol/server-filesystem ~/notes
  toolgatectl mcp add github --url https://api.githubcopilot.com/mcp/ --bearer GITHUB_TOKEN";

/// An address, or the first one a host name stands for.
fn listen_address(text: &str) -> Result<SocketAddr, String> {
    match text.to_socket_addrs() {
        Ok(mut addresses) => addresses
            .next()
            .ok_or_else(|| format!("`{text}` stands for no address")),
        Err(_) => Err("use HOST:PORT, such as 127.0.0.1:8420 or localhost:0".to_owned()),
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("use a number of at least 1".to_owned()),
        Ok(number) => Ok(number),
    }
}

fn workspace(text: &str) -> Result<WorkspaceSlug, String> {
    WorkspaceSlug::try_from(text).map_err(|error| error.to_string())
}

/// The first argument of the process that keeps one child for the gateway, which starts it.
pub(crate) const KEEPER: &str = "keeper";

impl Flags {
    /// What is told, and to whom.
    pub(crate) fn telemetry(&self) -> anyhow::Result<Wanted> {
        let otlp = self.otlp_endpoint.clone().map(|url| self.otlp(url));
        Ok(Wanted {
            config: TelemetryConfig {
                otlp: otlp.transpose()?,
                by_tool: self.metrics_by_tool,
                ..TelemetryConfig::default()
            },
            metrics_listen: self.metrics_listen,
            metrics_hosts: self.metrics_host.clone(),
        })
    }

    fn otlp(&self, endpoint: Url) -> anyhow::Result<OtlpConfig> {
        let mut otlp = OtlpConfig::to(endpoint);
        if let Ok(list) = std::env::var("OTEL_EXPORTER_OTLP_HEADERS") {
            otlp = otlp.with_header_list(&list)?;
        }
        if let Some(file) = &self.otlp_headers_file {
            let reading = || format!("reading {}", file.display());
            let text = std::fs::read_to_string(file).with_context(reading)?;
            otlp = otlp.with_header_lines(&text).with_context(reading)?;
        }
        Ok(otlp)
    }

    /// What was typed, with every default filled in.
    pub(crate) fn into_config(self, variable: Option<Secret<String>>) -> anyhow::Result<Config> {
        let path = match self.data_dir {
            Some(path) => path,
            None => {
                DataDir::default_path().context("finding the data directory (pass --data-dir)")?
            }
        };
        let mut config = Config::new(DataDir::new(path));
        config.master_key = GivenKeySources {
            file: self.master_key_file,
            credential: self.master_key_credential,
            credentials_directory: std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from),
            variable,
            command: self.master_key_command,
        };
        config.listen = self.listen;
        config.overload.memory_bytes = self.memory_limit;
        config.overload.max_calls = self.max_calls;
        config = config.with_passed_socket()?;
        config.audit_checkpoints = self.audit_checkpoints;
        config.own_tools = (self.management_tools == Switch::On).then(manage);
        config.anonymous = self.anonymous;
        config.proxies = Proxies::new(self.behind_proxy);
        if let (Some(certificate), Some(key)) = (self.tls_cert, self.tls_key) {
            config.tls = Some(TlsFiles { certificate, key });
        }
        if let Some(url) = self.public_url {
            config = config
                .with_public_url(&url)
                .with_context(|| format!("using the public URL `{url}`"))?;
        }
        let program = std::env::current_exe().context("finding this program")?;
        let program = program.to_string_lossy().into_owned();
        if self.demo {
            config.demo = Some(Demo {
                argv: vec![program.clone(), "demo-server".into()],
            });
        }
        // What runs, also after the file was replaced by another version.
        let this = if cfg!(target_os = "linux") {
            "/proc/self/exe".to_owned()
        } else {
            program
        };
        config.keeper = Some(vec![this, KEEPER.to_owned()]);
        Ok(config)
    }
}

/// The gateway's own tools, over the store that it opens.
fn manage() -> OwnTools {
    OwnTools::new(|home| OwnServer {
        tools: Manage::tools(),
        server: Arc::new(Manage::over(home.dir, home.store, home.keys)),
    })
}

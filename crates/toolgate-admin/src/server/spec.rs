//! From what was asked to a [`ServerSpec`]: everything checked and resolved.

use std::time::Duration;

use toolgate_namespace::{
    ChildSettings, EraSetting, HttpKind, Injection, Isolation, Prefix, ServerId, ServerSlug,
    ServerSpec, Timeouts, Transport, Trust, WorkspaceId,
};
use toolgate_vault::SecretName;

use super::{Allowance, InvalidServer, address, child, command, env, header};
use crate::{AdminError, draw};

/// A server as asked for.
#[derive(Debug, Clone)]
pub struct NewServer {
    /// Its name, prefix of its tools.
    pub slug: String,
    /// How it is reached.
    pub transport: NewTransport,
    /// Whether its names are prefixed.
    pub prefix: Prefix,
    /// Which era to speak.
    pub era: EraSetting,
    /// Who shares a session with it.
    pub isolation: Isolation,
    /// Longest time a call may take, shorter silence included; `None` = the defaults.
    pub timeout: Option<Duration>,
    /// How far its tools are trusted.
    pub trust: Trust,
}

/// How a new server is reached.
#[derive(Debug, Clone)]
pub enum NewTransport {
    /// By URL.
    Http {
        /// The endpoint; `{NAME}` stands for a secret.
        url: String,
        /// Which HTTP shape to speak.
        http: HttpKind,
        /// Secret to send as a bearer.
        bearer: Option<String>,
        /// Headers as `Name: template`.
        headers: Vec<String>,
        /// The URL may lead to a metadata address.
        allow_metadata: bool,
    },
    /// As a child process.
    Stdio {
        /// Program and arguments.
        argv: Vec<String>,
        /// Secrets for its environment.
        env: Vec<String>,
        /// How it is started and confined; relative paths are as seen from here.
        child: ChildSettings,
    },
}

/// A spec, and what it takes to reach its server.
#[derive(Debug)]
pub(super) struct Resolved {
    pub(super) spec: ServerSpec,
    pub(super) allowance: Option<Allowance>,
}

/// Checks everything that can be checked without the store.
pub(super) fn resolve(
    new: &NewServer,
    workspace: &WorkspaceId,
    display_order: u32,
) -> Result<Resolved, AdminError> {
    let slug = ServerSlug::try_from(new.slug.as_str())?;
    let (transport, injections, allowance) = reach(&new.transport)?;
    let spec = ServerSpec {
        id: ServerId::from_random(draw::bytes()?),
        workspace: workspace.clone(),
        slug,
        transport,
        era: new.era,
        prefix: new.prefix,
        isolation: new.isolation,
        injections,
        timeouts: timeouts(new.timeout),
        enabled: true,
        display_order,
        allowed_origin: allowance.as_ref().map(|allowance| allowance.origin.clone()),
        trust: new.trust,
        version: 1,
    };
    Ok(Resolved { spec, allowance })
}

type Reach = (Transport, Vec<Injection>, Option<Allowance>);

fn reach(transport: &NewTransport) -> Result<Reach, InvalidServer> {
    match transport {
        NewTransport::Http {
            url,
            http,
            bearer,
            headers,
            allow_metadata,
        } => {
            let address = address::check(url, *allow_metadata)?;
            let mut injections = address.injections;
            if let Some(secret) = bearer {
                let secret = SecretName::normalise(secret)?.as_str().to_owned();
                injections.push(Injection::Bearer { secret });
            }
            for text in headers {
                injections.push(header::parse(text)?);
            }
            check_headers_differ(&injections)?;
            let transport = Transport::Http {
                url: url.clone(),
                http: *http,
            };
            Ok((transport, injections, address.allowance))
        }
        NewTransport::Stdio { argv, env, child } => {
            let path = std::env::var_os("PATH");
            let argv = command::resolve(argv, path.as_deref())?;
            let child = child::resolve(child, path.as_deref())?;
            let injections = env
                .iter()
                .map(|name| env::parse(name, &child))
                .collect::<Result<_, _>>()?;
            Ok((Transport::Stdio { argv, child }, injections, None))
        }
    }
}

/// Two injections into one header would leave it open which value the server gets.
pub(super) fn check_headers_differ(injections: &[Injection]) -> Result<(), InvalidServer> {
    let mut seen = Vec::new();
    for injection in injections {
        let name = match injection {
            Injection::Bearer { .. } => "authorization",
            Injection::Header { name, .. } => name,
            Injection::Env { .. } | Injection::Url { .. } => continue,
        };
        if seen.contains(&name) {
            return Err(InvalidServer::HeaderTwice {
                name: name.to_owned(),
            });
        }
        seen.push(name);
    }
    Ok(())
}

/// A timeout bounds the whole call; silence may not be waited for longer than that.
pub(super) fn timeouts(call: Option<Duration>) -> Timeouts {
    let defaults = Timeouts::default();
    let Some(call) = call else { return defaults };
    Timeouts {
        call_max: call,
        call_idle: defaults.call_idle.min(call),
        ..defaults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(transport: NewTransport) -> NewServer {
        NewServer {
            slug: "github".into(),
            transport,
            prefix: Prefix::Slug,
            era: EraSetting::Auto,
            isolation: Isolation::Auto,
            timeout: Some(Duration::from_secs(10)),
            trust: Trust::default(),
        }
    }

    fn http(bearer: Option<&str>, headers: &[&str]) -> NewTransport {
        NewTransport::Http {
            url: "https://1.1.1.1/mcp".into(),
            http: HttpKind::Auto,
            bearer: bearer.map(Into::into),
            headers: headers.iter().map(|header| (*header).to_owned()).collect(),
            allow_metadata: false,
        }
    }

    #[test]
    fn a_timeout_bounds_the_call_and_its_silence() {
        let workspace = WorkspaceId::from_random([1; 16]);
        let resolved = resolve(&new(http(None, &[])), &workspace, 3).unwrap();
        let timeouts = resolved.spec.timeouts;
        assert_eq!(timeouts.call_max, Duration::from_secs(10));
        assert_eq!(timeouts.call_idle, Duration::from_secs(10));
        assert_eq!(timeouts.connect, Duration::from_secs(5));
        assert_eq!(resolved.spec.display_order, 3);
        assert!(resolved.allowance.is_none());
    }

    #[test]
    fn one_header_carries_one_secret() {
        let workspace = WorkspaceId::from_random([1; 16]);
        let both = http(Some("A"), &["Authorization: Basic {B}"]);
        assert!(resolve(&new(both), &workspace, 0).is_err());
        let twice = http(None, &["X-Key: {A}", "x-key: {B}"]);
        assert!(resolve(&new(twice), &workspace, 0).is_err());
        let apart = http(Some("github-token"), &["X-Key: {B}"]);
        let resolved = resolve(&new(apart), &workspace, 0).unwrap();
        let names: Vec<&str> = resolved
            .spec
            .injections
            .iter()
            .flat_map(Injection::secret_names)
            .collect();
        assert_eq!(names, ["GITHUB_TOKEN", "B"]);
    }
}

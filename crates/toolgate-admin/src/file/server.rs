//! One server of a file, and what it means.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use toolgate_http::egress::AddressClass;
use toolgate_namespace::{
    Baseline, Changes, ChildSettings, EraSetting, HttpKind, Injection, Isolation, Prefix,
    ServerSpec, Timeouts, Transport, Trust, WorkspaceId,
};
use url::{Host, Url};

use super::FileError;
use super::format::{Tools, is_on, on};
use crate::server::{Resolved, resolve_unasked};
use crate::time::millis;
use crate::{AdminError, NewServer, NewTransport};

/// A server; what is absent has its default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ServerEntry {
    pub(super) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    transport: HttpKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bearer: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    headers: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    allow: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    allow_metadata_address: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    command: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    env: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    allow_env: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    wrapper: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cwd: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_memory: Option<Ceiling>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_file_size: Option<Ceiling>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_files: Option<Ceiling>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_processes: Option<Ceiling>,
    #[serde(default, skip_serializing_if = "is_default")]
    prefix: Prefix,
    #[serde(default, skip_serializing_if = "is_default")]
    era: EraSetting,
    #[serde(default, skip_serializing_if = "is_default")]
    isolation: Isolation,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timeout_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "is_default")]
    changes: Changes,
    #[serde(default, skip_serializing_if = "is_default")]
    review: bool,
    #[serde(default = "on", skip_serializing_if = "is_on")]
    pub(super) enabled: bool,
    #[serde(default, skip_serializing_if = "Tools::is_empty")]
    pub(super) tools: Tools,
}

/// A number, or `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum Ceiling {
    Most(u64),
    Word(NoCeiling),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum NoCeiling {
    #[serde(rename = "none")]
    None,
}

impl ServerEntry {
    /// A server as it is now.
    pub(super) fn of(spec: &ServerSpec, tools: Tools) -> Self {
        let mut entry = Self {
            name: spec.slug.to_string(),
            url: None,
            transport: HttpKind::Auto,
            bearer: None,
            headers: Vec::new(),
            allow: spec.allowed_origin.clone(),
            allow_metadata_address: false,
            command: None,
            env: Vec::new(),
            allow_env: Vec::new(),
            wrapper: Vec::new(),
            cwd: None,
            max_memory: None,
            max_file_size: None,
            max_files: None,
            max_processes: None,
            prefix: spec.prefix,
            era: spec.era,
            isolation: spec.isolation,
            timeout_ms: (spec.timeouts.call_max != Timeouts::default().call_max)
                .then(|| millis(spec.timeouts.call_max)),
            changes: spec.trust.changes,
            review: spec.trust.baseline == Baseline::Review,
            enabled: spec.enabled,
            tools,
        };
        match &spec.transport {
            Transport::Http { url, http } => {
                entry.transport = *http;
                entry.allow_metadata_address = leads_to_metadata(url);
                entry.url = Some(url.clone());
            }
            Transport::Stdio { argv, child } => entry.started(argv, child),
            // It is no link of the workspace, so nothing lists it.
            Transport::BuiltIn => {}
        }
        for injection in &spec.injections {
            match injection {
                Injection::Bearer { secret } => entry.bearer = Some(secret.clone()),
                Injection::Header { name, template } => {
                    entry.headers.push(format!("{name}: {template}"));
                }
                Injection::Env { secret } => entry.env.push(secret.clone()),
                // It stands in the URL.
                Injection::Url { .. } => {}
            }
        }
        entry
    }

    /// Whether nothing but the switch and what is settled about tools differs.
    pub(super) fn is_reached_as(&self, other: &Self) -> bool {
        let same = Self {
            enabled: other.enabled,
            tools: other.tools.clone(),
            ..self.clone()
        };
        same == *other
    }

    fn started(&mut self, argv: &[String], child: &ChildSettings) {
        let defaults = ChildSettings::default();
        let ceiling = |is: Option<u64>, default| {
            (is != default).then(|| is.map_or(Ceiling::Word(NoCeiling::None), Ceiling::Most))
        };
        self.command = Some(argv.to_vec());
        self.allow_env.clone_from(&child.steering_env);
        self.wrapper.clone_from(&child.wrapper);
        self.cwd.clone_from(&child.cwd);
        self.max_memory = ceiling(child.max_memory_bytes, defaults.max_memory_bytes);
        self.max_file_size = ceiling(child.max_file_bytes, defaults.max_file_bytes);
        self.max_files = ceiling(child.max_files, defaults.max_files);
        self.max_processes = ceiling(child.max_processes, defaults.max_processes);
    }

    /// What it means: everything checked, nobody asked.
    pub(super) fn resolve(
        &self,
        workspace: &WorkspaceId,
        place: u32,
    ) -> Result<Resolved, AdminError> {
        let new = NewServer {
            slug: self.name.clone(),
            transport: self.reach()?,
            prefix: self.prefix,
            era: self.era,
            isolation: self.isolation,
            timeout: self.timeout_ms.map(Duration::from_millis),
            trust: Trust {
                changes: self.changes,
                baseline: if self.review {
                    Baseline::Review
                } else {
                    Baseline::First
                },
            },
        };
        let mut resolved = resolve_unasked(&new, workspace, place)?;
        if let (Some(given), None) = (&self.allow, &resolved.spec.allowed_origin) {
            resolved.spec.allowed_origin = Some(given.clone());
        }
        let own = self.url.as_deref().and_then(origin);
        match (&self.allow, own) {
            (Some(given), Some(own)) if *given != own => Err(FileError::Allow {
                given: given.clone(),
                own,
            })?,
            (Some(_), None) => Err(FileError::Misplaced {
                name: "allow",
                kind: "url",
            })?,
            _ => {}
        }
        resolved.spec.enabled = self.enabled;
        Ok(resolved)
    }

    fn reach(&self) -> Result<NewTransport, FileError> {
        let misplaced = |kind, names: &[(&'static str, bool)]| {
            let found = names.iter().find(|(_, is_given)| *is_given);
            found.map_or(Ok(()), |(name, _)| Err(FileError::Misplaced { name, kind }))
        };
        match (&self.url, &self.command) {
            (Some(url), None) => {
                misplaced(
                    "command",
                    &[
                        ("env", !self.env.is_empty()),
                        ("allow_env", !self.allow_env.is_empty()),
                        ("wrapper", !self.wrapper.is_empty()),
                        ("cwd", self.cwd.is_some()),
                        ("max_memory", self.max_memory.is_some()),
                        ("max_file_size", self.max_file_size.is_some()),
                        ("max_files", self.max_files.is_some()),
                        ("max_processes", self.max_processes.is_some()),
                    ],
                )?;
                Ok(NewTransport::Http {
                    url: url.clone(),
                    http: self.transport,
                    bearer: self.bearer.clone(),
                    headers: self.headers.clone(),
                    allow_metadata: self.allow_metadata_address,
                })
            }
            (None, Some(argv)) => {
                misplaced(
                    "url",
                    &[
                        ("transport", !is_default(&self.transport)),
                        ("bearer", self.bearer.is_some()),
                        ("headers", !self.headers.is_empty()),
                        ("allow", self.allow.is_some()),
                        ("allow_metadata_address", self.allow_metadata_address),
                    ],
                )?;
                Ok(NewTransport::Stdio {
                    argv: argv.clone(),
                    env: self.env.clone(),
                    child: self.child(),
                })
            }
            _ => Err(FileError::Reach),
        }
    }

    fn child(&self) -> ChildSettings {
        let defaults = ChildSettings::default();
        let ceiling = |given: Option<Ceiling>, default| match given {
            None => default,
            Some(Ceiling::Most(most)) => Some(most),
            Some(Ceiling::Word(NoCeiling::None)) => None,
        };
        ChildSettings {
            wrapper: self.wrapper.clone(),
            cwd: self.cwd.clone(),
            steering_env: self.allow_env.clone(),
            max_files: ceiling(self.max_files, defaults.max_files),
            max_processes: ceiling(self.max_processes, defaults.max_processes),
            max_file_bytes: ceiling(self.max_file_size, defaults.max_file_bytes),
            max_memory_bytes: ceiling(self.max_memory, defaults.max_memory_bytes),
        }
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// `host:port` of a URL whose host is no secret.
fn origin(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    Some(format!(
        "{}:{}",
        url.host_str()?,
        url.port_or_known_default()?
    ))
}

fn leads_to_metadata(url: &str) -> bool {
    let address: Option<IpAddr> = Url::parse(url).ok().and_then(|url| match url.host()? {
        Host::Ipv4(address) => Some(address.into()),
        Host::Ipv6(address) => Some(address.into()),
        Host::Domain(_) => None,
    });
    address.is_some_and(|address| AddressClass::of(address) == AddressClass::Metadata)
}

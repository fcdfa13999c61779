//! A proxy file of a catalog (product.md 8.3): one server that exists already, described as JSON.

use serde::Deserialize;
use toolgate_namespace::{EraSetting, HttpKind, Isolation, Prefix, ServerSlug, Trust};
use toolgate_vault::SecretName;

use super::FileError;
use crate::{NewServer, NewTransport};

/// A server as a proxy file describes it. Its tools are found, not believed: what the file says of them is not read.
#[derive(Debug, Clone)]
pub struct ProxyFile {
    /// What it is called in the catalog.
    pub title: String,
    /// The server to add.
    pub server: NewServer,
    /// How to come by each secret, as far as the file says so.
    pub how_to_set: Vec<(String, String)>,
}

#[derive(Deserialize)]
struct Described {
    id: Option<String>,
    name: String,
    tier: Option<String>,
    proxy_url: String,
    auth_type: Option<String>,
    #[serde(default)]
    env_vars: Vec<Variable>,
}

/// The newer form, or the plain name of the older one.
#[derive(Deserialize)]
#[serde(untagged)]
enum Variable {
    Described {
        key: String,
        how_to_set: Option<String>,
    },
    Named(String),
}

impl Variable {
    fn key(&self) -> &str {
        match self {
            Self::Described { key, .. } | Self::Named(key) => key,
        }
    }
}

impl ProxyFile {
    /// Reads a proxy file; `called` is another name for the server.
    pub fn parse(text: &str, called: Option<&str>) -> Result<Self, FileError> {
        let wrong = |message: &str| FileError::Proxy {
            message: message.to_owned(),
        };
        let described: Described = serde_json::from_str(text).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            wrong(&format!(
                "line {line}, column {column}: not the JSON of a proxy file, which has `name` and `proxy_url`"
            ))
        })?;
        if described
            .tier
            .as_deref()
            .is_some_and(|tier| tier != "proxy")
        {
            return Err(wrong(
                "its `tier` is not `proxy`: only those describe a server that exists",
            ));
        }
        let in_url = |name: &str| described.proxy_url.contains(&format!("{{{name}}}"));
        let mut keys = described.env_vars.iter().map(Variable::key);
        let key = keys.find(|key| !in_url(key));
        let bearer = match (described.auth_type.as_deref().unwrap_or("bearer"), key) {
            ("none", _) => None,
            // An access token is a bearer, whoever fetches it.
            ("bearer" | "oauth", Some(key)) => Some(key.to_owned()),
            ("bearer" | "oauth", None) => {
                return Err(wrong(
                    "its `auth_type` takes a secret, and `env_vars` names none",
                ));
            }
            _ => {
                return Err(wrong(
                    "its `auth_type` does not say which header takes the secret; add the server with `toolgatectl mcp add --header 'Name: {SECRET}'`",
                ));
            }
        };
        let id = described.id.as_deref().unwrap_or(&described.name);
        let slug = match called {
            Some(slug) => slug.to_owned(),
            None => server_name(id).ok_or_else(|| {
                wrong("no server name can be made of its `id`; give one with --name")
            })?,
        };
        let how_to_set = described
            .env_vars
            .iter()
            .filter_map(|variable| match variable {
                Variable::Described {
                    key,
                    how_to_set: Some(how),
                } => Some((
                    SecretName::normalise(key).ok()?.as_str().to_owned(),
                    how.clone(),
                )),
                _ => None,
            });
        Ok(Self {
            title: described.name.clone(),
            how_to_set: how_to_set.collect(),
            server: NewServer {
                slug,
                transport: NewTransport::Http {
                    url: described.proxy_url,
                    http: HttpKind::Auto,
                    bearer,
                    headers: Vec::new(),
                    allow_metadata: false,
                },
                prefix: Prefix::Slug,
                era: EraSetting::Auto,
                isolation: Isolation::Auto,
                timeout: None,
                trust: Trust::default(),
            },
        })
    }
}

/// The server name nearest to some text: `@acme/GitHub_Tools` is `github-tools`.
pub fn server_name(text: &str) -> Option<String> {
    let last = text.rsplit('/').find(|part| !part.is_empty())?;
    let mut slug = String::new();
    for character in last.chars() {
        let character = character.to_ascii_lowercase();
        if character.is_ascii_lowercase() || (character.is_ascii_digit() && !slug.is_empty()) {
            slug.push(character);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(ServerSlug::MAX_LEN);
    slug.truncate(slug.trim_end_matches('-').len());
    ServerSlug::try_from(slug.as_str()).is_ok().then_some(slug)
}

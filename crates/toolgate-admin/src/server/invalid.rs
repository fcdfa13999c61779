//! Why a server cannot be configured as asked.

use std::net::IpAddr;

use toolgate_vault::InvalidSecretName;

/// A server that cannot be configured like this.
#[derive(Debug, thiserror::Error)]
pub enum InvalidServer {
    /// Not an absolute URL.
    #[error("`{url}` is not the URL of a server")]
    Url {
        /// What was given.
        url: String,
    },
    /// The prefix of the gateway's own tools.
    #[error("`{slug}` is the name of the gateway's own tools")]
    OwnName {
        /// The name.
        slug: String,
    },
    /// Neither https nor http.
    #[error("servers are reached over https or http, not `{scheme}`")]
    Scheme {
        /// What was given.
        scheme: String,
    },
    /// User name or password in the URL, which would be stored in clear.
    #[error("the URL holds a user name or password")]
    UrlCredentials,
    /// A fragment never reaches a server.
    #[error("the URL has a fragment (`#…`)")]
    UrlFragment,
    /// Plain http to a host that is not known before a secret is filled in cannot be allowed by name (S-65).
    #[error("the host of a plain http URL cannot be filled in by a secret")]
    PlainTemplate,
    /// A cloud metadata service, which hands credentials to whoever asks (S-65).
    #[error("`{origin}` leads to the metadata address {address}")]
    Metadata {
        /// Host and port.
        origin: String,
        /// The address.
        address: IpAddr,
    },
    /// Not `Name: value`.
    #[error("a header is given as `Name: value`")]
    HeaderForm,
    /// A header the gateway writes itself (S-27).
    #[error("the header `{name}` belongs to the gateway")]
    HeaderIsOurs {
        /// Its name.
        name: String,
    },
    /// Characters that no header can carry (S-26).
    #[error("the value of header `{name}` has characters that a header cannot carry")]
    HeaderValue {
        /// Its name.
        name: String,
    },
    /// A literal value would be stored in clear and shown in lists.
    #[error("the value of header `{name}` names no secret")]
    HeaderWithoutSecret {
        /// Its name.
        name: String,
    },
    /// Two values for one header.
    #[error("the header `{name}` is given twice")]
    HeaderTwice {
        /// Its name.
        name: String,
    },
    /// A placeholder that is not spelled as secrets are stored.
    #[error("`{{{given}}}` does not name a secret")]
    Placeholder {
        /// What was given.
        given: String,
        /// How the name is stored.
        normal: Option<String>,
    },
    /// Cannot name a secret.
    #[error(transparent)]
    SecretName(#[from] InvalidSecretName),
    /// A variable that loaders or interpreters act on (S-72).
    #[error("the environment variable {name} steers loaders or interpreters")]
    SteeringName {
        /// Its name.
        name: String,
    },
    /// No program to start.
    #[error("no command was given")]
    NoCommand,
    /// A program that is not there, or not executable.
    #[error("no program `{program}` that can be started")]
    NoProgram {
        /// What was given.
        program: String,
    },
    /// A working directory that is not there.
    #[error("no directory `{given}` to start in")]
    NoFolder {
        /// What was given.
        given: String,
    },
    /// Arguments end at a NUL.
    #[error("the command has a NUL character")]
    NulInCommand,
}

impl InvalidServer {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Url { .. } => "give an absolute URL, such as https://api.example.com/mcp".to_owned(),
            Self::OwnName { slug } => format!(
                "choose another name, such as `my-{slug}`: its tools could not be told from those"
            ),
            Self::Scheme { .. } => {
                "for a program that speaks over standard input and output: `toolgatectl mcp add NAME -- COMMAND ARGS`".to_owned()
            }
            Self::UrlCredentials => {
                "leave them out and use --bearer SECRET or --header 'Authorization: Basic {SECRET}'".to_owned()
            }
            Self::UrlFragment => "leave it out".to_owned(),
            Self::PlainTemplate => "use https, or name the host".to_owned(),
            Self::Metadata { .. } => {
                "if you really mean it, add --allow-metadata-address".to_owned()
            }
            Self::HeaderForm | Self::HeaderValue { .. } => {
                "for example --header 'X-Api-Key: {API_KEY}'".to_owned()
            }
            Self::HeaderIsOurs { .. } => "servers read credentials from `Authorization` or a header of their own".to_owned(),
            Self::HeaderWithoutSecret { name } => format!(
                "put the name of a secret there, --header '{name}: {{NAME}}', and its value with `toolgatectl secrets set`"
            ),
            Self::HeaderTwice { .. } => {
                "--bearer is the header `Authorization`; give each header once".to_owned()
            }
            Self::Placeholder { normal: Some(normal), .. } => format!("write {{{normal}}}"),
            Self::Placeholder { normal: None, .. } => {
                "use capital letters, digits and underscores, starting with a letter".to_owned()
            }
            Self::SecretName(source) => return source.hint().map(Into::into),
            Self::SteeringName { name } => {
                format!("if the server really wants it, add --allow-env {name}")
            }
            Self::NoCommand => "put it after `--`, such as `-- npx -y some-mcp-server`".to_owned(),
            Self::NoProgram { .. } => "install it, or give its full path".to_owned(),
            Self::NoFolder { .. } => "make it, or leave --cwd out: the server gets a private one".to_owned(),
            Self::NulInCommand => return None,
        };
        Some(text)
    }
}
